"""Training of both networks: a run folder, resumable; imports TensorFlow where it runs."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import TypeAdapter

from model import run as run_folder
from model.curves import read, rewind
from model.localiser import curves
from model.localiser.examples import CoarseExample, FineExample
from model.localiser.spec import CoarseSpec, FineSpec
from model.workers import ahead

Example = CoarseExample | FineExample
Source = Callable[[int], Sequence[Example]]
"""Gives batch number n, always the same; run in other processes, so it must be picklable."""

_CLIP_NORM: Final = 1.0
_AHEAD: Final = 6  # batches that are made before they are needed


@dataclass(frozen=True, slots=True)
class RunSpec:
    """How a run is driven; saved in its folder.

    Attributes:
        network: what is trained.
        steps: optimisation steps, one batch each.
        learning_rate: of AdamW, the greatest; falls along a cosine.
        warmup_steps: over which it rises.
        weight_decay: of AdamW.
        average: decay of the exponential moving average of the weights, which is what is kept.
        seed: of initial weights; the source has its own.
        data: what it learns from, in words.
        start: SHA-256 of the file of weights that it began with; empty: drawn by the seed.
    """

    network: CoarseSpec | FineSpec
    steps: int
    learning_rate: float = 0.001
    warmup_steps: int = 300
    weight_decay: float = 1e-4
    average: float = 0.998
    seed: int = 1
    data: str = ""
    start: str = ""


def train(
    spec: RunSpec,
    source: Source,
    folder: Path,
    *,
    start_weights: Path | None = None,
    processes: int = 1,
    checkpoint_every_s: float = 300.0,
    report: Callable[[int, dict[str, float]], None] | None = None,
) -> Path:
    """Train until `spec.steps`, continuing from the folder's last checkpoint if it has one.

    The folder receives `train.json`, `run.json` (each session's code and versions),
    `history.jsonl` (the losses of every step), and at every checkpoint `checkpoint/`,
    `network.weights.h5` (the averaged weights), `curves.csv` and `curves.png`.

    `start_weights`, which `spec.start` names, are loaded where there is no checkpoint.

    Raises:
        ValueError: the folder holds a run with another specification.
    """
    import tensorflow as tf

    plain = json.dumps({"kind": type(spec.network).__name__, **asdict(spec)})
    run_folder.claim(folder, json.loads(plain))
    run = _Run(spec)
    manager = tf.train.CheckpointManager(
        run.checkpoint, str(folder / run_folder.CHECKPOINT), max_to_keep=2
    )
    if manager.latest_checkpoint:
        run.checkpoint.restore(manager.latest_checkpoint)
    elif start_weights is not None:
        run.load(start_weights)
    start = int(run.step.numpy())
    rewind(folder, start)
    if start < spec.steps:
        run_folder.enter(folder, start, "GPU" if tf.config.list_physical_devices("GPU") else "CPU")
    weights = folder / run_folder.WEIGHTS
    saved_at = time.monotonic()
    with (folder / run_folder.HISTORY).open("a", encoding="utf-8") as history:
        for batch in ahead(source, range(start, spec.steps), processes, _AHEAD):
            losses = {name: round(value, 5) for name, value in run.optimise(batch).items()}
            step = int(run.step.numpy())
            history.write(json.dumps({"step": step, **losses}) + "\n")
            history.flush()
            if report is not None:
                report(step, losses)
            if time.monotonic() - saved_at > checkpoint_every_s or step == spec.steps:
                manager.save()
                run.save_average(weights)
                curves.write(folder)
                saved_at = time.monotonic()
    return weights


class _Run:
    """Network, averaged weights, optimiser and step counter, as one checkpoint holds them."""

    def __init__(self, spec: RunSpec) -> None:
        import tensorflow as tf

        keras = tf.keras
        keras.utils.set_random_seed(spec.seed)
        self.spec = spec
        self.network = build(spec.network)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0,
            max(spec.steps - spec.warmup_steps, 1),
            alpha=0.01,
            warmup_target=spec.learning_rate,
            warmup_steps=spec.warmup_steps,
        )
        self.optimiser = keras.optimizers.AdamW(
            rate, weight_decay=spec.weight_decay, clipnorm=None, global_clipnorm=_CLIP_NORM
        )
        self.optimiser.build(self.network.trainable_variables)
        self.step = tf.Variable(0, dtype=tf.int64)
        self.average = [tf.Variable(one, trainable=False) for one in self.network.weights]
        self.checkpoint = tf.train.Checkpoint(
            network=self.network, optimiser=self.optimiser, step=self.step, average=self.average
        )
        self._optimise = tf.function(self._one_step, reduce_retracing=True)

    def optimise(self, batch: Sequence[Example]) -> dict[str, float]:
        """Make one step; give the losses."""
        arrays = collate(batch, self.spec.network)
        losses = {name: float(value) for name, value in self._optimise(arrays).items()}
        return {"loss": sum(losses.values()), **losses}

    def load(self, path: Path) -> None:
        """Begin with the weights of a file; their average begins there too."""
        self.network.load_weights(str(path))
        for variable, mean in zip(self.network.weights, self.average, strict=True):
            mean.assign(variable)

    def save_average(self, path: Path) -> None:
        """Write the averaged weights; the file is the old one or the new one, never a part."""
        part = path.with_name(f"part.{path.name}")
        kept = [one.numpy() for one in self.network.weights]
        for variable, mean in zip(self.network.weights, self.average, strict=True):
            variable.assign(mean)
        self.network.save_weights(str(part))
        part.replace(path)
        for variable, value in zip(self.network.weights, kept, strict=True):
            variable.assign(value)

    def _one_step(self, arrays: dict[str, Any]) -> dict[str, Any]:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            losses = self._losses(arrays)
            total = tf.add_n(list(losses.values()))
        variables = self.network.trainable_variables
        gradients = tape.gradient(total, variables)
        self.optimiser.apply_gradients(zip(gradients, variables, strict=True))
        self.step.assign_add(1)
        decay = tf.minimum(
            self.spec.average,
            (1.0 + tf.cast(self.step, tf.float32)) / (10.0 + tf.cast(self.step, tf.float32)),
        )
        for variable, mean in zip(self.network.weights, self.average, strict=True):
            mean.assign(mean * decay + variable * (1.0 - decay))
        return losses

    def _losses(self, arrays: dict[str, Any]) -> dict[str, Any]:
        if isinstance(self.spec.network, CoarseSpec):
            return coarse_losses(self.network, self.spec.network, arrays)
        return fine_losses(self.network, self.spec.network, arrays)


def read_spec(folder: Path) -> RunSpec:
    """Read how the run of a folder is driven.

    Raises:
        ValueError: the folder holds no run of one of the two networks.
    """
    path = folder / run_folder.SPEC
    known = {kind.__name__: kind for kind in (CoarseSpec, FineSpec)}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        network = TypeAdapter(known[content.pop("kind")]).validate_python(content["network"])
        return RunSpec(**{**content, "network": network})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{folder} holds no run of `foramina model localiser train` ({error})"
        ) from error


def finished(folder: Path, kind: type[CoarseSpec] | type[FineSpec]) -> tuple[Path, RunSpec]:
    """Give weights and specification of a run that came to its end.

    Raises:
        ValueError: it holds none, one of the other network, or one that has steps to go.
    """
    spec = read_spec(folder)
    if not isinstance(spec.network, kind):
        raise ValueError(
            f"{folder} holds a run of {type(spec.network).__name__}; expected {kind.__name__}"
        )
    lines = read(folder)
    done, weights = (lines[-1]["step"] if lines else 0), folder / run_folder.WEIGHTS
    if done < spec.steps or not weights.is_file():
        raise ValueError(
            f"{folder}: {done} of {spec.steps} steps are done; finish the run by its own command"
        )
    return weights, spec


def build(spec: CoarseSpec | FineSpec) -> Any:
    """Build the network of a specification."""
    from model.localiser import coarse, fine

    return coarse.build(spec) if isinstance(spec, CoarseSpec) else fine.build(spec)


def collate(batch: Sequence[Example], spec: CoarseSpec | FineSpec) -> dict[str, Any]:
    """Stack examples, padded at the end with zeros to the largest of them."""
    if isinstance(spec, FineSpec):
        return {
            "pixels": np.stack([one.pixels for one in batch]),
            "points": np.stack([one.point_mm for one in batch if isinstance(one, FineExample)]),
            "present": np.array(
                [one.present for one in batch if isinstance(one, FineExample)], np.float32
            ),
            "spacing": np.stack([one.spacing_mm for one in batch]),
        }
    coarse = [one for one in batch if isinstance(one, CoarseExample)]
    size = np.max([one.pixels.shape for one in coarse], axis=0)
    padded = [
        np.pad(one.pixels, [(0, int(n) - m) for n, m in zip(size, one.pixels.shape, strict=True)])
        for one in coarse
    ]
    return {
        "pixels": np.stack(padded),
        "slices": np.array([len(one.pixels) for one in coarse], np.int32),
        "points": np.stack([one.points_mm for one in coarse]),
        "known": np.stack([one.known for one in coarse]),
        "labelled": np.stack([one.labelled for one in coarse]),
        "spacing": np.stack([one.spacing_mm for one in coarse]),
    }


def coarse_losses(network: Any, spec: CoarseSpec, arrays: dict[str, Any]) -> dict[str, Any]:
    """Give the losses of the coarse network: points, presence, any foramen.

    What a scan's truth does not say teaches nothing: neither that a point is outside, nor, where
    a foramen is not labelled, that there is none anywhere.
    """
    import tensorflow as tf

    from model.labels import LABELS
    from model.localiser.losses import any_foramen_loss, gaussian, point_loss

    logits, presence = network(arrays["pixels"], arrays["slices"])
    shape = tf.shape(logits)
    cells = _cells(shape, arrays["spacing"], spec.stride)
    flat = tf.reshape(logits, (shape[0], -1, len(spec.points) + 1))
    real = tf.sequence_mask(arrays["slices"], shape[1], dtype=tf.float32)
    real = tf.reshape(tf.tile(real[:, :, None], (1, 1, shape[2] * shape[3])), (shape[0], -1))
    target = gaussian(cells, arrays["points"], _sigma(spec, arrays["spacing"]), real)
    known = arrays["known"]
    labelled = arrays["labelled"]
    foramina = [index for index, name in enumerate(spec.points) if name.endswith(("left", "right"))]
    lumbar = [index for index, name in enumerate(spec.points) if name in LABELS]
    weight = tf.constant([1.0 if i in lumbar else 0.5 for i in range(len(spec.points))])
    peaks = tf.gather(target, foramina, axis=2) * tf.gather(known, foramina, axis=1)[:, None]
    top = tf.reduce_max(peaks, axis=1, keepdims=True) + 1e-9
    anywhere = tf.reduce_max(peaks / top, axis=2)
    seen = tf.nn.sigmoid_cross_entropy_with_logits(known, presence) * labelled
    complete = tf.reduce_min(tf.gather(labelled, foramina, axis=1), axis=1, keepdims=True)
    return {
        "points": point_loss(flat[..., :-1], target, cells, arrays["points"], known * weight),
        "any": any_foramen_loss(flat[..., -1], anywhere, real * complete),
        "presence": 0.5 * tf.reduce_sum(seen) / (tf.reduce_sum(labelled) + 1e-6),
    }


def fine_losses(network: Any, spec: FineSpec, arrays: dict[str, Any]) -> dict[str, Any]:
    """Give the losses of the fine network: the centre, and whether there is one."""
    import tensorflow as tf

    from model.localiser.losses import gaussian, point_loss

    logits, presence = network(arrays["pixels"])
    shape = tf.shape(logits)
    cells = _cells(shape, arrays["spacing"], 1)
    points = arrays["points"][:, None]
    sigma = _sigma(spec, arrays["spacing"])
    target = gaussian(cells, points, sigma, tf.ones(tf.shape(cells)[:2]))
    known = arrays["present"][:, None]
    seen = tf.nn.sigmoid_cross_entropy_with_logits(arrays["present"], presence)
    flat = tf.reshape(logits, (shape[0], -1, 1))
    return {
        "points": point_loss(flat, target, cells, points, known),
        "presence": tf.reduce_mean(seen),
    }


def _sigma(spec: CoarseSpec | FineSpec, spacing: Any) -> Any:
    """Give the standard deviations of the targets, mm: (volume, 3)."""
    import tensorflow as tf

    in_plane = tf.fill(tf.shape(spacing[:, 0]), spec.sigma_mm)
    return tf.stack([spec.sigma_slices * spacing[:, 0], in_plane, in_plane], axis=1)


def _cells(shape: Any, spacing: Any, stride: int) -> Any:
    """Give the centres of the cells, mm: (volume, cell, 3)."""
    import tensorflow as tf

    axes = [tf.range(tf.cast(shape[axis], tf.float32)) for axis in (1, 2, 3)]
    offset = (stride - 1) / 2
    scaled = [axes[0], axes[1] * stride + offset, axes[2] * stride + offset]
    grid = tf.stack(tf.meshgrid(*scaled, indexing="ij"), axis=-1)
    return tf.reshape(grid, (1, -1, 3)) * spacing[:, None]
