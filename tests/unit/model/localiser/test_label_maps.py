"""Label maps of others: bodies found by their numbers, foramina only where they are named."""

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from model.localiser import label_maps
from model.synthetic import cache
from tests.toy_scan import kept_subject

AFFINE = np.array([[1.0, 0, 0, -20], [0, 1, 0, -30], [0, 0, 2, -40], [0, 0, 0, 1.0]])
BODY, ARCH = (20, 14, 20), (20, 30, 20)


def save(folder: Path, *numbers: int, at: Any = (40, 20), name: str = "one.nii.gz") -> Path:
    """Write vertebrae: a thick body in front, a thin arch behind."""
    made = np.zeros((40, 60, 60), np.uint8)
    index = np.stack(np.indices(made.shape), -1)
    for number, height in zip(numbers, at, strict=False):
        apart = (index - np.array([20, 42, height])) * np.array([1, 1, 2])
        made[(np.abs(apart) < np.array([14, 11, 13])).all(-1)] = number
        made[18:22, 10:32, height - 2 : height + 2] = number
    path = folder / name
    nibabel.save(nibabel.Nifti1Image(made, AFFINE), path)
    return path


def test_a_body_is_where_its_vertebra_is_thickest(tmp_path: Path) -> None:
    found = label_maps.body_centres(save(tmp_path, 23, 24))
    assert set(found) == {"L4-body", "L5-body"}
    # RAS index (20, 42, 40) is (0, 12, 40) mm, and LPS turns the first two about
    np.testing.assert_allclose(found["L4-body"], (0, -12, 40), atol=2)
    np.testing.assert_allclose(found["L5-body"], (0, -12, 0), atol=2)


def test_the_lowest_of_six_is_l5(tmp_path: Path) -> None:
    found = label_maps.body_centres(save(tmp_path, 24, 25))
    assert set(found) == {"L4-body", "L5-body"}
    assert found["L5-body"][2] < found["L4-body"][2]


def test_a_vertebra_at_the_edge_is_left_out(tmp_path: Path) -> None:
    assert set(label_maps.body_centres(save(tmp_path, 23, 24, at=(40, 3)))) == {"L4-body"}


def test_maps_are_kept_once_with_their_bodies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps, kept_in = tmp_path / "maps", tmp_path / "kept"
    maps.mkdir()
    save(maps, 23, 24)
    read: list[Path] = []

    def stand_in(path: Path) -> Any:
        read.append(path)
        subject = kept_subject()
        return type(subject)(**{
            name: {} if name in ("points", "anchors", "foramina") else getattr(subject, name)
            for name in subject.__dataclass_fields__
        })  # fmt: skip

    monkeypatch.setattr("model.synthetic.external.read", stand_in)
    for _ in range(2):
        (kept,) = label_maps.keep(maps, kept_in, needs_foramina=False)
    assert len(read) == 1
    assert set(cache.load(kept).anchors) == {"L4-body", "L5-body"}
    with pytest.raises(ValueError, match=r"no label map in .* has points"):
        label_maps.keep(maps, kept_in, needs_foramina=True)
    (maps / "one.json").write_text(json.dumps({"points": {"L4-left": [8.0, -5.0, 30.0]}}))
    assert label_maps.keep(maps, kept_in, needs_foramina=True) == [kept]
