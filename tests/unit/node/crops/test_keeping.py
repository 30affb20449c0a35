"""Sub-volumes of a job on the disk: where, whole, and the same when repeated."""

import json
from pathlib import Path
from typing import Any

import pytest

from model.crop import Target
from model.labels import LABELS
from model.landmark import Landmark, Prediction
from node.crops import keeping
from node.settings import Crops
from storage.durable import DurableFolder
from tests import report_series

ON = Crops(enabled=True, formats=("nifti", "dicom"), size_mm=(24, 20, 20))


@pytest.fixture
def prediction(target: Target) -> Prediction:
    found = {target.label: Landmark(target.label, target.point_mm, 0.5)}
    return Prediction(
        tuple(found.get(label, Landmark(label, reason="not seen")) for label in LABELS),
        "b",
        "1",
        "0",
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_off_by_default_nothing_is_made(
    scan: Any, prediction: Prediction, storage_folder: Path
) -> None:
    line = keeping.keep(storage_folder, Crops(), scan.volume, prediction, scan.headers)
    assert line == ""
    assert not storage_folder.exists()


def test_they_lie_below_the_series_with_an_index(
    scan: Any, prediction: Prediction, storage_folder: Path
) -> None:
    line = keeping.keep(storage_folder, ON, scan.volume, prediction, scan.headers)
    place = line.removeprefix("1 of 10 sub-volumes kept in ")
    assert place.startswith(f"crops/{report_series.SERIES}/")
    index = json.loads((storage_folder / place / "index.json").read_bytes())
    assert [one["label"] for one in index["foramina"]] == list(LABELS)
    named = {name for one in index["foramina"] for name in one.get("files", ())}
    assert {f"{place}/{name}" for name in named | {"index.json"}} == set(files(storage_folder))
    assert len(named) == 4


def test_after_a_crash_the_same_files_are_written_and_the_index_last(
    scan: Any, prediction: Prediction, storage_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = DurableFolder.publish
    left = [3]

    def crash(self: DurableFolder, draft: Path, path: Path) -> None:
        if not left[0]:
            raise OSError("disk full")
        left[0] -= 1
        publish(self, draft, path)

    with monkeypatch.context() as patch:
        patch.setattr(DurableFolder, "publish", crash)
        with pytest.raises(OSError, match="disk full"):
            keeping.keep(storage_folder, ON, scan.volume, prediction, scan.headers)
    before = files(storage_folder)
    assert len(before) == 3
    assert not any(name.endswith("index.json") for name in before)
    keeping.keep(storage_folder, ON, scan.volume, prediction, scan.reread())
    after = files(storage_folder)
    assert before.items() <= after.items()
    keeping.keep(storage_folder, ON, scan.volume, prediction, scan.reread())
    assert files(storage_folder) == after


def test_another_result_gets_a_folder_of_its_own(
    scan: Any, prediction: Prediction, storage_folder: Path
) -> None:
    wider = Crops(enabled=True, size_mm=(24, 40, 40))
    first = keeping.keep(storage_folder, ON, scan.volume, prediction, scan.headers)
    assert keeping.keep(storage_folder, wider, scan.volume, prediction, scan.headers) != first
