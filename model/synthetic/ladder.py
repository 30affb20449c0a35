"""Heights named by level, so that organs lie where they lie in people of any size.

Levels count up from the sacrum like the product's names: 1 is the middle of L5, 2 of L4, 5 of L1,
6 of T12; 0 is S1, -1 is S2. Fractions lie between. Beyond the ends the ladder goes on evenly.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from model.affine import FloatArray
from model.synthetic.spine import Spine

Heights = float | npt.NDArray[np.floating[Any]]

_RUNG_MM = 33.0
_BEYOND = 6
_CREST_MM = (20.0, 15.0, 11.0)  # height of the sacral crest above S1, S2, S3 (textbook values)


@dataclass(frozen=True, eq=False, slots=True)
class Ladder:
    """The spine's course by height, as four profiles.

    Attributes:
        level: (n,) rising.
        z_mm: (n,) height of these levels, rising.
        x_mm: (n,) sideways place of the bodies' centres.
        centre_mm: (n,) y of the bodies' centres.
        front_heights_mm, front_mm: z (rising) and y of the bodies' front walls.
        tip_heights_mm, tip_mm: z (rising) and y of the spinous tips and of the sacral crest.
    """

    level: FloatArray
    z_mm: FloatArray
    x_mm: FloatArray
    centre_mm: FloatArray
    front_heights_mm: FloatArray
    front_mm: FloatArray
    tip_heights_mm: FloatArray
    tip_mm: FloatArray

    @classmethod
    def of(cls, spine: Spine) -> Self:
        """Read the ladder off a spine."""
        sacrum = tuple(reversed(spine.sacrum))
        parts = [(one.frame, one.half_depth) for one in sacrum]
        parts += [(one.frame, one.size.half_depth) for one in spine.vertebrae]
        numbers = [float(one.number) for one in spine.vertebrae]
        level = np.array([1.0 - count for count in range(len(sacrum), 0, -1)] + numbers)
        centre, level = _rising(np.array([frame.origin_mm for frame, _ in parts]), level)
        centre, level = _lengthened(centre, level)
        walls = np.array([frame.to_patient((0.0, -half, 0.0)) for frame, half in parts])
        front, _ = _rising(walls, np.zeros(len(walls)))
        tips = _tips(spine)
        tips, _ = _rising(tips, np.zeros(len(tips)))
        return cls(
            level, centre[:, 2], centre[:, 0], centre[:, 1],
            front[:, 2], front[:, 1], tips[:, 2], tips[:, 1],
        )  # fmt: skip

    def height(self, level: Heights) -> FloatArray:
        """Give the height z of levels, mm."""
        return np.asarray(np.interp(np.asarray(level), self.level, self.z_mm))

    def level_at(self, z_mm: Heights) -> FloatArray:
        """Give the level of heights."""
        return np.asarray(np.interp(np.asarray(z_mm), self.z_mm, self.level))

    def x_at(self, z_mm: Heights) -> FloatArray:
        """Give x of the bodies' centres at heights, mm."""
        return np.asarray(np.interp(np.asarray(z_mm), self.z_mm, self.x_mm))

    def centre_at(self, z_mm: Heights) -> FloatArray:
        """Give y of the bodies' centres at heights, mm."""
        return np.asarray(np.interp(np.asarray(z_mm), self.z_mm, self.centre_mm))

    def front_at(self, z_mm: Heights) -> FloatArray:
        """Give y of the bodies' front walls at heights, mm."""
        return np.asarray(np.interp(np.asarray(z_mm), self.front_heights_mm, self.front_mm))

    def tip_at(self, z_mm: Heights) -> FloatArray:
        """Give y of the line over the spinous tips and the sacral crest at heights, mm."""
        return np.asarray(np.interp(np.asarray(z_mm), self.tip_heights_mm, self.tip_mm))


def _tips(spine: Spine) -> FloatArray:
    """Give the hindmost points in the midline, from the coccyx to the highest vertebra."""
    crest = [*_CREST_MM, *[8.0] * len(spine.sacrum)]
    sacral = [
        one.frame.to_patient((0.0, one.half_depth + rise, 0.0))
        for one, rise in zip(spine.sacrum, crest, strict=False)
    ]
    lumbar = [
        one.frame.to_patient(
            (0.0, one.size.half_depth + one.size.canal_depth + one.size.spinous_length, -8.0)
        )
        for one in spine.vertebrae
    ]
    return np.array(sacral[::-1] + lumbar)


def _rising(points: FloatArray, level: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Keep the points that stand higher than all before them; the coccyx may curl up."""
    best = np.concatenate([[-np.inf], np.maximum.accumulate(points[:-1, 2])])
    keep = points[:, 2] > best + 1.0
    return points[keep], level[keep]


def _lengthened(points: FloatArray, level: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Add an even stretch of ladder at both ends."""
    rungs = np.array([0.0, 0.0, _BEYOND * _RUNG_MM])
    levels = np.concatenate([[level[0] - _BEYOND], level, [level[-1] + _BEYOND]])
    return np.vstack([points[0] - rungs, points, points[-1] + rungs]), levels
