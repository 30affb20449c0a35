"""Draw one person: a complete label map of the lumbar spine in its trunk, and its true points."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from model.affine import FloatArray
from model.labels import LEVELS
from model.landmark import Point
from model.synthetic import canal, disc, foramen, ligament, proportions, sacrum, trunk, vertebra
from model.synthetic.canvas import Canvas
from model.synthetic.foramen import Foramen, Passage
from model.synthetic.labelmap import LabelMap
from model.synthetic.segment import segments, top_of
from model.synthetic.spine import Spine
from model.synthetic.traits import NO_TRANSITION, Traits

__all__ = ["Foramen", "Subject", "draw"]

_STREAM: Final = 0xA7A7  # keeps the anatomy's random numbers apart from those of other stages
_SIDE_NAMES: Final = ("left", "right")
_HALF_WIDTH_MM: Final = 76.0
_BEHIND_MM: Final = 78.0  # from the bodies' centres to the back of the muscles, at least


@dataclass(frozen=True, eq=False, slots=True)
class Subject:
    """One person as the MR stage needs it; also made from label maps of others.

    Attributes:
        name: for file names and logs.
        label_map: a tissue for every voxel.
        points: true points of the ten foramina by label; external maps may have fewer.
        foramina: the same keys, as short canals.
        decoys: foramina that are none of the ten: "T12-left", ..., "S1-left", ...
        anchors: "S1-endplate", "S1-body", "L5-body" ... "L1-body", "T12-body".
        lumbar_count: vertebrae without ribs, 4..6.
        transitional: "none", "lumbarised S1" or "sacralised L5".
        grades: stenosis after Lee by label, 0..3.
        traits: everything that was drawn, for truth.json and statistics.
    """

    name: str
    label_map: LabelMap
    points: Mapping[str, Point]
    foramina: Mapping[str, Foramen]
    decoys: Mapping[str, Point]
    anchors: Mapping[str, Point]
    lumbar_count: int
    transitional: str
    grades: Mapping[str, int]
    traits: Mapping[str, Any]

    @property
    def numbered(self) -> bool:
        """Tell whether the levels can be named: not where S1 or L5 is transitional."""
        return self.transitional == NO_TRANSITION


def draw(
    seed: int,
    traits: Traits | None = None,
    spacing_mm: tuple[float, float, float] = (1.2, 0.8, 0.8),
) -> Subject:
    """Draw a person; the same seed gives the same bytes.

    Args:
        seed: of all random numbers.
        traits: drawn from the seed unless given.
        spacing_mm: of the label map: between slices (x), rows (z) and columns (y).
    """
    rng = np.random.default_rng([seed, _STREAM])
    drawn = Traits.sample(rng)
    person = traits or drawn
    spine = proportions.build(person)
    canvas = _canvas(spine, person, spacing_mm, rng)
    trunk.paint(canvas, spine, person, rng)
    passages = {
        f"{segment.name}-{name}": one
        for segment in segments(spine, person)
        for name, one in zip(_SIDE_NAMES, foramen.both(segment, person), strict=True)
    }
    settled = _paint_spine(canvas, spine, passages, person, rng)
    return _subject(f"synthetic-{seed}", canvas, spine, settled, person)


def _canvas(
    spine: Spine, traits: Traits, spacing_mm: tuple[float, float, float], rng: np.random.Generator
) -> Canvas:
    line = spine.centre_line_mm
    behind = _BEHIND_MM * traits.scale * traits.breadth + 1.35 * traits.fat_mm + 8.0
    ahead = 20.0 + traits.trunk_depth_mm + traits.belly_fat_mm + 45.0
    lumbar = line[-13:-8] if len(line) > 13 else line
    lower = (
        float(spine.sacrum[0].frame.origin_mm[0]) - _HALF_WIDTH_MM,
        float(lumbar[:, 1].min()) - min(ahead, 175.0),
        float(line[:, 2].min()) - 12.0,
    )
    upper = (
        float(spine.sacrum[0].frame.origin_mm[0]) + _HALF_WIDTH_MM,
        float(line[:, 1].max()) + behind,
        float(line[0, 2]) - 2.0,
    )
    return Canvas.blank(lower, upper, spacing_mm, rng)


def _paint_spine(
    canvas: Canvas,
    spine: Spine,
    passages: Mapping[str, Passage],
    traits: Traits,
    rng: np.random.Generator,
) -> dict[str, Passage]:
    """Paint everything and give the passages as the bones have left them."""
    parts = segments(spine, traits)
    for segment in parts:
        ligament.paint_interspinous(canvas, segment)
    ligament.paint_supraspinous(canvas, spine.vertebrae)
    for one in passages.values():
        foramen.paint_fat(canvas, one)
    sacrum.paint_hole_fat(canvas, spine, traits)
    canal.paint_fat(canvas, spine, parts)
    for segment in parts:
        ligament.paint_flavum(canvas, segment)
        ligament.paint_fat_triangle(canvas, segment)
        for facet in segment.facets:
            ligament.paint_joint(canvas, facet)
        disc.paint(canvas, segment, traits, float(rng.uniform(-1, 1)))
    sacrum.paint(canvas, spine, parts[0].facets, traits)
    for index, part in enumerate(spine.vertebrae):
        above = parts[index + 1].facets if index + 1 < len(parts) else None
        vertebra.paint(canvas, part, (above, parts[index].facets), traits, rng)
    settled = {label: foramen.settle(canvas, one) for label, one in passages.items()}
    for one in settled.values():
        foramen.shape(canvas, one)
        foramen.narrow(canvas, one)
    canal.paint_sac(canvas, spine, parts, traits, rng)
    for one in settled.values():
        foramen.paint_veins(canvas, one, rng)
        foramen.paint_root(canvas, one, traits, rng)
    sacrum.paint_roots(canvas, spine, traits)
    return settled


def _subject(
    name: str,
    canvas: Canvas,
    spine: Spine,
    passages: Mapping[str, Passage],
    traits: Traits,
) -> Subject:
    measured = {label: foramen.measure(canvas, one, label) for label, one in passages.items()}
    ten = {label: one for label, one in measured.items() if label.partition("-")[0] in LEVELS}
    decoys = {
        label: one.point
        for label, one in measured.items()
        if label not in ten and one.centre_mm[2] < canvas.upper_mm[2] - 8
    }
    first = spine.sacrum[0]
    for side, word in ((1, "left"), (-1, "right")):
        decoys[f"S1-{word}"] = _point(first.frame.to_patient(sacrum.hole_middle(first, 0, side)))
    anchors = {f"{one.name}-body": _point(one.frame.origin_mm) for one in spine.vertebrae[:6]}
    anchors["S1-body"] = _point(first.frame.origin_mm)
    anchors["S1-endplate"] = _point(top_of(first).origin_mm)
    return Subject(
        name=name,
        label_map=canvas.label_map(),
        points={label: one.point for label, one in ten.items()},
        foramina=ten,
        decoys=decoys,
        anchors=anchors,
        lumbar_count=traits.lumbar_count,
        transitional=traits.transitional,
        grades={label: one.grade for label, one in ten.items()},
        traits=asdict(traits),
    )


def _point(place_mm: FloatArray) -> Point:
    x, y, z = (float(one) for one in place_mm)
    return x, y, z
