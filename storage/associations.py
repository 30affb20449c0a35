"""How the associations ended over which instances came: one row each, written at their end.

An association without a row is still open, or its process died. Its name begins with the run of the
process that accepted it, so that both can be told apart.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from storage.database import now
from storage.tables import Association, AssociationEnding, Instance, Series, SeriesState


def end(
    session: Session,
    name: str,
    ending: AssociationEnding,
    calling_ae_title: str,
    ended_at: datetime | None = None,
) -> None:
    """Record the end of an association over which an instance came; the first record counts.

    Series that wait for images and had some of it are looked at at once. Without `ended_at` it
    ended now.
    """
    if session.scalars(select(Association).where(Association.name == name)).first() is None:
        session.add(
            Association(
                name=name,
                ending=ending,
                calling_ae_title=calling_ae_title[:16],
                ended_at=ended_at or now(session),
            )
        )
        session.flush()
    brought = exists().where(Instance.series_id == Series.id, Instance.association == name)
    session.execute(
        update(Series)
        .where(Series.state == SeriesState.RECEIVING, Series.not_before.is_not(None), brought)
        .values(not_before=None)
        .execution_options(synchronize_session=False)
    )


def end_recorded(session: Session, recorded: Mapping[str, Any]) -> None:
    """Record the end of an association from what `ending_fields` gave.

    Raises:
        ValueError: fields are missing, or are no values of theirs.
    """
    try:
        ending = AssociationEnding(recorded["ending"])
        name, calling_ae_title = recorded["name"][:64], recorded["calling_ae_title"]
        ended_at = datetime.fromisoformat(recorded["ended_at"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"no record of an association's end: {error}") from error
    end(session, name, ending, calling_ae_title, ended_at)


def endings(session: Session, names: Iterable[str]) -> dict[str, AssociationEnding]:
    """Give how associations ended, of those that did."""
    query = select(Association.name, Association.ending).where(Association.name.in_(set(names)))
    return {name: AssociationEnding(ending) for name, ending in session.execute(query)}
