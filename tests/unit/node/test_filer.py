"""What the journal holds comes into folders and rows: once, in order, whatever happens between."""

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import DataError, OperationalError

from node import filer as filer_module
from node.filer import JOURNAL, Filer
from storage import associations, instances, series
from storage.database import Database
from storage.incoming import Incoming, ending_fields, instance_fields
from storage.journal import LATER, Kind, Writer, layout
from storage.tables import Instance, Series
from tests.factories import SERIES_UID, make_incoming

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@pytest.fixture
def writer(storage_folder: Path) -> Iterator[Writer]:
    """Give the journal of one receiving process."""
    one = Writer(storage_folder / JOURNAL, "run.1", segment_bytes=1 << 20)
    yield one
    one.close()


@pytest.fixture
def filer(database: Database, storage_folder: Path) -> Filer:
    """Give a filer that has not looked yet."""
    return Filer(database, storage_folder)


def receive(writer: Writer, number: int = 1, after_s: float = 0, **attributes: Any) -> Incoming:
    one = make_incoming(number, **attributes)
    one = replace(one, association="a", received_at=MOMENT + timedelta(seconds=after_s))
    split = one.data_offset
    body = [one.part10[:split], memoryview(one.part10)[split:]]
    writer.append(Kind.INSTANCE, instance_fields(one), body)
    return one


def rows(database: Database) -> list[tuple[str, str, datetime]]:
    with database.read() as session:
        query = select(Instance).order_by(Instance.id)
        return [
            (row.sop_instance_uid.removeprefix(f"{SERIES_UID}."), row.state, row.received_at)
            for row in session.scalars(query)
        ]


def everything(database: Database) -> list[object]:
    """Give all that a repeated filing must not change."""
    with database.read() as session:
        found = session.scalars(select(Series)).one()
        return [
            *rows(database),
            (found.revision, found.state, found.first_received_at, found.last_received_at),
            [(line.kind, line.detail) for line in series.events(session, found.id)],
        ]


def forget_marks(folder: Path) -> None:
    """Take away how far segments are filed, as a power cut may."""
    for path in (folder / JOURNAL).glob("*.segment"):
        with path.open("r+b") as file:
            file.seek(layout.MARK_OFFSET)
            file.write(bytes(24))


def test_entries_become_files_and_rows_with_the_time_of_receipt(
    database: Database, storage_folder: Path, writer: Writer, filer: Filer
) -> None:
    sent = [receive(writer, number, number) for number in (1, 2, 3)]
    assert filer.step() == 3
    assert rows(database) == [(str(n), "current", MOMENT + timedelta(seconds=n)) for n in (1, 2, 3)]
    with database.read() as session:
        found = series.by_uid(session, SERIES_UID)
        assert found is not None
        assert (found.revision, found.first_received_at, found.last_received_at) == (
            3, MOMENT + timedelta(seconds=1), MOMENT + timedelta(seconds=3),
        )  # fmt: skip
        kept = instances.current_instances(session, found.id)
    assert [(storage_folder / row.path).read_bytes() for row in kept] == [
        one.part10 for one in sent
    ]
    assert filer.step() == 0


def test_filing_everything_again_changes_nothing(
    database: Database, storage_folder: Path, writer: Writer, filer: Filer
) -> None:
    receive(writer, 1, 0)
    receive(writer, 1, 1)  # repeated
    receive(writer, 1, 2, PatientID="P2")  # corrected
    receive(writer, 2, 3)
    receive(writer, 2, 4, RescaleSlope="3")  # another image
    receive(writer, 2, 5)
    assert filer.step() == 6
    before = everything(database)
    assert [state for _, state, _ in rows(database)].count("superseded") == 1
    for _ in range(2):
        forget_marks(storage_folder)
        again = Filer(database, storage_folder)
        assert again.step() == 6
        assert everything(database) == before


