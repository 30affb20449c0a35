"""A toy subject: boxes of tissue with ten balls of fat where foramina would be."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from model.affine import to_patient
from model.labels import LABELS, LEVELS
from model.synthetic.labelmap import LabelMap
from model.synthetic.tissue import Tissue


@dataclass(frozen=True, eq=False, slots=True)
class ToyForamen:
    centre_mm: Any
    axes: Any
    half_mm: Any
    grade: int
    name: str


def make_toy() -> Any:
    shape = (60, 150, 110)
    affine = np.array(
        [[2.0, 0, 0, -59.0], [0, 0, 2.0, -140.0], [0, -2.0, 0, 150.0], [0, 0, 0, 1.0]]
    )
    z_of = {level: 75.0 - 34.0 * number for number, level in enumerate(LEVELS)}
    points = {
        name: ((16.0 if name.endswith("left") else -16.0), 3.0, z_of[name.split("-")[0]] - 10)
        for name in LABELS
    }
    where = np.stack(np.indices(shape), -1).reshape(-1, 3)
    place = to_patient(affine, where).reshape(*shape, 3)
    x, y, z = place[..., 0], place[..., 1], place[..., 2]
    labels = np.full(shape, Tissue.VISCERAL_FAT, np.uint8)
    labels[y > 15] = Tissue.MUSCLE
    labels[y > 55] = Tissue.SUBCUTANEOUS_FAT
    labels[(y > 68) | (y < -130)] = Tissue.AIR
    column = (np.abs(x) < 24) & (np.abs(y + 18) < 17)
    labels[column] = Tissue.MARROW
    labels[column & (np.mod(z - 75 + 17, 34) < 9)] = Tissue.ANNULUS
    labels[(np.abs(x) < 9) & (np.abs(y - 6) < 7)] = Tissue.CSF
    for point in points.values():
        labels[((place - point) ** 2).sum(-1) < 7.0**2] = Tissue.FORAMINAL_FAT
        labels[((place - point) ** 2).sum(-1) < 2.5**2] = Tissue.NERVE_ROOT
    foramina = {
        name: ToyForamen(
            centre_mm=np.array(point),
            axes=np.array([[np.sign(point[0]), 0, 0], [0, 1.0, 0], [0, 0, 1.0]]),
            half_mm=np.array([6.0, 5.0, 7.0]),
            grade=0,
            name=name,
        )
        for name, point in points.items()
    }
    return SimpleNamespace(
        name="toy",
        label_map=LabelMap(labels, affine),
        points=points,
        foramina=foramina,
        decoys={"S1-left": (14.0, 10.0, -105.0), "S1-right": (-14.0, 10.0, -105.0)},
        anchors={f"{level}-body": (0.0, -18.0, z) for level, z in z_of.items()},
        lumbar_count=5,
        transitional="none",
        grades=dict.fromkeys(LABELS, 0),
        traits={},
    )


@pytest.fixture(scope="session")
def toy_subject() -> Any:
    return make_toy()
