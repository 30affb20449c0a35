"""The spine as a chain of frames: where each vertebra stands, how large it is, how it is tilted.

The chain is built from the sacrum up, because levels are counted from there. The origin of the
patient's coordinates is the centre of S1's upper endplate.
"""

from dataclasses import dataclass

import numpy as np

from model.affine import FloatArray
from model.synthetic.frame import Frame


@dataclass(frozen=True, slots=True)
class Size:
    """Measures of one vertebra, mm.

    Attributes:
        half_width: half the body's width at its endplates.
        half_depth: half the body's depth in the midline.
        front_height: of the body.
        back_height: of the body.
        pedicle_centre: distance of a pedicle's centre from the midline.
        pedicle_half_width: half its width (left-right).
        pedicle_half_height: half its height.
        pedicle_rise: height of its centre above the body's centre.
        foramen_centre: distance from the midline of the middle of the foramen below it.
        canal_half_width: half the distance between the pedicles' inner borders.
        canal_depth: from the body's back wall to the arch in the midline.
        spinous_length: from the canal's back to the tip of the spinous process.
        transverse_reach: distance of a transverse process's tip from the midline.
    """

    half_width: float
    half_depth: float
    front_height: float
    back_height: float
    pedicle_centre: float
    pedicle_half_width: float
    pedicle_half_height: float
    pedicle_rise: float
    foramen_centre: float
    canal_half_width: float
    canal_depth: float
    spinous_length: float
    transverse_reach: float

    @property
    def height(self) -> float:
        """Give the mean height of the body."""
        return 0.5 * (self.front_height + self.back_height)


@dataclass(frozen=True, eq=False, slots=True)
class Vertebra:
    """A vertebra above the sacrum.

    Attributes:
        name: by the naming convention, counted up from the sacrum: L5 ... L1, T12, T11, ...
        number: 1 for the one above the sacrum, rising to the head.
        ribs: whether it carries ribs (is thoracic by its anatomy, whatever its name).
        frame: origin in the centre of the body.
        size: its measures.
    """

    name: str
    number: int
    ribs: bool
    frame: Frame
    size: Size


@dataclass(frozen=True, eq=False, slots=True)
class SacralSegment:
    """S1 ... S5 or a coccygeal segment.

    Attributes:
        name: "S1" ... "S5", "Co1" ...
        frame: origin in the centre of its body.
        half_width: half the width of the body (without the alae), mm.
        half_depth: half its depth, mm.
        height: mm.
    """

    name: str
    frame: Frame
    half_width: float
    half_depth: float
    height: float


@dataclass(frozen=True, eq=False, slots=True)
class Spine:
    """Everything that the painters must know of where the spine runs.

    Attributes:
        vertebrae: from L5 upward.
        sacrum: from S1 downward, the coccyx at the end.
    """

    vertebrae: tuple[Vertebra, ...]
    sacrum: tuple[SacralSegment, ...]

    @property
    def centre_line_mm(self) -> FloatArray:
        """Give the centres of all bodies from the head down, (n, 3) LPS mm, z falling."""
        above = [one.frame.origin_mm for one in reversed(self.vertebrae)]
        return np.array(above + [one.frame.origin_mm for one in self.sacrum])

    def centre_at(self, z_mm: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Interpolate x and y of the centre line at heights z, mm (straight beyond the ends)."""
        line = self.centre_line_mm[::-1]
        z, keep = np.unique(np.maximum.accumulate(line[:, 2]), return_index=True)
        x = np.interp(z_mm, z, line[keep, 0])
        y = np.interp(z_mm, z, line[keep, 1])
        return np.asarray(x), np.asarray(y)

    def named(self, name: str) -> Vertebra | SacralSegment:
        """Find a vertebra or sacral segment by name.

        Raises:
            KeyError: none has this name.
        """
        parts: list[Vertebra | SacralSegment] = [*self.vertebrae, *self.sacrum]
        for one in parts:
            if one.name == name:
                return one
        raise KeyError(name)
