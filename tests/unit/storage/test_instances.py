"""What is received is kept, judged by its content, and moves its series."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import ImplicitVRLittleEndian, JPEGLSLossless, RLELossless
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from storage import deliveries, instances, jobs, reports, series
from storage.database import Database, now
from storage.instances import InstanceStore, Outcome
from storage.tables import (
    DeliveryState,
    Instance,
    InstanceState,
    JobState,
    Series,
    SeriesState,
)
from tests.factories import SERIES_UID, incoming, make_incoming, make_part10
from tests.rows import report_of

OTHER_PIXELS = {"RescaleSlope": "3"}


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def only_series(database: Database) -> Series:
    with database.read() as session:
        return session.scalars(select(Series)).one()


def kinds(database: Database, series_id: int = 1) -> list[str]:
    with database.read() as session:
        return [line.kind for line in series.events(session, series_id)]


def details(database: Database, kind: str, series_id: int = 1) -> list[str]:
    with database.read() as session:
        return [line.detail for line in series.events(session, series_id) if line.kind == kind]


def states(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(Instance.state).order_by(Instance.id)))


def accept(session: Session, row: Series) -> None:
    series.complete(session, row, {})
    series.accept(session, row, {}, 3)


@pytest.fixture
def reported(database: Database, store: InstanceStore) -> int:
    """Receive one instance and bring it to a report with a queued delivery; its series' id."""
    store.store(make_incoming(1))
    row = only_series(database)
    with database.begin() as session:
        accept(session, row)
        job = jobs.claim(session, "worker", 60)
        assert job is not None
        report = report_of(session, job)
        for destination in ("pacs", "archive"):
            deliveries.enqueue(session, report, destination)
        held = deliveries.enqueue(session, report, "held", DeliveryState.HELD, "too many")
        assert held is not None
        jobs.succeed(session, job.id, job.fencing_token, {})
    return row.id


def test_a_new_instance_is_kept_bit_by_bit_with_its_row(
    database: Database, store: InstanceStore, storage_folder: Path
) -> None:
    arrived = make_incoming(1)
    assert store.store(arrived) is Outcome.STORED
    (path,) = files(storage_folder)
    assert path.read_bytes() == arrived.part10
    with database.read() as session:
        (row,) = instances.current_instances(session, 1)
    assert storage_folder / row.path == path
    assert row.size_bytes == len(arrived.part10)
    assert (row.sop_instance_uid, row.patient_id, row.instance_number) == (
        f"{SERIES_UID}.1",
        "P1",
        1,
    )
    found = only_series(database)
    assert (found.series_instance_uid, found.state, found.revision) == (SERIES_UID, "receiving", 1)
    assert (found.modality, found.series_description) == ("MR", "T1 TSE SAG")
    assert (found.calling_ae_title, found.accession_number) == ("SCANNER", "A1")
    assert details(database, "received") == ["from SCANNER"]


def test_every_further_instance_is_a_revision(database: Database, store: InstanceStore) -> None:
    store.store(make_incoming(1))
    first = only_series(database)
    assert store.store(make_incoming(2)) is Outcome.STORED
    second = only_series(database)
    assert (first.revision, second.revision) == (1, 2)
    assert second.last_received_at > first.last_received_at
    assert second.first_received_at == first.first_received_at
    assert kinds(database) == ["received"]


@pytest.mark.parametrize(
    "syntax", [None, ImplicitVRLittleEndian, RLELossless, JPEGLSLossless], ids=str
)
def test_a_repeated_instance_changes_nothing(
    database: Database, store: InstanceStore, storage_folder: Path, syntax: str | None
) -> None:
    store.store(make_incoming(1))
    kept = files(storage_folder)
    again = make_incoming(1) if syntax is None else make_incoming(1, transfer_syntax_uid=syntax)
    assert store.store(again) is Outcome.DUPLICATE
    assert files(storage_folder) == kept
    assert (only_series(database).revision, kinds(database)) == (1, ["received"])
    assert states(database) == ["current"]


def test_other_file_meta_information_is_a_duplicate(
    store: InstanceStore, storage_folder: Path
) -> None:
    arrived = make_incoming(1)
    store.store(arrived)
    meta = arrived.part10[:144] + arrived.part10[144:].replace(b"1.2.840", b"1.2.841", 1)
    assert meta != arrived.part10
    assert store.store(incoming(meta)) is Outcome.DUPLICATE
    assert files(storage_folder)[0].read_bytes() == arrived.part10


