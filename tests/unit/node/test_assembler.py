"""From receiving to a decision, and that no series blocks another."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy.exc
import structlog
from pydicom import Dataset

from node import config, identity
from node.assembler import OWN_OBJECT, Assembler
from node.config import Rule
from node.filters import FilterSet
from storage import jobs, reports, series
from storage.database import Database, now
from storage.instances import InstanceStore
from storage.tables import Job, Series, SeriesState
from tests import factories

RULES = (
    Rule(attribute="Modality", operator="equals", value="MR"),
    Rule(attribute="RepetitionTime", operator="at_most", value=1000),
    Rule(attribute="SlicePositions", operator="equals", value="distinct"),
)
SOON = config.Assembler(stable_age_s=1e-6, poll_s=0.01)
LATER = config.Assembler(stable_age_s=3600)


class Node:
    """What a test does to the node, and sees of it."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.store = InstanceStore(database, folder)

    def assembler(
        self, settings: config.Assembler = SOON, filter_set: FilterSet | None = None
    ) -> Assembler:
        filter_set = filter_set or FilterSet("test", RULES, {})
        return Assembler(self.database, self.folder, filter_set, settings, 3)

    def receive(
        self, uid: str = "1.2.3", slices: int = 3, first: int = 1, **attributes: Any
    ) -> None:
        for number in range(first, slices + 1):
            self.store.store(
                factories.make_incoming(
                    number,
                    **{"SeriesInstanceUID": uid, "SOPInstanceUID": f"{uid}.{number}"} | attributes,
                )
            )

    def row(self, uid: str = "1.2.3") -> Series:
        with self.database.read() as session:
            found = series.by_uid(session, uid)
            assert found is not None
            return found

    def kinds(self, uid: str = "1.2.3") -> list[str]:
        with self.database.read() as session:
            return [event.kind for event in series.events(session, self.row(uid).id)]

    def jobs(self) -> list[Job]:
        with self.database.read() as session:
            return jobs.listing(session)

    def paths(self, uid: str = "1.2.3") -> list[Path]:
        return sorted(path for path in self.folder.rglob("*.dcm") if uid in path.parts)


@pytest.fixture
def node(sqlite_database: Database, storage_folder: Path) -> Node:
    return Node(sqlite_database, storage_folder)


def test_nothing_received_nothing_moves(node: Node) -> None:
    assert node.assembler().step() == 0


def test_a_quiet_series_is_completed_with_evidence_judged_and_queued(node: Node) -> None:
    node.receive()
    assert node.assembler().step() == 2  # completed, and judged
    row = node.row()
    assert row.state == SeriesState.ACCEPTED
    assert row.reason is None
    assert row.processed_revision == row.revision == 3
    assert row.completed_at is not None
    assert row.evidence is not None
    (piece,) = row.evidence["pieces"]
    assert piece["rule"] == "quiet"
    assert piece["instances"] == 3
    assert piece["stable_age_s"] == 1e-6
    assert piece["quiet_s"] >= 0
    assert row.verdict is not None
    assert [rule["passed"] for rule in row.verdict["rules"]] == [True, True, True]
    (job,) = node.jobs()
    assert (job.series_id, job.series_revision, job.max_attempts) == (row.id, 3, 3)
    assert node.kinds()[-2:] == ["complete", "accepted"]


def test_a_series_that_still_arrives_is_left_alone(node: Node) -> None:
    node.receive()
    assert node.assembler(LATER).step() == 0
    assert node.row().state == SeriesState.RECEIVING


def test_a_second_step_changes_nothing(node: Node) -> None:
    node.receive()
    node.assembler().step()
    before = node.kinds()
    assert node.assembler().step() == 0
    assert node.kinds() == before
    assert len(node.jobs()) == 1


