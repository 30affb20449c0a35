"""The derived attributes: what filter rules may ask of a series besides DICOM keywords.

Each is a pure function over the headers of a series that never raises, whatever the headers hold.
docs/reference/filters.md lists them; a test compares.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from node.filters import geometry, kind, plane, region, weighting
from node.filters.finding import Finding
from node.headers import Headers, Value

TRUTH: Final[tuple[Value, ...]] = (True, False)


@dataclass(frozen=True, slots=True)
class Attribute:
    """A derived attribute: how it is computed, what it means, and which values it can take."""

    name: str
    compute: Callable[[Headers], Finding]
    description: str
    choices: tuple[Value, ...] | None = None
    """The closed set of values; None: numbers or names."""


_ALL = (
    Attribute("SOPClass", kind.sop_class, "name of the SOP Class, such as `MR Image Storage`"),
    Attribute("Multiframe", kind.multiframe, "an instance holds several frames", TRUTH),
    Attribute(
        "Frames",
        kind.frames_described,
        "frames of multi-frame objects are described, and all there",
        kind.FRAMES,
    ),
    Attribute("OwnObject", kind.own_object, "this software made the object", TRUTH),
    Attribute(
        "Plane", plane.plane, "plane: ImageOrientationPatient, else SeriesDescription", plane.PLANES
    ),
    Attribute(
        "DescribedPlane",
        plane.described_plane,
        "plane: SeriesDescription, else ImageOrientationPatient",
        plane.PLANES,
    ),
    Attribute(
        "Weighting",
        weighting.weighting,
        "weighting: RepetitionTime, EchoTime and the sequence, else the description",
        weighting.WEIGHTINGS,
    ),
    Attribute(
        "DescribedWeighting",
        weighting.described_weighting,
        "weighting: SeriesDescription, else RepetitionTime, EchoTime and the sequence",
        weighting.WEIGHTINGS,
    ),
    Attribute(
        "DescriptionContradiction",
        weighting.description_contradiction,
        "description and timing disagree on being T1-weighted",
        TRUTH,
    ),
    Attribute(
        "FatSuppressed",
        kind.fat_suppressed,
        "fat is suppressed, or fat and water are separated (Dixon)",
        TRUTH,
    ),
    Attribute("Localizer", kind.localizer, "localizer, scout or survey", TRUTH),
    Attribute("Derived", kind.derived, "computed from other images: MPR, MIP, subtraction", TRUTH),
    Attribute("ContrastEnhanced", kind.contrast_enhanced, "a contrast agent was given", TRUTH),
    Attribute("SpineRegion", region.spine_region, "part of the body shown", region.REGIONS),
    Attribute(
        "SlicePositions",
        geometry.slice_positions,
        "every slice says where it lies, and no two lie in one place",
        geometry.POSITIONS,
    ),
    Attribute("SliceCount", geometry.slice_count, "number of distinct slice positions"),
    Attribute(
        "SliceSpacing", geometry.slice_spacing, "mm between slice centres, along the slice normal"
    ),
    Attribute(
        "SliceSpacingUniform", geometry.slice_spacing_uniform, "no gap between slices is odd", TRUTH
    ),
    Attribute("FieldOfView", geometry.field_of_view, "extent in mm: down the rows, across"),
    Attribute(
        "FieldOfViewHeadFeet",
        geometry.field_of_view_head_feet,
        "extent in mm along the axis from head to feet",
    ),
    Attribute("SquarePixels", geometry.square_pixels, "PixelSpacing is equal within 1 %", TRUTH),
    Attribute(
        "NormalisedShape", geometry.normalised_shape, "rows and columns at 0.7 mm pixels (thesis)"
    ),
    Attribute(
        "NormalisingGrowth",
        geometry.normalising_growth,
        "percent by which a side grows at 0.7 mm pixels (thesis)",
    ),
)

ATTRIBUTES: Final[Mapping[str, Attribute]] = MappingProxyType(
    {attribute.name: attribute for attribute in _ALL}
)
