"""How the foramina of real patients lie: the numbers that synthetic scans are compared with.

Two sources, numbers only:

- `SHAPE`: aggregates of 1,964 real sagittal T1 series in which all ten foramina were marked (of
  1,979 series with foramen points of the RSNA 2024 lumbar spine challenge). Lengths are shares of
  the way from the uppermost to the lowest foramen, so they need no pixel spacing. In 2.6 % of these
  series left and right are labelled one level apart, which widens the spreads.
- `CT_MM`: 1,821 CT spines, computed from the keypoints of the VID vertebra identification data set
  (ImFusion GmbH, CC BY-SA 4.0). A foramen there is a proxy: the midpoint of two neighbouring
  pedicle centres of one side. The sacrum has no keypoints, so L5/S1 is not among them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution: mean, standard deviation and, where known, 5th and 95th percentile."""

    mean: float
    sd: float
    p5: float | None = None
    p95: float | None = None


SHAPE: Final[Mapping[str, Spread]] = {
    "relative_step_L1L2-L2L3": Spread(0.256, 0.013, 0.237, 0.278),
    "relative_step_L2L3-L3L4": Spread(0.262, 0.012, 0.242, 0.281),
    "relative_step_L3L4-L4L5": Spread(0.248, 0.012, 0.228, 0.268),
    "relative_step_L4L5-L5S1": Spread(0.234, 0.015, 0.21, 0.258),
    "slice_spread_within_side": Spread(1.175, 0.918, 0.0, 3.0),
    "distinct_slices_used_per_side": Spread(2.104, 0.774, 1.0, 3.0),
    "instance_gap_left_right_l1_l2": Spread(6.679, 1.258, 5.0, 9.0),
    "instance_gap_left_right_l2_l3": Spread(7.018, 1.293, 5.0, 9.0),
    "instance_gap_left_right_l3_l4": Spread(7.447, 1.338, 6.0, 10.0),
    "instance_gap_left_right_l4_l5": Spread(7.948, 1.443, 6.0, 10.0),
    "instance_gap_left_right_l5_s1": Spread(8.436, 1.51, 6.0, 11.0),
    "left_right_same_level_inplane_offset_rel_to_total": Spread(0.035, 0.04, 0.007, 0.073),
    "bow_l2_l3_rel_to_total": Spread(0.035, 0.026, -0.003, 0.081),
    "bow_l3_l4_rel_to_total": Spread(0.057, 0.036, 0.004, 0.12),
    "bow_l4_l5_rel_to_total": Spread(0.054, 0.028, 0.011, 0.106),
    "chord_tilt_deg_from_vertical": Spread(-6.582, 5.012, -14.43, 1.957),
}

CT_MM: Final[Mapping[str, Spread]] = {
    "foramen_L1L2_left_right_mm": Spread(30.06, 2.3),
    "foramen_L2L3_left_right_mm": Spread(31.53, 2.47),
    "foramen_L3L4_left_right_mm": Spread(34.63, 3.02),
    "foramen_L4L5_left_right_mm": Spread(42.24, 4.4),
    "foramen_L1L2_to_L2L3_mm": Spread(33.78, 2.49),
    "foramen_L2L3_to_L3L4_mm": Spread(33.81, 2.57),
    "foramen_L3L4_to_L4L5_mm": Spread(32.55, 2.43),
}


def read(path: Path) -> dict[str, Spread]:
    """Read aggregates of one's own: JSON, name to an object with mean, sd, p5 and p95.

    Names that this package does not measure are left out.

    Raises:
        ValueError: the file is no such JSON.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = {
            name: Spread(*(float(content[name][key]) for key in ("mean", "sd", "p5", "p95")))
            for name in SHAPE
            if name in content
        }
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(
            f'{path}: {error!r}; expected {{"slice_spread_within_side": '
            '{"mean": 1.2, "sd": 0.9, "p5": 0, "p95": 3}, ...}'
        ) from error
    if not found:
        raise ValueError(f"{path} holds none of the statistics {', '.join(SHAPE)}")
    return found
