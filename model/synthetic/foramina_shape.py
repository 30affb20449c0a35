"""How the ten foramina of a scan lie to one another, defined as in `foramina_reference`.

The published aggregates name their statistics without formulas. Read from the numbers: the four
relative steps add up to one, so each is a share of the whole way; positive bows agree with the
segment angles only when forward of the chord counts as positive, and negative tilts when the lower
end lies in front; standard deviations of the steps agree with lines averaged over both sides.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from model import affine as affine_map
from model.affine import FloatArray
from model.labels import LABELS, LEVELS, SIDES, label, segment
from model.landmark import Point
from model.synthetic.foramina_reference import Spread

Values = Mapping[str, Sequence[float]]


def indices(
    points: Mapping[str, Point], affine: FloatArray, shape: tuple[int, ...]
) -> FloatArray | None:
    """Give (level 5, side 2, 3) fractional indices (slice, row, column), levels from L1 down.

    Returns:
        None unless all ten points lie on the scan.
    """
    if not all(name in points for name in LABELS):
        return None
    place_mm = [points[label(level, side)] for level in LEVELS for side in SIDES]
    index = affine_map.to_index(affine, place_mm)
    inside = (index >= -0.5) & (index <= np.asarray(shape) - 0.5)
    return index.reshape(len(LEVELS), len(SIDES), 3) if bool(inside.all()) else None


def statistics(index: FloatArray, spacing_mm: tuple[float, float, float]) -> dict[str, list[float]]:
    """Measure one scan.

    Args:
        index: as `indices` gives them.
        spacing_mm: between slices, rows and columns.

    Returns:
        statistic to its values: one per scan, or one per side or level where it has several.
    """
    plane_mm = index[:, :, 1:] * np.asarray(spacing_mm[1:])  # (level, side, (down, back))
    line_mm = plane_mm.mean(axis=1)
    steps_mm = np.linalg.norm(np.diff(line_mm, axis=0), axis=1)
    total_mm = float(steps_mm.sum())
    names = [segment(level).replace("/", "") for level in LEVELS]
    steps = {
        f"relative_step_{upper}-{lower}": [float(step / total_mm)]
        for upper, lower, step in zip(names[:-1], names[1:], steps_mm, strict=True)
    }
    offset_mm = np.linalg.norm(plane_mm[:, 0] - plane_mm[:, 1], axis=1)
    return {
        **steps,
        **_across(index[:, :, 0]),
        "left_right_same_level_inplane_offset_rel_to_total": (offset_mm / total_mm).tolist(),
        **_bowed(line_mm, total_mm),
    }


def lengths_mm(points: Mapping[str, Point]) -> dict[str, list[float]]:
    """Measure the distances that `CT_MM` knows, in patient space, where both ends have points."""
    found: dict[str, list[float]] = {}
    for number, level in enumerate(LEVELS[:-1]):
        here = segment(level).replace("/", "")
        found[f"foramen_{here}_left_right_mm"] = _apart(
            points, (label(level, "left"), label(level, "right"))
        )
        lower = LEVELS[number + 1]
        if lower != LEVELS[-1]:
            found[f"foramen_{here}_to_{segment(lower).replace('/', '')}_mm"] = [
                length
                for side in SIDES
                for length in _apart(points, (label(level, side), label(lower, side)))
            ]
    return found


def pooled(scans: Iterable[Values]) -> dict[str, list[float]]:
    """Join the values of several scans, by statistic."""
    joined: dict[str, list[float]] = {}
    for scan in scans:
        for name, values in scan.items():
            joined.setdefault(name, []).extend(values)
    return joined


def spread(values: Sequence[float]) -> Spread:
    """Summarise values; the standard deviation is that of the values themselves (n)."""
    p5, p95 = np.percentile(values, (5, 95))
    return Spread(float(np.mean(values)), float(np.std(values)), float(p5), float(p95))


def _across(slices: FloatArray) -> dict[str, list[float]]:
    """Measure on which slices the points lie: (level, side) fractional slice numbers."""
    clicked = np.floor(slices + 0.5)
    gaps = {
        f"instance_gap_left_right_{segment(level).replace('/', '_').lower()}": [float(gap)]
        for level, gap in zip(LEVELS, np.abs(clicked[:, 0] - clicked[:, 1]), strict=True)
    }
    sides = clicked.T
    return {
        "slice_spread_within_side": [float(np.ptp(side)) for side in sides],
        "distinct_slices_used_per_side": [float(len(np.unique(side))) for side in sides],
        **gaps,
    }


def _bowed(line_mm: FloatArray, total_mm: float) -> dict[str, list[float]]:
    """Measure the curve of a line of points (level, (down, back)) against its chord."""
    down, back = line_mm[-1] - line_mm[0]
    forward = np.array([back, -down]) / np.hypot(down, back)  # unit, at right angles to the chord
    bows = (line_mm[1:-1] - line_mm[0]) @ forward / total_mm
    names = (segment(level).replace("/", "_").lower() for level in LEVELS[1:-1])
    return {
        **{f"bow_{name}_rel_to_total": [float(bow)] for name, bow in zip(names, bows, strict=True)},
        "chord_tilt_deg_from_vertical": [float(np.degrees(np.arctan2(back, down)))],
    }


def _apart(points: Mapping[str, Point], ends: tuple[str, str]) -> list[float]:
    if not all(name in points for name in ends):
        return []
    return [float(np.linalg.norm(np.subtract(points[ends[0]], points[ends[1]])))]
