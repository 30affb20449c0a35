"""One job from files to report: what is kept, what is queued, and what must not happen twice."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydicom import dcmread

from model.labels import LABELS
from model.landmark import Landmark, Prediction
from model.phantom import write_case
from model.volume import Volume
from node import incoming
from node.config import Config
from node.pipeline import OvertakenError, Pipeline
from node.settings import Crops, Destination, Rule
from storage import deliveries, jobs, reports, series
from storage.database import Database
from storage.instances import Incoming, InstanceStore
from storage.tables import DeliveryState, Job, JobState

RULE = Rule(attribute="Modality", operator="equals", value="MR")


@dataclass
class StandIn:
    """A predictor that finds every foramen where the phantom's truth has none: on the slices."""

    seen: list[Volume] = field(default_factory=list)

    def predict(self, volume: Volume) -> Prediction:
        self.seen.append(volume)
        slices, rows, columns = volume.pixels.shape
        marks = []
        for index, label in enumerate(LABELS):
            left = label.endswith("left")
            where = (slices - 3 if left else 2, rows * (index // 2 + 2) / 9, columns / 2)
            point = tuple(float(v) for v in volume.to_patient([where])[0])
            marks.append(Landmark(label, point_mm=point, confidence=0.5))
        return Prediction(tuple(marks), "stand-in", "1", "0" * 64)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("case")
    write_case(folder, seed=31)
    return sorted((folder / "dicom").glob("*.dcm"))


def received_from(path: Path) -> Incoming:
    """Read a file as if `MR1` had sent it."""
    data, meta = path.read_bytes(), dcmread(path, stop_before_pixels=True).file_meta
    # preamble and prefix 132, group length element 12 (PS3.10 section 7.1)
    return incoming.read(
        data[132 + 12 + meta.FileMetaInformationGroupLength :],
        sop_class_uid=meta.MediaStorageSOPClassUID,
        sop_instance_uid=meta.MediaStorageSOPInstanceUID,
        transfer_syntax_uid=meta.TransferSyntaxUID,
        calling_ae_title="MR1",
    )


@pytest.fixture
def received(sqlite_database: Database, tmp_path: Path, case: list[Path]) -> Callable[[], Job]:
    """Store the phantom series, accept it, and claim its job."""

    def receive() -> Job:
        store = InstanceStore(sqlite_database, tmp_path)
        for path in case:
            store.store(received_from(path))
        with sqlite_database.begin() as session:
            found = series.by_uid(session, dcmread(case[0]).SeriesInstanceUID)
            assert found is not None
            series.complete(session, found, {})
            series.accept(session, found, {}, max_attempts=3)
        return claim(sqlite_database)

    return receive


def claim(database: Database) -> Job:
    with database.begin() as session:
        job = jobs.claim(session, "tester", 60)
    assert job is not None
    return job


def pipeline(
    database: Database, folder: Path, *destinations: Destination, limit: int = 10
) -> Pipeline:
    config = Config(
        storage={"folder": folder},
        destinations=destinations,
        delivery={"reports_per_series_per_day": limit},
        filter_sets={"default": (RULE,)},
    )
    return Pipeline(database, config, StandIn())


def peer(name: str, *callers: str, shadow: bool = False) -> Destination:
    return Destination(
        name=name,
        ae_title=name.upper(),
        host="127.0.0.1",
        port=104,
        calling_ae_titles=callers,
        shadow=shadow,
    )


def test_a_job_ends_with_a_report_and_its_deliveries(
    sqlite_database: Database, tmp_path: Path, received: Callable[[], Job]
) -> None:
    job = received()
    destinations = peer("pacs"), peer("silent", shadow=True), peer("research", "ANON")
    pipeline(sqlite_database, tmp_path, *destinations).run(job)
    with sqlite_database.read() as session:
        done = jobs.get(session, job.id)
        report = reports.by_job(session, job.id)
        assert done is not None
        assert report is not None
        queued = {row.destination: row.state for row in deliveries.by_report(session, report.id)}
        (made,) = reports.objects(session, report.id)
    assert done.state == JobState.SUCCEEDED
    assert set(done.seconds or {}) == {"read", "predict", "report", "keep"}
    assert queued == {"pacs": DeliveryState.QUEUED, "silent": DeliveryState.SHADOW}
    assert report.located == 10
    assert dcmread(tmp_path / made.path).SOPInstanceUID == made.sop_instance_uid


def test_running_again_after_a_crash_makes_the_same_object(
    sqlite_database: Database,
    tmp_path: Path,
    received: Callable[[], Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = received()
    line = pipeline(sqlite_database, tmp_path, peer("pacs"))

    def crash(*_args: object) -> None:
        raise ConnectionError("killed between file and row")

    with monkeypatch.context() as patch:
        patch.setattr(reports, "add", crash)
        with pytest.raises(ConnectionError):
            line.run(job)
    (orphan,) = (tmp_path / "reports").rglob("*.dcm")
    before = orphan.read_bytes()
    with sqlite_database.begin() as session:
        jobs.release(session, "tester")
    again = claim(sqlite_database)
    line.run(again)
    (kept,) = (tmp_path / "reports").rglob("*.dcm")
    assert kept == orphan
    assert kept.read_bytes() == before


def test_a_result_for_a_series_that_changed_is_dropped(
    sqlite_database: Database, tmp_path: Path, received: Callable[[], Job]
) -> None:
    job = received()
    with sqlite_database.begin() as session:
        series.get(session, job.series_id).revision += 1
    with pytest.raises(OvertakenError):
        pipeline(sqlite_database, tmp_path, peer("pacs")).run(job)
    with sqlite_database.read() as session:
        assert deliveries.listing(session) == []


def test_a_series_that_changes_during_inference_gets_no_stale_report(
    sqlite_database: Database, tmp_path: Path, received: Callable[[], Job]
) -> None:
    job = received()
    line = pipeline(sqlite_database, tmp_path, peer("pacs"))

    class Slow(StandIn):
        def predict(self, volume: Volume) -> Prediction:
            with sqlite_database.begin() as session:
                series.get(session, job.series_id).revision += 1
            return super().predict(volume)

    line._predictor = Slow()
    with pytest.raises(OvertakenError):
        line.run(job)
    with sqlite_database.read() as session:
        found = jobs.get(session, job.id)
        assert found is not None
        assert found.state == JobState.RUNNING
        assert deliveries.listing(session) == []


def test_too_many_reports_of_one_series_in_a_day_are_held(
    sqlite_database: Database, tmp_path: Path, received: Callable[[], Job], case: list[Path]
) -> None:
    pipeline(sqlite_database, tmp_path, peer("pacs"), limit=1).run(received())
    corrected = tmp_path / "corrected.dcm"
    ds = dcmread(case[0])
    ds.PatientComments = "changed"
    ds.save_as(corrected)
    store = InstanceStore(sqlite_database, tmp_path)
    store.store(received_from(corrected))
    with sqlite_database.begin() as session:
        found = series.by_uid(session, ds.SeriesInstanceUID)
        assert found is not None
        series.complete(session, found, {})
        series.accept(session, found, {}, max_attempts=3)
    pipeline(sqlite_database, tmp_path, peer("pacs"), limit=1).run(claim(sqlite_database))
    with sqlite_database.read() as session:
        newest = deliveries.listing(session)[0]
    assert newest.state == DeliveryState.HELD
    assert "within 24 hours" in (newest.error or "")


def test_a_report_whose_file_is_lost_is_written_again_by_the_job_that_made_it(
    sqlite_database: Database, tmp_path: Path, received: Callable[[], Job]
) -> None:
    job = received()
    line = pipeline(sqlite_database, tmp_path, peer("pacs"))
    line.run(job)
    (kept,) = (tmp_path / "reports").rglob("*.dcm")
    before = kept.read_bytes()
    kept.unlink()
    with sqlite_database.begin() as session:
        jobs.retry(session, job.id)
    line.run(claim(sqlite_database))
    assert kept.read_bytes() == before


def test_sub_volumes_are_kept_by_setting_and_told_in_the_history(
    sqlite_database: Database, tmp_path: Path, received: Callable[[], Job]
) -> None:
    job = received()
    line = pipeline(sqlite_database, tmp_path, peer("pacs"))
    line._config = line._config.model_copy(
        update={"crops": Crops(enabled=True, formats=("nifti", "dicom"))}
    )
    line.run(job)
    with sqlite_database.read() as session:
        (told,) = [one for one in jobs.events(session, job.id) if one.kind == "crops"]
        (sent,) = deliveries.listing(session)
    place = tmp_path / told.detail.removeprefix("10 of 10 sub-volumes kept in ")
    assert len(list(place.glob("*.nii.gz"))) == 10
    assert sorted(one.name for one in place.iterdir() if one.is_dir()) == sorted(LABELS)
    assert (place / "index.json").is_file()
    assert sent.state == DeliveryState.QUEUED


def test_without_the_setting_there_are_no_sub_volumes(
    sqlite_database: Database, tmp_path: Path, received: Callable[[], Job]
) -> None:
    job = received()
    pipeline(sqlite_database, tmp_path, peer("pacs")).run(job)
    assert not (tmp_path / "crops").exists()
    with sqlite_database.read() as session:
        assert "crops" not in [one.kind for one in jobs.events(session, job.id)]
