"""What the receive chain does to brightness: coil, saturation band, bias, normalisation."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from model.affine import FloatArray, to_index, to_patient
from model.synthetic import survey, texture
from model.synthetic.deformation import Deformation
from model.synthetic.tissue import Tissue

if TYPE_CHECKING:
    from model.synthetic.anatomy import Subject

Floats = npt.NDArray[np.float32]

_FRONT_MM: Final = 100.0  # over this depth in front of the bodies the fall-off is stated
_MUSCLE_MM: Final = 50.0  # behind the bodies' centres
_ELEMENT_MM: Final = 70.0  # about the size of an element of a spine coil
_GRID: Final = 40
_SOFT_MM: Final = 10.0  # over which the fall to the front begins
_SKIN_STEPS: Final = (8, 6)  # slices and rows of the map between those that are looked at
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
    rng: np.random.Generator,
    subject: "Subject",
    deformation: Deformation,
    affine: FloatArray,
    shape: tuple[int, int, int],
) -> Reception:
    """Draw the reception of a stack.

    The coil lies under the back. As measured on a real series, sensitivity is nearly even from the
    bodies to the back of the muscles, rises 2 to 4 times in the last centimetres below the skin and
    falls 2 to 4 times over 100 mm in front of the bodies. A quarter of the scans have been evened
    out by the scanner, a third have a saturation band in front of the spine. Some are received by
    the body coil, evenly. Where the subject's map ends the gain fades.
    """
    grid_mm = _grid(affine, shape)
    points_mm = deformation.to_subject(grid_mm.reshape(-1, 3)).reshape(grid_mm.shape)
    sensitivity = np.ones(points_mm.shape[:-1])
    if rng.random() < 0.93:
        sensitivity = _sensitivity(rng, points_mm, subject)
    evened = rng.uniform(0.3, 0.9) if rng.random() < 0.28 else 0.0
    gain, correction = sensitivity * reach(subject, points_mm), sensitivity**-evened
    if rng.random() < 0.35:
        gain = gain * _saturation(rng, points_mm, survey.middle_mm(subject))
    bias = texture.smooth(rng, affine, shape, (140.0, 600.0), count=6)
    bias = np.exp(bias * np.float32(rng.uniform(0.0, 0.25)))
    return Reception(_zoomed(gain, shape) * bias, _zoomed(correction, shape))


def reach(subject: "Subject", points_mm: FloatArray) -> FloatArray:
    """Fade what lies beyond the head, foot, front and back of the subject's map.

    Nothing is known of the subject there; real pictures darken as well where the coil ends.

    Args:
        subject: whose map it is.
        points_mm: (..., 3) in the subject.

    Returns:
        0..1, (...); a half at the map's border.
    """
    label_map = subject.label_map
    place = to_index(label_map.affine, points_mm.reshape(-1, 3))
    kept = np.ones(len(place))
    for axis in (1, 2):
        last = label_map.labels.shape[axis] - 1
        inside = np.minimum(place[:, axis], last - place[:, axis])
        kept /= 1 + np.exp(-inside * label_map.spacing_mm[axis] / _FADE_MM)
    return kept.reshape(points_mm.shape[:-1])


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


def _skin(subject: "Subject") -> tuple[FloatArray, FloatArray]:
    """Give heights z, rising, and y of the back's skin there: a row's last voxel that is no air."""
    label_map = subject.label_map
    body = label_map.labels[:: _SKIN_STEPS[0], :: _SKIN_STEPS[1], ::-1] != Tissue.AIR
    behind = np.where(body.any(axis=2), body.argmax(axis=2), body.shape[2]).min(axis=0)
    rows = np.arange(len(behind)) * _SKIN_STEPS[1]
    columns = label_map.labels.shape[2] - 1 - np.minimum(behind, body.shape[2] - 1)
    skin = to_patient(label_map.affine, np.stack([0 * rows, rows, columns], axis=1))
    skin = skin[np.argsort(skin[:, 2])]
    return skin[:, 2], ndimage.gaussian_filter1d(skin[:, 1], 2.0)


def _sensitivity(rng: np.random.Generator, points_mm: FloatArray, subject: "Subject") -> FloatArray:
    """Sum the elements of the coil, scale their fall to what was drawn; about 1 at L3."""
    x, y, z = middle = survey.middle_mm(subject)
    skin = _skin(subject)
    behind_mm = float(np.interp(z, *skin)) + rng.uniform(8, 30)
    spacing_mm, shift_mm = rng.uniform(75, 115), rng.uniform(-50, 50)
    heights = z + shift_mm + spacing_mm * (np.arange(6) - 2.5)
    rise = rng.uniform(1.02, 1.12)
    steep, depth_mm = rng.uniform(1.5, 4.0), rng.uniform(6, 9)
    fall_mm = _FRONT_MM / np.log(rng.uniform(2.2, 4.5))

    def summed(points: FloatArray) -> FloatArray:
        squared = np.zeros(points.shape[:-1])
        for side in (-55.0, 55.0):
            flat = (points[..., 0] - x - side) ** 2 + (points[..., 1] - behind_mm) ** 2
            for height in heights:
                away = flat + (points[..., 2] - height) ** 2
                squared += (1 + away / _ELEMENT_MM**2) ** -3
        return np.asarray(np.sqrt(squared))

    muscle, spine = summed(np.array([[x, y + _MUSCLE_MM, z], middle]))
    power = np.log(rise) / np.log(muscle / spine)
    below_mm = np.maximum(np.interp(points_mm[..., 2], *skin) - points_mm[..., 1], 0.0)
    ahead_mm = _SOFT_MM * np.logaddexp(0, (y - 5 - points_mm[..., 1]) / _SOFT_MM)
    shape = (1 + steep * np.exp(-below_mm / depth_mm)) * np.exp(-ahead_mm / fall_mm)
    return np.asarray((summed(points_mm) / spine) ** power * shape)


def _saturation(rng: np.random.Generator, points_mm: FloatArray, middle: FloatArray) -> FloatArray:
    """Darken what lies in front of a tilted plane before the spine."""
    edge_mm = middle[1] - 28 - rng.uniform(8, 50)
    tilt = np.tan(np.deg2rad(rng.uniform(-15, 15)))
    ahead_mm = edge_mm + tilt * (points_mm[..., 2] - middle[2]) - points_mm[..., 1]
    left = rng.uniform(0.12, 0.6)
    return np.asarray(1 - (1 - left) / (1 + np.exp(-ahead_mm / rng.uniform(2, 6))))
