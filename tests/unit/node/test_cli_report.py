"""`foramina model report`: the Structured Report of a series without a node."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydicom import dcmread
from typer.testing import CliRunner, Result

from model.labels import LABELS
from model.landmark import Landmark, Prediction
from model.phantom import write_case
from node import cli
from node.errors import ForaminaError


def invoke(*words: object) -> Result:
    result = CliRunner().invoke(cli.app, ["model", "report", *(str(word) for word in words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("cli-report")
    for seed in (1, 2):
        write_case(folder / f"case-{seed}", seed=seed)
    return folder / "case-1", folder / "case-2"


@pytest.fixture(autouse=True)
def _quick(series: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer every series with the two lowest points of the first one."""
    truth = json.loads((series[0] / "truth.json").read_text())["points"]
    said = Prediction(
        tuple(
            Landmark(name, tuple(truth[name]), 0.9)
            if name.startswith("L5")
            else Landmark(name, reason="not seen")
            for name in LABELS
        ),
        "toy",
        "1",
        "ab",
    )
    monkeypatch.setattr("model.predictor.load", lambda *_: SimpleNamespace(predict=lambda _: said))


def referenced(path: Path) -> str:
    """Give the series that a report is made of."""
    evidence = dcmread(path).CurrentRequestedProcedureEvidenceSequence
    return str(evidence[0].ReferencedSeriesSequence[0].SeriesInstanceUID)


def own(case: Path) -> str:
    return str(dcmread(next((case / "dicom").iterdir())).SeriesInstanceUID)


def test_one_series_makes_one_file(series: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "new" / "sr.dcm"
    done = invoke(series[0], "--out", out)
    assert done.stdout == f"{out}: 2 of 10 foramina of {series[0]}\n"
    assert dcmread(out).Modality == "SR"
    assert referenced(out) == own(series[0])


def test_several_series_make_a_folder(series: tuple[Path, Path], tmp_path: Path) -> None:
    invoke(*series, "--out", tmp_path)
    found = list(tmp_path.glob("*.dcm"))
    assert {referenced(path) for path in found} == {own(case) for case in series}
    assert {path.stem for path in found} == {str(dcmread(path).SOPInstanceUID) for path in found}


def test_what_makes_no_report_is_told(series: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ForaminaError, match="is one file, 2 series were given"):
        invoke(*series, "--out", tmp_path / "sr.dcm")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ForaminaError, match="empty holds no DICOM image"):
        invoke(empty, "--out", tmp_path / "sr.dcm")
