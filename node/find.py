"""Query SCU: asks a peer what it has (C-FIND, PS3.4 annex C), one question per association."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Final

from pydicom import Dataset
from pynetdicom import Association, build_context
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from node import status
from node.association import no_answer, opened
from node.errors import PeerError
from node.peer import Interrupt, Peer

_PENDING: Final = (0xFF00, 0xFF01)  # PS3.4 table C.4-1
_FAILURES: Final = (
    (range(0x0122, 0x0123), "SOP Class not supported"),
    (range(0x0124, 0x0125), "not authorized"),
    (range(0xA700, 0xA800), "out of resources"),
    (range(0xA900, 0xAA00), "Identifier does not match SOP Class"),
    (range(0xC000, 0xD000), "unable to process"),
    (range(0xFE00, 0xFE01), "cancelled"),
)
_MOST_ANSWERS: Final = 1000
_MOST_INSTANCES: Final = 10**6


def instances_of_series(
    peer: Peer, study_instance_uid: str, series_instance_uid: str
) -> int | None:
    """Ask how many instances of a series a peer has (NumberOfSeriesRelatedInstances).

    Returns:
        None when it does not know the series, or does not count (the key is optional, PS3.4 table
        C.6-3).

    Raises:
        PeerError: it did not answer, or refused.
    """
    query = _query("SERIES", study_instance_uid, SeriesInstanceUID=series_instance_uid)
    query.NumberOfSeriesRelatedInstances = None
    with _asking(peer) as association:
        found = [
            number
            for identifier in _answers(association, peer, query)
            for number in _count(identifier, series_instance_uid)
        ]
    return max(found, default=None)


def holds(
    peer: Peer,
    study_instance_uid: str,
    series_instance_uid: str,
    sop_instance_uid: str,
    interrupt: Interrupt | None = None,
) -> bool:
    """Ask whether a peer has an instance, in the study and series where it was sent to.

    Raises:
        PeerError: it did not answer, or refused.
    """
    query = _query(
        "IMAGE",
        study_instance_uid,
        SeriesInstanceUID=series_instance_uid,
        SOPInstanceUID=sop_instance_uid,
    )
    with _asking(peer, interrupt) as association:
        found = {
            str(identifier.get("SOPInstanceUID", ""))
            for identifier in _answers(association, peer, query)
        }
    return sop_instance_uid in found


def patient_ids_of_study(
    peer: Peer, study_instance_uid: str, interrupt: Interrupt | None = None
) -> set[str]:
    """Ask under which PatientIDs a peer has a study, without leading and trailing spaces.

    Returns:
        None at all: the peer does not have the study. An empty one: it does not tell.

    Raises:
        PeerError: it did not answer, or refused.
    """
    query = _query("STUDY", study_instance_uid)
    query.PatientID = None
    with _asking(peer, interrupt) as association:
        return {
            str(identifier.get("PatientID") or "").strip()
            for identifier in _answers(association, peer, query)
            if identifier.get("StudyInstanceUID", study_instance_uid) == study_instance_uid
        }


def _asking(peer: Peer, interrupt: Interrupt | None = None) -> AbstractContextManager[Association]:
    contexts = [build_context(StudyRootQueryRetrieveInformationModelFind)]
    return opened(peer, contexts, interrupt)


def _answers(association: Association, peer: Peer, query: Dataset) -> Iterator[Dataset]:
    """Ask, and give the identifiers that are found; one that cannot be read is left out."""
    started = time.monotonic()
    responses = association.send_c_find(query, StudyRootQueryRetrieveInformationModelFind)
    for answers, (response, identifier) in enumerate(responses, start=1):
        if "Status" not in response:
            raise no_answer(peer, "C-FIND", started, peer.timeout_s)
        if response.Status not in _PENDING:
            _require_success(peer, int(response.Status))
            return
        if answers > _MOST_ANSWERS:
            raise PeerError(f"{peer} answers one C-FIND without an end")
        if identifier is not None:
            yield identifier


def _query(level: str, study_instance_uid: str, **unique_keys: str) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = level
    query.StudyInstanceUID = study_instance_uid
    for keyword, value in unique_keys.items():
        setattr(query, keyword, value)
    return query


def _require_success(peer: Peer, code: int) -> None:
    if code != status.SUCCESS.code:
        name = next((words for codes, words in _FAILURES if code in codes), "not defined by DICOM")
        raise PeerError(
            f"{peer} answered C-FIND with status 0x{code:04X} ({name}; PS3.4 table C.4-1); see the "
            "peer's log",
            status=code,
        )


def _count(identifier: Dataset, series_instance_uid: str) -> list[int]:
    """Read one answer leniently; what is no number, or of another series, is none."""
    try:
        if identifier.get("SeriesInstanceUID", series_instance_uid) != series_instance_uid:
            return []
        number = int(identifier.NumberOfSeriesRelatedInstances)
    except (AttributeError, TypeError, ValueError):
        return []
    return [number] if 0 < number <= _MOST_INSTANCES else []
