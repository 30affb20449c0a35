"""Networks written for OpenVINO and compared with TensorFlow's; imports both."""

import importlib.util
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from model.localiser import openvino_runtime
from model.localiser.answer import Answer, Networks, answer
from model.localiser.method import Precision, TwoStageMethod
from model.volume import Volume

WITHIN_MM: Final = 0.1

_LADDER: Final[tuple[tuple[Precision, Precision], ...]] = (
    ("bf16", "bf16"),
    ("bf16", "f32"),
    ("f32", "f32"),
)
"""Precisions of the coarse and the fine network, the fastest first."""
_LEAST_POINTS: Final = 10  # fewer say nothing about lower precisions
_LOGITS: Final = 0.05  # greatest difference of f32 outputs, in their standard deviations


@dataclass(frozen=True, slots=True)
class Checked:
    """What a comparison of both runtimes found.

    Attributes:
        precision: the fastest in which the points agree.
        points: compared points of all samples.
        worst_mm: the greatest distance between two of them.
    """

    precision: tuple[Precision, Precision]
    points: int
    worst_mm: float

    def __str__(self) -> str:
        coarse, fine = self.precision
        return (
            f"OpenVINO (coarse network {coarse}, fine network {fine}) finds {self.points} points "
            f"of the samples at most {self.worst_mm:.3f} mm from TensorFlow's"
        )


def possible() -> bool:
    """Tell whether OpenVINO is installed."""
    return importlib.util.find_spec("openvino") is not None


def export(coarse: Any, fine: Any, method: TwoStageMethod, folder: Path) -> None:
    """Write both networks into a bundle's folder, weights in half precision.

    They go through TensorFlow's frozen graph in a file, which OpenVINO reads by itself: its
    converter of Python objects reports its use to its makers.

    Args:
        coarse: the coarse network with its weights.
        fine: the fine one.
        method: what they are.
        folder: of the bundle.
    """
    target = folder / openvino_runtime.FOLDER
    target.mkdir()
    _write(coarse, (1, None, None, None), target / openvino_runtime.COARSE)
    _write(fine, (None, *method.fine.shape), target / openvino_runtime.FINE)


def _write(network: Any, shape: tuple[int | None, ...], path: Path) -> None:
    core = openvino_runtime.load_core()
    import openvino  # not before the core: see there

    graph = tf.function(network.__call__, input_signature=[tf.TensorSpec(shape, tf.float32)])
    frozen = convert_variables_to_constants_v2(graph.get_concrete_function())
    with tempfile.TemporaryDirectory() as saved:
        written = tf.io.write_graph(frozen.graph, saved, "frozen.pb", as_text=False)
        model = core.read_model(written)
    names = (openvino_runtime.HEATMAPS, openvino_runtime.PRESENCE)
    for output, name in zip(frozen.outputs, names, strict=True):
        model.output(output.name).get_tensor().set_names({name})
    openvino.save_model(model, str(path), compress_to_fp16=True)


def check(
    ours: Networks, folder: Path, method: TwoStageMethod, samples: Sequence[Volume]
) -> Checked:
    """Find the fastest precision in which OpenVINO answers as TensorFlow does.

    Args:
        ours: TensorFlow's networks.
        folder: of the bundle, with the exported networks.
        method: what they are.
        samples: series to look at.

    Raises:
        ValueError: even in full precision another foramen is found, one lies farther than 0.1 mm
            away, or the networks' outputs differ.
    """
    full = openvino_runtime.networks(folder, method, _LADDER[-1])
    differing = _outputs_apart(ours, full)
    if differing > _LOGITS:
        raise ValueError(
            f"OpenVINO's networks differ from TensorFlow's by {differing:.2g} standard deviations "
            f"of the output, expected at most {_LOGITS}: another version of OpenVINO may help"
        )
    expected = [answer(one.pixels, one.affine, ours) for one in samples]
    points = sum(len(one.found) for one in expected)
    for precision in _ladder() if points >= _LEAST_POINTS else _LADDER[-1:]:
        theirs = openvino_runtime.networks(folder, method, precision)
        said = [answer(one.pixels, one.affine, theirs) for one in samples]
        worst = max(apart(*pair) for pair in zip(expected, said, strict=True))
        if worst <= WITHIN_MM:
            return Checked(precision, points, worst)
    raise ValueError(
        f"OpenVINO's points lie up to {worst:.2f} mm from TensorFlow's (infinite: another foramen "
        f"was found), expected at most {WITHIN_MM} mm: another version of OpenVINO may help"
    )


def apart(one: Answer, other: Answer) -> float:
    """Give the greatest distance between two answers' points, mm; infinite where names differ."""
    if one.found.keys() != other.found.keys():
        return float("inf")
    return max(
        (float(np.linalg.norm(one.found[name].point_mm - other.found[name].point_mm))
         for name in one.found),
        default=0.0,
    )  # fmt: skip


def _ladder() -> list[tuple[Precision, Precision]]:
    """List the precisions that this processor has, the fastest first."""
    core = openvino_runtime.load_core()
    return [one for one in _LADDER if openvino_runtime.usable(core, one) == one]


def _outputs_apart(ours: Networks, theirs: Networks) -> float:
    """Give the greatest difference of outputs for noise, in standard deviations."""
    rng = np.random.default_rng(0)
    side = 4 * ours.coarse_spec.multiple
    coarse = rng.normal(0, 1, (1, 9, side, side + ours.coarse_spec.multiple)).astype(np.float32)
    fine = rng.normal(0, 1, (3, *ours.fine_spec.shape)).astype(np.float32)
    pairs = [
        *zip(ours.coarse(coarse), theirs.coarse(coarse), strict=True),
        *zip(ours.fine(fine), theirs.fine(fine), strict=True),
    ]
    return max(
        float(np.abs(one - other).max() / max(float(one.std()), 1e-3)) for one, other in pairs
    )
