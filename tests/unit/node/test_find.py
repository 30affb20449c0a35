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
