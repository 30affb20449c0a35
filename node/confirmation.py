"""Does the destination hold what it stored? Asked again and again, until it says so or is lost.

A C-STORE that was answered with success says that the peer has taken an object, not that it keeps
it. So every object is asked about: by storage commitment where the peer has it, by C-FIND where
it has not. What is not there is sent again; what nobody confirms stays `stored`, and says so.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from node import commitment
from node.backoff import backoff_s
from node.settings import Delivery as Settings
from storage.tables import CommitmentItem, Delivery

NO_COMMITMENT_S: Final = 3600.0
"""A peer that offers no storage commitment is asked for it again after so long."""
_MOST_LOSSES: Final = 3
_DUPLICATE: Final = 0x0111  # PS3.7 C.5.8


class Step(StrEnum):
    """What is done next about an object that was stored."""

    COMMIT = "ask for commitment"
    FIND = "ask by C-FIND"
    WAIT = "ask again later"
    LOST = "send it again"
    FAIL = "fail"
    GIVE_UP = "ask no more"


@dataclass(frozen=True, slots=True)
class Means:
    """By what a destination can be asked at the moment."""

    commitment: bool
    find: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is done next, and why; `delay_s` counts for `WAIT`."""

    step: Step
    why: str = ""
    delay_s: float = 0.0


def judge(
    delivery: Delivery,
    item: CommitmentItem | None,
    means: Means,
    settings: Settings,
    moment: datetime,
) -> Judgement:
    """Decide about one stored object.

    Args:
        delivery: it.
        item: the newest request for its commitment; None: it was never asked for.
        means: how it can be asked about.
        settings: how long to wait for what.
        moment: now.
    """
    stored_at = delivery.stored_at or moment
    if item is not None and item.commitment.asked_at < stored_at:
        item = None  # about an earlier storing
    if moment - stored_at > timedelta(days=settings.horizon_days):
        said = f"; the last: {delivery.error}" if delivery.error else ""
        return Judgement(Step.GIVE_UP, f"not confirmed within {settings.horizon_days:g} days{said}")
    if item is not None and item.holds is False and not item.judged:
        return _refused(delivery, item.failure_reason or 0, means, settings, moment)
    if means.find and delivery.dimse_status == _DUPLICATE:
        return Judgement(Step.FIND)
    unanswered = item is not None and item.holds is None and item.commitment.accepted_at is not None
    if means.commitment and not (unanswered and means.find):
        return Judgement(Step.COMMIT)
    if means.find:
        return Judgement(Step.FIND)
    return Judgement(
        Step.WAIT, "not confirmed: the peer offers no storage commitment", NO_COMMITMENT_S
    )


def _refused(
    delivery: Delivery, reason: int, means: Means, settings: Settings, moment: datetime
) -> Judgement:
    """Decide what follows from a Failure Reason (PS3.3 section C.14.1.1)."""
    said = f"the peer stored it, and answered to storage commitment {commitment.failure(reason)}"
    if reason == commitment.NO_SUCH_OBJECT:
        return missing(delivery, said, settings, moment)
    if reason == commitment.CLASS_CONFLICT:
        return Judgement(
            Step.FAIL, f"{said}: it has another object under this UID; look for it in the peer"
        )
    if reason == commitment.CLASS_NOT_SUPPORTED:
        if means.find:
            return Judgement(Step.FIND)
        return Judgement(Step.GIVE_UP, f"not confirmed: {said}; configure `query` to ask by C-FIND")
    return Judgement(Step.WAIT, f"not confirmed: {said}", delay_s(delivery, settings))


def missing(delivery: Delivery, said: str, settings: Settings, moment: datetime) -> Judgement:
    """Decide about an object that the peer does not know: not yet, or no more."""
    age = moment - (delivery.stored_at or moment)
    if age < timedelta(seconds=settings.settle_s):
        return Judgement(Step.WAIT, f"not confirmed: {said}", delay_s(delivery, settings))
    if delivery.losses < _MOST_LOSSES:
        return Judgement(Step.LOST, f"{said}: lost there, and sent again")
    return Judgement(
        Step.FAIL,
        f"{said}, after it was sent {delivery.losses + 1} times; look at what the peer does with "
        "it, then `foramina deliveries retry`",
    )


def delay_s(delivery: Delivery, settings: Settings) -> float:
    """Give the seconds until an object is asked about again."""
    return backoff_s(delivery.checks, settings.confirm_after_s, settings.retry_delay_max_s)
