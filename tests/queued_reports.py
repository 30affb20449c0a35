"""A database with reports that wait to be delivered, and quick settings to deliver them with."""

from datetime import timedelta
from pathlib import Path

from pydicom.uid import Comprehensive3DSRStorage, generate_uid

from node import incoming
from node.settings import Delivery as Settings
from node.settings import Destination
from storage import deliveries, jobs, reports, series
from storage.database import Database
from storage.instances import InstanceStore
from storage.tables import Delivery, DeliveryState, ReportObject
from tests import objects
from tests.rows import new_object, new_report

QUICK = Settings(
    poll_s=0.05,
    timeout_s=20,
    retry_delay_s=0.1,
    retry_delay_max_s=0.3,
    confirm_after_s=0.05,
    commitment_wait_s=0.3,
)


def destination(name: str, port: int, ae_title: str = "PACS", **settings: object) -> Destination:
    values = {"name": name, "ae_title": ae_title, "host": "127.0.0.1", "port": port, **settings}
    return Destination.model_validate(values)


class Reports:
    """A database with a series, to which reports are added and queued."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = Database(f"sqlite:///{folder / 'foramina.sqlite'}")
        self.database.migrate()
        image = objects.image()
        self._series_uid = image.SeriesInstanceUID
        InstanceStore(self.database, folder).store(
            incoming.read(
                objects.encoded(image),
                sop_class_uid=image.SOPClassUID,
                sop_instance_uid=image.SOPInstanceUID,
                transfer_syntax_uid="1.2.840.10008.1.2.1",
            )
        )

    def queue(self, *names: str) -> Path:
        """Queue a new report for the destinations of these names; gives its file."""
        document = objects.image(
            SOPClassUID=Comprehensive3DSRStorage, Modality="SR", SOPInstanceUID=generate_uid()
        )
        path = objects.write(self.folder / "made.dcm", document)
        made = new_object(
            sop_instance_uid=document.SOPInstanceUID,
            sop_class_uid=document.SOPClassUID,
            study_instance_uid=document.StudyInstanceUID,
            series_instance_uid=document.SeriesInstanceUID,
            data=path.read_bytes(),
        )
        kept = reports.write(self.folder, made)
        with self.database.begin() as session:
            source = series.by_uid(session, self._series_uid)
            assert source is not None
            job = jobs.enqueue(session, source, 3)
            report = reports.add(session, job, new_report(key=document.SOPInstanceUID))
            row = reports.add_object(session, report, made, kept)
            for name in names:
                deliveries.enqueue(session, row, name)
            jobs.cancel(session, job.id, "only its report is wanted")
        return self.folder / kept

    def rows(self, name: str) -> list[Delivery]:
        with self.database.read() as session:
            return deliveries.listing(session, destination=name)

    def row(self, name: str) -> Delivery:
        [row] = self.rows(name)
        return row

    def is_stored(self, name: str) -> bool:
        return all(row.state == DeliveryState.STORED for row in self.rows(name))


def age(database: Database, **ago: timedelta) -> None:
    """Set times back: `age(database, stored_at=timedelta(hours=2))`; `made_at` is the objects'."""
    with database.begin() as session:
        made_at = ago.pop("made_at", None)
        if made_at is not None:
            for row in session.query(ReportObject):
                row.created_at -= made_at
        for row in session.query(Delivery):
            for name, by in ago.items():
                value = getattr(row, name)
                setattr(row, name, value - by if value is not None else None)
