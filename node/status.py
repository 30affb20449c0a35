"""Statuses of a C-STORE response: which one this node gives, and what one from a peer means.

As SCP, everything that can go wrong with an instance becomes one row of `STATUSES`. As SCU, the
node asks three things of a status: is the object stored, is it worth sending again, and what has
a person to change. Codes and clauses: PS3.4 table B.2-1, PS3.7 section 9.1.1.1.9 and annex C.
"""

import sys
import traceback
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from node.errors import ForaminaError

COMMENT_LENGTH: Final = 64  # ErrorComment (0000,0902) is of VR LO, PS3.7 table E.1-1


class Outcome(StrEnum):
    """What a response means to the one who sent the object."""

    STORED = "stored"
    RETRY_LATER = "retry later"  # the object is fine, the peer's state is not
    REFUSED = "refused"  # sending the same object again would be refused again


@dataclass(frozen=True, slots=True)
class Status:
    """One row: a code, or the first of a range of codes, with its meaning for this node."""

    code: int
    last_code: int
    name: str
    outcome: Outcome
    clause: str
    remedy: str  # what a person does about it, when a peer answers this
    given: str = ""  # when this node answers it; empty: never

    def __contains__(self, code: int) -> bool:
        return self.code <= code <= self.last_code


_S, _R, _X = Outcome.STORED, Outcome.RETRY_LATER, Outcome.REFUSED
_NO_REMEDY: Final = "nothing to do"

SUCCESS: Final = Status(
    0x0000, 0x0000, "Success", _S, "PS3.4 table B.2-1", _NO_REMEDY,
    "the instance and its record are durable on disk, now or since an earlier transfer",
)  # fmt: skip
PROCESSING_FAILURE: Final = Status(
    0x0110, 0x0110, "Processing failure", _R, "PS3.7 C.5.21",
    "the peer failed for reasons of its own; see the peer's log",
    "an error of this node that nobody foresaw; its log has the trace",
)  # fmt: skip
INVALID_SOP_INSTANCE: Final = Status(
    0x0117, 0x0117, "Invalid SOP Instance", _X, "PS3.7 C.5.12",
    "the peer finds the SOP Instance UID malformed; compare it with PS3.5 section 9",
    "the Affected SOP Instance UID breaks the rules of PS3.5 section 9",
)  # fmt: skip
SOP_CLASS_NOT_SUPPORTED: Final = Status(
    0x0122, 0x0122, "Refused: SOP Class not supported", _X, "PS3.7 C.5.6",
    "the peer does not store this SOP Class; allow it there, then send again",
    "the command names another SOP Class than its presentation context",
)  # fmt: skip
OUT_OF_RESOURCES: Final = Status(
    0xA700, 0xA7FF, "Refused: Out of resources", _R, "PS3.4 table B.2-1, PS3.7 C.5.5",
    "the peer has no room or no database; free space there",
    "the disk or the database of this node refused; the sender may try again later",
)  # fmt: skip
DATA_SET_MISMATCH: Final = Status(
    0xA900, 0xA9FF, "Error: Data Set does not match SOP Class", _X,
    "PS3.4 table B.2-1, PS3.7 C.5.2",
    "the peer finds the object inconsistent; compare it with its IOD, e.g. by dciodvfy",
    "SOPClassUID or SOPInstanceUID of the data set differs from that of the command",
)  # fmt: skip
CANNOT_UNDERSTAND: Final = Status(
    0xC000, 0xCFFF, "Error: Cannot understand", _X, "PS3.4 table B.2-1, PS3.7 C.5.1",
    "the peer cannot read the object; see the peer's log",
    "the data set cannot be parsed, a UID that files it is missing or malformed, or it is larger "
    "than this node takes",
)  # fmt: skip

