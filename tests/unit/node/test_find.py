"""C-FIND for the number of instances of a series: answers kind and unkind."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind, Verification

from node import find
from node.errors import PeerError
from node.peer import Peer

STUDY, SERIES = "1.2.3", "1.2.3.4"


def answer(**attributes: Any) -> Dataset:
    made = Dataset()
    made.QueryRetrieveLevel = "SERIES"
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


@contextmanager
def archive(
    handle: Callable[[evt.Event], Iterator[tuple[int, Dataset | None]]],
    sop_class: str = StudyRootQueryRetrieveInformationModelFind,
) -> Iterator[Peer]:
    """Run a Query SCP that answers as told."""
    ae = AE("PACS")
    ae.add_supported_context(sop_class)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_FIND, handle)])
    try:
        yield Peer("PACS", "127.0.0.1", int(server.server_address[1]), "FORAMINA", 10)
    finally:
        server.shutdown()


def ask(*answers: tuple[int, Dataset | None]) -> tuple[int | None, list[Dataset]]:
    asked: list[Dataset] = []

    def handle(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        asked.append(event.identifier)
        yield from answers

    with archive(handle) as peer:
        return find.instances_of_series(peer, STUDY, SERIES), asked


def test_the_number_of_the_series_is_asked_and_read() -> None:
    number, (asked,) = ask(
        (0xFF00, answer(SeriesInstanceUID=SERIES, NumberOfSeriesRelatedInstances=17))
    )
    assert number == 17
    assert asked.QueryRetrieveLevel == "SERIES"
    assert (asked.StudyInstanceUID, asked.SeriesInstanceUID) == (STUDY, SERIES)
    assert "NumberOfSeriesRelatedInstances" in asked


@pytest.mark.parametrize(
    "answers",
    [
        [],
        [(0xFF00, answer(SeriesInstanceUID=SERIES))],
        [(0xFF00, answer(SeriesInstanceUID="1.9", NumberOfSeriesRelatedInstances=17))],
        [(0xFF00, answer(SeriesInstanceUID=SERIES, NumberOfSeriesRelatedInstances=-1))],
    ],
)
def test_what_is_no_count_of_this_series_is_none(answers: Any) -> None:
    assert ask(*answers)[0] is None


def test_a_refusal_is_an_error() -> None:
    with pytest.raises(PeerError, match="answered C-FIND with") as error:
        ask((0xA700, None))
    assert error.value.status == 0xA700


@pytest.mark.parametrize(
    ("code", "words"),
    [(0xA900, "Identifier does not match SOP Class"), (0xC001, "unable to process"),
     (0xFE00, "cancelled"), (0x0999, "not defined")],
)  # fmt: skip
def test_a_status_is_said_as_c_find_means_it(code: int, words: str) -> None:
    """PS3.4 table C.4-1: other meanings than the same codes have for C-STORE."""
    with pytest.raises(PeerError, match=words):
        ask((code, None))


def test_a_peer_that_cannot_be_asked_is_named() -> None:
    with (
        archive(lambda event: iter(()), Verification) as peer,
        pytest.raises(PeerError, match=r"PACS at 127\.0\.0\.1:"),
    ):
        find.instances_of_series(peer, STUDY, SERIES)


def test_answers_without_end_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "_MOST_ANSWERS", 3)
    one = (0xFF00, answer(SeriesInstanceUID=SERIES, NumberOfSeriesRelatedInstances=2))
    with pytest.raises(PeerError, match="without an end"):
        ask(*[one] * 6)


def asked_of(
    question: Callable[[Peer], Any], *answers: tuple[int, Dataset | None]
) -> tuple[Any, Dataset]:
    """Ask a peer that answers so; what came of it, and what it was asked."""
    asked: list[Dataset] = []

    def handle(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        asked.append(event.identifier)
        yield from answers

    with archive(handle) as peer:
        return question(peer), asked[0]


@pytest.mark.parametrize(
    ("answers", "held"),
    [
        ([], False),
        ([(0xFF00, answer(SOPInstanceUID="1.2.3.4.5"))], True),
        ([(0xFF00, answer(SOPInstanceUID="1.2.3.4.50"))], False),
        ([(0xFF00, answer())], False),
    ],
)
def test_an_instance_is_asked_for_by_all_its_uids(answers: Any, held: bool) -> None:
    found, query = asked_of(lambda peer: find.holds(peer, STUDY, SERIES, "1.2.3.4.5"), *answers)
    assert found == held
    assert (query.QueryRetrieveLevel, query.SOPInstanceUID) == ("IMAGE", "1.2.3.4.5")
    assert (query.StudyInstanceUID, query.SeriesInstanceUID) == (STUDY, SERIES)


@pytest.mark.parametrize(
    ("answers", "patient_ids"),
    [
        ([], set()),
        ([(0xFF00, answer(StudyInstanceUID=STUDY, PatientID="P1 "))], {"P1"}),
        ([(0xFF00, answer(StudyInstanceUID=STUDY))], {""}),
        ([(0xFF00, answer(StudyInstanceUID="1.9", PatientID="P1"))], set()),
    ],
)
def test_a_study_is_asked_for_its_patient(answers: Any, patient_ids: set[str]) -> None:
    found, query = asked_of(lambda peer: find.patient_ids_of_study(peer, STUDY), *answers)
    assert found == patient_ids
    assert query.QueryRetrieveLevel == "STUDY"
    assert "PatientID" in query
