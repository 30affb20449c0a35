"""Storage Commitment Push Model (PS3.4 annex J): as SCU in full, as SCP only to say no.

As SCU this node asks peers to commit to what it sent them (N-ACTION), and takes their answer
(N-EVENT-REPORT) on the same association or on one that they open, maybe days later, proposing the
SCP role for themselves. An answer is acknowledged only when it is in the database.

The node is no archive: whoever asks it to commit is refused at once, or scanners would delete
images that nobody keeps for them (docs/decisions/0013-commitment.md).
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import Association, build_context, evt
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from node import status
from node.association import Handler, no_answer, opened
from node.errors import ForaminaError, PeerError
from node.peer import Interrupt, Peer
from node.receiver.contexts import storage_commitment
from storage import commitments
from storage.commitments import Reference
from storage.database import Database
from storage.identifiers import validated_uid

logger = structlog.get_logger(__name__)

_REQUEST: Final = 1  # Action Type ID, PS3.4 section J.3.2
_SUCCESSFUL, _FAILURES_EXIST = 1, 2  # Event Type IDs, PS3.4 section J.3.3
_ACTION_STATUSES: Final = "PS3.7 section 10.1.4.1.10"
_NOT_AUTHORIZED: Final = 0x0124
_NO_SUCH_EVENT_TYPE: Final = 0x0113
_NO_SUCH_ARGUMENT: Final = 0x0114
_INVALID_ARGUMENT: Final = 0x0115
_REFUSAL: Final = "no archive: commits to nothing; keep the images"
_TRANSIENT: Final = (0x0110, 0x0210, 0x0213)  # PS3.7 C.5.21, C.5.9, C.5.22
_POLL_S: Final = 0.02

NO_SUCH_OBJECT: Final = 0x0112
CLASS_CONFLICT: Final = 0x0119
CLASS_NOT_SUPPORTED: Final = 0x0122
_REASONS: Final = {
    0x0110: "processing failure",
    NO_SUCH_OBJECT: "no such object instance",
    CLASS_CONFLICT: "class / instance conflict",
    CLASS_NOT_SUPPORTED: "referenced SOP Class not supported",
    0x0131: "duplicate transaction UID",
    0x0213: "resource limitation",
}


def failure(reason: int) -> str:
    """Give a Failure Reason (PS3.3 section C.14.1.1) in words."""
    return f"0x{reason:04X} ({_REASONS.get(reason, 'a reason that DICOM does not define')})"


@dataclass(frozen=True, slots=True)
class Report:
    """What a peer reports of a request: what it holds, and what not, with the reasons."""

    transaction_uid: str
    holds: frozenset[Reference]
    missing: dict[Reference, int]


class ReportError(ForaminaError):
    """A report cannot be used; carries the status that says why."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def request(
    peer: Peer,
    transaction_uid: str,
    references: Sequence[Reference],
    *,
    database: Database,
    wait_s: float,
    answer_s: float,
    interrupt: Interrupt | None = None,
) -> None:
    """Ask a peer to commit to objects (N-ACTION), and wait a while for its report.

    Args:
        peer: who stores the objects.
        transaction_uid: of the request, which stands in the database already.
        references: the objects.
        database: where a report is recorded.
        wait_s: how long the association stays open for a report on it.
        answer_s: how long a later report is waited for.
        interrupt: lets another thread end it.

    Raises:
        ContextRefusedError: the peer offers no storage commitment.
        PeerError: it did not answer, or refused; the request counts for nothing.
    """
    reported = threading.Event()

    def on_report(event: evt.Event) -> Dataset:
        answer = _on_event_report(event, lambda: database)
        reported.set()
        return answer

    handlers: list[Handler] = [(evt.EVT_N_EVENT_REPORT, _with_reply(on_report))]
    syntaxes = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
    contexts = [build_context(StorageCommitmentPushModel, syntaxes)]
    with opened(peer, contexts, interrupt, handlers) as association:
        _require_success(peer, _send(association, peer, _action(transaction_uid, references)))
        with database.begin() as session:
            commitments.accepted(session, transaction_uid, answer_s)
        deadline = time.monotonic() + wait_s
        while association.is_established and time.monotonic() < deadline:
            if reported.wait(_POLL_S):
                return


def contexts() -> list[PresentationContext]:
    """Make the presentation contexts that an acceptor needs for reports."""
    return [storage_commitment()]


def handlers(opened_database: Callable[[], Database]) -> list[Handler]:
    """Make the handlers of an acceptor: reports are recorded, requests are refused.

    Args:
        opened_database: gives the database, at the first report and at each one after it.
    """

    def on_report(event: evt.Event) -> Dataset:
        return _on_event_report(event, opened_database)

    return [
        (evt.EVT_N_EVENT_REPORT, _with_reply(on_report)),
        (evt.EVT_N_ACTION, _with_reply(_on_action)),
    ]


