"""Series with files, and all that may belong to them, for tests of retention and erasure."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from storage import deliveries, jobs, reports, series
from storage.database import Database, now
from storage.instances import InstanceStore
from storage.reports import NewReport
from storage.tables import Delivery, DeliveryState, Instance, Series, SeriesState
from tests.factories import UID_ROOT, make_incoming
from tests.rows import new_object, new_report

SERIES_UID = f"{UID_ROOT}.77"


def receive(
    database: Database, folder: Path, number: int = 1, *, images: int = 3, **attributes: str
) -> int:
    """Receive series `number` of its own study; its id."""
    store = InstanceStore(database, folder)
    for image in range(1, images + 1):
        values = {
            "SeriesInstanceUID": f"{SERIES_UID}.{number}",
            "StudyInstanceUID": f"{UID_ROOT}.88.{number}",
            "SOPInstanceUID": f"{SERIES_UID}.{number}.{image}",
            **attributes,
        }
        store.store(make_incoming(image, **values))
    with database.read() as session:
        row = series.by_uid(session, f"{SERIES_UID}.{number}")
    assert row is not None
    return row.id


def reject(session: Session, series_id: int) -> None:
    """Reject a series that is being received."""
    row = session.get_one(Series, series_id)
    series.complete(session, row, {})
    series.reject(session, row, "SeriesDescription: received 'T2 of Doe'", {"rules": ["Doe"]})


def report(session: Session, folder: Path, series_id: int, *destinations: str) -> list[Delivery]:
    """Accept a series, run its job, and queue its report for destinations."""
    row = session.get_one(Series, series_id)
    series.complete(session, row, {})
    series.accept(session, row, {"rules": []}, 3)
    job = jobs.claim(session, "worker", 60)
    assert job is not None
    found = {"label": "L5-left", "point_mm": [1, 2, 3], "confidence": 0.9, "reason": None}
    made = reports.add(
        session, job, _new_report(row, series_id, {"landmarks": [found], "bundle": "b"})
    )
    thing = new_object(series_id)
    kept = reports.add_object(session, made, thing, reports.write(folder, thing))
    queued = [deliveries.enqueue(session, kept, name) for name in destinations]
    jobs.succeed(session, job.id, job.fencing_token, {})
    return [each for each in queued if each is not None]


def _new_report(row: Series, number: int, prediction: dict[str, object]) -> NewReport:
    return new_report(number, study_instance_uid=row.study_instance_uid, prediction=prediction)


def deliver(session: Session, destination: str = "pacs", *, state: str = "stored") -> None:
    """Bring the deliveries to a destination to a state."""
    session.execute(
        update(Delivery)
        .where(Delivery.destination == destination)
        .values(state=DeliveryState(state), offered=True, check_at=None)
    )


def let_age(database: Database, days: float, *series_ids: int) -> None:
    """Let series have got their last instance so long ago."""
    with database.begin() as session:
        session.execute(
            update(Series)
            .where(Series.id.in_(series_ids))
            .values(last_received_at=now(session) - timedelta(days=days))
        )


def before(session: Session, days: float = 0) -> dict[SeriesState, object]:
    """Let both kinds of series go that are older than so many days."""
    moment = now(session) - timedelta(days=days)
    return {SeriesState.REJECTED: moment, SeriesState.ACCEPTED: moment}


def files(folder: Path, below: str = "") -> list[str]:
    """List the files below a folder."""
    root = folder / below
    return sorted(str(path.relative_to(folder)) for path in root.rglob("*") if path.is_file())


def purged(database: Database, series_id: int) -> list[bool]:
    """Tell of every instance of a series whether its file is given up."""
    with database.read() as session:
        query = select(Instance.purged_at).where(Instance.series_id == series_id)
        return [one is not None for one in session.scalars(query.order_by(Instance.id))]
