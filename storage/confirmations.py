"""What destinations stored, until they have said that they hold it.

Functions never commit. Each changes a delivery only while it is the storing that was looked at:
one that was sent again meanwhile (its fencing token has risen) is left alone.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from storage import deliveries, trail
from storage.database import now
from storage.states import Confirmation, DeliveryState
from storage.tables import Delivery, Report, ReportObject


def due(session: Session, destination: str, limit: int, lease_s: float) -> list[Delivery]:
    """Take stored deliveries that it is time to ask about; nobody else does within `lease_s`.

    `delivery.object`, its report and series are loaded.
    """
    moment = now(session)
    ids = session.scalars(
        select(Delivery.id)
        .where(
            Delivery.destination == destination,
            Delivery.state == DeliveryState.STORED,
            Delivery.check_at <= moment,
        )
        .order_by(Delivery.check_at, Delivery.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if not ids:
        return []
    source = joinedload(Delivery.object).joinedload(ReportObject.report).joinedload(Report.series)
    found = session.scalars(
        select(Delivery)
        .options(source)
        .where(Delivery.id.in_(ids))
        .order_by(Delivery.id)
        .execution_options(populate_existing=True)
    ).all()
    for delivery in found:
        delivery.check_at = moment + timedelta(seconds=lease_s)
        delivery.checks += 1
    session.flush()
    return list(found)


def confirm(session: Session, seen: Delivery, by: Confirmation) -> bool:
    """Record that the destination holds the object; False: the delivery has moved on."""
    delivery = _same(session, seen)
    if delivery is None:
        return False
    deliveries.finish(session, delivery, DeliveryState.COMMITTED, None)
    delivery.confirmed_by = by
    session.flush()
    return True


def postpone(session: Session, seen: Delivery, why: str, delay_s: float) -> None:
    """Ask again later; what is known so far stays for people to read."""
    delivery = _same(session, seen)
    if delivery is not None:
        delivery.error = why
        delivery.check_at = now(session) + timedelta(seconds=delay_s)
        session.flush()


def give_up(session: Session, seen: Delivery, why: str) -> None:
    """Ask no more: the object stays stored, and nobody has said that it is held."""
    delivery = _same(session, seen)
    if delivery is not None:
        deliveries.finish(session, delivery, DeliveryState.STORED, why)


def fail(session: Session, seen: Delivery, why: str) -> None:
    """End a delivery that was stored and is not held, and that sending again would not mend."""
    delivery = _same(session, seen)
    if delivery is not None:
        deliveries.finish(session, delivery, DeliveryState.FAILED, why)
        trail.sent(session, delivery)


def lose(session: Session, seen: Delivery, why: str) -> DeliveryState | None:
    """Send again what was stored and is not held; None: the delivery has moved on."""
    delivery = _same(session, seen)
    if delivery is None:
        return None
    delivery.losses += 1
    delivery.attempts = 0
    delivery.queued_at = now(session)
    return deliveries.requeue(session, delivery, why, 0.0)


def unasked(session: Session, destinations: Sequence[str]) -> int:
    """Ask no more about what lies at destinations that are not among these; how many."""
    found = session.scalars(
        select(Delivery)
        .where(
            Delivery.state == DeliveryState.STORED,
            Delivery.check_at.is_not(None),
            Delivery.destination.not_in(destinations),
        )
        .order_by(Delivery.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for delivery in found:
        why = "not confirmed: the destination is not configured any more, or asks nobody"
        deliveries.finish(session, delivery, DeliveryState.STORED, why)
    return len(found)


def _same(session: Session, seen: Delivery) -> Delivery | None:
    """Lock a delivery, if it still stands where it was seen."""
    delivery = session.get(Delivery, seen.id, with_for_update=True, populate_existing=True)
    if (
        delivery is None
        or delivery.state != DeliveryState.STORED
        or delivery.fencing_token != seen.fencing_token
    ):
        return None
    return delivery
