"""Where the slices lie and how large they are, computed from the headers.

Everything counts from ImagePositionPatient and ImageOrientationPatient (PS3.3 section C.7.6.2.1.1);
PatientPosition never flips a coordinate. Directions of a pair are (down the rows, across the
columns), as PixelSpacing gives them (PS3.3 section 10.7.1.3).
"""

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from node.filters.finding import Finding
from node.filters.plane import axes
from node.headers import Headers, first_number, lack, noun, numbers, values

NORMALISED_SPACING_MM: Final = 0.7
"""NormSpacing of the thesis, sections 5.2 and 7.2."""

POSITIONS: Final = ("distinct", "repeated", "missing", "several orientations")
_SAME_POSITION_MM = 0.01
_SAME_ORIENTATION = 1e-3  # largest difference of a direction cosine, as model.volume has it
_UNIFORM_WITHIN = 0.1  # of the slice spacing, as model.volume has it
_HEAD_FEET_COSINE = 0.7  # an image axis within 45 degrees of the patient's z

_TELLING_APART: Final = (
    "StackID", "EchoTime", "EchoNumbers", "InversionTime", "RepetitionTime", "FlipAngle",
    "ImageType", "ComplexImageComponent", "TemporalPositionIndex", "TemporalPositionIdentifier",
    "DiffusionBValue", "AcquisitionNumber", "ImagePositionPatient",
)  # fmt: skip
"""What commonly differs between slices in one place; none of it may identify a patient."""


class _Untold(Exception):
    """The geometry cannot be told; the message says why."""


class _SeveralOrientations(_Untold):
    """The slices are not parallel."""


def slice_positions(headers: Headers) -> Finding:
    """Tell whether every slice says where it lies, and no two lie in one place."""
    try:
        offsets = _offsets_mm(headers)
    except _SeveralOrientations as error:
        return Finding("several orientations", str(error))
    except _Untold as error:
        return Finding("missing", str(error))
    repeated = int(np.sum(np.diff(offsets) < _SAME_POSITION_MM))
    if repeated:
        said = f"{repeated} of {len(headers)} slices lie where another does"
        return Finding("repeated", f"{said}{_difference(headers)}")
    return Finding("distinct", "ImagePositionPatient")


def _difference(headers: Headers) -> str:
    """Say by what slices in one place differ, so that an administrator knows what was mixed."""
    offsets = _unsorted_offsets_mm(headers)
    order = np.argsort(offsets)
    found: dict[str, set[str]] = {}
    for one, other in pairwise(order):
        if offsets[other] - offsets[one] >= _SAME_POSITION_MM:
            continue
        for keyword in _TELLING_APART:
            pair = values(headers[one], keyword), values(headers[other], keyword)
            if pair[0] != pair[1]:
                said = {"/".join(map(str, value)) or "none" for value in pair}
                found.setdefault(keyword, set()).update(said)
    named = [f"{keyword} ({' or '.join(sorted(said)[:4])})" for keyword, said in found.items()]
    return f"; they differ in {', '.join(named)}" if named else "; their headers do not differ"


def slice_count(headers: Headers) -> Finding:
    """Count the distinct slice positions, or the instances when positions cannot be told."""
    try:
        offsets = _offsets_mm(headers)
    except _Untold:
        return Finding(len(headers), f"number of {noun(headers)}")
    return Finding(
        1 + int(np.sum(np.diff(offsets) >= _SAME_POSITION_MM)), "distinct ImagePositionPatient"
    )


def slice_spacing(headers: Headers) -> Finding:
    """Compute the distance of neighbouring slice centres in mm, along the slice normal (median).

    SpacingBetweenSlices is optional in classic MR (PS3.3 section C.8.3.1), so it is not used.
    """
    try:
        return Finding(round(float(np.median(_gaps_mm(headers))), 3), "ImagePositionPatient")
    except _Untold as error:
        return Finding(None, str(error))


def slice_spacing_uniform(headers: Headers) -> Finding:
    """Tell whether all gaps between slices are within 10 % of their median: no slice is missing."""
    try:
        gaps = _gaps_mm(headers)
    except _Untold as error:
        return Finding(None, str(error))
    median = float(np.median(gaps))
    odd = int(np.sum(np.abs(gaps - median) > _UNIFORM_WITHIN * median))
    extremes = f"gaps of {gaps.min():.2f} to {gaps.max():.2f} mm"
    return Finding(odd == 0, f"{extremes}, {odd} of {len(gaps)} differ from {median:.2f} mm")


def field_of_view(headers: Headers) -> Finding:
    """Compute the extent of the images in mm: (Rows, Columns) times PixelSpacing."""
    try:
        rows, columns, down_mm, across_mm = _grid(headers)
    except _Untold as error:
        return Finding(None, str(error))
    return Finding(
        (round(rows * down_mm, 1), round(columns * across_mm, 1)), "Rows, Columns, PixelSpacing"
    )


