"""How associations ended, on both databases."""

from dataclasses import replace

from storage import associations, series
from storage.database import Database
from storage.instances import InstanceStore
from storage.tables import AssociationEnding, Series
from tests.factories import make_incoming


def test_ends_are_told_by_name_and_the_first_counts(database: Database) -> None:
    with database.begin() as session:
        associations.end(session, "a", AssociationEnding.RELEASED, "MR1")
        associations.end(session, "b", AssociationEnding.ABORTED, "A_TITLE_THAT_IS_TOO_LONG")
        associations.end(session, "a", AssociationEnding.ABORTED, "MR1")
    with database.read() as session:
        assert associations.endings(session, ["a", "b", "c"]) == {
            "a": AssociationEnding.RELEASED,
            "b": AssociationEnding.ABORTED,
        }
        assert associations.endings(session, []) == {}


def test_the_end_wakes_the_waiting_series_that_it_brought(
    database: Database, store: InstanceStore
) -> None:
    for uid, name in (("1.2.3", "a"), ("1.2.4", "b")):
        one = make_incoming(1, SeriesInstanceUID=uid, SOPInstanceUID=f"{uid}.1")
        store.store(replace(one, association=name))

    def waiting() -> dict[str, bool]:
        with database.read() as session:
            found = {uid: series.by_uid(session, uid) for uid in ("1.2.3", "1.2.4")}
        return {uid: row is not None and row.not_before is not None for uid, row in found.items()}

    with database.begin() as session:
        for row in session.query(Series).all():
            series.wait(session, row, {"reason": "open"}, seconds=60)
    assert waiting() == {"1.2.3": True, "1.2.4": True}
    with database.begin() as session:
        associations.end(session, "a", AssociationEnding.RELEASED, "MR1")
    assert waiting() == {"1.2.3": False, "1.2.4": True}
