"""From a volume to what the network sees (thesis section 7.2); every step can be switched off.

The steps are stored in the model bundle beside the weights and read back at inference, so that
training and serving cannot differ. Augmentation is not here: it belongs to training alone.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model import affine as affine_map
from model.affine import FloatArray
from model.volume import Volume


@dataclass(frozen=True, slots=True)
class PreprocessSpec:
    """Which steps run, and with what.

    Attributes:
        orient: turn each slice so that rows run head to feet and columns front to back.
        norm_spacing_mm: in-plane pixel size after bilinear resampling (NormSpacing: 0.7 mm, 1.4
            in the thesis's best network); None keeps the pixels as they are.
        standardise: subtract the volume's mean and divide by its standard deviation.
        label_radius_mm: radius of the discs that mark a foramen in the target (LabelRadius).
    """

    orient: bool = True
    norm_spacing_mm: float | None = 0.7
    standardise: bool = True
    label_radius_mm: float = 7.0


@dataclass(frozen=True, eq=False, slots=True)
class Prepared:
    """A volume as the network sees it.

    Attributes:
        pixels: float32 (slice, row, column).
        affine: float64 4x4, maps (slice, row, column, 1) of this grid to patient mm.
    """

    pixels: npt.NDArray[np.float32]
    affine: FloatArray

    def to_patient(self, index: npt.ArrayLike) -> FloatArray:
        """Map (n, 3) indices of this grid to (n, 3) mm."""
        return affine_map.to_patient(self.affine, index)

    def to_index(self, points_mm: npt.ArrayLike) -> FloatArray:
        """Map (n, 3) mm to (n, 3) fractional indices of this grid."""
        return affine_map.to_index(self.affine, points_mm)


def prepare(volume: Volume, spec: PreprocessSpec) -> Prepared:
    """Run the steps that the specification asks for, in the thesis's order."""
    prepared = Prepared(volume.pixels.astype(np.float32), volume.affine.copy())
    if spec.orient:
        prepared = orient(prepared)
    if spec.norm_spacing_mm is not None:
        prepared = resample(prepared, spec.norm_spacing_mm)
    if spec.standardise:
        prepared = Prepared(standardise(prepared.pixels), prepared.affine)
    return prepared


def orient(prepared: Prepared) -> Prepared:
    """Turn the slices so that rows run head to feet (-z) and columns front to back (+y).

    Only axes are exchanged and reversed, nothing is interpolated; the affine follows.
    """
    pixels, affine = prepared.pixels, prepared.affine.copy()
    if abs(affine[2, 2]) > abs(affine[2, 1]):  # columns run closer to z than rows do
        pixels = pixels.transpose(0, 2, 1)
        affine[:, [1, 2]] = affine[:, [2, 1]]
    if affine[2, 1] > 0:
        pixels, affine = pixels[:, ::-1], _reversed(affine, 1, pixels.shape[1])
    if affine[1, 2] < 0:
        pixels, affine = pixels[:, :, ::-1], _reversed(affine, 2, pixels.shape[2])
    return Prepared(np.ascontiguousarray(pixels), affine)


def _reversed(affine: FloatArray, axis: int, size: int) -> FloatArray:
    result = affine.copy()
    result[:, 3] += (size - 1) * affine[:, axis]
    result[:, axis] *= -1
    return result


def resample(prepared: Prepared, spacing_mm: float) -> Prepared:
    """Resample rows and columns to a spacing by bilinear interpolation; slices stay.

    The new size is the old size times ScaleFactor = PixelSpacing / NormSpacing (thesis section
    7.2), rounded, at least 1. Old and new image share their outer edge's upper left corner.
    """
    affine = prepared.affine.copy()
    matrices = []
    for axis in (1, 2):
        old_mm = float(np.linalg.norm(affine[:3, axis]))
        matrix = _linear_weights(prepared.pixels.shape[axis], old_mm, spacing_mm)
        matrices.append(matrix)
        direction = affine[:3, axis] / old_mm
        affine[:3, 3] += direction * (spacing_mm - old_mm) / 2
        affine[:3, axis] = direction * spacing_mm
    rows, columns = matrices
    pixels = np.einsum("rh,shw->srw", rows, prepared.pixels, optimize=True)
    pixels = np.einsum("cw,srw->src", columns, pixels, optimize=True)
    return Prepared(np.ascontiguousarray(pixels, dtype=np.float32), affine)


def _linear_weights(size: int, old_mm: float, new_mm: float) -> npt.NDArray[np.float32]:
    """Give the (new size, old size) matrix of linear interpolation between pixel centres."""
    new_size = max(round(size * old_mm / new_mm), 1)
    position = (np.arange(new_size) + 0.5) * new_mm / old_mm - 0.5
    position = np.clip(position, 0.0, size - 1.0)
    lower = np.minimum(position.astype(int), max(size - 2, 0))
    upper = np.minimum(lower + 1, size - 1)
    weight = position - lower
    matrix = np.zeros((new_size, size), np.float32)
    line = np.arange(new_size)
    np.add.at(matrix, (line, lower), 1.0 - weight)
    np.add.at(matrix, (line, upper), weight)
    return matrix


def standardise(pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Give zero mean and unit standard deviation over the whole volume.

    A constant volume becomes zeros; non-finite values count as zero.
    """
    finite = np.nan_to_num(pixels.astype(np.float64), posinf=0.0, neginf=0.0)
    deviation = float(finite.std())
    if deviation <= 1e-6 * max(abs(float(finite.mean())), 1e-12):
        return np.zeros(pixels.shape, np.float32)
    standard: npt.NDArray[np.float32] = ((finite - finite.mean()) / deviation).astype(np.float32)
    return standard
