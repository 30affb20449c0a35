"""Network, optimiser and step counter: what a training step changes and a checkpoint holds."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from model.networks import Precision
    from model.train import TrainSpec

Example = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


class Learner:
    """Takes optimisation steps; `save` and `restore` keep everything that the next one needs."""

    def __init__(self, spec: "TrainSpec", folder: Path) -> None:
        """Build the network with the specification's seed; nothing is restored yet.

        Args:
            spec: what to learn.
            folder: of the checkpoints; the last two are kept.

        Raises:
            ValueError: half width is asked for without a GPU.
        """
        import tensorflow as tf

        from model import networks
        from model.losses import LOSSES

        if spec.precision != "float32" and not tf.config.list_physical_devices("GPU"):
            # TensorFlow 2.21 dies with a segmentation fault in the first step there.
            raise ValueError(
                f"precision {spec.precision} needs a GPU and TensorFlow sees none; use float32"
            )
        keras = tf.keras
        keras.utils.set_random_seed(spec.seed)
        if not tf.config.list_physical_devices("GPU"):
            # Parallel sums in a fixed order: a step that is repeated after a kill gives the same
            # numbers. Not on a GPU, where TensorFlow refuses operations that have no such form.
            tf.config.experimental.enable_op_determinism()
        self.network = networks.build(spec.network, spec.precision)
        self.loss = LOSSES[spec.loss]
        self._step = tf.Variable(0, dtype=tf.int64)
        self._optimiser = keras.optimizers.Adam(_rate(spec))
        self._optimiser.build(self.network.trainable_variables)
        # By variable: a checkpoint of the model itself leaves out the state of its dropout.
        held = tf.train.Checkpoint(
            network=[variable.value for variable in self.network.variables],
            optimiser=[variable.value for variable in self._optimiser.variables],
            step=self._step,
        )
        self._checkpoints = tf.train.CheckpointManager(held, str(folder), max_to_keep=2)
        self._optimise = tf.function(self._one_step, reduce_retracing=True)
        self._answer = tf.function(
            lambda images: self.network(images, training=False), reduce_retracing=True
        )

    @property
    def step(self) -> int:
        """Give the number of steps taken."""
        return int(self._step.numpy())

    def restore(self) -> int:
        """Go on from the last checkpoint, if there is one; give the step it was made at."""
        if self._checkpoints.latest_checkpoint:
            held = self._checkpoints.checkpoint.restore(self._checkpoints.latest_checkpoint)
            held.assert_consumed()
        return self.step

    def save(self) -> None:
        """Make a checkpoint; one that is being written when the process dies does not count."""
        self._checkpoints.save(checkpoint_number=self._step)

    def optimise(self, images: Any, targets: Any) -> tuple[float, list[float]]:
        """Make one step; give the loss and the Dice per channel."""
        loss, dice = self._optimise(images, targets)
        return float(loss), [round(float(value), 4) for value in dice]

    def validate(self, examples: Sequence[Example]) -> list[float]:
        """Give the Dice per channel over examples, with the moving statistics."""
        from model.losses import dice_per_channel

        if not examples:
            return []
        images, targets = (np.stack(part) for part in zip(*examples, strict=True))
        dice = dice_per_channel(targets, self._answer(images))
        return [round(float(value), 4) for value in dice]

    def _one_step(self, images: Any, targets: Any) -> tuple[Any, Any]:
        import tensorflow as tf

        from model.losses import dice_per_channel

        with tf.GradientTape() as tape:
            probability = self.network(images, training=True)
            loss = self.loss(targets, probability)
        variables = self.network.trainable_variables
        self._optimiser.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        self._step.assign_add(1)
        return loss, dice_per_channel(targets, probability)


def precision() -> "Precision":
    """Choose what layers compute in: half width on a GPU that has bfloat16, else float32.

    GPUs of compute capability 8.0 and later have it; it needs no scaling of the loss.
    """
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    abilities = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    modern = [one.get("compute_capability", (0, 0)) >= (8, 0) for one in abilities]
    return "mixed_bfloat16" if modern and all(modern) else "float32"


def _rate(spec: "TrainSpec") -> Any:
    """Make the learning rate: a linear rise from zero, then a cosine down to the final one."""
    import tensorflow as tf

    warm = spec.warmup_steps > 0
    return tf.keras.optimizers.schedules.CosineDecay(
        0.0 if warm else spec.learning_rate,
        max(spec.steps - spec.warmup_steps, 1),
        alpha=spec.final_learning_rate / spec.learning_rate,
        warmup_target=spec.learning_rate if warm else None,
        warmup_steps=spec.warmup_steps,
    )