def test_a_restart_goes_on_where_it_was(
    database: Database, storage_folder: Path, writer: Writer, filer: Filer
) -> None:
    receive(writer, 1)
    filer.step()
    receive(writer, 2)
    assert Filer(database, storage_folder).step() == 1


def test_the_end_of_an_association_is_recorded_behind_its_instances(
    database: Database, writer: Writer, filer: Filer
) -> None:
    receive(writer, 1)
    ended = ending_fields("a", "released", "SCANNER", MOMENT)
    writer.append(Kind.ENDING, ended)
    writer.append(Kind.ENDING, {"name": "b"})  # of a version to come, say
    assert filer.step() == 3
    with database.read() as session:
        assert associations.endings(session, ["a", "b"]) == {"a": "released"}


def test_one_bad_instance_is_kept_aside_and_spoils_no_other(
    database: Database, storage_folder: Path, writer: Writer, filer: Filer
) -> None:
    receive(writer, 1)
    bad = make_incoming(2)
    fields = {**instance_fields(bad), "sop_instance_uid": "../2"}
    writer.append(Kind.INSTANCE, fields, [bad.part10])
    writer.append(Kind.INSTANCE, {"nothing": "known"}, [b"?"])
    receive(writer, 3)
    assert filer.step() == 4
    assert [number for number, *_ in rows(database)] == ["1", "3"]
    assert filer.backlog().refused == 2
    aside = sorted((storage_folder / JOURNAL / "refused").iterdir(), key=lambda path: path.suffix)
    assert [path.suffix for path in aside] == [".dcm", ".dcm", ".json", ".json"]
    assert bad.part10 in [path.read_bytes() for path in aside[:2]]
    errors = {json.loads(path.read_bytes())["error"] for path in aside[2:]}
    assert errors == {"ValueError"}
    assert filer.step() == 0


def test_a_value_that_the_database_refuses_spoils_no_other(
    database: Database, writer: Writer, filer: Filer
) -> None:
    def refuse(_c: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith("INSERT INTO instances") and f"{SERIES_UID}.2" in str(parameters):
            raise DataError(statement, parameters, ValueError("out of range"))

    for number in (1, 2, 3):
        receive(writer, number)
    event.listen(database._engine, "before_cursor_execute", refuse)
    assert filer.step() == 3
    assert [number for number, *_ in rows(database)] == ["1", "3"]
    assert filer.backlog().refused == 1


def test_what_is_kept_aside_while_the_database_is_away_is_kept_once(
    database: Database, storage_folder: Path, writer: Writer, filer: Filer
) -> None:
    writer.append(Kind.INSTANCE, {"nothing": "known"}, [b"?"])
    receive(writer, 1)

    def refuse(*_arguments: object) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    event.listen(database._engine, "before_cursor_execute", refuse)
    for _ in range(3):
        with pytest.raises(OperationalError):
            filer.step()
    event.remove(database._engine, "before_cursor_execute", refuse)
    assert filer.step() == 2
    assert filer.backlog().refused == 1
    forget_marks(storage_folder)
    again = Filer(database, storage_folder)
    again.step()
    assert again.backlog().refused == 1


@pytest.fixture
def unusable(storage_folder: Path) -> Iterator[Path]:
    """Give the place of one series, in the way of which a file stands."""
    place = storage_folder / instances._folder(make_incoming(1, SeriesInstanceUID="1.2.9"))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"in the way")
    return place


def test_an_instance_whose_place_cannot_be_used_stops_no_other(
    database: Database,
    storage_folder: Path,
    writer: Writer,
    filer: Filer,
    unusable: Path,
) -> None:
    receive(writer, 1)
    put_off = receive(writer, 2, SeriesInstanceUID="1.2.9")
    receive(writer, 3)
    assert filer.step() == 3
    assert [number for number, *_ in rows(database)] == ["1", "3"]
    assert (filer.backlog().put_off, filer.backlog().refused) == (1, 0)
    assert filer.horizon() <= MOMENT
    filer.step()
    assert filer.horizon() > MOMENT  # the other series are judged
    filer = Filer(database, storage_folder)  # of the next life, which tries at once
    filer.step()
    assert filer.backlog().put_off == 1
    unusable.unlink()
    filer.step()  # before its time
    assert filer.backlog().put_off == 1
    filer._try_later_at = 0.0
    filer.step()
    assert filer.backlog().put_off == 0
    assert [number for number, *_ in rows(database)] == ["1", "3", "2"]
    [file] = unusable.glob("*.dcm")
    assert file.read_bytes() == put_off.part10
    assert list((storage_folder / JOURNAL / LATER).iterdir()) == []


