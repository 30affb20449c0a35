"""Bundles: read without TensorFlow, hashed whole, refused with a sentence when damaged."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from model import bundle
from model.bundle import BundleError
from model.patch import PatchMethod


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "phantom-1"
    shutil.copytree(bundle.load("phantom-1").folder, folder)
    return folder


def test_the_shipped_bundle_says_what_it_is() -> None:
    assert "phantom-1" in bundle.names()
    shipped = bundle.load("phantom-1")
    assert shipped.name == "phantom-1"
    assert isinstance(shipped.method, PatchMethod)
    assert shipped.method.network.patch_size == 225
    assert shipped.method.preprocess.norm_spacing_mm == 1.4
    assert len(shipped.digest) == 64
    assert shipped.handles == {
        "plane": "sagittal",
        "weighting": ["T1"],
        "field_of_view_mm": [200, 450],
        "pixel_spacing_mm": [0.2, 1.3],
        "slice_spacing_mm": [2.5, 6.0],
        "slices": [9, 40],
        "patient_position": ["HFS", "FFS"],
    }


def test_the_model_card_says_what_it_is_not() -> None:
    card = bundle.load("phantom-1").model_card
    assert "Not a medical device" in card
    assert "Not for clinical use" in card
    assert "96 synthetic phantoms (seeds 10000 to 10095), and nothing else" in card
    assert "Wilson, 95 %" in card


def test_a_bundle_is_read_from_its_folder_too(copy: Path) -> None:
    assert bundle.load(copy).digest == bundle.load("phantom-1").digest
    assert bundle.load(str(copy)).folder == copy


@pytest.mark.parametrize("name", ["MODEL_CARD.md", "bundle.json", "network.weights.h5"])
def test_the_digest_follows_every_file(copy: Path, name: str) -> None:
    before = bundle.digest(copy)
    with (copy / name).open("ab") as file:
        file.write(b"\n")
    assert bundle.digest(copy) != before


def test_the_digest_follows_names_and_new_files(copy: Path) -> None:
    before = bundle.digest(copy)
    (copy / "more.txt").write_text("")
    added = bundle.digest(copy)
    (copy / "more.txt").rename(copy / "other.txt")
    assert len({before, added, bundle.digest(copy)}) == 3


@pytest.mark.parametrize("name", bundle.names())
def test_a_shipped_bundle_fits_the_repository(name: str) -> None:
    files = [path for path in bundle.load(name).folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 16_000_000


def _changed(folder: Path, **changes: Any) -> None:
    path = folder / "bundle.json"
    whole = json.loads(path.read_text())
    data = whole if set(changes) & set(whole) else whole["method"]
    for key, value in changes.items():
        if value is None:
            del data[key]
        elif isinstance(value, dict):
            data[key] = {**data[key], **value}
        else:
            data[key] = value
    path.write_text(json.dumps(whole))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"format": 1}, "expected an object with format 2; make a bundle of another version again"),
        ({"author": "me"}, "patch.author: Unexpected keyword argument"),
        ({"kind": "magic"}, "does not match any of the expected tags: 'patch', 'two-stage'"),
        ({"weights": "gone.h5"}, "expected the weights 'gone.h5' beside it"),
        ({"weights": "../network.weights.h5"}, "expected the weights"),
        ({"network": None}, "method.patch.network: Field required"),
        ({"network": {"dropout": 0.5}}, "network.dropout: Unexpected keyword argument, got 0.5"),
        ({"network": {"patch_size": 224}}, "method.patch.network: .*patch_size 224 does not fit"),
    ],
)
def test_a_damaged_bundle_is_refused(copy: Path, changes: dict[str, Any], sentence: str) -> None:
    _changed(copy, **changes)
    with pytest.raises(BundleError, match=sentence):
        bundle.load(copy)


def test_a_bundle_that_is_not_json_is_refused(copy: Path) -> None:
    (copy / "bundle.json").write_text("{")
    with pytest.raises(BundleError, match="cannot be read"):
        bundle.load(copy)


@pytest.mark.parametrize("name", ["phantom-0", "../bundles/phantom-1x", ""])
def test_an_unknown_name_lists_the_known_ones(name: str) -> None:
    with pytest.raises(BundleError, match=r"expected the name of a shipped one .*phantom-1"):
        bundle.load(name)
