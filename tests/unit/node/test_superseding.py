"""What becomes of a report when its series, its neighbours or the settings change."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from model.landmark import Prediction
from model.volume import Volume
from node import incoming, publication
from node.config import Config
from node.pipeline import Pipeline
from node.settings import Destination, Rule
from storage import deliveries, jobs, reports, series
from storage.database import Database
from storage.instances import InstanceStore
from storage.tables import DeliveryState, Job, Series
from tests import report_series as made

RULE = Rule(attribute="Modality", operator="equals", value="MR")
A, B = made.SERIES, made.STUDY + ".7"
GAP_ROWS = 8  # between two levels, see `report_series.pixel`


def image(uid: str, index: int, **changes: object) -> bytes:
    """Make a file of a series, with pixels."""
    header = made.image(index)
    header.SeriesInstanceUID, header.SOPInstanceUID = uid, f"{uid}.{index + 1}"
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit, header.PixelRepresentation = 15, 0
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.PixelData = np.full((made.ROWS, made.COLUMNS), index, "<u2").tobytes()
    header["PixelData"].VR = "OW"
    for keyword, value in changes.items():
        setattr(header, keyword, value)
    return made.encoded(header)


def shifted(levels: int = 1) -> Prediction:
    """Answer the usual foramina one level further down each."""
    found = made.prediction()
    step = np.asarray(made.world(0, GAP_ROWS * levels, 0)) - np.asarray(made.world(0, 0, 0))
    marks = tuple(
        replace(mark, point_mm=tuple(float(v) for v in np.asarray(mark.point_mm) + step))
        for mark in found.landmarks
    )
    return replace(found, landmarks=marks)


@dataclass
class Scripted:
    """A predictor that answers what the test says, per series."""

    answers: dict[str, Prediction] = field(default_factory=dict)

    def predict(self, volume: Volume) -> Prediction:
        uid = volume.sop_instance_uids[0].rpartition(".")[0]
        return self.answers.get(uid, made.prediction())


@dataclass
class Line:
    """The node from the stored instance to the delivery, without peers."""

    database: Database
    folder: Path
    destinations: tuple[Destination, ...]
    predictor: Scripted = field(default_factory=Scripted)

    def receive(self, uid: str = A, count: int = 4, first: int = 0, **changes: object) -> None:
        store = InstanceStore(self.database, self.folder)
        for index in range(first, first + count):
            data = image(uid, index, **changes)
            start = 144 + int.from_bytes(data[140:144], "little")
            store.store(
                incoming.read(
                    data[start:],
                    sop_class_uid=MRImageStorage,
                    sop_instance_uid=f"{uid}.{index + 1}",
                    transfer_syntax_uid=ExplicitVRLittleEndian,
                    calling_ae_title="MR1",
                )
            )

    def row(self, uid: str = A) -> Series:
        with self.database.read() as session:
            found = series.by_uid(session, uid)
        assert found is not None
        return found

    def accept(self, uid: str = A) -> None:
        with self.database.begin() as session:
            found = self.row(uid)
            series.complete(session, found, {})
            series.accept(session, found, {}, max_attempts=3)

    def reject(self, uid: str = A) -> None:
        with self.database.begin() as session:
            found = self.row(uid)
            series.complete(session, found, {})
            series.reject(session, found, "axial", {})

    def claim(self) -> Job | None:
        with self.database.begin() as session:
            return jobs.claim(session, "tester", 60)

    def pipeline(self) -> Pipeline:
        config = Config(
            storage={"folder": self.folder},
            destinations=self.destinations,
            filter_sets={"default": (RULE,)},
        )
        return Pipeline(self.database, config, self.predictor)

    def work(self) -> list[str]:
        """Run all jobs that wait; gives their kinds."""
        kinds = []
        while (job := self.claim()) is not None:
            self.pipeline().run(job)
            kinds.append(job.kind)
        return kinds

    def process(self, uid: str = A) -> list[str]:
        self.accept(uid)
        return self.work()

    def deliver(self) -> list[tuple[str, Dataset]]:
        """Store everything that waits; gives (destination, object) in the order of sending."""
        sent = []
        for destination in self.destinations:
            while True:
                with self.database.begin() as session:
                    found = deliveries.claim(session, destination.name, 60)
                    if found is None:
                        break
                    sent.append((destination.name, dcmread(self.folder / found.object.path)))
                    deliveries.stored(session, found.id, found.fencing_token, 0)
        return sent

    def delivered(self) -> Dataset:
        """Store what waits: exactly one object."""
        ((_, document),) = self.deliver()
        return document

    def states(self, uid: str = A) -> list[tuple[str, str]]:
        """List (kind, delivery state) of all that was made of a series."""
        with self.database.read() as session:
            rows = deliveries.listing(session)
            series_id = self.row(uid).id
            return [
                (row.object.kind, row.state)
                for row in reversed(rows)
                if row.object.report.series_id == series_id
            ]


def peer(name: str = "pacs", **settings: object) -> Destination:
    return Destination(name=name, ae_title=name.upper(), host="127.0.0.1", port=104, **settings)


@pytest.fixture
def line(sqlite_database: Database, tmp_path: Path) -> Line:
    return Line(sqlite_database, tmp_path, (peer(),))


def predecessors(document: Dataset) -> list[str]:
    return [
        item.ReferencedSOPInstanceUID
        for study in document.get("PredecessorDocumentsSequence", [])
        for one in study.ReferencedSeriesSequence
        for item in one.ReferencedSOPSequence
    ]


def said(document: Dataset) -> str:
    evaluations = made.child(document, "C0034375").ContentSequence
    return " ".join(item.get("TextValue", "") for item in evaluations)


def outcome(document: Dataset) -> str:
    evaluations = made.child(document, "C0034375").ContentSequence
    (found,) = (
        item.ConceptCodeSequence[0].CodeValue
        for item in evaluations
        if item.ValueType == "CODE" and made.name(item)[0] == "OUTCOME"
    )
    return found


def test_a_late_image_makes_a_successor_that_names_its_predecessor(line: Line) -> None:
    line.receive()
    line.process()
    first = line.delivered()
    line.receive(first=4, count=1)
    line.process()
    second = line.delivered()

    assert predecessors(first) == []
    assert predecessors(second) == [first.SOPInstanceUID]
    assert second.SeriesInstanceUID == first.SeriesInstanceUID
    assert (first.InstanceNumber, second.InstanceNumber) == (1, 2)
    assert len(made.groups(second)) == 20
    assert "replaces an earlier one" in said(second)
    assert "replaces" not in said(first)
    (study,) = second.PredecessorDocumentsSequence
    assert study.StudyInstanceUID == made.STUDY
    assert study.ReferencedSeriesSequence[0].SeriesInstanceUID == first.SeriesInstanceUID


def test_what_was_never_sent_is_no_predecessor(line: Line) -> None:
    line.receive()
    line.process()
    line.receive(first=4, count=1)
    line.process()

    assert predecessors(line.delivered()) == []
    assert line.states() == [("report", "cancelled"), ("report", "stored")]


def test_identical_content_makes_no_twin_and_is_not_sent_again(line: Line) -> None:
    line.receive()
    line.process()
    line.delivered()
    with line.database.begin() as session:
        jobs.retry(session, 1)
    line.work()

    assert line.deliver() == []
    assert line.states() == [("report", "stored")]
    assert len(list((line.folder / "reports").rglob("*.dcm"))) == 1


def test_content_that_comes_back_follows_what_was_sent_in_between(line: Line) -> None:
    line.receive()
    line.process()
    first = line.delivered()
    line.receive(first=0, count=4, PatientComments="corrected")
    line.process()
    second = line.delivered()
    line.receive()
    line.process()
    third = line.delivered()

    assert predecessors(second) == [first.SOPInstanceUID]
    assert predecessors(third) == [second.SOPInstanceUID]
    assert third.SOPInstanceUID != first.SOPInstanceUID
    assert "PatientComments" not in third


def test_content_that_comes_back_before_anything_else_was_sent_is_the_same_object(
    line: Line,
) -> None:
    line.receive()
    line.process()
    line.delivered()
    line.receive(first=0, count=4, PatientComments="corrected")
    line.process()
    line.receive()
    line.process()

    assert line.deliver() == []
    assert line.states() == [("report", "stored"), ("report", "cancelled")]


def test_a_later_abstention_withdraws_the_earlier_result(line: Line) -> None:
    line.receive()
    line.process()
    first = line.delivered()
    line.predictor.answers[A] = made.abstained("levels in doubt")
    line.receive(first=4, count=1)
    line.process()
    second = line.delivered()

    assert predecessors(second) == [first.SOPInstanceUID]
    assert made.groups(second) == []
    assert outcome(second) == "ABSTAINED"
    assert "is withdrawn" in said(second)


def test_a_later_rejection_withdraws_what_was_sent(line: Line) -> None:
    line.receive()
    line.process()
    first = line.delivered()
    line.receive(first=4, count=1)
    line.reject()

    assert line.work() == ["withdrawal"]
    second = line.delivered()
    assert predecessors(second) == [first.SOPInstanceUID]
    assert made.groups(second) == []
    assert outcome(second) == "WITHDRAWN"
    assert "axial" in said(second)
    assert second.CompletionFlag == "COMPLETE"
    with line.database.read() as session:
        (report,) = reports.by_series(session, line.row().id)
    assert report.withdrawn == "the series was rejected since: axial"


def test_a_rejection_of_what_was_not_sent_says_nothing(line: Line) -> None:
    line.receive()
    line.process()
    line.receive(first=4, count=1)
    line.reject()

    assert line.work() == []
    assert line.deliver() == []


def test_a_second_rejection_withdraws_nothing_again(line: Line) -> None:
    line.receive()
    line.process()
    line.delivered()
    line.receive(first=4, count=1)
    line.reject()
    line.work()
    line.delivered()
    line.receive(first=5, count=1)
    line.reject()

    assert line.work() == []
    assert line.deliver() == []


def test_an_acceptance_after_a_withdrawal_follows_that(line: Line) -> None:
    line.receive()
    line.process()
    line.delivered()
    line.receive(first=4, count=1)
    line.reject()
    line.work()
    withdrawal = line.delivered()
    line.receive(first=0, count=1, PatientComments="again")
    line.process()
    last = line.delivered()

    assert predecessors(last) == [withdrawal.SOPInstanceUID]
    assert len(made.groups(last)) == 20


def test_a_withdrawal_that_waits_is_dropped_for_a_new_report(line: Line) -> None:
    line.receive()
    line.process()
    first = line.delivered()
    line.receive(first=4, count=1)
    line.reject()
    line.work()
    line.receive(first=0, count=1, PatientComments="again")
    line.process()

    assert predecessors(line.delivered()) == [first.SOPInstanceUID]


def disagree(line: Line) -> Dataset:
    """Let A be sent, and B find the levels one lower; gives A's report."""
    line.receive(A)
    line.process(A)
    first = line.delivered()
    line.predictor.answers[B] = shifted()
    line.receive(B)
    line.process(B)
    return first