def field_of_view_head_feet(headers: Headers) -> Finding:
    """Compute the extent of the images in mm along the axis that runs from head to feet.

    The five lumbar levels need room in this direction only: of 196 real T1 series, 102 were
    acquired 1.4 to 1.8 times as long from head to feet as from front to back (SPIDER,
    PercentPhaseFieldOfView; doi 10.5281/zenodo.10159290).
    """
    try:
        rows, columns, down_mm, across_mm = _grid(headers)
        directions = _directions(headers)
    except _Untold as error:
        return Finding(None, str(error))
    z_of_row_direction, z_of_column_direction = np.abs(directions[:2, 2])
    if max(z_of_row_direction, z_of_column_direction) < _HEAD_FEET_COSINE:
        return Finding(None, "no image axis runs from head to feet")
    extent = rows * down_mm if z_of_column_direction > z_of_row_direction else columns * across_mm
    return Finding(round(extent, 1), "Rows, Columns, PixelSpacing, ImageOrientationPatient")


def square_pixels(headers: Headers) -> Finding:
    """Tell whether both values of PixelSpacing are equal within 1 %."""
    try:
        _, _, down_mm, across_mm = _grid(headers)
    except _Untold as error:
        return Finding(None, str(error))
    return Finding(abs(down_mm - across_mm) <= 0.01 * max(down_mm, across_mm), "PixelSpacing")


def normalised_shape(headers: Headers) -> Finding:
    """Compute (Rows, Columns) after resampling to 0.7 mm pixels (thesis section 5.2)."""
    try:
        rows, columns, down_mm, across_mm = _grid(headers)
    except _Untold as error:
        return Finding(None, str(error))
    return Finding(
        (
            round(rows * down_mm / NORMALISED_SPACING_MM),
            round(columns * across_mm / NORMALISED_SPACING_MM),
        ),
        "Rows, Columns, PixelSpacing",
    )


def normalising_growth(headers: Headers) -> Finding:
    """Compute by how many percent the longer-growing side grows at 0.7 mm (thesis section 5.2).

    Negative when the image shrinks. The thesis does not say whether it counts sides or areas; a
    side is meant here: 20 % is a PixelSpacing of 0.84 mm.
    """
    try:
        _, _, down_mm, across_mm = _grid(headers)
    except _Untold as error:
        return Finding(None, str(error))
    growth = 100 * (max(down_mm, across_mm) / NORMALISED_SPACING_MM - 1)
    return Finding(round(growth, 1), "PixelSpacing")


def _grid(headers: Headers) -> tuple[float, float, float, float]:
    """Give (rows, columns, mm down the rows, mm across the columns), equal in all instances."""
    why = [
        lack(headers, keyword, count)
        for keyword, count in (("Rows", 1), ("Columns", 1), ("PixelSpacing", 2))
    ]
    if any(why):
        raise _Untold(" and ".join(sentence for sentence in why if sentence))
    grids = {_grid_of(header) for header in headers}
    if not grids or min(min(grid) for grid in grids) <= 0:
        raise _Untold("Rows, Columns or PixelSpacing is not above zero")
    if len(grids) > 1:
        raise _Untold(
            f"{noun(headers)} have {len(grids)} combinations of Rows, Columns, PixelSpacing"
        )
    return grids.pop()


def _grid_of(header: Dataset) -> tuple[float, float, float, float]:
    down_mm, across_mm = numbers(header, "PixelSpacing", 2) or (0.0, 0.0)
    rows, columns = first_number(header, "Rows"), first_number(header, "Columns")
    return rows or 0.0, columns or 0.0, round(down_mm, 4), round(across_mm, 4)


def _directions(headers: Headers) -> NDArray[np.float64]:
    """Give the axes that all instances share."""
    told = [axes(header) for header in headers]
    found = [directions for directions in told if directions is not None]
    if len(found) < len(told) or not found:
        why = lack(headers, "ImageOrientationPatient", 6)
        raise _Untold(
            why
            or "ImageOrientationPatient is not two perpendicular unit vectors in "
            f"{len(told) - len(found)} of {len(told)} {noun(headers)}"
        )
    turned = int(np.sum(np.abs(np.array(found) - found[0]).max(axis=(1, 2)) > _SAME_ORIENTATION))
    if turned:
        raise _SeveralOrientations(
            f"ImageOrientationPatient of {turned} of {len(headers)} {noun(headers)} differs from "
            "the first one's"
        )
    return found[0]


def _offsets_mm(headers: Headers) -> NDArray[np.float64]:
    """Give the sorted positions of the slices along their common normal, in mm."""
    return np.sort(_unsorted_offsets_mm(headers))


def _unsorted_offsets_mm(headers: Headers) -> NDArray[np.float64]:
    why = lack(headers, "ImagePositionPatient", 3)
    if why:
        raise _Untold(why)
    normal = _directions(headers)[2]
    positions = [numbers(header, "ImagePositionPatient", 3) for header in headers]
    return np.asarray(np.array([position for position in positions if position]) @ normal)


def _gaps_mm(headers: Headers) -> NDArray[np.float64]:
    offsets = _offsets_mm(headers)
    gaps = np.diff(offsets)
    gaps = gaps[gaps >= _SAME_POSITION_MM]
    if not len(gaps):
        raise _Untold("there is one slice position only")
    return gaps
