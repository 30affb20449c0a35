"""What the receive chain does to brightness: coil, saturation band, bias, normalisation."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from model.affine import FloatArray, spacing_mm, to_index, to_patient
from model.synthetic import survey, texture
from model.synthetic.deformation import Deformation
from model.synthetic.tissue import Tissue

if TYPE_CHECKING:
    from model.synthetic.anatomy import Subject

Floats = npt.NDArray[np.float32]

_DEEP_MM: Final = 150.0  # in front of the skin of the back; fall-off is stated at this depth
_ELEMENT_MM: Final = 70.0  # about the size of an element of a spine coil
_NEAR_MM: Final = 40.0  # depth by which the steep part of the fall, in the fat, has ended
_GRID: Final = 40
_FADE_MM: Final = 6.0  # over which the picture fades where the subject's map ends


@dataclass(frozen=True, eq=False, slots=True)
class Reception:
    """How strongly each pixel is received, and how the scanner evens it out.

    Attributes:
        gain: float32 (slice, row, column), multiplies the signal before noise is added.
        correction: multiplies signal and noise afterwards.
    """

    gain: Floats
    correction: Floats


def receive(
    rng: np.random.Generator, subject: "Subject", affine: FloatArray, shape: tuple[int, int, int]
) -> Reception:
    """Draw the reception of a stack.

    The coil lies under the back: sensitivity falls 2 to 4 times in the fat below the skin, then
    gently, 1.6 to 3 times from 40 to 150 mm in front of the skin. A quarter of the scans have been
    evened out by the scanner, half have a saturation band in front of the spine. Some are received
    by the body coil, evenly.
    """
    points_mm, back_mm = _grid(affine, shape), _back_mm(subject)
    sensitivity = np.ones(points_mm.shape[:-1])
    if rng.random() < 0.93:
        sensitivity = _sensitivity(rng, points_mm, back_mm, survey.middle_mm(subject))
    evened = rng.uniform(0.3, 0.9) if rng.random() < 0.28 else 0.0
    gain, correction = sensitivity, sensitivity**-evened
    if rng.random() < 0.5:
        gain = gain * _saturation(rng, points_mm, survey.middle_mm(subject))
    bias = texture.smooth(rng, affine, shape, (140.0, 600.0), count=6)
    bias = np.exp(bias * np.float32(rng.uniform(0.0, 0.25)))
    return Reception(_zoomed(gain, shape) * bias, _zoomed(correction, shape))


def reach(
    subject: "Subject",
    deformation: Deformation,
    affine: FloatArray,
    shape: tuple[int, int, int],
) -> Floats:
    """Fade what lies beyond the head, foot, front and back of the subject's map.

    Nothing is known of the subject there; real pictures darken as well where the coil ends.

    Returns:
        0..1, float32 (slice, row, column); a half at the map's border.
    """
    points_mm, label_map = _grid(affine, shape), subject.label_map
    place = to_index(label_map.affine, deformation.to_subject(points_mm.reshape(-1, 3)))
    kept = np.ones(len(place))
    for axis in (1, 2):
        last = label_map.labels.shape[axis] - 1
        inside = np.minimum(place[:, axis], last - place[:, axis])
        kept /= 1 + np.exp(-inside * spacing_mm(label_map.affine)[axis] / _FADE_MM)
    return _zoomed(kept.reshape(points_mm.shape[:-1]), shape)


def _grid(affine: FloatArray, shape: tuple[int, int, int]) -> FloatArray:
    """Place a coarse grid over the stack: (slices, _GRID, _GRID, 3) mm."""
    slices, rows, columns = shape
    index = np.stack(
        np.meshgrid(
            np.arange(slices),
            np.linspace(0, rows - 1, _GRID),
            np.linspace(0, columns - 1, _GRID),
            indexing="ij",
        ),
        axis=-1,
    )
    return to_patient(affine, index.reshape(-1, 3)).reshape(index.shape)


def _zoomed(coarse: FloatArray, shape: tuple[int, int, int]) -> Floats:
    """Interpolate linearly from the coarse grid to the pixels, as two matrix products."""
    down, along = _weights(shape[1]), _weights(shape[2])
    return np.asarray(down @ coarse.astype(np.float32) @ along.T)


def _weights(count: int) -> Floats:
    place = np.linspace(0, _GRID - 1, count)
    distance = np.abs(place[:, None] - np.arange(_GRID))
    return np.asarray(np.maximum(1 - distance, 0), dtype=np.float32)


def _back_mm(subject: "Subject") -> float:
    """Find the skin of the back at the height of L3: the last y that is not air."""
    label_map = subject.label_map
    index = np.linalg.inv(label_map.affine) @ [*survey.middle_mm(subject), 1.0]
    slice_, row = (
        int(np.clip(round(index[axis]), 0, label_map.labels.shape[axis] - 1)) for axis in (0, 1)
    )
    body = np.flatnonzero(label_map.labels[slice_, row] != Tissue.AIR)
    column = body[-1] if len(body) else label_map.labels.shape[2] - 1
    return float(to_patient(label_map.affine, [slice_, row, column])[0, 1])


def _sensitivity(
    rng: np.random.Generator, points_mm: FloatArray, back_mm: float, middle: FloatArray
) -> FloatArray:
    """Sum the elements of the coil; scale the fall to what was drawn; 1 at L3's depth."""
    behind_mm = back_mm + rng.uniform(8, 30)
    spacing_mm, shift_mm = rng.uniform(75, 115), rng.uniform(-50, 50)
    heights = middle[2] + shift_mm + spacing_mm * (np.arange(6) - 2.5)
    fall = np.exp(rng.uniform(np.log(1.6), np.log(3.0)))
    steep, depth_mm = rng.uniform(1.0, 3.0), rng.uniform(9, 15)

    def summed(points: FloatArray) -> FloatArray:
        squared = np.zeros(points.shape[:-1])
        for side in (-55.0, 55.0):
            flat = (points[..., 0] - middle[0] - side) ** 2 + (points[..., 1] - behind_mm) ** 2
            for height in heights:
                away = flat + (points[..., 2] - height) ** 2
                squared += (1 + away / _ELEMENT_MM**2) ** -3
        return np.asarray(np.sqrt(squared))

    def near(y_mm: FloatArray) -> FloatArray:
        return np.asarray(1 + steep * np.exp(np.minimum(y_mm - back_mm, 10.0) / depth_mm))

    x, y, z = middle
    depths = [back_mm - _NEAR_MM, back_mm - _DEEP_MM, y]
    skin, deep, spine = summed(np.array([[x, one, z] for one in depths]))
    power = np.log(fall) / np.log(skin / deep)
    return np.asarray((summed(points_mm) / spine) ** power * near(points_mm[..., 1]))


def _saturation(rng: np.random.Generator, points_mm: FloatArray, middle: FloatArray) -> FloatArray:
    """Darken what lies in front of a tilted plane before the spine."""
    edge_mm = middle[1] - 20 - rng.uniform(8, 50)
    tilt = np.tan(np.deg2rad(rng.uniform(-15, 15)))
    ahead_mm = edge_mm + tilt * (points_mm[..., 2] - middle[2]) - points_mm[..., 1]
    left = rng.uniform(0.08, 0.45)
    return np.asarray(1 - (1 - left) / (1 + np.exp(-ahead_mm / rng.uniform(2, 6))))