def test_of_two_series_that_disagree_neither_is_sent_and_one_sent_is_withdrawn(
    line: Line,
) -> None:
    first = disagree(line)
    withdrawal = line.delivered()

    assert predecessors(withdrawal) == [first.SOPInstanceUID]
    assert outcome(withdrawal) == "WITHDRAWN"
    assert "disagree on the levels" in said(withdrawal)
    assert line.states(A) == [("report", "stored"), ("withdrawal", "stored")]
    assert line.states(B) == [("report", "cancelled")]
    with line.database.read() as session:
        for uid in (A, B):
            row = line.row(uid)
            kinds = {event.kind: event.detail for event in series.events(session, row.id)}
            assert "disagree on the levels" in kinds["disputed"]
            assert A in kinds["disputed"]
            assert B in kinds["disputed"]
        b_job = jobs.by_series(session, line.row(B).id)[0]
        assert "disputed" in {event.kind for event in jobs.events(session, b_job.id)}


def test_a_dispute_that_ends_brings_both_reports_back(line: Line) -> None:
    disagree(line)
    withdrawal = line.delivered()
    line.predictor.answers[B] = made.prediction()
    line.receive(B, first=4, count=1)
    assert line.process(B) == ["localisation", "localisation"]
    sent = [document for _, document in line.deliver()]

    assert sorted(predecessors(document) for document in sent) == [
        [],
        [withdrawal.SOPInstanceUID],
    ]
    assert all(len(made.groups(document)) == 20 for document in sent)


