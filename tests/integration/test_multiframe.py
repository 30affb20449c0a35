"""An Enhanced MR series through the whole line: sent, kept, judged, located, reported.

The geometry of the report is worked out again from the functional groups of what was sent.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from highdicom import sr
from pydicom import Dataset, dcmread

from model.labels import LABELS
from model.landmark import Landmark, Prediction
from model.phantom import drawing, series
from model.volume import Volume
from node import config, scu
from node.assembler import Assembler
from node.config import Config
from node.filters import FilterSet
from node.peer import Peer
from node.pipeline import Pipeline
from node.settings import Assembler as Settings
from storage import jobs
from storage import series as series_rows
from storage.database import Database
from storage.instances import InstanceStore
from storage.tables import JobState, SeriesState
from tests import multiframe
from tests.series_headers import HANDLES

ROOT = Path(__file__).parents[2]
RULES = config.load(ROOT / "config.yaml").filter_sets
SOON = Settings(stable_age_s=1e-6, poll_s=0.01)


class Knowing:
    """A localiser that answers the truth."""

    def __init__(self, phantom: drawing.Phantom) -> None:
        self._phantom = phantom

    def predict(self, volume: Volume) -> Prediction:
        slices, rows, columns = self._phantom.pixels.shape
        if volume.pixels.shape != (slices, rows, columns):
            raise ValueError(f"expected {self._phantom.pixels.shape}, got {volume.pixels.shape}")
        marks = [Landmark(label, self._phantom.points[label], 0.9) for label in LABELS]
        return Prediction(tuple(marks), "knowing", "1", "0" * 64)


@pytest.fixture(scope="module")
def phantom() -> drawing.Phantom:
    return drawing.draw(40_001)


@pytest.fixture(scope="module")
def whole(phantom: drawing.Phantom) -> Dataset:
    return multiframe.enhanced(series.datasets(phantom))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(f"sqlite:///{tmp_path / 'storage' / 'foramina.sqlite'}")
    found.migrate()
    yield found
    found.close()


def send(peer: Peer, folder: Path, objects: list[Dataset]) -> None:
    for number, one in enumerate(objects):
        path = folder / f"{number}.dcm"
        one.save_as(path, enforce_file_format=True)
        assert scu.store(peer, path) == 0


def settings(folder: Path) -> Config:
    pacs = {"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": 104}
    return Config(storage={"folder": folder}, destinations=(pacs,), filter_sets=RULES)


def judge(database: Database, folder: Path, series_instance_uid: str) -> None:
    """Judge a series, of which nothing more is expected, by the shipped filter set."""
    with database.begin() as session:
        row = series_rows.by_uid(session, series_instance_uid)
        assert row is not None
        series_rows.complete(session, row, {})
    filters = FilterSet("default", RULES["default"], HANDLES)
    Assembler(database, folder, filters, SOON, max_attempts=3).step()


@pytest.fixture
def send_and_judge(
    listening: Callable[..., Peer], database: Database, tmp_path: Path
) -> Callable[[list[Dataset]], None]:
    def act(objects: list[Dataset]) -> None:
        storage = tmp_path / "storage"
        send(listening(InstanceStore(database, storage).store), tmp_path, objects)
        judge(database, storage, objects[0].SeriesInstanceUID)

    return act


@pytest.mark.parametrize("sizes", [None, [7, 4]], ids=["one object", "concatenation"])
def test_the_report_points_at_the_frames(
    send_and_judge: Callable[[list[Dataset]], None],
    *,
    database: Database,
    tmp_path: Path,
    phantom: drawing.Phantom,
    whole: Dataset,
    sizes: list[int] | None,
) -> None:
    count = int(whole.NumberOfFrames)
    sent = [whole]
    if sizes is not None:
        sent = multiframe.concatenation(whole, [*sizes, count - sum(sizes)])
    send_and_judge(sent)
    with database.begin() as session:
        row = series_rows.by_uid(session, whole.SeriesInstanceUID)
        assert row is not None
        assert (row.state, row.reason) == (SeriesState.ACCEPTED, None)
        job = jobs.claim(session, "tester", 60)
        assert job is not None
    Pipeline(database, settings(tmp_path / "storage"), Knowing(phantom)).run(job)
    with database.read() as session:
        done = jobs.get(session, job.id)
        assert done is not None
        assert done.state == JobState.SUCCEEDED
    [path] = (tmp_path / "storage" / "reports").rglob("*.dcm")
    _check_references(dcmread(path), sent)
    _check_points(path, phantom, {one.SOPInstanceUID: one for one in sent})
    _check_with_dciodvfy(path)


def _items(item: Dataset) -> Iterator[Dataset]:
    yield item
    for inner in item.get("ContentSequence", []):
        yield from _items(inner)


def _check_references(document: Dataset, sent: list[Dataset]) -> None:
    """Check that each IMAGE item names one frame, and that the library names every frame once."""
    images = [item for item in _items(document) if item.get("ValueType") == "IMAGE"]
    named = [item.ReferencedSOPSequence[0] for item in images]
    assert len(named) == sum(one.NumberOfFrames for one in sent) + len(LABELS)
    assert {one.ReferencedSOPClassUID for one in named} == {sent[0].SOPClassUID}
    pairs = {(one.ReferencedSOPInstanceUID, one.ReferencedFrameNumber) for one in named}
    assert pairs == {
        (one.SOPInstanceUID, number) for one in sent for number in range(1, one.NumberOfFrames + 1)
    }
    [study] = document.CurrentRequestedProcedureEvidenceSequence
    [listed] = study.ReferencedSeriesSequence
    uids = [one.ReferencedSOPInstanceUID for one in listed.ReferencedSOPSequence]
    assert sorted(uids) == sorted(one.SOPInstanceUID for one in sent)


def _check_points(path: Path, phantom: drawing.Phantom, sent: dict[str, Dataset]) -> None:
    content = sr.srread(path).content
    flat = content.get_planar_roi_measurement_groups(graphic_type=sr.GraphicTypeValues.POINT)
    deep = content.get_planar_roi_measurement_groups(graphic_type=sr.GraphicTypeValues3D.POINT)
    assert len(flat) == len(deep) == len(LABELS)
    for label, one, other in zip(LABELS, flat, deep, strict=True):
        region = one.roi
        [reference] = region.ContentSequence[0].ReferencedSOPSequence
        image = sent[reference.ReferencedSOPInstanceUID]
        position, along, down = multiframe.place(image, int(reference.ReferencedFrameNumber))
        x, y = region.value[0]
        point = position + along * (x - 0.5) + down * (y - 0.5)
        truth = np.array(phantom.points[label])
        normal = np.cross(along, down) / np.linalg.norm(np.cross(along, down))
        off = float(normal @ (truth - position))
        assert np.linalg.norm(point + normal * off - truth) < 0.1
        assert abs(off) <= np.linalg.norm(phantom.grid.affine[:3, 0]) / 2 + 0.1
        assert np.linalg.norm(other.roi.value[0] - point) < 0.1


def _check_with_dciodvfy(path: Path) -> None:
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is missing: apt-get install dicom3tools")
    done = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).splitlines()
    assert any("Comprehensive3DSR" in line for line in said)
    assert [line for line in said if re.match("Error", line)] == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda whole: [_claiming(whole, 2_000_000_000)], "expected at most 4096"),
        (lambda whole: [_claiming(whole, 3)], "but PerFrameFunctionalGroupsSequence describes"),
        (lambda whole: multiframe.concatenation(whole, [5, 4, 2])[::2], "has the parts 1, 3"),
        (lambda whole: [_second_echo(whole)], r"they differ in EchoTime \(11\.2 or 90\.0\)"),
    ],
    ids=["hostile number", "too few frames", "missing part", "two echoes"],
)
def test_what_is_no_stack_is_rejected_with_the_reason(
    send_and_judge: Callable[[list[Dataset]], None],
    database: Database,
    whole: Dataset,
    change: Callable[[Dataset], list[Dataset]],
    reason: str,
) -> None:
    send_and_judge(change(whole))
    with database.read() as session:
        row = series_rows.by_uid(session, whole.SeriesInstanceUID)
    assert row is not None
    assert row.state == SeriesState.REJECTED
    assert re.search(reason, row.reason or ""), row.reason


def _claiming(whole: Dataset, frames: int) -> Dataset:
    [made] = multiframe.concatenation(whole, [int(whole.NumberOfFrames)])
    for keyword in ("ConcatenationUID", "InConcatenationNumber", "InConcatenationTotalNumber"):
        delattr(made, keyword)
    made.NumberOfFrames = frames
    return made


def _second_echo(whole: Dataset) -> Dataset:
    """Repeat half of the frames with another echo, in the same places."""
    half = int(whole.NumberOfFrames) // 2
    [made] = multiframe.concatenation(whole, [half])
    del made.ConcatenationUID
    echo = Dataset()
    echo.EffectiveEchoTime = 90.0
    later = []
    for frame in made.PerFrameFunctionalGroupsSequence:
        other = Dataset({element.tag: element for element in frame})
        other.MREchoSequence = [echo]
        later.append(other)
    made.PerFrameFunctionalGroupsSequence = [*made.PerFrameFunctionalGroupsSequence, *later]
    made.PixelData = made.PixelData * 2
    made.NumberOfFrames = 2 * half
    return made
