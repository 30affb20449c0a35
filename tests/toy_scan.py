"""A small scan with ten foramina at known places: for what writes, marks and describes scans."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from model.affine import to_patient
from model.labels import LABELS, LEVELS, split

SHAPE = (15, 96, 80)
SPACING_MM = (4.4, 3.0, 3.2)
FINE_SHAPE = (11, 240, 200)
FINE_SPACING_MM = (4.4, 1.2, 1.25)


def affine(
    tilt_deg: tuple[float, float] = (0.0, 0.0), shape: Any = SHAPE, spacing_mm: Any = SPACING_MM
) -> Any:
    """Place a sagittal stack, turned about z and y; its middle lies in the patient's origin."""
    about_z, about_y = np.deg2rad(tilt_deg)
    slices = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # columns: left, feet, back
    turn_z = [
        [np.cos(about_z), -np.sin(about_z), 0],
        [np.sin(about_z), np.cos(about_z), 0],
        [0, 0, 1],
    ]
    turn_y = [
        [np.cos(about_y), 0, np.sin(about_y)],
        [0, 1, 0],
        [-np.sin(about_y), 0, np.cos(about_y)],
    ]
    made = np.eye(4)
    made[:3, :3] = np.array(turn_z) @ np.array(turn_y) @ slices @ np.diag(spacing_mm)
    made[:3, 3] = -made[:3, :3] @ (np.array(shape) - 1) / 2
    return made


def toy_scan(
    tilt_deg: tuple[float, float] = (0.0, 0.0),
    contrast: str = "T1",
    shape: Any = SHAPE,
    spacing_mm: Any = SPACING_MM,
) -> Any:
    """Make a scan of noise; foramina lie 20 mm beside the middle, 30 mm apart."""
    pixels = np.random.default_rng(1).gamma(2.0, 50.0, shape).astype(np.float32)
    points = {name: _point(name) for name in LABELS}
    return SimpleNamespace(
        pixels=pixels,
        affine=affine(tilt_deg, shape, spacing_mm),
        slice_thickness_mm=4.0,
        contrast=contrast,
        protocol=protocol(contrast),
        points=points,
        decoys={"S1-left": (18.0, 10.0, -100.0), "T12-left": (18.0, 10.0, 900.0)},
        anchors={"S1-endplate": (0.0, -10.0, -85.0)},
        foramina={name: foramen(name, points[name]) for name in LABELS},
    )


def protocol(kind: str = "T1", phase_head_feet: bool = True) -> Any:
    """Make what headers ask of a protocol."""
    timing = SimpleNamespace(tr_ms=560.0, te_ms=11.0, field_t=3.0)
    if kind == "T2":
        timing = SimpleNamespace(tr_ms=3500.0, te_ms=102.0, field_t=3.0)
    return SimpleNamespace(
        kind=kind,
        timing=timing,
        matrix=(320, 240),
        phase_head_feet=phase_head_feet,
        bandwidth_hz=190.0,
    )


def toy_subject(transitional: str = "none") -> Any:
    """Make what `truth` asks of a subject."""
    return SimpleNamespace(
        name="toy",
        lumbar_count=5,
        transitional=transitional,
        grades=dict.fromkeys(LABELS, 0),
        traits={"sex": "F", "lordosis_deg": 41.23456789, "slip_mm": (0.5, 2.0)},
    )


def foramen(name: str, centre_mm: Any) -> Any:
    """Make a straight canal that runs outward."""
    outward = 1.0 if name.endswith("left") else -1.0
    return SimpleNamespace(
        centre_mm=np.array(centre_mm),
        axes=np.diag([outward, 1.0, 1.0]),
        half_mm=np.array([5.0, 4.0, 8.0]),
        grade=0,
        name=name,
    )


def _point(name: str) -> tuple[float, float, float]:
    level, side = split(name)
    place = LEVELS.index(level)
    return (20.0 if side == "left" else -20.0), 5.0 + place, 60.0 - 30.0 * place


def indices(scan: Any, points: Any) -> Any:
    """Map points to fractional indices of a scan."""
    homogeneous = np.linalg.inv(scan.affine)
    return to_patient(homogeneous, list(points))


def kept_subject(seed: int = 1) -> Any:
    """Make a small subject that can be kept: noise for tissues, ten points."""
    from model.synthetic.anatomy import Subject
    from model.synthetic.foramen import Foramen
    from model.synthetic.labelmap import LabelMap

    rng = np.random.default_rng(seed)
    points = {name: _point(name) for name in LABELS}
    return Subject(
        name=f"toy-{seed}",
        label_map=LabelMap(rng.integers(0, 60, (6, 10, 8)).astype(np.uint8), affine((3.0, 0.0))),
        points=points,
        foramina={
            name: Foramen(
                centre_mm=np.array(point),
                axes=np.diag([1.0 if name.endswith("left") else -1.0, 1.0, 1.0]),
                half_mm=np.array([5.0, 4.0, 8.0]),
                grade=1,
                name=name,
            )
            for name, point in points.items()
        },
        decoys={"S1-left": (18.0, 10.0, -100.0)},
        anchors={"S1-endplate": (0.0, 1 / 3, -85.0)},
        lumbar_count=6,
        transitional="lumbarised S1",
        grades=dict.fromkeys(LABELS, 1),
        traits={"sex": "F", "scale": np.float64(1.01), "slip_mm": (0.5, 2.0)},
    )
