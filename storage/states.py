"""The closed sets of words that rows stand in."""

from enum import StrEnum


class InstanceState(StrEnum):
    """What a stored object is for its SOP Instance UID."""

    CURRENT = "current"  # the one that is processed
    SUPERSEDED = "superseded"  # replaced by a correction of patient or study attributes
    CONFLICT = (
        "conflict"  # other pixels or geometry under the same UID; kept beside, a person decides
    )


class AssociationEnding(StrEnum):
    """How an association ended (PS3.8 section 7)."""

    RELEASED = "released"  # the sender had said all
    ABORTED = "aborted"  # by either side, or the connection was lost


class SeriesState(StrEnum):
    """Where a series stands: receiving -> complete -> accepted | rejected.

    `held` waits for a person, or for instances that agree.
    """

    RECEIVING = "receiving"
    COMPLETE = "complete"
    HELD = "held"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class JobState(StrEnum):
    """Where a job stands: queued -> running -> succeeded | failed | cancelled."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobKind(StrEnum):
    """What a job makes."""

    LOCALISATION = "localisation"  # the foramina of a series, and the report on them
    WITHDRAWAL = "withdrawal"  # a report without coordinates: the earlier one no longer holds


class ObjectKind(StrEnum):
    """What an object of a report is; extras have kinds of their own."""

    REPORT = "report"
    WITHDRAWAL = "withdrawal"
    REJECTION_NOTE = "rejection-note"


class DeliveryState(StrEnum):
    """Where a delivery stands: queued -> sending -> stored -> committed | failed.

    `stored` is what the destination answered to C-STORE, `committed` what it said when it was
    asked. `held` waits for a person (too many reports of one series in a day, or a study that is
    not where it was), `shadow` belongs to a destination that computes and sends nothing,
    `cancelled` was overtaken by a newer report.
    """

    QUEUED = "queued"
    SENDING = "sending"
    STORED = "stored"
    COMMITTED = "committed"
    FAILED = "failed"
    HELD = "held"
    SHADOW = "shadow"
    CANCELLED = "cancelled"


class Confirmation(StrEnum):
    """Who said that a destination holds an object."""

    COMMITMENT = "commitment"  # the destination, by storage commitment (PS3.4 annex J)
    C_FIND = "C-FIND"  # its query peer found the object (PS3.4 annex C)


class RemovalReason(StrEnum):
    """Why a file is deleted."""

    RETENTION = "retention"  # it was kept for as long as the settings say
    ERASURE = "erasure"  # a person asked for it


class NoticeState(StrEnum):
    """Where a notice stands: pending -> raised -> over."""

    PENDING = "pending"  # seen, but not for long enough to be told
    RAISED = "raised"
    OVER = "over"


class Phase(StrEnum):
    """What a message says of a notice."""

    RAISED = "raised"
    REMINDER = "reminder"  # it goes on
    OVER = "over"


class SendState(StrEnum):
    """Where a notice stands on its way to a channel: queued -> sent | failed | dropped."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"  # the condition was over before it could be told, or the channel is gone
