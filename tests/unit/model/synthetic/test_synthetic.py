"""Cases from a seed: drawn, imaged, written, read again, taken by the node."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from model import synthetic
from model.affine import to_index
from model.cases import case_folders, read_case
from model.labels import LABELS
from model.synthetic import anatomy
from model.synthetic.anatomy import Subject
from model.synthetic.tissue import Tissue
from node import config
from node.filters import FilterSet
from tests.series_headers import HANDLES

SEED = 7
COARSE_MM = (2.4, 1.6, 1.6)  # a person in a second
CONFIG = config.load(Path(__file__).parents[4] / "config.yaml")


@pytest.fixture(scope="module")
def person() -> Subject:
    """Draw one person, once."""
    return anatomy.draw(SEED, spacing_mm=COARSE_MM)


@pytest.fixture(scope="module")
def quick(person: Subject) -> Iterator[None]:
    """Let every seed have the person's anatomy; imaging and header still follow the seed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(anatomy, "draw", lambda seed: person)
        yield


@pytest.fixture(scope="module")
def written(quick: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("case")
    synthetic.write_case(folder, seed=SEED)
    return folder


def test_a_case_is_read_with_its_points(written: Path) -> None:
    case = read_case(written)
    truth = json.loads((written / "truth.json").read_text())
    assert case.points
    assert set(case.points) | set(truth["outside"]) == set(LABELS)
    assert set(case.marks) <= set(LABELS)
    for name, point in case.points.items():
        index = to_index(case.volume.affine, [point])[0]
        assert np.all((index >= -0.5) & (index <= np.array(case.volume.pixels.shape) - 0.5))
        assert any(abs(mark[0] - point[0]) < 5.0 for mark in case.marks[name])
    for level in ("L2", "L3", "L4"):
        assert case.points[f"{level}-left"][0] > case.points[f"{level}-right"][0]


def test_the_node_takes_the_case(written: Path) -> None:
    images = [dcmread(path, stop_before_pixels=True) for path in written.glob("dicom/*.dcm")]
    decision = FilterSet("default", CONFIG.filter_sets["default"], HANDLES).judge(images)
    assert decision.accepted, decision.reasons


def test_one_seed_gives_the_same_bytes(written: Path, tmp_path: Path) -> None:
    again = synthetic.write_case(tmp_path, seed=SEED)
    assert len(again) == len(list(written.glob("dicom/*.dcm")))
    for path in (*again, tmp_path / "truth.json"):
        assert path.read_bytes() == (written / path.relative_to(tmp_path)).read_bytes()


def test_cases_are_named_by_their_seeds(quick: None, tmp_path: Path) -> None:
    told: list[Path] = []
    folders = synthetic.write_cases(tmp_path, 2, SEED, told.append, contrast="T2", processes=1)
    assert [folder.name for folder in folders] == ["synthetic-00007", "synthetic-00008"]
    assert folders == told == case_folders(tmp_path)
    assert json.loads((folders[0] / "truth.json").read_text())["contrast"] == "T2"


def test_label_maps_are_imaged_in_turn(person: Subject, tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    _save_as_nifti(person, maps / "mine.nii.gz")
    (folder,) = synthetic.write_cases(tmp_path / "out", 1, SEED, label_maps=maps, processes=1)
    truth = json.loads((folder / "truth.json").read_text())
    assert truth["source"].startswith("mine")
    assert truth["traits"] == {"label_map": "mine.nii.gz"}
    assert set(truth["points"]) | set(truth["outside"]) == set(LABELS)


def _save_as_nifti(subject: Subject, path: Path) -> None:
    import nibabel

    path.parent.mkdir()
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ subject.label_map.affine  # LPS to RAS
    nibabel.save(nibabel.Nifti1Image(subject.label_map.labels, affine), path)
    about: dict[str, Any] = {
        "background": "air",
        "tissues": {int(tissue): tissue.name for tissue in Tissue if tissue},
        "points": {name: list(point) for name, point in subject.points.items()},
    }
    (path.parent / "mine.json").write_text(json.dumps(about))
