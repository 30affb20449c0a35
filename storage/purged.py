"""Which instances of a series have lost their files, so that it cannot be worked on."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.tables import Instance, InstanceState


def count(session: Session, series_id: int) -> int:
    """Count the instances that are processed and whose file was deleted."""
    query = (
        select(func.count())
        .select_from(Instance)
        .where(
            Instance.series_id == series_id,
            Instance.state == InstanceState.CURRENT,
            Instance.purged_at.is_not(None),
        )
    )
    return session.scalars(query).one()


def lack(session: Session, series_id: int) -> str:
    """Say in a sentence that files of a series were deleted; empty: none was."""
    missing = count(session, series_id)
    if not missing:
        return ""
    return (
        f"the files of {missing} of its instances were deleted by retention; send the whole series "
        "again"
    )
