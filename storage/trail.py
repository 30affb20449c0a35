"""The trail of what was done: by people, by senders, by the node itself; see `storage.actions`.

Rows are only ever added. They hold no patient data: what is needed of that is read from the series
when a row is shown or told. Functions never commit.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from storage.database import now
from storage.tables import Action, Delivery, Instance, Series

RECEIVE: Final = "receive"
SEND: Final = "send"
START: Final = "start"
STOP: Final = "stop"
NODE: Final = "(node)"
"""Who acts when nobody does; no login can have this name."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts, and from which host."""

    name: str
    host: str = ""


def record(
    session: Session,
    person: Person,
    action: str,
    *,
    subject: str = "",
    subject_id: int | None = None,
    done: bool = True,
    detail: str = "",
    facts: dict[str, Any] | None = None,
) -> None:
    """Append what was done, or refused; no patient data."""
    session.add(
        Action(
            at=now(session),
            person=person.name[:64],
            host=person.host[:64],
            action=action,
            subject=subject,
            subject_id=subject_id,
            done=done,
            detail=detail,
            facts=facts,
        )
    )
    session.flush()


def received(session: Session, series: Series) -> int:
    """Append who sent the instances of a series that came since this was last asked; how many.

    One row for each association, with the number of instances of each SOP class.
    """
    last = _last_received(session, series.id)
    query = (
        select(
            Instance.association,
            Instance.calling_ae_title,
            Instance.calling_host,
            Instance.sop_class_uid,
            func.count(),
            func.max(Instance.id),
            func.max(Instance.received_at),
        )
        .where(Instance.series_id == series.id, Instance.id > last)
        .group_by(
            Instance.association,
            Instance.calling_ae_title,
            Instance.calling_host,
            Instance.sop_class_uid,
        )
        .order_by(func.max(Instance.id))
    )
    found: dict[tuple[str | None, str, str], dict[str, Any]] = {}
    for association, title, host, sop_class_uid, count, newest, at in session.execute(query):
        facts = found.setdefault(
            (association, title, host), {"association": association, "sop_classes": {}}
        )
        facts["sop_classes"][sop_class_uid] = count
        facts["received_at"] = at.isoformat()
        last = max(last, newest)
    for (_, title, host), facts in found.items():
        count = sum(facts["sop_classes"].values())
        record(
            session,
            Person(title, host),
            RECEIVE,
            subject="series",
            subject_id=series.id,
            detail=f"{count} instance{'s' if count > 1 else ''}",
            facts={**facts, "through_instance": last},
        )
    return len(found)


def _last_received(session: Session, series_id: int) -> int:
    """Give the id of the newest instance that the trail knows of a series; 0: of none."""
    query = (
        select(Action.facts)
        .where(Action.subject == "series", Action.subject_id == series_id, Action.action == RECEIVE)
        .order_by(Action.id.desc())
        .limit(1)
    )
    facts = session.scalars(query).first()
    return int((facts or {}).get("through_instance", 0))


def sent(session: Session, delivery: Delivery) -> None:
    """Append that a destination took an object, or that it never will; call it with that write.

    `delivery.object` is read; the state is the one just written.
    """
    done = delivery.state in ("stored", "committed")
    record(
        session,
        Person(NODE),
        SEND,
        subject="delivery",
        subject_id=delivery.id,
        done=done,
        detail=f"{delivery.object.kind} to {delivery.destination}",
        facts={
            "destination": delivery.destination,
            "dimse_status": delivery.dimse_status,
            "sop_class_uid": delivery.object.sop_class_uid,
            "sop_instance_uid": delivery.object.sop_instance_uid,
        },
    )


def to_forward(session: Session, limit: int) -> list[Action]:
    """List what no collector of audit messages has yet, oldest first."""
    query = select(Action).where(Action.forwarded_at.is_(None)).order_by(Action.id).limit(limit)
    return list(session.scalars(query))


def forwarded(session: Session, ids: list[int]) -> None:
    """Keep that the collector has these rows."""
    session.execute(
        update(Action)
        .where(Action.id.in_(ids))
        .values(forwarded_at=now(session))
        .execution_options(synchronize_session=False)
    )


def oldest_to_forward(session: Session) -> datetime | None:
    """Tell when the oldest row that no collector has was written; None: all are forwarded."""
    query = select(Action.at).where(Action.forwarded_at.is_(None)).order_by(Action.id).limit(1)
    return session.scalars(query).first()
