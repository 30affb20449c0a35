"""The commands on data sets, as typed: what is printed, what is written, what is refused."""

import json
from pathlib import Path

import pytest
import typer
from pydicom.uid import generate_uid
from typer.testing import CliRunner

from model.phantom import write_case
from node.cli import annotations, curate, index
from node.errors import ForaminaError

ROOT = Path(__file__).parents[3]
app = typer.Typer()
app.add_typer(index.app, name="index")
app.add_typer(annotations.app, name="annotations")
app.command()(curate.curate)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "data"
    for seed in range(3):
        write_case(folder / str(seed), seed=seed)
    return folder


def said(*words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_an_index_is_built_checked_and_listed(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "index.json"
    said("index", "build", data, "--out", out, "--test", "0.3", "--validation", "0.3")
    assert said("index", "check", out).endswith(
        "is usable: train 1 series of 1 patients; validation 1 series of 1 patients; "
        "test 1 series of 1 patients\n"
    )
    assert [row["name"] for row in json.loads(said("index", "show", out, "--json"))] == [*"012"]
    said("index", "build", data, "--out", out, "--previous", out, "--seed", "9")
    (data / "0" / "dicom" / "003.dcm").rename(tmp_path / "away.dcm")
    with pytest.raises(ForaminaError, match=r"1 faults\n0: .*0/dicom: between slice 2 and slice 3"):
        said("index", "check", out)
    (tmp_path / "away.dcm").rename(data / "0" / "dicom" / "003.dcm")


def test_a_data_set_that_cannot_be_used_is_one_sentence(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ForaminaError, match="leave nothing to train with"):
        said("index", "build", data, "--out", tmp_path / "i.json", "--test", "1")
    with pytest.raises(ForaminaError, match="lies in no folder that names a part"):
        said("index", "build", data, "--out", tmp_path / "i.json", "--split", "folders")
    assert not (tmp_path / "i.json").exists()


def test_annotators_are_compared(data: Path, tmp_path: Path) -> None:
    table = said("annotations", "compare", data, data, "--out", tmp_path / "out")
    assert "| all | 30 | 0 | 0 | 100.0% [88.6%, 100.0%] | 30 of 30 | 0.00" in table
    assert (tmp_path / "out" / "agreement.md").read_text() in table
    found = json.loads(said("annotations", "compare", data, data, "--json"))
    assert found["groups"]["all"]["foramina"] == 30


def test_reports_are_imported_and_failures_told(data: Path, tmp_path: Path) -> None:
    from tests.foreign_reports import document, group, measurements, scoord3d, tracking

    frame = str(generate_uid())
    content = measurements(group(*tracking("L4 left"), scoord3d((1, 2, 3), frame=frame)))
    good = document(tmp_path / "good.dcm", content)
    table = said("annotations", "import", good, "--out", tmp_path / "marks")
    assert "L4 left" in table
    assert "L4-left" in table
    assert "1 annotations in" in table
    bad = data / "0" / "dicom" / "001.dcm"
    with pytest.raises(ForaminaError, match=r"1 reports could not be used:\n.*001\.dcm: expected"):
        said("annotations", "import", good, bad, "--out", tmp_path / "marks")


def test_an_archive_is_curated(data: Path, tmp_path: Path) -> None:
    config = ROOT / "config.yaml"
    table = said("curate", data, "--out", tmp_path / "out", "--config", config)
    assert "| Modality: MR | 0 | 0 | 0 |" in table
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "curation.json", "curation.md", "series.csv",
    }  # fmt: skip
    found = json.loads(
        said("curate", data, "--filter-set", "default", "--config", config, "--json")
    )
    assert found["suitable"]["series"] == 3
    with pytest.raises(ForaminaError, match="no filter set is called 'x'; there are default, the"):
        said("curate", data, "--filter-set", "x", "--config", config)
