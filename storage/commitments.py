"""Requests for storage commitment, and what was answered: maybe days later, maybe never.

A request is written before it is sent. Its Transaction UID is random, and whoever answers must
know it. Functions never commit.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload

from storage import deliveries
from storage.columns import AE_TITLE
from storage.database import now
from storage.states import Confirmation, DeliveryState
from storage.tables import Commitment, CommitmentItem, Delivery

_CONFIRMABLE = (DeliveryState.STORED, DeliveryState.FAILED)


@dataclass(frozen=True, slots=True)
class Reference:
    """An object by its UIDs, as storage commitment names it (PS3.3 table 10-11)."""

    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer was worth.

    Attributes:
        destination: whom the request was sent to.
        held: objects that are held, by this answer.
        missing: objects that are not.
        unnamed: objects that were asked about, and of which nothing was ever said.
    """

    destination: str
    held: int
    missing: int
    unnamed: int


def ask(
    session: Session,
    destination: str,
    transaction_uid: str,
    delivery_ids: Sequence[int],
    lease_s: float,
) -> None:
    """Write a request down; unless it is `accepted` within `lease_s`, it is made anew."""
    moment = now(session)
    row = Commitment(transaction_uid=transaction_uid, destination=destination, asked_at=moment)
    row.items = [CommitmentItem(delivery_id=each, judged=False) for each in sorted(delivery_ids)]
    session.add(row)
    session.flush()
    for each in sorted(delivery_ids):
        delivery = session.get_one(Delivery, each, with_for_update=True, populate_existing=True)
        if delivery.state == DeliveryState.STORED:
            delivery.check_at = moment + timedelta(seconds=lease_s)
    session.flush()


def accepted(session: Session, transaction_uid: str, answer_s: float) -> None:
    """Note that the peer has taken the request; what has no answer yet waits for it so long."""
    moment = now(session)
    row = session.scalars(
        select(Commitment)
        .where(Commitment.transaction_uid == transaction_uid)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    row.accepted_at = moment
    for item in sorted(row.items, key=lambda each: each.delivery_id):
        if item.holds is None:
            delivery = session.get_one(
                Delivery, item.delivery_id, with_for_update=True, populate_existing=True
            )
            if delivery.check_at is not None and _is_of_this_storing(row, delivery):
                delivery.check_at = moment + timedelta(seconds=answer_s)
    session.flush()


def latest(session: Session, delivery_ids: Collection[int]) -> dict[int, CommitmentItem]:
    """Give the newest request of each delivery, with what was said, by the delivery's id."""
    newest = (
        select(func.max(CommitmentItem.id))
        .where(CommitmentItem.delivery_id.in_(delivery_ids))
        .group_by(CommitmentItem.delivery_id)
    )
    query = (
        select(CommitmentItem)
        .options(joinedload(CommitmentItem.commitment))
        .where(CommitmentItem.id.in_(newest))
    )
    return {item.delivery_id: item for item in session.scalars(query)}


def judge(session: Session, item_ids: Collection[int]) -> None:
    """Note that what was said has had its consequence."""
    session.execute(
        update(CommitmentItem)
        .where(CommitmentItem.id.in_(item_ids))
        .values(judged=True)
        .execution_options(synchronize_session=False)  # what was read stays as it was read
    )


def answer(
    session: Session,
    transaction_uid: str,
    holds: Collection[Reference],
    missing: Mapping[Reference, int],
    answered_by: str = "",
) -> Answered | None:
    """Record what a peer says of a request; None: no such request was ever made.

    What is held is committed in the same transaction. What is missing is only noted: what
    follows is decided by who asked. An object that is said to be both is missing. Asked
    before the object was stored for the last time, an answer may be about an earlier storing,
    and commits nothing.

    Args:
        session: a write transaction.
        transaction_uid: of the request.
        holds: what the peer holds.
        missing: what it does not, with the reasons (PS3.3 section C.14.1.1).
        answered_by: AE title of the peer.
    """
    row = session.scalars(
        select(Commitment)
        .where(Commitment.transaction_uid == transaction_uid)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        return None
    if row.answered_at is None:
        row.answered_at = now(session)
        row.answered_by = answered_by[: AE_TITLE.length]
    counts = {"held": 0, "missing": 0, "unnamed": 0}
    for item in sorted(row.items, key=lambda each: each.delivery_id):
        delivery = session.get_one(
            Delivery, item.delivery_id, with_for_update=True, populate_existing=True
        )
        made = delivery.object
        named = Reference(made.sop_class_uid, made.sop_instance_uid)
        if named in missing:
            counts["missing"] += 1
            _missing(session, row, item, delivery, missing[named])
        elif named in holds:
            counts["held"] += 1
            _held(session, row, item, delivery)
        else:
            counts["unnamed"] += item.holds is None
    session.flush()
    return Answered(row.destination, **counts)


def _held(session: Session, row: Commitment, item: CommitmentItem, delivery: Delivery) -> None:
    item.holds, item.failure_reason, item.judged = True, None, True
    if delivery.state in _CONFIRMABLE and _is_of_this_storing(row, delivery):
        deliveries.finish(session, delivery, DeliveryState.COMMITTED, None)
        delivery.confirmed_by = Confirmation.COMMITMENT


def _missing(
    session: Session, row: Commitment, item: CommitmentItem, delivery: Delivery, reason: int
) -> None:
    if item.holds is False and item.failure_reason == reason:
        return  # the peer says it once more: it did not get the response
    item.holds, item.failure_reason, item.judged = False, reason, False
    newest = latest(session, [delivery.id])[delivery.id]
    waits = delivery.state == DeliveryState.STORED and delivery.check_at is not None
    if waits and newest.id == item.id and _is_of_this_storing(row, delivery):
        delivery.check_at = now(session)


def _is_of_this_storing(row: Commitment, delivery: Delivery) -> bool:
    return delivery.stored_at is not None and row.asked_at >= delivery.stored_at