def test_rejection_keeps_every_reason_and_every_verdict(node: Node) -> None:
    node.receive(Modality="CT", RepetitionTime="3500", ImagePositionPatient=None)
    node.assembler().step()
    row = node.row()
    assert row.state == SeriesState.REJECTED
    assert row.reason == (
        "3 reasons by filter set test. "
        "Modality is CT in 3 of 3 instances; expected MR. "
        "RepetitionTime is 3500 in 3 of 3 instances; expected at most 1000. "
        "SlicePositions is missing (ImagePositionPatient is missing in 3 of 3 instances); "
        "expected distinct."
    )
    assert row.verdict is not None
    assert row.verdict["filter_set"] == "test"
    assert [rule["passed"] for rule in row.verdict["rules"]] == [False, False, False]
    assert node.jobs() == []


def test_a_restart_between_completing_and_judging_forgets_nothing(node: Node) -> None:
    node.receive()
    with node.database.begin() as session:
        series.complete(session, node.row(), {"pieces": []})
    assert node.assembler(LATER).step() == 1
    assert node.row().state == SeriesState.ACCEPTED


def test_a_late_image_makes_the_series_judged_anew(node: Node) -> None:
    node.receive(slices=2)
    node.assembler().step()
    node.receive(slices=3)  # two are duplicates
    assert node.row().state == SeriesState.RECEIVING
    node.assembler().step()
    assert node.row().state == SeriesState.ACCEPTED
    assert {(job.series_revision, job.state) for job in node.jobs()} == {
        (2, "cancelled"),
        (3, "queued"),
    }


def test_an_image_that_arrives_while_judging_leaves_the_decision_to_the_next_step(
    node: Node,
) -> None:
    class Interrupted(FilterSet):
        def judge(self, headers: Any) -> Any:
            decision = super().judge(headers)
            if len(headers) == 2:
                node.receive(slices=3)
            return decision

    node.receive(slices=2)
    node.assembler(filter_set=Interrupted("test", RULES, {})).step()
    assert node.row().state == SeriesState.RECEIVING
    assert node.jobs() == []
    node.assembler().step()
    assert node.row().state == SeriesState.ACCEPTED
    assert [job.series_revision for job in node.jobs()] == [3]


def test_instances_that_disagree_are_held_until_they_agree(node: Node) -> None:
    node.receive(slices=2)
    node.receive(first=3, PatientID="P2")
    node.assembler().step()
    row = node.row()
    assert row.state == SeriesState.HELD
    assert row.reason == "its instances disagree: 2 PatientID values in one series"
    assert node.assembler().step() == 0  # held until something changes
    node.receive(slices=2, PatientID="P2")  # the correction
    node.assembler().step()
    assert node.row().state == SeriesState.ACCEPTED
    assert len(node.jobs()) == 1


def test_a_file_that_is_gone_holds_its_series_and_no_other(node: Node) -> None:
    for uid in ("1.2.3", "1.2.4", "1.2.5"):
        node.receive(uid)
    node.paths("1.2.4")[0].unlink()
    node.paths("1.2.3")[1].write_bytes(b"not DICOM any more")
    node.assembler().step()
    for uid in ("1.2.3", "1.2.4"):
        row = node.row(uid)
        assert row.state == SeriesState.HELD
        assert row.reason is not None
        assert row.reason.startswith("stored file ")
        assert "cannot be read" in row.reason
        assert str(node.folder) not in row.reason
    assert node.row("1.2.5").state == SeriesState.ACCEPTED


def test_a_fault_nobody_thought_of_holds_its_series_and_no_other(node: Node) -> None:
    class Faulty(FilterSet):
        def judge(self, headers: Any) -> Any:
            if headers[0].SeriesInstanceUID == "1.2.3":
                raise ZeroDivisionError("secret")
            return super().judge(headers)

    node.receive("1.2.3")
    node.receive("1.2.4")
    node.assembler(filter_set=Faulty("test", RULES, {})).step()
    row = node.row("1.2.3")
    assert row.state == SeriesState.HELD
    assert row.reason is not None
    assert "ZeroDivisionError" in row.reason
    assert "secret" not in row.reason
    assert node.row("1.2.4").state == SeriesState.ACCEPTED


