"""Extras on the whole line: from the files of a series to a peer that asked for them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from model.labels import LABELS
from model.landmark import Landmark, Prediction
from model.phantom import write_case
from model.volume import Volume
from node import incoming
from node.config import Config
from node.delivery import DeliveryLoop
from node.pipeline import Pipeline
from node.report.extras import KINDS
from node.settings import Delivery as Settings
from node.settings import Destination, Rule
from storage import deliveries, jobs, series
from storage.database import Database
from storage.instances import InstanceStore
from storage.tables import DeliveryState
from tests.peers import StoreScp

MODALITIES = {"gsps": "PR", "secondary-capture": "OT", "seg": "SEG", "key-objects": "KO"}
SETTINGS = Settings(timeout_s=30)


class Eight:
    """A predictor that finds eight foramina and misses two."""

    def predict(self, volume: Volume) -> Prediction:
        slices, rows, columns = volume.pixels.shape
        marks = []
        for index, label in enumerate(LABELS):
            where = (slices - 3 if index % 2 == 0 else 2, rows * (index // 2 + 2) / 9, columns / 2)
            point = tuple(float(value) for value in volume.to_patient([where])[0])
            missed = label.startswith("L1")
            marks.append(
                Landmark(label, reason="not seen") if missed else Landmark(label, point, 0.5)
            )
        return Prediction(tuple(marks), "stand-in", "1", "0" * 64)


class Nothing:
    """A predictor that abstains."""

    def predict(self, volume: Volume) -> Prediction:
        marks = tuple(Landmark(label, reason="levels in doubt") for label in LABELS)
        return Prediction(marks, "stand-in", "1", "0" * 64, abstained="levels in doubt")


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("case")
    write_case(folder, seed=31)
    return sorted((folder / "dicom").glob("*.dcm"))


def receive(database: Database, folder: Path, case: list[Path]) -> None:
    """Store and accept the series, as the receiver and the filters would."""
    store = InstanceStore(database, folder)
    for path in case:
        data, meta = path.read_bytes(), dcmread(path, stop_before_pixels=True).file_meta
        store.store(
            incoming.read(
                data[132 + 12 + meta.FileMetaInformationGroupLength :],  # PS3.10 section 7.1
                sop_class_uid=meta.MediaStorageSOPClassUID,
                sop_instance_uid=meta.MediaStorageSOPInstanceUID,
                transfer_syntax_uid=meta.TransferSyntaxUID,
                calling_ae_title="MR1",
            )
        )
    with database.begin() as session:
        found = series.by_uid(session, dcmread(case[0]).SeriesInstanceUID)
        assert found is not None
        series.complete(session, found, {})
        series.accept(session, found, {}, max_attempts=3)


def destination(name: str, port: int, *extras: str) -> Destination:
    return Destination(name=name, ae_title="PACS", host="127.0.0.1", port=port, extras=extras)


def run(
    database: Database, folder: Path, predictor: object, *destinations: Destination
) -> DeliveryLoop:
    """Run the one job; give what delivers its objects."""
    config = Config(
        storage={"folder": folder},
        destinations=destinations,
        filter_sets={"default": (Rule(attribute="Modality", operator="equals", value="MR"),)},
    )
    with database.begin() as session:
        job = jobs.claim(session, "tester", 60)
    assert job is not None
    Pipeline(database, config, predictor).run(job)
    return DeliveryLoop(database, folder, destinations, SETTINGS, "FORAMINA")


def rows(database: Database, name: str) -> list[tuple[str, str]]:
    with database.read() as session:
        found = deliveries.listing(session, destination=name)
        return sorted((row.object.kind, row.state) for row in found)


def received(system: StoreScp) -> dict[str, Dataset]:
    return {document.Modality: document for document in map(dcmread, system.files())}


def test_each_extra_goes_to_the_destinations_that_ask_for_it(
    sqlite_database: Database,
    tmp_path: Path,
    case: list[Path],
    storescp: Callable[..., StoreScp],
) -> None:
    every, none = storescp(), storescp()
    peers = (destination("every", every.port, *KINDS), destination("none", none.port))
    receive(sqlite_database, tmp_path, case)
    loop = run(sqlite_database, tmp_path, Eight(), *peers)
    queued = rows(sqlite_database, "every")
    for peer in peers:
        while loop.step(peer):
            pass
    documents = received(every)
    source = dcmread(case[0])

    kinds = sorted([*KINDS, "report"])
    assert queued == [(kind, DeliveryState.QUEUED) for kind in kinds]
    assert rows(sqlite_database, "every") == [(kind, DeliveryState.STORED) for kind in kinds]
    assert rows(sqlite_database, "none") == [("report", DeliveryState.STORED)]
    assert set(documents) == {"SR", *MODALITIES.values()}
    assert set(received(none)) == {"SR"}
    assert {one.StudyInstanceUID for one in documents.values()} == {source.StudyInstanceUID}
    assert {str(one.PatientName) for one in documents.values()} == {str(source.PatientName)}
    assert len({one.SeriesInstanceUID for one in documents.values()}) == len(documents)
    assert len(documents["SEG"].SegmentSequence) == 8


def test_where_nothing_is_located_the_report_goes_alone(
    sqlite_database: Database, tmp_path: Path, case: list[Path]
) -> None:
    receive(sqlite_database, tmp_path, case)
    run(sqlite_database, tmp_path, Nothing(), destination("every", 104, *KINDS))

    assert rows(sqlite_database, "every") == [("report", DeliveryState.QUEUED)]
