"""Before a report that waited long is sent: is its study where it was?"""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from node import holding
from node.peer import Peer

PEER = Peer("PACS", "127.0.0.1", 104, "FORAMINA")


def delivery(patient_id: str = "P 1", *, released: bool = False) -> Any:
    series = SimpleNamespace(patient_id=patient_id)
    made = SimpleNamespace(study_instance_uid="1.2.3", report=SimpleNamespace(series=series))
    return SimpleNamespace(object=made, released=released)


def why(found: set[str], patient_id: str = "P 1") -> str | None:
    return holding.why_held(PEER, delivery(patient_id), None, lambda *_: found)


@pytest.mark.parametrize(
    ("age_s", "released", "late"), [(60, False, False), (61, False, True), (61, True, False)]
)
def test_what_is_late(age_s: float, released: bool, late: bool) -> None:
    age = timedelta(seconds=age_s)
    assert holding.is_late(delivery(released=released), age, 60) == late


def test_the_same_patient_is_no_reason() -> None:
    assert why({"P 1"}) is None
    assert why({""}, "") is None
    assert why({"P 1"}, " P 1 ") is None


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (set(), "does not have the study"),
        ({"P 2"}, "another PatientID"),
        ({""}, "another PatientID"),
        ({"p 1"}, "another PatientID"),
        ({"P 1", "P 2"}, "2 different PatientIDs"),
    ],
)
def test_everything_else_is_and_names_no_patient(found: set[str], word: str) -> None:
    said = why(found)
    assert said is not None
    assert word in said
    assert "foramina deliveries release" in said
    assert not any(name in said for name in ("P 1", "P 2", "p 1"))
