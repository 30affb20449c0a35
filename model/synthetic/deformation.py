"""A smooth deformation of the subject that moves points exactly as it moves the image.

The map runs from the scan to the subject, as gathering needs it: p = M (q - c) + c + u(q), where u
is a sum of plane waves. The waves' gradients sum to less than 1 in norm, so that the map never
folds and its inverse, by which points move, is a fixed point that always converges.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from model.affine import FloatArray

_STEEPEST: Final = 0.45  # bound on the norm of u's gradient
_ITERATIONS: Final = 60
_EXACT_MM: Final = 1e-9


@dataclass(frozen=True, eq=False, slots=True)
class Deformation:
    """A map from scan to subject, both LPS mm.

    Attributes:
        centre_mm: (3,), c.
        matrix: (3, 3), M.
        waves: (n, 3), wave vectors, radian per mm.
        phases: (n,), radian.
        amplitudes_mm: (n, 3).
    """

    centre_mm: FloatArray
    matrix: FloatArray
    waves: FloatArray
    phases: FloatArray
    amplitudes_mm: FloatArray

    @classmethod
    def none(cls) -> Self:
        """Give the map that moves nothing."""
        return cls(np.zeros(3), np.eye(3), np.zeros((0, 3)), np.zeros(0), np.zeros((0, 3)))

    @classmethod
    def sample(cls, rng: np.random.Generator, centre_mm: FloatArray, strength: float = 1.0) -> Self:
        """Draw a deformation.

        Args:
            rng: drawn from in a fixed order.
            centre_mm: (3,), stays in place but for the waves.
            strength: 0 moves nothing; 1 scales by up to 12 % and turns by up to 10 degrees.
        """
        count = 10
        direction = _unit(rng.normal(size=(count, 3)))
        waves = direction * (2 * np.pi / rng.uniform(80, 320, (count, 1)))
        share = rng.dirichlet(np.full(count, 2.0))[:, None] * rng.uniform(0.2, 1.0)
        steepness = _STEEPEST * min(strength, 1.0) * share
        amplitudes = _unit(rng.normal(size=(count, 3))) * steepness
        amplitudes = amplitudes / np.linalg.norm(waves, axis=1, keepdims=True)
        return cls(
            centre_mm=np.asarray(centre_mm, dtype=np.float64),
            matrix=_matrix(rng, strength),
            waves=waves,
            phases=rng.uniform(0, 2 * np.pi, count),
            amplitudes_mm=amplitudes,
        )

    def to_subject(self, points_mm: FloatArray) -> FloatArray:
        """Map (n, 3) points of the scan to the subject."""
        points = np.asarray(points_mm, dtype=np.float64).reshape(-1, 3)
        linear = (points - self.centre_mm) @ self.matrix.T + self.centre_mm
        return np.asarray(linear + self._waved(points))

    def to_scan(self, points_mm: FloatArray) -> FloatArray:
        """Map (n, 3) points of the subject to the scan; inverse of `to_subject` to 1e-6 mm."""
        wanted = np.asarray(points_mm, dtype=np.float64).reshape(-1, 3) - self.centre_mm
        inverse = np.linalg.inv(self.matrix).T
        found = wanted @ inverse + self.centre_mm
        for _ in range(_ITERATIONS):
            before, found = found, (wanted - self._waved(found)) @ inverse + self.centre_mm
            if np.all(np.abs(found - before) < _EXACT_MM):
                break
        return np.asarray(found)

    def _waved(self, points: FloatArray) -> FloatArray:
        return np.asarray(np.sin(points @ self.waves.T + self.phases) @ self.amplitudes_mm)


def rotation(x_deg: float, y_deg: float, z_deg: float) -> FloatArray:
    """Compose turns about x, then y, then z (3, 3)."""
    result = np.eye(3)
    for axis, angle in enumerate(np.deg2rad([x_deg, y_deg, z_deg])):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        turn = np.eye(3)
        turn[first, first] = turn[second, second] = np.cos(angle)
        turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
        result = turn @ result
    return result


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _matrix(rng: np.random.Generator, strength: float) -> FloatArray:
    scale = rng.uniform(-0.08, 0.08) + rng.uniform(-0.04, 0.04, 3)
    shear = np.triu(rng.uniform(-0.03, 0.03, (3, 3)), 1)
    turn = rotation(*(strength * rng.uniform(-1, 1, 3) * (10, 3, 3)))
    return np.asarray(turn @ (np.eye(3) + strength * (np.diag(scale) + shear)))