@pytest.mark.parametrize("state", [SeriesState.RECEIVING, SeriesState.ACCEPTED])
def test_a_repeated_instance_prolongs_only_receiving(
    database: Database, store: InstanceStore, state: SeriesState
) -> None:
    store.store(make_incoming(1))
    before = only_series(database)
    if state is SeriesState.ACCEPTED:
        with database.begin() as session:
            accept(session, before)
    store.store(make_incoming(1))
    after = only_series(database)
    assert after.state == state
    prolonged = after.last_received_at > before.last_received_at
    assert prolonged == (state is SeriesState.RECEIVING)


def test_a_lost_file_is_kept_again_when_its_instance_is_repeated(
    store: InstanceStore, storage_folder: Path
) -> None:
    store.store(make_incoming(1))
    (path,) = files(storage_folder)
    path.unlink()
    assert store.store(make_incoming(1)) is Outcome.DUPLICATE
    assert path.read_bytes() == make_part10(1)


def test_a_file_without_a_row_is_replaced(
    database: Database, store: InstanceStore, storage_folder: Path
) -> None:
    store.store(make_incoming(1))
    (path,) = files(storage_folder)
    other = InstanceStore(database, storage_folder)
    with database.begin() as session:  # as if the process had died before this commit
        session.delete(session.scalars(select(Instance)).one())
    path.write_bytes(b"half")
    assert other.store(make_incoming(1)) is Outcome.STORED
    assert path.read_bytes() == make_part10(1)


def test_a_correction_becomes_the_current_one(
    database: Database, store: InstanceStore, storage_folder: Path
) -> None:
    store.store(make_incoming(1))
    corrected = make_incoming(1, PatientID="P2", PatientName="Roe^Jane")
    assert store.store(corrected) is Outcome.CORRECTION
    assert states(database) == [InstanceState.SUPERSEDED, InstanceState.CURRENT]
    found = only_series(database)
    assert (found.revision, found.patient_id) == (2, "P2")
    assert len(files(storage_folder)) == 2
    (line,) = details(database, "correction")
    assert line == f"{SERIES_UID}.1: PatientID, PatientName"
    assert "P2" not in line


def test_a_correction_stops_what_the_old_content_started(
    database: Database, store: InstanceStore, reported: int
) -> None:
    with database.begin() as session:
        job = jobs.retry(session, 1)
    store.store(make_incoming(1, PatientID="P2"))
    with database.read() as session:
        after = jobs.get(session, job.id)
        assert after is not None
        assert after.state == JobState.CANCELLED
        assert jobs.events(session, job.id)[-1].kind == "cancelled"
        waiting = deliveries.by_report(session, 1)
        assert [row.state for row in waiting] == [DeliveryState.CANCELLED] * 3
        assert all("correction" in (row.error or "") for row in waiting)
        assert not reports.by_series(session, reported)[0].current
    assert only_series(database).state == SeriesState.RECEIVING
    assert kinds(database)[-2:] == ["reopened", "correction"]


def test_a_correction_takes_a_running_job_from_its_worker(
    database: Database, store: InstanceStore
) -> None:
    store.store(make_incoming(1))
    row = only_series(database)
    with database.begin() as session:
        accept(session, row)
        job = jobs.claim(session, "worker", 60)
    assert job is not None
    store.store(make_incoming(1, PatientID="P2"))
    with database.begin() as session:
        assert not jobs.heartbeat(session, job.id, job.fencing_token, 60)


def test_a_correction_taken_back_is_a_correction_again(
    database: Database, store: InstanceStore
) -> None:
    store.store(make_incoming(1))
    store.store(make_incoming(1, PatientID="P2"))
    assert store.store(make_incoming(1)) is Outcome.CORRECTION
    assert states(database) == [InstanceState.CURRENT, InstanceState.SUPERSEDED]
    found = only_series(database)
    assert (found.revision, found.patient_id) == (3, "P1")