STATUSES: Final = (
    SUCCESS,
    Status(
        0xB000, 0xBFFF, "Warning", _S, "PS3.4 table B.2-1, PS3.7 annex C",
        "stored, but the peer coerced or discarded elements; compare the object in the peer",
    ),
    Status(0x0001, 0x0001, "Warning", _S, "PS3.7 annex C", _NO_REMEDY),
    Status(0x0107, 0x0107, "Attribute list error", _S, "PS3.7 C.4.2", _NO_REMEDY),
    Status(0x0116, 0x0116, "Attribute Value out of range", _S, "PS3.7 C.4.3", _NO_REMEDY),
    Status(
        0x0111, 0x0111, "Duplicate SOP Instance", _S, "PS3.7 C.5.8",
        # A UID of this node is derived from the content: who has the UID has the bytes.
        "the peer had the object from an earlier transfer",
    ),
    PROCESSING_FAILURE,
    INVALID_SOP_INSTANCE,
    SOP_CLASS_NOT_SUPPORTED,
    Status(
        0x0124, 0x0124, "Refused: Not authorized", _R, "PS3.7 C.5.25",
        "allow this node's AE title and address to store in the peer",
    ),
    Status(
        0x0210, 0x0210, "Duplicate invocation", _R, "PS3.7 C.5.9",
        "the peer mixed up message IDs; the next association starts anew",
    ),
    Status(
        0x0211, 0x0211, "Unrecognized operation", _X, "PS3.7 C.5.23",
        "the peer is no Storage SCP; correct its host, port or AE title",
    ),
    Status(
        0x0212, 0x0212, "Mistyped argument", _X, "PS3.7 C.5.15",
        "the peer and this node disagree on C-STORE itself; report both logs",
    ),
    Status(
        0x0213, 0x0213, "Resource limitation", _R, "PS3.7 C.5.22",
        "the peer is at its limit; wait, or free resources there",
    ),
    OUT_OF_RESOURCES,
    DATA_SET_MISMATCH,
    CANNOT_UNDERSTAND,
)  # fmt: skip
"""Every status that this node gives or expects, once."""

UNKNOWN: Final = Status(
    0x0000, 0xFFFF, "Status that DICOM does not define for C-STORE", _R, "PS3.7 annex C",
    "see the peer's conformance statement",
)  # fmt: skip

GIVEN: Final = tuple(status for status in STATUSES if status.given)
"""The statuses that this node answers as Storage SCP."""


class InstanceRefusedError(ForaminaError):
    """A received instance is not kept; carries the status that says why."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status


def classify(code: int) -> Status:
    """Find the row of a status that a peer gave; `UNKNOWN`, worth a retry, when there is none."""
    return next((status for status in STATUSES if code in status), UNKNOWN)


def describe(code: int) -> str:
    """Give a status in one sentence, with what to do about it."""
    status = classify(code)
    return f"status 0x{code:04X} ({status.name}, {status.clause}): {status.remedy}"


def _database_errors(*names: str) -> tuple[type[Exception], ...]:
    """Give exceptions of SQLAlchemy; none in a process that has not loaded it and raises none."""
    loaded = sys.modules.get("sqlalchemy.exc")
    return tuple(getattr(loaded, name) for name in names) if loaded else ()


_AWAY: Final = ("OperationalError", "InterfaceError", "InternalError")


def of_error(error: Exception) -> Status:
    """Choose the status of an exception that storing an instance raised.

    Whatever a sender can cure by waiting (a full disk, a database that is away) is 0xA7xx, whose
    meaning in PS3.4 is just that; a bug is 0x0110, so that it is not taken for a full disk.
    """
    if isinstance(error, InstanceRefusedError):
        return error.status
    if isinstance(error, (OSError, MemoryError, *_database_errors("TimeoutError", *_AWAY))):
        return OUT_OF_RESOURCES
    if isinstance(error, ValueError):  # storage refuses a UID
        return CANNOT_UNDERSTAND
    return PROCESSING_FAILURE


def reason(error: Exception) -> str:
    """Say what went wrong without patient data, for the log and for the sender.

    Only sentences of this node, of the operating system and of a database that is away are
    repeated; those of other libraries may quote values.
    """
    if isinstance(error, InstanceRefusedError):
        return str(error)
    if isinstance(error, OSError):
        return f"storage: {error.strerror or type(error).__name__}"
    if isinstance(error, _database_errors(*_AWAY)):
        return f"database: {getattr(error, 'orig', None)}"
    return f"{type(error).__name__}; see the log of this node"


def comment(error: Exception) -> str:
    """Make the ErrorComment of a response (VR LO): ASCII, at most 64 characters, no backslash."""
    text = " ".join(reason(error).split()).replace("\\", "/")
    return text.encode("ascii", "replace").decode()[:COMMENT_LENGTH]


def origin(error: Exception) -> list[str]:
    """Tell where an error arose, without its message and variables: they may name a patient."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