def test_a_dispute_ends_when_the_other_series_is_rejected(line: Line) -> None:
    disagree(line)
    withdrawal = line.delivered()
    line.receive(B, first=4, count=1)
    line.reject(B)

    assert line.work() == ["localisation"]
    assert predecessors(line.delivered()) == [withdrawal.SOPInstanceUID]


def test_a_dispute_that_ends_before_its_withdrawal_ran_withdraws_nothing(line: Line) -> None:
    line.receive(A)
    line.process(A)
    line.delivered()
    line.predictor.answers[B] = shifted()
    line.receive(B)
    line.accept(B)
    job = line.claim()
    assert job is not None
    line.pipeline().run(job)
    late = line.claim()
    assert late is not None
    assert late.kind == "withdrawal"
    line.receive(B, first=4, count=1)
    line.reject(B)
    assert line.work() == ["localisation"]
    line.pipeline().run(late)

    assert line.deliver() == []
    with line.database.read() as session:
        assert "not needed" in {event.kind for event in jobs.events(session, late.id)}


def test_another_frame_of_reference_is_another_space(line: Line) -> None:
    line.receive(A)
    line.predictor.answers[B] = shifted()
    line.receive(B, FrameOfReferenceUID="1.2.826.0.1.1.99")
    line.process(A)
    line.process(B)

    assert len(line.deliver()) == 2


