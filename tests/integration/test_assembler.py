"""The assembler on both databases, several at once, and with the shipped filter set."""

import threading
from pathlib import Path

import numpy as np
import pytest

from node import config
from node.assembler import Assembler
from node.filters import FilterSet
from node.settings import Assembler as Settings
from storage import jobs, series
from storage.database import Database
from storage.instances import InstanceStore
from storage.tables import SeriesState
from tests import factories
from tests.series_headers import HANDLES

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "data" / "real-dev" / "vb1_02_T1" / "dicom"
CONFIG = config.load(ROOT / "config.yaml")
SOON = Settings(stable_age_s=1e-6, poll_s=0.01)


def assembler(database: Database, folder: Path) -> Assembler:
    filters = FilterSet("default", CONFIG.filter_sets["default"], HANDLES)
    return Assembler(database, folder, filters, SOON, max_attempts=3)


def receive(store: InstanceStore, uid: str, slices: int = 10) -> None:
    pixels = np.zeros((220, 200), dtype=np.uint16)
    for number in range(1, slices + 1):
        store.store(
            factories.make_incoming(
                number,
                SeriesInstanceUID=uid,
                SOPInstanceUID=f"{uid}.{number}",
                PixelSpacing=["1", "1"],
                pixels=pixels,
            )
        )


def test_each_series_gets_its_decision(
    database: Database, storage_folder: Path, store: InstanceStore
) -> None:
    receive(store, "1.2.3")
    receive(store, "1.2.4", slices=4)
    assembler(database, storage_folder).step()
    with database.read() as session:
        good, short = (series.by_uid(session, uid) for uid in ("1.2.3", "1.2.4"))
        queued = jobs.listing(session)
    assert good is not None
    assert short is not None
    assert (good.state, good.reason) == (SeriesState.ACCEPTED, None)
    assert short.state == SeriesState.REJECTED
    assert short.reason == (
        "too few or too many slices: SliceCount is 4 (distinct ImagePositionPatient); "
        "expected between 9 and 40."
    )
    assert good.evidence is not None
    assert good.evidence["pieces"][0]["instances"] == 10
    assert [job.series_id for job in queued] == [good.id]


def test_malformed_text_is_stored_on_both_databases(
    database: Database, storage_folder: Path, store: InstanceStore
) -> None:
    part10 = factories.make_part10(1, PatientPosition="HFP", Modality="CT")
    part10 = part10.replace(
        b"CS\x04\x00HFP ", b"CS\x04\x00H\x00\xff "
    )  # NUL: no text column takes it
    store.store(factories.incoming(part10))
    assembler(database, storage_folder).step()
    with database.read() as session:
        row = series.by_uid(session, factories.SERIES_UID)
    assert row is not None
    assert row.state == SeriesState.REJECTED
    assert row.reason is not None
    assert "PatientPosition is H" in row.reason


def test_two_assemblers_make_one_job(
    database: Database, storage_folder: Path, store: InstanceStore
) -> None:
    receive(store, "1.2.3")
    both = [assembler(database, storage_folder) for _ in range(2)]
    threads = [threading.Thread(target=each.step) for each in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    both[0].step()  # what the loser of a race left
    with database.read() as session:
        row = series.by_uid(session, "1.2.3")
        queued = jobs.listing(session)
        assert row is not None
        kinds = [event.kind for event in series.events(session, row.id)]
    assert row.state == SeriesState.ACCEPTED
    assert len(queued) == 1
    assert kinds.count("complete") == 1
    assert kinds.count("accepted") == 1


@pytest.mark.skipif(
    not REAL.is_dir(), reason="needs ../shared/data/real-dev/vb1_02_T1 beside the checkout"
)
def test_a_real_series_is_accepted(sqlite_database: Database, storage_folder: Path) -> None:
    store = InstanceStore(sqlite_database, storage_folder)
    arrived = [factories.incoming(path.read_bytes()) for path in sorted(REAL.iterdir())]
    for incoming in arrived:
        store.store(incoming)
    assembler(sqlite_database, storage_folder).step()
    with sqlite_database.read() as session:
        row = series.by_uid(session, arrived[0].series_instance_uid)
    assert row is not None
    assert row.state == SeriesState.ACCEPTED, row.reason
