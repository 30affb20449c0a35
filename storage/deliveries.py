"""The second queue: one object for one destination, so that a dead PACS repeats no inference.

Works as `storage.jobs` does: claim, lease, fencing token, reaper. Functions never commit.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, func, literal, select, true, update
from sqlalchemy.orm import Session, contains_eager, joinedload

from storage import trail
from storage.database import now
from storage.jobs import LeaseLostError
from storage.tables import Delivery, DeliveryState, ObjectKind, Report, ReportObject

WAITING = (DeliveryState.QUEUED, DeliveryState.HELD)
_RETRIABLE = (
    DeliveryState.FAILED, DeliveryState.HELD, DeliveryState.STORED, DeliveryState.COMMITTED
)  # fmt: skip
_OVERTAKEN = "overtaken by a newer state of its series; nothing was sent"
_OF_THE_RESULT = ReportObject.kind.not_in((ObjectKind.WITHDRAWAL, ObjectKind.REJECTION_NOTE))


class DeliveryStateError(Exception):
    """The delivery's state does not allow what was asked; the message is for an administrator."""


def enqueue(
    session: Session,
    made: ReportObject,
    destination: str,
    state: DeliveryState = DeliveryState.QUEUED,
    error: str | None = None,
) -> Delivery | None:
    """Queue an object for a destination; None when it already is, or was, on its way there.

    One that was cancelled goes back into the queue when its object may be sent again. An object
    that may not be sent gets a cancelled row, so that its fate can be seen.
    """
    if not made.current:
        state, error = DeliveryState.CANCELLED, _why_not(made)
    moment = now(session)
    existing = session.scalars(
        select(Delivery)
        .where(Delivery.object_id == made.id, Delivery.destination == destination)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if existing is None:
        existing = Delivery(
            object_id=made.id, destination=destination, attempts=0, fencing_token=0,
            created_at=moment, queued_at=moment, offered=False, checks=0, losses=0, released=False,
        )  # fmt: skip
        session.add(existing)
    elif existing.state != DeliveryState.CANCELLED or not made.current:
        return None
    existing.state = state
    existing.error = error
    existing.attempts = existing.losses = 0
    existing.released = False
    existing.queued_at = existing.not_before = moment
    existing.finished_at = moment if state == DeliveryState.CANCELLED else None
    session.flush()
    return existing


def claim(session: Session, destination: str, lease_s: float) -> Delivery | None:
    """Take the delivery to `destination` that has waited longest, or None.

    One UPDATE, as `storage.jobs.claim`. `delivery.object`, its report and series are loaded.
    """
    moment = now(session)
    waiting = (
        select(Delivery.id)
        .where(
            Delivery.destination == destination,
            # Written out: SQLite takes a partial index only where the text implies its condition.
            Delivery.state == literal(DeliveryState.QUEUED.value, literal_execute=True),
            Delivery.not_before <= moment,
        )
        .order_by(Delivery.not_before, Delivery.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    statement = (
        update(Delivery)
        .where(Delivery.id == waiting, Delivery.state == DeliveryState.QUEUED)
        .values(
            state=DeliveryState.SENDING,
            attempts=Delivery.attempts + 1,
            offered=True,
            fencing_token=Delivery.fencing_token + 1,
            lease_expires_at=moment + timedelta(seconds=lease_s),
        )
        .returning(Delivery)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    delivery = session.scalars(statement).one_or_none()
    if delivery is not None:
        session.refresh(delivery, ["object"])
        session.refresh(delivery.object, ["report"])
        session.refresh(delivery.object.report, ["series"])
    return delivery


def stored(
    session: Session,
    delivery_id: int,
    token: int,
    dimse_status: int,
    check_after_s: float | None = None,
) -> None:
    """Finish the sending: the destination has answered that it stores the object.

    Args:
        session: a write transaction.
        delivery_id, token: of the claim.
        dimse_status: what it answered.
        check_after_s: when it is asked whether it holds the object; None: nobody can be asked.

    Raises:
        LeaseLostError: somebody else is sending it by now.
    """
    delivery = leased(session, delivery_id, token)
    finish(session, delivery, DeliveryState.STORED, None)
    delivery.dimse_status = dimse_status
    delivery.stored_at = moment = now(session)
    delivery.checks = 0
    delivery.confirmed_by = None
    if check_after_s is not None:
        delivery.check_at = moment + timedelta(seconds=check_after_s)
        delivery.finished_at = None
    session.flush()
    trail.sent(session, delivery)


def failed(
    session: Session,
    delivery_id: int,
    token: int,
    error: str,
    *,
    dimse_status: int | None = None,
    retry: bool,
    delay_s: float,
) -> DeliveryState:
    """End an attempt that failed: queued again after `delay_s`, or failed for good.

    An object that was overtaken meanwhile is cancelled instead of sent again.

    Raises:
        LeaseLostError: somebody else is sending it by now.
    """
    delivery = leased(session, delivery_id, token)
    delivery.dimse_status = dimse_status
    if not retry:
        finish(session, delivery, DeliveryState.FAILED, error)
        trail.sent(session, delivery)
        return DeliveryState.FAILED
    return requeue(session, delivery, error, delay_s)


def reap(session: Session) -> int:
    """Put back deliveries whose lease has run out; how many."""
    expired = session.scalars(
        select(Delivery)
        .where(Delivery.state == DeliveryState.SENDING, Delivery.lease_expires_at < now(session))
        .order_by(Delivery.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    for delivery in expired:
        requeue(session, delivery, "the sender died or hung before the answer came", 0.0)
    return len(expired)


def retry(session: Session, delivery_id: int) -> Delivery:
    """Queue a failed, held, stored or committed delivery again, with all its attempts.

    Raises:
        DeliveryStateError: there is no such delivery, or its state does not allow it.
    """
    return again(session, delivery_id, _RETRIABLE, "a failed, held, stored or committed one")


def again(
    session: Session, delivery_id: int, states: Sequence[DeliveryState], which: str
) -> Delivery:
    """Queue a delivery again, with all its attempts, if it is in one of some states.

    Raises:
        DeliveryStateError: there is no such delivery, or it is not; `which` says what could be.
    """
    delivery = session.get(Delivery, delivery_id, with_for_update=True, populate_existing=True)
    if delivery is None:
        raise DeliveryStateError(f"there is no delivery {delivery_id}")
    if delivery.state not in states:
        raise DeliveryStateError(
            f"delivery {delivery_id} is {delivery.state}: only {which} can be sent again"
        )
    if not delivery.object.current:
        raise DeliveryStateError(f"delivery {delivery_id}: {_why_not(delivery.object)}")
    delivery.state = DeliveryState.QUEUED
    delivery.attempts = delivery.losses = 0
    delivery.queued_at = delivery.not_before = now(session)
    delivery.error = delivery.finished_at = delivery.dimse_status = None
    delivery.check_at = delivery.confirmed_by = None
    delivery.released = False
    session.flush()
    return delivery


def overtake(
    session: Session,
    series_id: int,
    reason: str,
    *,
    keep: int | None = None,
    withdrawals: bool = False,
) -> int:
    """Mark the reports of a series as not current, and stop their objects; how many were waiting.

    Args:
        session: with the series locked.
        series_id: whose reports.
        reason: what overtakes them.
        keep: a report that stays; of its objects only withdrawals are stopped.
        withdrawals: whether withdrawals and rejection notes are stopped too, because something
            that is sent now says as much.
    """
    ids = list(session.scalars(select(Report.id).where(Report.series_id == series_id)))
    others = [each for each in ids if each != keep]
    session.execute(
        update(Report)
        .where(Report.id.in_(others))
        .values(current=False)
        .execution_options(synchronize_session="fetch")
    )
    why = f"overtaken: {reason}"
    count = _stop(session, others, true() if withdrawals else _OF_THE_RESULT, why)
    if withdrawals and keep is not None:
        count += _stop(session, [keep], ReportObject.kind == ObjectKind.WITHDRAWAL, why)
    return count


def stop(session: Session, report_id: int, why: str) -> int:
    """Send the objects of a report no more, and cancel what of them still waits; how many.

    What is being sent at this moment cannot be called back; it is not repeated. Withdrawals and
    rejection notes go on.
    """
    return _stop(session, [report_id], _OF_THE_RESULT, why)


def get(session: Session, delivery_id: int) -> Delivery | None:
    """Give one delivery, or None."""
    return session.get(Delivery, delivery_id)


def listing(
    session: Session,
    *,
    state: str | None = None,
    destination: str | None = None,
    limit: int = 100,
    after_id: int | None = None,
) -> list[Delivery]:
    """List deliveries with their objects and reports, newest first."""
    query = (
        select(Delivery)
        .options(joinedload(Delivery.object).joinedload(ReportObject.report))
        .order_by(Delivery.id.desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(Delivery.state == state)
    if destination is not None:
        query = query.where(Delivery.destination == destination)
    if after_id is not None:
        query = query.where(Delivery.id < after_id)
    return list(session.scalars(query))


def by_report(session: Session, report_id: int) -> list[Delivery]:
    """Give the deliveries of all objects of one report, oldest first."""
    query = (
        select(Delivery)
        .join(Delivery.object)
        .options(contains_eager(Delivery.object))
        .where(ReportObject.report_id == report_id)
        .order_by(Delivery.id)
    )
    return list(session.scalars(query))


def counts(session: Session) -> dict[str, int]:
    """Count deliveries per state; every state has its number."""
    found = {
        state: number
        for state, number in session.execute(
            select(Delivery.state, func.count()).group_by(Delivery.state)
        )
    }
    return {state.value: found.get(state.value, 0) for state in DeliveryState}


def leased(session: Session, delivery_id: int, token: int) -> Delivery:
    """Lock a delivery that is being sent with a fencing token.

    Raises:
        LeaseLostError: somebody else is sending it by now.
    """
    delivery = session.get(Delivery, delivery_id, with_for_update=True, populate_existing=True)
    if (
        delivery is None
        or delivery.state != DeliveryState.SENDING
        or delivery.fencing_token != token
    ):
        stands = f"{delivery.state}, token {delivery.fencing_token}" if delivery else "gone"
        raise LeaseLostError(
            f"delivery {delivery_id}: expected to be sending it with token {token}, "
            f"but it is {stands}"
        )
    return delivery


def _stop(session: Session, report_ids: Sequence[int], which: ColumnElement[bool], why: str) -> int:
    session.execute(
        update(ReportObject)
        .where(ReportObject.report_id.in_(report_ids), which)
        .values(current=False)
        .execution_options(synchronize_session="fetch")
    )
    waiting = session.scalars(
        select(Delivery)
        .join(Delivery.object)
        .where(ReportObject.report_id.in_(report_ids), which, Delivery.state.in_(WAITING))
        .order_by(Delivery.id)
        .with_for_update(of=Delivery)
        .execution_options(populate_existing=True)
    ).all()
    for delivery in waiting:
        finish(session, delivery, DeliveryState.CANCELLED, why)
    return len(waiting)


def _why_not(made: ReportObject) -> str:
    """Say why an object may not be sent."""
    if made.report.withdrawn:
        return f"withdrawn: {made.report.withdrawn}"
    if made.report.dispute and made.report.current:
        return f"not sent: {made.report.dispute['reason']}"
    return _OVERTAKEN


def finish(session: Session, delivery: Delivery, state: DeliveryState, error: str | None) -> None:
    """Let nothing more happen to a locked delivery by itself."""
    delivery.state = state
    delivery.error = error
    delivery.lease_expires_at = delivery.check_at = None
    delivery.finished_at = now(session)
    session.flush()


def requeue(session: Session, delivery: Delivery, error: str, delay_s: float) -> DeliveryState:
    """Let a locked delivery be sent again after a while; one that was overtaken is cancelled."""
    if not session.get_one(ReportObject, delivery.object_id, populate_existing=True).current:
        finish(session, delivery, DeliveryState.CANCELLED, f"overtaken after: {error}")
        return DeliveryState.CANCELLED
    delivery.state = DeliveryState.QUEUED
    delivery.error = error
    delivery.lease_expires_at = delivery.check_at = None
    delivery.not_before = now(session) + timedelta(seconds=delay_s)
    session.flush()
    return DeliveryState.QUEUED
