"""A label map: one tissue per voxel, with its place in the patient."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model import affine as affine_map
from model.affine import FloatArray

LabelArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False, slots=True)
class LabelMap:
    """Tissues of one subject.

    Attributes:
        labels: uint8 (slice, row, column), values of `Tissue`; slices run from the patient's
            right to the left, rows from head to feet, columns from front to back.
        affine: float64 4x4, maps (slice, row, column, 1) of voxel centres to LPS mm.
    """

    labels: LabelArray
    affine: FloatArray

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Give the distance between slice, row and column centres, mm."""
        return affine_map.spacing_mm(self.affine)

    def at(self, points_mm: npt.ArrayLike) -> LabelArray:
        """Read the labels of the voxels nearest to (n, 3) points; AIR outside the map."""
        index = np.rint(affine_map.to_index(self.affine, points_mm)).astype(np.intp)
        inside = np.all((index >= 0) & (index < self.labels.shape), axis=1)
        found = np.zeros(len(index), dtype=np.uint8)
        found[inside] = self.labels[tuple(index[inside].T)]
        return found