def test_destinations_share_one_object_unless_their_switches_differ(
    sqlite_database: Database, tmp_path: Path
) -> None:
    line = Line(
        sqlite_database,
        tmp_path,
        (
            peer("a"),
            peer("b"),
            peer("flat", sop_class="comprehensive"),
            peer("plain", cornerstone_prefix=False),
        ),
    )
    line.receive()
    line.process()
    sent = dict(line.deliver())

    assert sent["a"].SOPInstanceUID == sent["b"].SOPInstanceUID
    assert len({document.SOPInstanceUID for document in sent.values()}) == 3
    assert sent["flat"].SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.33"
    assert len(made.groups(sent["flat"])) == 10
    tracking = [made.child(group, "112039").TextValue for group in made.groups(sent["plain"])]
    assert not any(text.startswith("Cornerstone") for text in tracking)


def test_another_switch_makes_another_form_that_follows_the_first(line: Line) -> None:
    line.receive()
    line.process()
    first = line.delivered()
    line.destinations = (peer(sop_class="comprehensive"),)
    with line.database.begin() as session:
        jobs.retry(session, 1)
    line.work()
    second = line.delivered()

    assert second.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.33"
    assert predecessors(second) == [first.SOPInstanceUID]


def test_only_who_had_the_report_is_told_of_its_withdrawal(
    sqlite_database: Database, tmp_path: Path
) -> None:
    line = Line(sqlite_database, tmp_path, (peer("told"),))
    line.receive()
    line.process()
    line.delivered()
    line.destinations = (peer("told"), peer("new"))
    line.receive(first=4, count=1)
    line.reject()
    line.work()

    assert [name for name, _ in line.deliver()] == ["told"]


def test_a_rejection_note_names_what_is_superseded_once(
    sqlite_database: Database, tmp_path: Path
) -> None:
    line = Line(sqlite_database, tmp_path, (peer(iocm=True, extras=("key-objects",)), peer("not")))
    line.receive()
    line.process()
    first = [document for name, document in line.deliver() if name == "pacs"]
    rejected = []
    for index in (4, 5):
        line.receive(first=index, count=1)
        line.process()
        sent = line.deliver()
        notes = [one for name, one in sent if rejects(one)]
        assert [name for name, one in sent if rejects(one)] == ["pacs"]
        rejected.append({item.ReferencedSOPInstanceUID for item in references(notes[0])})
        first, before = [one for name, one in sent if name == "pacs" and not rejects(one)], first
        assert rejected[-1] == {one.SOPInstanceUID for one in before}
        assert len(before) == 2

    assert rejected[0].isdisjoint(rejected[1])


def rejects(document: Dataset) -> bool:
    return made.code_of(document) == "113001"


def references(note: Dataset) -> list[Dataset]:
    return [
        item.ReferencedSOPSequence[0]
        for item in note.ContentSequence
        if item.ValueType in {"COMPOSITE", "IMAGE"}
    ]


def test_a_delivery_during_the_job_is_not_overlooked(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.receive()
    line.process()
    line.receive(first=4, count=1)
    line.accept()
    first: list[Dataset] = []
    before = publication.Publisher.of_answer

    def slow(*arguments: object) -> object:
        pieces = before(*arguments)  # type: ignore[arg-type]
        if not first:
            first.append(line.delivered())  # between building and committing
        return pieces

    monkeypatch.setattr(publication.Publisher, "of_answer", slow)
    line.work()

    assert predecessors(line.delivered()) == [first[0].SOPInstanceUID]


STEPS = [
    ("report", reports, "add"),
    ("report", reports, "add_object"),
    ("report", deliveries, "enqueue"),
    ("report", jobs, "record"),
    ("withdrawal", reports, "withdraw"),
    ("withdrawal", reports, "add_object"),
    ("withdrawal", deliveries, "enqueue"),
    ("withdrawal", jobs, "record"),
]


@pytest.mark.parametrize(("kind", "module", "name"), STEPS)
def test_a_job_that_is_killed_in_its_last_transaction_is_repeated_whole(
    line: Line, kind: str, module: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = getattr(module, name)

    def die(*arguments: object, **options: object) -> None:
        step(*arguments, **options)
        raise ConnectionError("killed")

    line.receive()
    line.process()
    first = line.delivered()
    line.receive(first=4, count=1)
    (line.accept if kind == "report" else line.reject)()
    job = line.claim()
    assert job is not None
    with monkeypatch.context() as patch:
        patch.setattr(module, name, die)
        with pytest.raises(ConnectionError):
            line.pipeline().run(job)
    assert line.deliver() == []
    with line.database.begin() as session:
        jobs.release(session, "tester")
    assert len(line.work()) == 1
    document = line.delivered()

    assert predecessors(document) == [first.SOPInstanceUID]
    assert line.states()[-1] == (kind, DeliveryState.STORED)
    orphans = len(list((line.folder / "reports").rglob("*.dcm")))
    assert orphans == 2  # the same bytes under the same name, both times
