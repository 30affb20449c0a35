"""`foramina model crop` as typed: files, index, table, refusals."""

import json
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from typer.testing import CliRunner, Result

from model import volume
from model.labels import LABELS
from model.phantom import write_case
from node import cli
from node.errors import ForaminaError


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crop") / "case"
    write_case(folder, seed=31)
    return folder


def invoke(case: Path, *words: object) -> Result:
    arguments = ["model", "crop", case / "dicom", "--points", case / "truth.json", *words]
    result = CliRunner().invoke(cli.app, [str(word) for word in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_the_sub_volumes_lie_where_the_truth_is(case: Path, tmp_path: Path) -> None:
    done = invoke(case, "--out", tmp_path, "--size-mm", 12, 30, 30, "--json")
    index = json.loads(done.stdout)
    assert index == json.loads((tmp_path / "index.json").read_text())
    truth = json.loads((case / "truth.json").read_text())["points"]
    assert [one["label"] for one in index["foramina"]] == list(LABELS)
    for one in index["foramina"]:
        found = volume.load(sorted((tmp_path / one["label"]).glob("*.dcm")))
        assert found.affine == pytest.approx(np.array(one["affine_lps"]), abs=1e-4)
        place = found.to_index([truth[one["label"]]])[0]
        assert all(-0.5 <= at <= count - 0.5 for at, count in zip(place, one["shape"], strict=True))
        assert (tmp_path / f"{one['label']}.nii.gz").is_file()


def test_the_table_says_why_there_is_none(case: Path, tmp_path: Path) -> None:
    known = json.loads((case / "truth.json").read_text())
    del known["points"]["L2-right"], known["marks"]["L2-right"]
    other = tmp_path / "truth.json"
    other.write_text(json.dumps(known))
    done = invoke(case, "--points", other, "--out", tmp_path / "out", "--no-dicom")
    (line,) = [line for line in done.stdout.splitlines() if "L2/L3 right" in line]
    assert line.rstrip().endswith("truth.json has no point for it")
    assert done.stdout.endswith("Research use only, not a medical device.\n")
    assert not list((tmp_path / "out").rglob("*.dcm"))


def test_a_second_run_leaves_no_file_of_the_first(case: Path, tmp_path: Path) -> None:
    invoke(case, "--out", tmp_path, "--size-mm", 40, 30, 30)
    before = dcmread(tmp_path / "L1-left" / "001.dcm").SeriesInstanceUID
    invoke(case, "--out", tmp_path, "--size-mm", 4, 30, 30, "--no-nifti")
    assert not list(tmp_path.glob("*.nii.gz"))
    (image,) = (tmp_path / "L1-left").iterdir()
    assert dcmread(image).SeriesInstanceUID != before


def test_wrong_words_are_one_sentence(case: Path, tmp_path: Path) -> None:
    with pytest.raises(ForaminaError, match="expected three positive numbers of mm"):
        invoke(case, "--out", tmp_path, "--size-mm", 0, 40, 40)
    words = ["model", "crop", str(case / "dicom"), "--out", str(tmp_path), "--bundle", "nothing"]
    done = CliRunner().invoke(cli.app, words)
    assert isinstance(done.exception, ForaminaError)
    assert "no model bundle 'nothing'" in str(done.exception)
    assert invoke(case, "--out", tmp_path, "--size-mm", 40).exit_code == 2