def test_other_pixels_are_kept_beside_and_hold_the_series(
    database: Database, store: InstanceStore, storage_folder: Path
) -> None:
    store.store(make_incoming(1))
    assert store.store(make_incoming(1, **OTHER_PIXELS)) is Outcome.CONFLICT
    assert states(database) == [InstanceState.CURRENT, InstanceState.CONFLICT]
    with database.read() as session:
        every = [row.state for row in instances.all_instances(session, 1)]
        processed = [row.state for row in instances.current_instances(session, 1)]
    assert (every, processed) == (["current", "conflict"], ["current"])
    found = only_series(database)
    assert (found.state, found.revision) == (SeriesState.HELD, 1)
    assert found.reason == (
        f"instance {SERIES_UID}.1 was received with other pixels or geometry (2 versions)"
    )
    assert details(database, "conflict") == [f"{SERIES_UID}.1: RescaleSlope"]
    assert len(files(storage_folder)) == 2


def test_a_repeated_conflict_is_a_duplicate(store: InstanceStore, storage_folder: Path) -> None:
    store.store(make_incoming(1))
    store.store(make_incoming(1, **OTHER_PIXELS))
    again = make_incoming(1, transfer_syntax_uid=RLELossless, **OTHER_PIXELS)
    assert store.store(again) is Outcome.DUPLICATE
    assert store.store(make_incoming(1, **OTHER_PIXELS)) is Outcome.DUPLICATE
    assert store.store(make_incoming(1)) is Outcome.DUPLICATE
    assert len(files(storage_folder)) == 2


def test_a_conflict_cancels_the_job_of_its_series(database: Database, store: InstanceStore) -> None:
    store.store(make_incoming(1))
    row = only_series(database)
    with database.begin() as session:
        accept(session, row)
    store.store(make_incoming(1, **OTHER_PIXELS))
    with database.read() as session:
        assert jobs.counts(session)["cancelled"] == 1
    assert only_series(database).state == SeriesState.HELD


def test_one_instance_in_two_series_holds_both(database: Database, store: InstanceStore) -> None:
    store.store(make_incoming(1))
    moved = make_incoming(1, SeriesInstanceUID="1.2.3.4")
    assert store.store(moved) is Outcome.CONFLICT
    with database.read() as session:
        found = series.listing(session)
        assert [row.state for row in found] == [SeriesState.HELD] * 2
        assert all(series.disagreements(session, row.id) for row in found)
        assert [len(instances.current_instances(session, row.id)) for row in found] == [0, 1]


@pytest.mark.parametrize("keep", ["current", "newest"])
def test_a_person_decides_a_conflict(
    database: Database, store: InstanceStore, reported: int, keep: Any
) -> None:
    store.store(make_incoming(1, **OTHER_PIXELS))
    with database.begin() as session:
        assert instances.resolve(session, reported, keep) == 1
        assert series.disagreements(session, reported) == []
        assert instances.resolve(session, reported, keep) == 0
    found = only_series(database)
    changed = keep == "newest"
    assert states(database) == (["superseded", "current"] if changed else ["current", "superseded"])
    assert found.revision == (2 if changed else 1)
    assert found.state == SeriesState.RECEIVING  # to be judged anew
    assert kinds(database)[-2:] == ["resolved", "reopened"]
    with database.read() as session:
        waiting = {row.state for row in deliveries.by_report(session, 1)}
    assert (waiting == {DeliveryState.CANCELLED}) == changed
    # What was decided against is not asked about again.
    for again in (make_incoming(1), make_incoming(1, **OTHER_PIXELS)):
        assert store.store(again) is Outcome.DUPLICATE


def test_a_conflict_between_series_can_be_decided(database: Database, store: InstanceStore) -> None:
    store.store(make_incoming(1))
    store.store(make_incoming(1, SeriesInstanceUID="1.2.3.4"))
    with database.begin() as session:
        assert instances.resolve(session, 1, "newest") == 1
    with database.read() as session:
        newer, older = series.listing(session)
        assert (older.revision, newer.revision) == (2, 2)
        assert (older.state, newer.state) == (SeriesState.RECEIVING, SeriesState.RECEIVING)
        assert instances.current_instances(session, older.id) == []
        assert len(instances.current_instances(session, newer.id)) == 1
        assert series.disagreements(session, newer.id) == []