def read_report(event: evt.Event) -> Report:
    """Read the event information of an N-EVENT-REPORT (PS3.4 table J.3-2), leniently.

    Raises:
        ReportError: there is no such event type, no Transaction UID, or no data set.
    """
    if event.request.EventTypeID not in (_SUCCESSFUL, _FAILURES_EXIST):
        raise ReportError(_NO_SUCH_EVENT_TYPE, "EventTypeID is neither 1 nor 2")
    try:
        information = event.event_information
        transaction_uid = str(information.get("TransactionUID") or "")
        holds = [_reference(item) for item in information.get("ReferencedSOPSequence") or []]
        missing = {
            _reference(item): _reason(item) for item in information.get("FailedSOPSequence") or []
        }
    except Exception as error:
        # The boundary towards the network: pydicom raises what it likes on malformed data sets.
        message = f"the event information cannot be read ({type(error).__name__})"
        raise ReportError(_INVALID_ARGUMENT, message) from error
    if not transaction_uid:
        raise ReportError(_NO_SUCH_ARGUMENT, "there is no TransactionUID")
    return Report(transaction_uid, frozenset(holds), missing)


def _reference(item: Dataset) -> Reference:
    return Reference(
        str(item.get("ReferencedSOPClassUID") or ""),
        str(item.get("ReferencedSOPInstanceUID") or ""),
    )


def _reason(item: Dataset) -> int:
    value = item.get("FailureReason")
    return value if isinstance(value, int) else 0x0110


def _on_event_report(event: evt.Event, opened_database: Callable[[], Database]) -> Dataset:
    """Record a report; success is answered only after the commit."""
    peer = event.assoc.remote
    log = logger.bind(peer_ae_title=peer["ae_title"], peer_host=peer["address"])
    try:
        report = read_report(event)
        validated_uid(report.transaction_uid)
        with opened_database().begin() as session:
            answered = commitments.answer(
                session,
                report.transaction_uid,
                report.holds,
                report.missing,
                answered_by=str(peer["ae_title"]),
            )
    except ReportError as error:
        log.warning("commitment report refused", reason=str(error))
        return _answer(error.code, str(error))
    except ValueError as error:  # no UID
        log.warning("commitment report refused", reason=str(error))
        return _answer(_INVALID_ARGUMENT, "TransactionUID is no UID")
    except Exception as error:
        # The boundary towards the network: the peer keeps its report, and sends it again.
        log.error(
            "commitment report not recorded",
            error=type(error).__name__,
            reason=status.reason(error),
            origin=status.origin(error),
        )
        return _answer(status.PROCESSING_FAILURE.code, "not recorded; send it again")
    if answered is None:
        log.warning("commitment report of an unknown transaction", uid=report.transaction_uid)
        return _answer(_INVALID_ARGUMENT, "TransactionUID is not of this node")
    log.info(
        "commitment reported",
        transaction_uid=report.transaction_uid,
        destination=answered.destination,
        held=answered.held,
        missing=answered.missing,
        unnamed=answered.unnamed,
    )
    return _answer(status.SUCCESS.code)


def _on_action(event: evt.Event) -> Dataset:
    """Refuse to commit: what this node keeps, it may delete."""
    logger.warning(
        "storage commitment refused: this node is no archive; let the sender ask its PACS",
        calling_ae_title=event.assoc.requestor.ae_title,
        calling_host=event.assoc.requestor.address,
    )
    return _answer(_NOT_AUTHORIZED, _REFUSAL)


def _with_reply(
    handler: Callable[[evt.Event], Dataset],
) -> Callable[[evt.Event], tuple[Dataset, None]]:
    """Add that there is no action reply and no event reply."""
    return lambda event: (handler(event), None)


def _answer(code: int, comment: str = "") -> Dataset:
    answer = Dataset()
    answer.Status = code
    if comment:
        answer.ErrorComment = comment[: status.COMMENT_LENGTH]
    return answer


def _action(transaction_uid: str, references: Sequence[Reference]) -> Dataset:
    """Make the action information of a request (PS3.4 table J.3-1)."""
    items = []
    for reference in references:
        item = Dataset()
        item.ReferencedSOPClassUID = reference.sop_class_uid
        item.ReferencedSOPInstanceUID = reference.sop_instance_uid
        items.append(item)
    information = Dataset()
    information.TransactionUID = transaction_uid
    information.ReferencedSOPSequence = items
    return information


def _send(association: Association, peer: Peer, information: Dataset) -> int:
    started = time.monotonic()
    try:
        response, _ = association.send_n_action(
            information, _REQUEST, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
    except RuntimeError as error:  # the peer ended the association meanwhile
        raise no_answer(peer, "N-ACTION", started, peer.timeout_s) from error
    if "Status" not in response:
        raise no_answer(peer, "N-ACTION", started, peer.timeout_s)
    return int(response.Status)


def _require_success(peer: Peer, code: int) -> None:
    if code != status.SUCCESS.code:
        raise PeerError(
            f"{peer} refused storage commitment with status 0x{code:04X} ({_ACTION_STATUSES})",
            status=code,
            retry=code in _TRANSIENT,
        )
