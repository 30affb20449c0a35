"""A local coordinate system: of a vertebra, of a motion segment, of a sacral segment.

Local coordinates are (u, v, w) mm: u to the left, v to the back, w to the head of the part.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from model.affine import FloatArray


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """Origin and axes of a part in the patient.

    Attributes:
        origin_mm: (3,) LPS mm.
        axes: (3, 3), rows are the unit vectors left, posterior, head of the part in LPS.
    """

    origin_mm: FloatArray
    axes: FloatArray

    @classmethod
    def turned(
        cls, origin_mm: npt.ArrayLike, pitch_deg: float, roll_deg: float = 0.0, yaw_deg: float = 0.0
    ) -> Self:
        """Turn the patient's axes about an origin.

        Args:
            origin_mm: (3,) LPS mm.
            pitch_deg: sagittal tilt; positive leans the head end backwards.
            roll_deg: coronal tilt; positive leans the head end to the left.
            yaw_deg: axial rotation; positive turns the left side backwards.
        """
        pitch, roll, yaw = np.deg2rad([pitch_deg, roll_deg, yaw_deg])
        sagittal = np.array(
            [
                [1, 0, 0],
                [0, np.cos(pitch), -np.sin(pitch)],
                [0, np.sin(pitch), np.cos(pitch)],
            ]
        )
        coronal = np.array(
            [[np.cos(roll), 0, -np.sin(roll)], [0, 1, 0], [np.sin(roll), 0, np.cos(roll)]]
        )
        axial = np.array([[np.cos(yaw), np.sin(yaw), 0], [-np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
        return cls(np.asarray(origin_mm, dtype=np.float64), axial @ sagittal @ coronal)

    def to_patient(self, local_mm: npt.ArrayLike) -> FloatArray:
        """Map (..., 3) local coordinates to LPS mm."""
        return np.asarray(np.asarray(local_mm, dtype=np.float64) @ self.axes + self.origin_mm)

    def to_local(self, points_mm: npt.ArrayLike) -> FloatArray:
        """Map (..., 3) LPS mm to local coordinates."""
        return np.asarray((np.asarray(points_mm, dtype=np.float64) - self.origin_mm) @ self.axes.T)

    def moved(self, local_mm: npt.ArrayLike) -> "Frame":
        """Shift the origin by local coordinates; the axes stay."""
        return Frame(self.to_patient(local_mm), self.axes)


def between(lower: Frame, upper: Frame, share: float = 0.5) -> Frame:
    """Interpolate two frames; `share` 0 gives the lower, 1 the upper."""
    axes = (1 - share) * lower.axes + share * upper.axes
    head = axes[2] / np.linalg.norm(axes[2])
    left = axes[0] - head * (axes[0] @ head)
    left /= np.linalg.norm(left)
    origin = (1 - share) * lower.origin_mm + share * upper.origin_mm
    return Frame(origin, np.stack([left, np.cross(head, left), head]))
