"""A motion segment: two neighbours, the disc between them and the two facet joints behind.

Places and angles of the joints are textbook values: nearly sagittal at L1/2, turning towards the
coronal plane down to L5/S1; coronal in the thoracic spine.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from model.affine import FloatArray
from model.synthetic.frame import Frame, between
from model.synthetic.spine import SacralSegment, Spine, Vertebra
from model.synthetic.traits import LEVELS_ABOVE, Traits

SIDES: Final = (1, -1)  # left, right, as signs of u

# columns: L5/S1, L4/5, L3/4, L2/3, L1/2, T12/L1, T11/12, T10/11, T9/10, T8/9
_ASIDE_MM: Final = (20.5, 18.0, 15.8, 14.2, 13.4, 12.4, 12.0, 12.0, 11.5, 11.0)
_ANGLE_DEG: Final = (52.0, 47.0, 40.0, 34.0, 30.0, 30.0, 62.0, 72.0, 75.0, 75.0)
_BEHIND_MM: Final = (14.0, 13.9, 13.9, 13.8, 13.5, 13.0, 12.0, 12.0, 11.5, 11.0)
_BELOW_MM: Final = (0.0, 0.3, 0.5, 0.5, 0.8, 1.0, 0.5, 0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False, slots=True)
class Facet:
    """A facet joint.

    Attributes:
        side: +1 left, -1 right.
        frame: origin in the middle of the joint; its `u` axis is the normal from the superior
            process (of the vertebra below) to the inferior one (of that above), `w` runs up.
        growth: hypertrophy, 0..1.
    """

    side: int
    frame: Frame
    growth: float


@dataclass(frozen=True, eq=False, slots=True)
class Segment:
    """A disc with its neighbours.

    Attributes:
        index: 0 for L5/S1, rising to the head.
        name: of the vertebra above, which names its foramina.
        frame: origin in the centre of the disc.
        gap_mm: height of the disc in its middle.
        half_width: of the disc, mm.
        half_depth: of the disc, mm.
        facets: left, right.
        upper: the vertebra above.
        lower: the vertebra or sacral segment below.
    """

    index: int
    name: str
    frame: Frame
    gap_mm: float
    half_width: float
    half_depth: float
    facets: tuple[Facet, Facet]
    upper: Vertebra
    lower: Vertebra | SacralSegment


def segments(spine: Spine, traits: Traits) -> tuple[Segment, ...]:
    """List the motion segments from L5/S1 upward."""
    lowers: list[Vertebra | SacralSegment] = [spine.sacrum[0], *spine.vertebrae[:-1]]
    return tuple(
        _segment(index, lower, upper, traits)
        for index, (lower, upper) in enumerate(zip(lowers, spine.vertebrae, strict=True))
    )


def top_of(part: Vertebra | SacralSegment) -> Frame:
    """Give the frame in the centre of the upper endplate."""
    height = part.size.height if isinstance(part, Vertebra) else part.height
    return part.frame.moved((0.0, 0.0, height / 2))


def _segment(
    index: int, lower: Vertebra | SacralSegment, upper: Vertebra, traits: Traits
) -> Segment:
    below = top_of(lower)
    above = upper.frame.moved((0.0, 0.0, -upper.size.height / 2))
    frame = between(below, above)
    size = upper.size
    under = lower.size if isinstance(lower, Vertebra) else lower
    half_depth = 0.5 * (size.half_depth + under.half_depth)
    gap = float(np.linalg.norm(above.origin_mm - below.origin_mm))
    facets = tuple(_facet(frame, half_depth, index, side, traits) for side in SIDES)
    return Segment(
        index=index,
        name=upper.name,
        frame=frame,
        gap_mm=gap,
        half_width=0.5 * (size.half_width + under.half_width),
        half_depth=half_depth,
        facets=(facets[0], facets[1]),
        upper=upper,
        lower=lower,
    )


def _facet(frame: Frame, half_depth: float, index: int, side: int, traits: Traits) -> Facet:
    lumbar = traits.lumbar_count
    place = index * 4.0 / (lumbar - 1) if index < lumbar else 5.0 + index - lumbar
    columns = np.arange(LEVELS_ABOVE)
    wide = traits.scale * traits.breadth
    aside = float(np.interp(place, columns, _ASIDE_MM)) * wide
    angle = np.deg2rad(np.interp(place, columns, _ANGLE_DEG))
    behind = half_depth + float(np.interp(place, columns, _BEHIND_MM)) * wide
    below = float(np.interp(place, columns, _BELOW_MM)) * traits.scale
    normal = np.array([-side * np.cos(angle), np.sin(angle), 0.0])
    up = np.array([0.0, -0.12, 1.0])
    up = up - normal * (up @ normal)
    up /= np.linalg.norm(up)
    local = np.stack([normal, np.cross(up, normal), up])
    growth = traits.facet_growth[index][0 if side > 0 else 1]
    centre: FloatArray = frame.to_patient([side * aside, behind, -below])
    return Facet(side, Frame(centre, local @ frame.axes), growth)
