"""From receiving to a decision, and that no series blocks another."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy.exc
import structlog
from pydicom import Dataset
from sqlalchemy import text

from node import identity
from node.assembler import OWN_OBJECT, Assembler
from node.completeness import Piece, counted
from node.filters import FilterSet
from node.settings import Assembler as Settings
from node.settings import Rule
from storage import associations, jobs, reports, series
from storage.database import Database, now
from storage.instances import InstanceStore
from storage.tables import AssociationEnding, Job, Series, SeriesState
from tests import factories
from tests.rows import new_object, new_report

RULES = (
    Rule(attribute="Modality", operator="equals", value="MR"),
    Rule(attribute="RepetitionTime", operator="at_most", value=1000),
    Rule(attribute="SlicePositions", operator="equals", value="distinct"),
)
SOON = Settings(stable_age_s=1e-6, poll_s=0.01)
LATER = Settings(stable_age_s=3600)


class Node:
    """What a test does to the node, and sees of it."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.store = InstanceStore(database, folder)

    def assembler(
        self, settings: Settings = SOON, filter_set: FilterSet | None = None
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
    assert row.evidence["state"] == "complete"
    piece = row.evidence["pieces"][0]
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
    made = new_object(sop_instance_uid=uid)
    with node.database.begin() as session:
        job = jobs.claim(session, "w", 60)
        assert job is not None
        report = reports.add(session, job, new_report())
        reports.add_object(session, report, made, "reports/x.dcm")
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

    def due(session: Any, *_arguments: object) -> list[Series]:
        calls.append(now(session))
        if len(calls) == 1:
            raise sqlalchemy.exc.OperationalError("SELECT", {}, Exception("gone"))
        stop.set()
        return []

    monkeypatch.setattr(series, "due", due)
    node.assembler().run(stop)
    assert len(calls) == 2


def test_a_database_that_refuses_every_series_is_told_once(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()
    tries = []
    complete: Callable[..., Any] = series.complete

    def refuse(*arguments: Any) -> Any:
        tries.append(1)
        if len(tries) <= 6:  # two looks at three series
            raise sqlalchemy.exc.OperationalError("UPDATE", {}, Exception("database is locked"))
        return complete(*arguments)

    def judged(*_arguments: object) -> list[Series]:
        if len(tries) == 9:
            stop.set()
        return []

    for uid in ("1.2.3", "1.2.4", "1.2.5"):
        node.receive(uid)
    monkeypatch.setattr(series, "complete", refuse)
    monkeypatch.setattr(series, "unjudged", judged)
    with structlog.testing.capture_logs() as lines:
        node.assembler().run(stop)
    told = [line for line in lines if line["event"] != "series complete"]
    assert [(line["event"], line.get("reason")) for line in told] == [
        ("database not usable", "database: database is locked"),
        ("database usable again", None),
    ]


def test_headers_reach_the_filter_set_without_pixels(node: Node) -> None:
    seen: list[Dataset] = []

    class Watching(FilterSet):
        def judge(self, headers: Any) -> Any:
            seen.extend(headers)
            return super().judge(headers)

    node.receive(slices=2)
    node.assembler(filter_set=Watching("test", RULES, {})).step()
    assert [header.InstanceNumber for header in seen] == [1, 2, 1, 2]  # looked at, then judged
    assert all("PixelData" not in header for header in seen)


PATIENT = Settings(
    stable_age_s=1e-6, doubtful_age_s=300, limit_s=3600, look_again_s=1e-6, poll_s=0.01
)


def age(node: Node, seconds: float) -> None:
    """Let everything that was received have come so much earlier."""
    with node.database.begin() as session:
        for table, columns in (
            ("series", ("first_received_at", "last_received_at", "not_before")),
            ("instances", ("received_at",)),
        ):
            for column in columns:
                session.execute(
                    text(
                        f"UPDATE {table} SET {column} = "  # noqa: S608  (names of our own)
                        f"strftime('%Y-%m-%d %H:%M:%f', {column}, '-{seconds} seconds')"
                    )
                )


def skip_one(node: Node) -> None:
    """Receive five slices but the third."""
    node.receive(slices=2)
    node.receive(first=4, slices=5)


def test_a_gap_between_slices_waits_and_the_missing_slice_ends_it(node: Node) -> None:
    skip_one(node)
    node.assembler(PATIENT).step()
    row = node.row()
    assert row.state == SeriesState.RECEIVING
    assert row.evidence is not None
    assert row.evidence["state"] == "wait"
    assert "slices missing between the first and the last: 1" in row.evidence["reason"]
    assert row.not_before is not None
    before = node.kinds()
    assert before[-1] == "waiting"
    node.assembler(PATIENT).step()  # a restart: all is in the rows
    assert node.kinds() == before  # told once
    node.receive(first=3, slices=3)
    assert node.row().evidence is None
    node.assembler(PATIENT).step()
    assert node.row().state == SeriesState.ACCEPTED
    assert len(node.jobs()) == 1


def test_a_gap_at_the_limit_means_no_report(node: Node) -> None:
    skip_one(node)
    node.assembler(PATIENT).step()
    age(node, 3601)
    node.assembler(PATIENT).step()
    row = node.row()
    assert row.state == SeriesState.REJECTED
    assert row.reason is not None
    assert row.reason.startswith(
        "images are missing: slices missing between the first and the last: 1"
    )
    assert row.evidence is not None
    assert row.evidence["state"] == "incomplete"
    assert row.verdict is not None
    assert row.verdict["accepted"] is False
    assert [rule["attribute"] for rule in row.verdict["rules"] if not rule["passed"]] == [
        "SlicePosition"
    ]
    assert node.jobs() == []
    node.receive(first=3, slices=3)  # late, but here: nothing else opens it again
    node.assembler(PATIENT).step()
    assert node.row().state == SeriesState.ACCEPTED


def test_a_restart_between_limit_and_judgement_still_makes_no_report(node: Node) -> None:
    skip_one(node)
    age(node, 3601)

    class Killed(FilterSet):
        def judge(self, headers: Any) -> Any:
            if node.row().state == SeriesState.COMPLETE:
                raise sqlalchemy.exc.OperationalError("SELECT", {}, Exception("gone"))
            return super().judge(headers)

    node.assembler(PATIENT, Killed("test", RULES, {})).step()
    assert node.row().state == SeriesState.COMPLETE
    node.assembler(LATER).step()
    assert node.row().state == SeriesState.REJECTED


def test_a_series_that_is_rejected_anyway_waits_for_nothing(node: Node) -> None:
    node.receive(slices=2, RepetitionTime="4000")
    node.receive(first=4, slices=5, RepetitionTime="4000")
    node.assembler(PATIENT).step()
    row = node.row()
    assert row.state == SeriesState.REJECTED
    assert row.evidence is not None
    assert row.evidence["pieces"][-1]["says"] == "rejected whatever else comes: RepetitionTime"


def test_a_source_that_has_more_is_waited_for_but_not_for_ever(node: Node) -> None:
    node.receive()
    asked: list[int] = []

    def ask(_row: Series, received: int) -> Piece:
        asked.append(received)
        return counted(received, 20, "PACS")

    filter_set = FilterSet("test", RULES, {})
    assembler = Assembler(node.database, node.folder, filter_set, PATIENT, 3, ask=ask)
    assembler.step()
    row = node.row()
    assert row.state == SeriesState.RECEIVING
    assert row.evidence is not None
    assert row.evidence["reason"] == "PACS has 20 instances, 3 came"
    age(node, 3601)
    assembler.step()
    assert node.row().state == SeriesState.ACCEPTED  # a count can only prolong
    assert asked == [3, 3]


def test_a_broken_association_is_waited_for_a_while(node: Node) -> None:
    for number in (1, 2, 3):
        one = factories.make_incoming(
            number, SeriesInstanceUID="1.2.3", SOPInstanceUID=f"1.2.3.{number}"
        )
        node.store.store(replace(one, association="run-1"))
    with node.database.begin() as session:
        associations.end(session, "run-1", AssociationEnding.ABORTED, "MR1")
    node.assembler(PATIENT).step()
    assert node.row().state == SeriesState.RECEIVING
    age(node, 301)
    node.assembler(PATIENT).step()
    assert node.row().state == SeriesState.ACCEPTED


def test_nothing_is_complete_before_all_that_was_received_is_filed(node: Node) -> None:
    node.receive()
    age(node, 120)
    filter_set = FilterSet("test", RULES, {})
    horizon: list[datetime | None] = [datetime.now(UTC) - timedelta(seconds=90)]
    settings = Settings(stable_age_s=60)
    assembler = Assembler(
        node.database, node.folder, filter_set, settings, 3, horizon=lambda: horizon[0]
    )
    assert assembler.step() == 0  # quiet for 120 s, but only the first 30 of them are known
    assert node.row().state == SeriesState.RECEIVING
    horizon[0] = None
    assembler.step()
    assert node.row().state == SeriesState.ACCEPTED


@pytest.mark.parametrize(
    ("run", "ended", "ending"),
    [("run", False, "open"), ("other", False, "lost"), ("run", True, "released")],
)
def test_how_an_association_stands_is_told_from_the_rows(
    node: Node, run: str, ended: bool, ending: str
) -> None:
    node.store.store(replace(factories.make_incoming(1), association="run-1"))
    if ended:
        with node.database.begin() as session:
            associations.end(session, "run-1", AssociationEnding.RELEASED, "MR1")
    filter_set = FilterSet("test", RULES[:1], {})
    Assembler(
        node.database,
        node.folder,
        filter_set,
        PATIENT,
        3,
        alive=lambda name: bool(run) and name.startswith(run),
    ).step()
    evidence = node.row(factories.SERIES_UID).evidence
    assert evidence is not None
    (piece,) = [piece for piece in evidence["pieces"] if piece["rule"] == "association"]
    assert piece["last_ending"] == ending
    assert evidence["state"] == ("complete" if ended else "wait")


def test_repetitions_do_not_keep_a_series_open_for_ever(node: Node) -> None:
    node.receive()
    age(node, 3601)
    node.receive()  # duplicates: the series is not quiet
    patient = PATIENT.model_copy(update={"stable_age_s": 60})
    node.assembler(patient).step()
    assert node.row().state == SeriesState.ACCEPTED
