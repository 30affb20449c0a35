"""Query SCU: asks a peer what it has of a series (C-FIND, PS3.4 annex C)."""

import time
from typing import Final

from pydicom import Dataset
from pynetdicom import build_context
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from node import status
from node.association import no_answer, opened
from node.errors import PeerError
from node.peer import Peer

_PENDING: Final = (0xFF00, 0xFF01)  # PS3.4 table C.4-1
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
    with opened(peer, [build_context(StudyRootQueryRetrieveInformationModelFind)]) as association:
        started = time.monotonic()
        found: list[int] = []
        responses = association.send_c_find(
            _query(study_instance_uid, series_instance_uid),
            StudyRootQueryRetrieveInformationModelFind,
        )
        for answers, (response, identifier) in enumerate(responses, start=1):
            if "Status" not in response:
                raise no_answer(peer, "C-FIND", started, peer.timeout_s)
            if response.Status not in _PENDING:
                _require_success(peer, int(response.Status))
                break
            if answers > _MOST_ANSWERS:
                raise PeerError(f"{peer} answers C-FIND for one series without an end")
            found += _count(identifier, series_instance_uid)
    return max(found, default=None)


def _query(study_instance_uid: str, series_instance_uid: str) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = "SERIES"
    query.StudyInstanceUID = study_instance_uid
    query.SeriesInstanceUID = series_instance_uid
    query.NumberOfSeriesRelatedInstances = None
    return query


def _require_success(peer: Peer, code: int) -> None:
    if code != status.SUCCESS.code:
        raise PeerError(f"{peer} answered C-FIND with {status.describe(code)}", status=code)


def _count(identifier: Dataset | None, series_instance_uid: str) -> list[int]:
    """Read one answer leniently; what is no number, or of another series, is none."""
    if identifier is None:
        return []
    try:
        if identifier.get("SeriesInstanceUID", series_instance_uid) != series_instance_uid:
            return []
        number = int(identifier.NumberOfSeriesRelatedInstances)
    except (AttributeError, TypeError, ValueError):
        return []
    return [number] if 0 < number <= _MOST_INSTANCES else []
