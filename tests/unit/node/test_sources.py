"""Whom a series is asked of, and what silence costs."""

import pytest

from node.completeness import Weight
from node.errors import PeerError
from node.peer import Peer
from node.settings import Source
from node.sources import Sources
from storage.tables import Series

PACS = Source(ae_title="PACS", host="h", port=104, calling_ae_titles=("MR1",))
MR2 = Source(ae_title="MR2", host="h", port=105, timeout_s=2)


class Asked:
    """Answers as told, and keeps what it was asked."""

    def __init__(self, answer: int | PeerError | None) -> None:
        self.answer = answer
        self.calls: list[tuple[Peer, str, str]] = []
        self.now = 0.0

    def __call__(self, peer: Peer, study: str, series: str) -> int | None:
        self.calls.append((peer, study, series))
        if isinstance(self.answer, PeerError):
            raise self.answer
        return self.answer


def series(calling_ae_title: str) -> Series:
    return Series(
        series_instance_uid="1.2.3", study_instance_uid="1.2", calling_ae_title=calling_ae_title
    )


def test_the_source_of_the_sender_is_asked() -> None:
    asked = Asked(20)
    sources = Sources([PACS, MR2], "FORAMINA", asked)
    found = sources.evidence(series("MR1"), 15)
    assert found is not None
    assert (found.weight, found.says) == (Weight.PROOF, "PACS has 20 instances, 15 came")
    assert asked.calls == [(Peer("PACS", "h", 104, "FORAMINA", 5), "1.2", "1.2.3")]
    sources.evidence(series("MR2"), 15)
    assert asked.calls[1][0] == Peer("MR2", "h", 105, "FORAMINA", 2)


@pytest.mark.parametrize("title", ["PACS", "MR3", ""])
def test_for_other_senders_nobody_is_asked(title: str) -> None:
    asked = Asked(20)
    assert Sources([PACS, MR2], "FORAMINA", asked).evidence(series(title), 15) is None
    assert asked.calls == []


def test_a_source_that_does_not_count_proves_nothing() -> None:
    found = Sources([PACS], "FORAMINA", Asked(None)).evidence(series("MR1"), 15)
    assert found is not None
    assert found.weight is Weight.NONE
    assert "does not tell how many" in found.says


def test_a_silent_source_is_left_alone_for_a_minute() -> None:
    asked = Asked(PeerError("PACS did not answer"))
    sources = Sources([PACS], "FORAMINA", asked, lambda: asked.now)
    for _ in range(3):
        found = sources.evidence(series("MR1"), 15)
        assert found is not None
        assert found.weight is Weight.NONE
    assert len(asked.calls) == 1
    asked.now, asked.answer = 61.0, 15
    found = sources.evidence(series("MR1"), 15)
    assert found is not None
    assert found.says == "PACS has 15 instances, no more than came"
