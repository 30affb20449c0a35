"""Deliveries that wait for a person: held, and let go.

Functions never commit.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import deliveries
from storage.tables import Delivery, DeliveryState


def hold_others(session: Session, destinations: Sequence[str]) -> int:
    """Hold what waits for a destination that is not among these, or is on its way there; how many.

    What a killed process was sending would wait for ever once its lease has run out: nobody sends
    to that destination any more. Who still does so, by an older configuration, loses its lease.
    """
    open_ = (DeliveryState.QUEUED, DeliveryState.SENDING)
    waiting = session.scalars(
        select(Delivery)
        .where(Delivery.state.in_(open_), Delivery.destination.not_in(destinations))
        .order_by(Delivery.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for delivery in waiting:
        reason = (
            f"destination {delivery.destination} is not configured (or in shadow mode); configure "
            "it, then `foramina deliveries retry`"
        )
        delivery.fencing_token += delivery.state == DeliveryState.SENDING
        _hold(session, delivery, reason)
    return len(waiting)


def hold(session: Session, delivery_id: int, token: int, reason: str) -> None:
    """Send an object no more until a person says so.

    Raises:
        LeaseLostError: somebody else is sending it by now.
    """
    _hold(session, deliveries.leased(session, delivery_id, token), reason)


def _hold(session: Session, delivery: Delivery, reason: str) -> None:
    """Hold a locked delivery; one that was overtaken is cancelled."""
    if not delivery.object.current:
        deliveries.finish(session, delivery, DeliveryState.CANCELLED, f"overtaken after: {reason}")
        return
    deliveries.finish(session, delivery, DeliveryState.HELD, reason)
    delivery.finished_at = None
    session.flush()


def release(session: Session, delivery_id: int) -> Delivery:
    """Queue a held delivery, to be sent whatever is known of its study.

    Raises:
        DeliveryStateError: there is no such delivery, or it is not held.
    """
    delivery = deliveries.again(session, delivery_id, (DeliveryState.HELD,), "a held one")
    delivery.released = True
    session.flush()
    return delivery