@pytest.mark.parametrize("state", ["held", "rejected", "accepted", "complete"])
def test_a_late_instance_opens_its_series_again(
    database: Database, store: InstanceStore, state: str
) -> None:
    store.store(make_incoming(1))
    row = only_series(database)
    with database.begin() as session:
        series.complete(session, row, {"pieces": []})
        if state == "held":
            series.hold(session, row, "two patients")
        elif state == "rejected":
            series.reject(session, row, "axial", {})
        elif state == "accepted":
            series.accept(session, row, {}, 3)
    store.store(make_incoming(2))
    found = only_series(database)
    assert (found.state, found.revision) == (SeriesState.RECEIVING, 2)
    assert (found.reason, found.verdict, found.completed_at) == (None, None, None)
    assert details(database, "reopened") == [f"instance {SERIES_UID}.2 arrived while {state}"]


@pytest.mark.parametrize(
    "field", ["sop_instance_uid", "series_instance_uid", "study_instance_uid", "sop_class_uid"]
)
def test_a_uid_that_is_a_path_is_refused(
    database: Database, store: InstanceStore, storage_folder: Path, field: str
) -> None:
    bad: dict[str, Any] = {field: "../../../etc/cron.d/x"}
    with pytest.raises(ValueError, match=r"\.\./etc/cron"):
        store.store(incoming(make_part10(1), **bad))
    assert files(storage_folder.parent) == [
        p for p in files(storage_folder.parent) if "database" in str(p)
    ]
    with database.read() as session:
        assert series.listing(session) == []


def test_values_that_no_column_takes_are_fitted(database: Database, store: InstanceStore) -> None:
    strange = incoming(
        make_part10(1),
        patient_id="P\0" + "x" * 400,
        series_description="lone \udc80 surrogate",
        modality="M" * 99,
        calling_ae_title="A" * 30,
        calling_host="h" * 99,
        instance_number=2**40,
    )
    assert store.store(strange) is Outcome.STORED
    found = only_series(database)
    assert len(found.patient_id) == 255
    assert found.series_description == "lone ? surrogate"
    with database.read() as session:
        assert instances.current_instances(session, found.id)[0].instance_number is None


def test_a_full_disk_keeps_neither_file_nor_row(
    database: Database,
    store: InstanceStore,
    storage_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", full)
        with pytest.raises(OSError, match="No space left"):
            store.store(make_incoming(1))
    assert files(storage_folder) == []
    with database.read() as session:
        assert series.listing(session) == []
    assert store.store(make_incoming(1)) is Outcome.STORED


def test_the_file_is_durable_before_its_row_and_the_row_before_the_answer(
    database: Database,
    store: InstanceStore,
    storage_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps: list[str] = []
    fsync, rename = os.fsync, os.rename

    def spy_fsync(descriptor: int) -> None:
        fsync(descriptor)
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        steps.append("fsync file" if path.is_file() else f"fsync {path.relative_to(folder)}")

    def spy_rename(source: Path, target: Path) -> None:
        rename(source, target)
        steps.append("rename")

    folder = storage_folder.parent
    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "rename", spy_rename)
    engine = database._engine
    event.listen(engine, "commit", lambda _connection: steps.append("commit"))
    arrived = make_incoming(1)
    store.store(arrived)
    steps.append("answer")
    (path,) = files(storage_folder)
    series_folder = path.parent.relative_to(folder)
    chain = [f"fsync {each}" for each in [series_folder, *series_folder.parents]]
    assert steps == [
        *chain,  # every folder made, and the one that holds the storage folder
        "fsync file",
        "rename",
        f"fsync {series_folder}",
        "commit",
        "answer",
    ]


def test_an_error_in_the_commit_is_no_answer(
    database: Database, store: InstanceStore, storage_folder: Path
) -> None:
    def fail(_connection: object) -> None:
        raise ConnectionError("the power went away")

    engine = database._engine
    event.listen(engine, "commit", fail)
    with pytest.raises(ConnectionError):
        store.store(make_incoming(1))
    event.remove(engine, "commit", fail)
    assert len(files(storage_folder)) == 1  # a file that no row names, and no draft
    assert store.store(make_incoming(1)) is Outcome.STORED
    assert len(files(storage_folder)) == 1
    with database.read() as session:
        assert now(session) >= series.listing(session)[0].last_received_at
