"""What a report of storage commitment says, and what is made of one that says nothing."""

from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pynetdicom.dsutils import decode

from node import commitment
from node.commitment import ReportError
from storage.commitments import Reference

SR = "1.2.840.10008.5.1.4.1.1.88.34"


def item(uid: str, **values: Any) -> Dataset:
    made = Dataset()
    made.ReferencedSOPClassUID = SR
    made.ReferencedSOPInstanceUID = uid
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def event(information: Any, event_type: int = 1) -> Any:
    request = SimpleNamespace(EventTypeID=event_type)
    return SimpleNamespace(request=request, event_information=information)


def information(**values: Any) -> Dataset:
    made = Dataset()
    made.TransactionUID = "2.25.1"
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def test_both_sequences_are_read() -> None:
    said = information(
        ReferencedSOPSequence=[item("1.1")],
        FailedSOPSequence=[item("1.2", FailureReason=0x0112), item("1.3")],
    )
    report = commitment.read_report(event(said, 2))
    assert report.transaction_uid == "2.25.1"
    assert report.holds == {Reference(SR, "1.1")}
    assert report.missing == {Reference(SR, "1.2"): 0x0112, Reference(SR, "1.3"): 0x0110}


@pytest.mark.parametrize("event_type", [1, 2])
def test_what_is_not_there_is_nothing(event_type: int) -> None:
    report = commitment.read_report(event(information(), event_type))
    assert (report.holds, report.missing) == (frozenset(), {})


@pytest.mark.parametrize(
    ("said", "event_type", "code"),
    [(information(), 3, 0x0113), (information(), None, 0x0113), (Dataset(), 1, 0x0114)],
)
def test_what_cannot_be_used_has_a_status(said: Dataset, event_type: Any, code: int) -> None:
    with pytest.raises(ReportError) as error:
        commitment.read_report(event(said, event_type))
    assert error.value.code == code


@given(st.binary(max_size=200))
def test_bytes_that_are_no_report_are_refused_or_read(data: bytes) -> None:
    class Hostile:
        request = SimpleNamespace(EventTypeID=1)

        @property
        def event_information(self) -> Dataset:
            return decode(BytesIO(data), False, True)

    code = 0
    try:
        said = commitment.read_report(Hostile()).transaction_uid  # type: ignore[arg-type]
    except ReportError as error:
        said, code = "", error.code
    assert said or code in (0x0114, 0x0115)


def test_reasons_have_words() -> None:
    assert commitment.failure(0x0112) == "0x0112 (no such object instance)"
    assert "does not define" in commitment.failure(0x9999)


def test_only_the_role_of_the_scp_is_granted() -> None:
    (context,) = commitment.contexts()
    assert context.abstract_syntax == "1.2.840.10008.1.20.1"
    assert (context.scu_role, context.scp_role) == (False, True)