def test_a_database_that_is_away_for_one_series_is_tried_again(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = sqlalchemy.exc.OperationalError("UPDATE", {}, Exception("gone"))
    accept: Callable[..., Any] = series.accept

    def refuse(session: Any, row: Series, *rest: Any) -> Any:
        if row.series_instance_uid == "1.2.3":
            raise away
        return accept(session, row, *rest)

    node.receive("1.2.3")
    node.receive("1.2.4")
    with monkeypatch.context() as patch:
        patch.setattr(series, "accept", refuse)
        node.assembler().step()
    assert node.row("1.2.3").state == SeriesState.COMPLETE
    assert node.row("1.2.4").state == SeriesState.ACCEPTED
    node.assembler().step()
    assert node.row("1.2.3").state == SeriesState.ACCEPTED


def test_an_object_that_says_it_is_ours_is_never_processed(node: Node) -> None:
    node.receive(
        Manufacturer=identity.MANUFACTURER,
        ManufacturerModelName=identity.MANUFACTURER_MODEL_NAME,
    )
    node.assembler().step()
    row = node.row()
    assert (row.state, row.reason) == (SeriesState.REJECTED, OWN_OBJECT)
    assert row.verdict is not None
    assert row.verdict["rules"][0]["reason"] == OWN_OBJECT
    assert node.jobs() == []


def test_an_object_with_the_uid_of_our_report_is_never_processed(node: Node) -> None:
    node.receive("1.2.3")
    node.assembler().step()
    uid = factories.SERIES_UID + ".77"
    report = reports.NewReport(uid, "1.2.840.10008.5.1.4.1.1.88.34", "1.2.8", b"", 0, {})
    with node.database.begin() as session:
        job = jobs.claim(session, "w", 60)
        assert job is not None
        reports.add(session, job, report, "reports/x.dcm")
    node.receive("1.2.8", slices=1, SOPInstanceUID=uid)  # altered on its way back
    node.assembler().step()
    row = node.row("1.2.8")
    assert (row.state, row.reason) == (SeriesState.REJECTED, OWN_OBJECT)
    assert len(node.jobs()) == 1


def test_no_patient_data_in_logs_and_rows(node: Node) -> None:
    node.receive(Modality="CT", PatientID="secret-4711", PatientName="Jansen^Piet")
    node.receive("1.2.4", PatientID="secret-4711")
    node.paths("1.2.4")[0].unlink()
    with structlog.testing.capture_logs() as logged:
        node.assembler().step()
    assert {line["event"] for line in logged} >= {"series rejected", "series held"}
    rows = [node.row("1.2.3"), node.row("1.2.4")]
    text = repr(logged) + repr([(row.reason, row.verdict, row.evidence) for row in rows])
    assert "4711" not in text
    assert "Jansen" not in text


def test_running_ends_when_told(node: Node) -> None:
    node.receive()
    stop = threading.Event()
    thread = threading.Thread(target=node.assembler().run, args=(stop,))
    thread.start()
    try:
        for _ in range(1000):
            if node.row().state == SeriesState.ACCEPTED:
                break
            stop.wait(0.02)
        assert node.row().state == SeriesState.ACCEPTED
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()


def test_running_survives_a_database_that_is_away(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()
    calls = []

    def quiet(session: Any, stable_age_s: float, limit: int) -> list[Series]:
        calls.append(now(session))
        if len(calls) == 1:
            raise sqlalchemy.exc.OperationalError("SELECT", {}, Exception("gone"))
        stop.set()
        return []

    monkeypatch.setattr(series, "quiet", quiet)
    node.assembler().run(stop)
    assert len(calls) == 2


def test_headers_reach_the_filter_set_without_pixels(node: Node) -> None:
    seen: list[Dataset] = []

    class Watching(FilterSet):
        def judge(self, headers: Any) -> Any:
            seen.extend(headers)
            return super().judge(headers)

    node.receive(slices=2)
    node.assembler(filter_set=Watching("test", RULES, {})).step()
    assert [header.InstanceNumber for header in seen] == [1, 2]
    assert all("PixelData" not in header for header in seen)
