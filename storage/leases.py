"""Who runs a loop that must run once over all hosts: a row that its holder keeps prolonging.

Functions never commit.
"""

from datetime import timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storage.database import now
from storage.tables import Lease


def hold(session: Session, name: str, holder: str, seconds: float) -> bool:
    """Take or prolong a lease; False: another holds it.

    Args:
        session: a write transaction.
        name: of the loop.
        holder: of the process, unlike any other's.
        seconds: from now on; who is silent for longer has lost it.
    """
    moment = now(session)
    expires_at = moment + timedelta(seconds=seconds)
    taken = (
        update(Lease)
        .where(Lease.name == name, or_(Lease.holder == holder, Lease.expires_at < moment))
        .values(holder=holder, expires_at=expires_at)
        .returning(Lease.name)
        .execution_options(synchronize_session=False)
    )
    if session.scalars(taken).one_or_none() is not None:
        return True
    if session.scalars(select(Lease.name).where(Lease.name == name)).one_or_none() is not None:
        return False
    try:
        with session.begin_nested():
            session.add(Lease(name=name, holder=holder, expires_at=expires_at))
    except IntegrityError:  # another was faster with the first row
        return False
    return True


def let_go(session: Session, name: str, holder: str) -> None:
    """Give a lease up, so that another need not wait until it runs out."""
    session.execute(
        delete(Lease)
        .where(Lease.name == name, Lease.holder == holder)
        .execution_options(synchronize_session=False)
    )