def test_a_large_instance_is_put_off_and_filed_as_any(
    database: Database,
    storage_folder: Path,
    writer: Writer,
    filer: Filer,
    unusable: Path,
) -> None:
    one = replace(make_incoming(2, SeriesInstanceUID="1.2.9"), received_at=MOMENT)
    with writer.spool() as spool:
        spool.write(one.part10)
        fields = {**instance_fields(replace(one, part10=b"")), "spool": spool.commit()}
        writer.append(Kind.INSTANCE, fields)
    filer.step()
    assert filer.backlog().put_off == 1
    assert list((storage_folder / JOURNAL / "spool").iterdir()) == []
    unusable.unlink()
    filer._try_later_at = 0.0
    filer.step()
    [file] = unusable.glob("*.dcm")
    assert file.read_bytes() == one.part10


def test_many_places_that_cannot_be_used_are_a_fault_of_the_disk(
    database: Database,
    writer: Writer,
    filer: Filer,
    unusable: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(filer_module, "_LATER_SERIES", 1)
    other = unusable.parents[1] / instances._folder(
        make_incoming(1, SeriesInstanceUID="1.2.10")
    ).relative_to("instances")
    other.parent.mkdir(parents=True, exist_ok=True)
    other.write_bytes(b"in the way")
    for number in (1, 2):
        receive(writer, number, SeriesInstanceUID="1.2.9")
    receive(writer, 3, SeriesInstanceUID="1.2.10")
    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        filer.step()
    assert filer.backlog().put_off == 2
    unusable.unlink()
    other.unlink()
    assert filer.step() == 3
    assert sorted(number for number, *_ in rows(database)) == ["1", "2", "3"]
    filer._try_later_at = 0.0
    filer.step()
    assert filer.backlog().put_off == 0
    assert len(rows(database)) == 3


def test_what_was_put_off_and_turns_out_to_be_bad_is_a_persons(
    database: Database,
    storage_folder: Path,
    writer: Writer,
    filer: Filer,
    unusable: Path,
) -> None:
    receive(writer, 1, SeriesInstanceUID="1.2.9")
    filer.step()
    [record] = (storage_folder / JOURNAL / LATER).glob("*.json")
    fields = json.loads(record.read_bytes())
    record.write_text(json.dumps({**fields, "study_instance_uid": "none"}))
    filer._try_later_at = 0.0
    filer.step()
    assert (filer.backlog().put_off, filer.backlog().refused) == (0, 1)


def test_spooled_files_that_go_while_they_are_counted_do_not_end_the_filing(
    database: Database, writer: Writer, filer: Filer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(filer._reader, "backlog_bytes", refuse)
    receive(writer, 1)
    stop = threading.Event()
    thread = threading.Thread(target=filer.run, args=(stop,))
    thread.start()
    deadline = time.monotonic() + 30
    while filer.horizon() <= MOMENT and time.monotonic() < deadline:
        time.sleep(0.02)
    assert thread.is_alive()
    stop.set()
    thread.join(30)
    assert [number for number, *_ in rows(database)] == ["1"]


def test_a_database_that_is_away_is_waited_for(
    database: Database, writer: Writer, filer: Filer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filer_module, "_AWAY_S", 0.05)
    away = threading.Event()
    away.set()
    tried = threading.Event()

    def refuse(*_arguments: object) -> None:
        if away.is_set():
            tried.set()
            raise OperationalError("INSERT", {}, Exception("gone"))

    event.listen(database._engine, "before_cursor_execute", refuse)
    receive(writer, 1)
    stop = threading.Event()
    thread = threading.Thread(target=filer.run, args=(stop,))
    thread.start()
    assert tried.wait(30)
    receive(writer, 2)  # senders notice nothing
    horizon = filer.horizon()
    assert horizon <= MOMENT
    away.clear()
    deadline = time.monotonic() + 30
    while filer.horizon() <= MOMENT and time.monotonic() < deadline:
        time.sleep(0.02)
    stop.set()
    thread.join(30)
    assert [number for number, *_ in rows(database)] == ["1", "2"]


def test_a_disk_that_is_full_is_waited_for(
    database: Database, writer: Writer, filer: Filer, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(writer, 1)

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", full)
        with pytest.raises(OSError, match="No space left"):
            filer.step()
        with pytest.raises(OSError, match="No space left"):
            filer.step()
    assert rows(database) == []
    assert filer.horizon() <= MOMENT
    assert filer.step() == 1
    assert [number for number, *_ in rows(database)] == ["1"]


def test_what_is_written_while_stopping_is_filed(
    database: Database, writer: Writer, filer: Filer
) -> None:
    receive(writer, 1)
    stop = threading.Event()
    stop.set()
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    filer.run(stop)
    assert [number for number, *_ in rows(database)] == ["1"]
    if os.geteuid() == 0:  # others may only lower it
        assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own


def test_the_horizon_is_the_oldest_that_is_not_filed(
    database: Database, writer: Writer, filer: Filer
) -> None:
    assert filer.horizon().year == 1970
    filer.step()
    empty = filer.horizon()
    assert datetime.now(UTC) - timedelta(seconds=60) < empty <= datetime.now(UTC)
    assert filer.backlog().oldest is None
    receive(writer, 1)
    event.listen(database._engine, "before_cursor_execute", _away)
    with pytest.raises(OperationalError):
        filer.step()
    assert filer.horizon() == MOMENT
    assert filer.backlog().oldest == MOMENT
    event.remove(database._engine, "before_cursor_execute", _away)
    filer.step()
    filer.step()
    assert filer.horizon() > empty


def _away(*_arguments: object) -> None:
    raise OperationalError("SELECT", {}, Exception("gone"))


def test_a_spooled_instance_is_filed_and_its_spool_is_gone(
    database: Database, storage_folder: Path, writer: Writer, filer: Filer
) -> None:
    one = replace(make_incoming(1), received_at=MOMENT)
    with writer.spool() as spool:
        spool.write(one.part10)
        name = spool.commit()
        fields = {**instance_fields(replace(one, part10=b"")), "spool": name}
        writer.append(Kind.INSTANCE, fields)
    assert filer.step() == 1
    with database.read() as session:
        (row,) = session.scalars(select(Instance))
    assert (storage_folder / row.path).read_bytes() == one.part10
    assert row.size_bytes == len(one.part10)
    assert list((storage_folder / JOURNAL / "spool").iterdir()) == []
    forget_marks(storage_folder)
    assert Filer(database, storage_folder).step() == 1  # its spool is gone: it was filed
    assert len(rows(database)) == 1
    receive(writer, 1)  # the same object again, in the journal itself
    filer.step()
    assert len(rows(database)) == 1


def test_what_a_killed_process_left_half_written_is_cleared_away(
    database: Database, storage_folder: Path, writer: Writer, filer: Filer
) -> None:
    receive(writer, 1)
    filer.step()
    (kept,) = storage_folder.glob("instances/*/*/*.dcm")
    left, in_use = kept.with_name(".a.part"), kept.with_name(".b.part")
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    receive(writer, 2)
    restarted = Filer(database, storage_folder)
    in_use.write_bytes(b"of another host")
    later = time.time() + 60
    os.utime(in_use, (later, later))
    assert restarted.step() == 1
    assert not left.exists()
    assert in_use.exists()
    assert kept.exists()
