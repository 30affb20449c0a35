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

    `held` waits for a person (too many reports of one series in a day), `shadow` belongs to a
    destination that computes and sends nothing, `cancelled` was overtaken by a newer report.
    """

    QUEUED = "queued"
    SENDING = "sending"
    STORED = "stored"
    COMMITTED = "committed"
    FAILED = "failed"
    HELD = "held"
    SHADOW = "shadow"
    CANCELLED = "cancelled"
