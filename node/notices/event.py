"""The kinds of conditions that people are told of."""

from enum import StrEnum


class Event(StrEnum):
    """What a notice is about; each has a template of this name."""

    JOB_FAILED = "job-failed"  # for good
    SERIES_HELD = "series-held"  # until a person decides
    DELIVERY_FAILED = "delivery-failed"  # for good
    DELIVERY_HELD = "delivery-held"  # until a person decides
    DESTINATION_DOWN = "destination-down"
    JOBS_WAITING = "jobs-waiting"  # no worker takes them
    DISK_LOW = "disk-low"
    JOURNAL_DAMAGED = "journal-damaged"
    INSTANCES_ASIDE = "instances-aside"  # received, and not filed

    @property
    def lasts(self) -> bool:
        """Tell what is seen by looking from what a row says."""
        return self not in _OF_ROWS


_OF_ROWS = frozenset(
    {Event.JOB_FAILED, Event.SERIES_HELD, Event.DELIVERY_FAILED, Event.DELIVERY_HELD}
)
