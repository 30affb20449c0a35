"""What was appended is read back, whatever tore or went bad, and nothing else is."""

import errno
import os
import random
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.journal import (
    LATER,
    REFUSED,
    Aside,
    Entry,
    JournalFullError,
    Kind,
    Reader,
    Writer,
    discard_free,
    erase,
    files,
    layout,
    segment,
)
from storage.journal.files import SegmentName

SEGMENT_BYTES = 64 << 10


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name a journal's folder that does not exist yet."""
    return tmp_path / "journal"


@pytest.fixture
def writer(folder: Path) -> Iterator[Writer]:
    """Give a writer of small segments."""
    one = Writer(folder, "run.1", segment_bytes=SEGMENT_BYTES, wait_s=0)
    yield one
    one.close()


def body(number: int, size: int = 1000) -> bytes:
    return random.Random(number).randbytes(size)


def append(writer: Writer, *numbers: int, size: int = 1000) -> None:
    for number in numbers:
        data = body(number, size)
        writer.append(Kind.INSTANCE, {"number": number}, [data[:7], memoryview(data)[7:]])


def numbers(entries: list[Entry]) -> list[int]:
    """Tell which entries these are; each must hold what was appended under its number."""
    for entry in entries:
        assert bytes(entry.body) == body(entry.fields["number"], len(entry.body))
    return [entry.fields["number"] for entry in entries]


def drained(reader: Reader) -> list[int]:
    """File everything; the numbers."""
    found: list[int] = []
    while entries := reader.entries():
        found += numbers(entries)
        reader.filed(entries)
    reader.retire()
    return found


def names(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.iterdir() if path.is_file())


def only_segment(folder: Path) -> Path:
    (name,) = files.segments(folder)
    return folder / str(name)


def test_entries_come_back_in_order_with_fields_and_body(folder: Path, writer: Writer) -> None:
    reader = Reader(folder)
    before = datetime.now(UTC) - timedelta(microseconds=1)
    writer.append(Kind.INSTANCE, {"uid": "1.2", "text": "ü\0\udc80", "no": None}, [b"body"])
    writer.append(Kind.ENDING, {"name": "a"})
    first, second = reader.entries()
    assert (first.kind, bytes(first.body)) == (Kind.INSTANCE, b"body")
    assert first.fields == {"uid": "1.2", "text": "ü\0\udc80", "no": None}
    assert (second.kind, second.fields, bytes(second.body)) == (Kind.ENDING, {"name": "a"}, b"")
    assert before <= first.written_at <= second.written_at <= datetime.now(UTC)
    assert reader.entries() == []


def test_a_batch_is_limited_but_holds_one_entry_however_large(folder: Path, writer: Writer) -> None:
    reader = Reader(folder)
    append(writer, 1, 2, 3, size=10_000)
    assert [numbers(reader.entries(limit_bytes=25_000)) for _ in range(2)] == [[1, 2], [3]]
    append(writer, 4, 5, size=10_000)
    assert [numbers(reader.entries(limit_bytes=10)) for _ in range(2)] == [[4], [5]]
    append(writer, 6, 7)
    assert [numbers(reader.entries(limit_count=1)) for _ in range(2)] == [[6], [7]]


def test_an_entry_too_large_for_a_segment_is_refused(writer: Writer) -> None:
    append(writer, 1, size=writer.largest_entry - 200)
    with pytest.raises(ValueError, match="spool its body"):
        append(writer, 2, size=writer.largest_entry)


def test_filed_segments_are_written_again_and_hold_nothing_of_before(
    folder: Path, writer: Writer
) -> None:
    reader = Reader(folder)
    for start in range(0, 300, 30):
        append(writer, *range(start, start + 30), size=2000)
        assert drained(reader) == list(range(start, start + 30))
    assert len(list(folder.iterdir())) <= 3 + 1  # segments, and the spool's folder
    assert Reader(folder).entries() == []  # and nothing comes twice: marks were left


def test_a_reader_that_starts_anew_gives_what_was_not_filed(folder: Path, writer: Writer) -> None:
    append(writer, 1, 2, 3)
    reader = Reader(folder)
    reader.filed(reader.entries(limit_count=1))
    assert numbers(reader.entries()) == [2, 3]
    reader.close()
    assert numbers(Reader(folder).entries()) == [2, 3]


def test_without_marks_everything_unretired_comes_again(folder: Path, writer: Writer) -> None:
    append(writer, 1, 2)
    reader = Reader(folder)
    reader.filed(reader.entries())
    reader.close()
    with only_segment(folder).open("r+b") as file:  # the power went away: marks are not synced
        file.seek(layout.MARK_OFFSET)
        file.write(bytes(24))
    assert numbers(Reader(folder).entries()) == [1, 2]


def test_entries_of_two_writers_come_by_time(folder: Path, writer: Writer) -> None:
    other = Writer(folder, "run.2", segment_bytes=SEGMENT_BYTES)
    append(writer, 1)
    append(other, 2)
    append(writer, 3)
    append(other, 4)
    reader = Reader(folder)
    assert reader.entries(limit_count=1)[0].fields == {"number": 1}
    oldest = reader.oldest()
    assert oldest is not None
    assert numbers(reader.entries()) == [2, 3, 4]
    assert reader.oldest() is None
    other.close()


def test_a_segment_is_kept_as_long_as_its_writer_lives(folder: Path, writer: Writer) -> None:
    append(writer, 1)
    reader = Reader(folder)
    assert drained(reader) == [1]
    assert names(folder) == [".segment"]
    writer.close()
    reader.retire()
    assert names(folder) == [".free"]


def test_a_segment_is_kept_until_all_that_was_given_out_is_filed(
    folder: Path, writer: Writer
) -> None:
    append(writer, 1, 2)
    writer.close()
    reader = Reader(folder)
    entries = reader.entries()
    reader.filed(entries[:1])
    assert names(folder) == [".segment"]
    reader.filed(entries[1:])
    assert names(folder) == [".free"]


def written(folder: Path, *numbers: int) -> tuple[Path, list[int]]:
    """Write entries and leave without a word, as a killed process does; where each begins."""
    name = SegmentName("run.1", 1)
    files.make_folder(folder)
    one = segment.OpenSegment(folder, name, SEGMENT_BYTES)
    starts = [layout.HEADER_BYTES]
    for number in numbers:
        content = layout.Content.of(Kind.INSTANCE, {"number": number}, [body(number, 300)])
        starts.append(one.write(content))
    one.sync(starts[-1])
    os.close(one._descriptor)
    return folder / str(name), starts


def zero(data: bytearray, at: int, _end: int) -> None:
    data[at:] = bytes(len(data) - at)


def garble(data: bytearray, at: int, end: int) -> None:
    data[at:end] = random.Random(at).randbytes(end - at)


def flip(data: bytearray, at: int, _end: int) -> None:
    data[at] ^= 0x10


@pytest.mark.parametrize("tear", [zero, garble])
def test_an_entry_torn_anywhere_is_none_and_hides_no_earlier_one(
    folder: Path, tear: Callable[[bytearray, int, int], None]
) -> None:
    path, starts = written(folder, 1, 2, 3)
    whole = path.read_bytes()
    end = starts[2] + layout.HEAD_BYTES + len(b'{"number":3}') + 300
    for at in range(starts[2], end):
        data = bytearray(whole)
        tear(data, at, end)
        path.write_bytes(data)
        reader = Reader(folder)
        assert numbers(reader.entries()) == [1, 2], f"torn at byte {at - starts[2]}"
        assert reader.damages() == []  # its writer was not told that it is safe
        reader.close()


def test_a_file_cut_off_anywhere_hides_no_earlier_entry(folder: Path) -> None:
    path, starts = written(folder, 1, 2, 3)
    whole = path.read_bytes()
    for end in range(starts[2], starts[3] - 64, 7):
        path.write_bytes(whole[:end])
        reader = Reader(folder)
        assert numbers(reader.entries()) == [1, 2]
        reader.close()


def test_an_entry_gone_bad_anywhere_hides_no_later_one_and_its_segment_is_kept(
    folder: Path,
) -> None:
    path, starts = written(folder, 1, 2, 3)
    whole = path.read_bytes()
    end = starts[1] + layout.HEAD_BYTES + len(b'{"number":2}') + 300
    for at in range(starts[1], end, 3):
        data = bytearray(whole)
        flip(data, at, end)
        path.write_bytes(data)
        reader = Reader(folder)
        assert drained(reader) == [1, 3], f"bad at byte {at - starts[1]}"
        (damage,) = reader.damages()
        assert (damage.segment, damage.position) == (path.name, starts[1])
        kept = path.with_suffix(files.DAMAGED)
        assert kept.stat().st_size == SEGMENT_BYTES
        assert names(folder) == [".damaged"]
        kept.unlink()


def test_a_segment_without_a_header_is_kept_for_a_person(folder: Path) -> None:
    path, _ = written(folder, 1)
    path.write_bytes(bytes(layout.HEADER_BYTES) + path.read_bytes()[layout.HEADER_BYTES :])
    reader = Reader(folder)
    assert reader.entries() == []
    assert [damage.position for damage in reader.damages()] == [0]
    assert names(folder) == [".damaged"]


def test_bytes_that_look_like_an_entry_are_none(folder: Path, writer: Writer) -> None:
    """A sender may send a journal: what it chose never becomes an entry of its own."""
    append(writer, 1)
    (name,) = files.segments(folder)
    forged = (folder / str(name)).read_bytes()[layout.HEADER_BYTES :][:2048]
    other = Writer(folder, "run.2", segment_bytes=SEGMENT_BYTES)
    other.append(Kind.INSTANCE, {"number": 2}, [forged])
    other.close()
    path = folder / "run.2-0000000001.segment"
    data = bytearray(path.read_bytes())
    data[layout.HEADER_BYTES + 1] ^= 1  # its own head is bad: the search goes through its body
    path.write_bytes(data)
    assert drained(Reader(folder)) == [1]


def test_waiting_threads_share_a_sync(
    folder: Path, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(writer, 0)
    syncs: list[int] = []
    gate = threading.Event()
    fdatasync = os.fdatasync

    def slow(descriptor: int) -> None:
        syncs.append(descriptor)
        gate.wait(5)
        fdatasync(descriptor)

    monkeypatch.setattr(os, "fdatasync", slow)
    threads = [threading.Thread(target=append, args=(writer, n)) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    (name,) = files.segments(folder)
    reader = Reader(folder)
    seen = 0
    while seen < 9:  # all have written; one syncs, seven wait
        seen += len(reader.entries())
    assert any(thread.is_alive() for thread in threads)
    gate.set()
    for thread in threads:
        thread.join()
    assert len(syncs) == 2  # the one under way, and one for all who came meanwhile
    assert name.number == 1


def test_nobody_returns_before_a_sync_that_began_after_the_write(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(writer, 0)
    synced = 0
    log: list[tuple[str, int]] = []
    write = segment.OpenSegment.write
    fdatasync = os.fdatasync

    def spy_write(self: segment.OpenSegment, content: layout.Content) -> int:
        position = write(self, content)
        log.append(("written", position))
        return position

    def spy_sync(descriptor: int) -> None:
        nonlocal synced
        reached = max((position for what, position in log if what == "written"), default=0)
        fdatasync(descriptor)
        synced = max(synced, reached)

    sync = segment.OpenSegment.sync

    def checked(self: segment.OpenSegment, position: int) -> None:
        sync(self, position)
        log.append(("late", position) if synced < position else ("good", position))

    monkeypatch.setattr(os, "fdatasync", spy_sync)
    monkeypatch.setattr(segment.OpenSegment, "write", spy_write)
    monkeypatch.setattr(segment.OpenSegment, "sync", checked)
    numbers = iter(range(1, 161))
    threads = [
        threading.Thread(target=lambda: [append(writer, next(numbers), size=50) for _ in range(20)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(what == "good" for what, _ in log) == 160
    assert not any(what == "late" for what, _ in log)


@pytest.mark.parametrize("call", ["pwritev", "fdatasync"])
def test_a_disk_that_refuses_is_told_and_the_next_entry_goes_elsewhere(
    folder: Path, writer: Writer, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    append(writer, 1)

    def refuse(*_arguments: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(OSError, match="Input/output error"):
            append(writer, 2)
    append(writer, 3)
    assert [name.number for name in files.segments(folder)] == [1, 2]
    writer.close()
    found = drained(Reader(folder))
    assert found[0] == 1
    assert found[-1] == 3
    assert set(found) <= {1, 2, 3}  # 2 may be there: nobody was told that it is


def test_a_full_disk_acknowledges_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    """The limit on a file's size stands for a disk that is full: the same calls fail."""
    folder = tmp_path / "journal"
    script = f"""
import errno, resource, signal
from pathlib import Path
from storage.journal import Kind, Writer
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
writer = Writer(Path({str(folder)!r}), "run.1", segment_bytes={SEGMENT_BYTES})
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    writer.append(Kind.INSTANCE, {{}}, [b"x"])
except OSError as error:
    print(errno.errorcode[error.errno])
with writer.spool() as spool:
    try:
        spool.write(bytes(500), bytes(800))
    except OSError as error:
        print(errno.errorcode[error.errno], spool.size_bytes)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["EFBIG", "EFBIG", "0"]
    assert names(folder) == []
    assert list((folder / "spool").iterdir()) == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000


def test_at_the_limit_the_sender_is_refused_until_something_is_filed(folder: Path) -> None:
    writer = Writer(
        folder, "run.1", segment_bytes=SEGMENT_BYTES, limit_bytes=2 * SEGMENT_BYTES, wait_s=0
    )
    append(writer, 1, 2, size=50_000)
    with pytest.raises(JournalFullError) as refused:
        append(writer, 3, size=50_000)
    assert refused.value.errno == errno.ENOSPC
    with pytest.raises(JournalFullError):
        writer.spool()
    assert drained(Reader(folder)) == [1, 2]
    append(writer, 4, size=50_000)
    writer.close()


def test_at_the_limit_a_sender_waits_for_the_filing(folder: Path) -> None:
    writer = Writer(
        folder, "run.1", segment_bytes=SEGMENT_BYTES, limit_bytes=2 * SEGMENT_BYTES, wait_s=60
    )
    append(writer, 1, 2, size=50_000)
    thread = threading.Thread(target=append, args=(writer, 3), kwargs={"size": 50_000})
    thread.start()
    reader = Reader(folder)
    assert drained(reader) == [1, 2]
    thread.join(60)
    assert drained(reader) == [3]
    writer.close()


def test_every_writer_may_have_one_segment_whatever_the_limit(folder: Path) -> None:
    writers = [
        Writer(folder, f"run.{n}", segment_bytes=SEGMENT_BYTES, limit_bytes=1, wait_s=0)
        for n in range(3)
    ]
    for number, writer in enumerate(writers):
        append(writer, number)
    assert sorted(drained(Reader(folder))) == [0, 1, 2]
    for writer in writers:
        writer.close()


def test_everything_that_append_returned_for_survives_a_kill(tmp_path: Path) -> None:
    """SIGKILL in the middle of appends by several threads; five times."""
    script = """
import os, random, sys, threading
from pathlib import Path
from storage.journal import Kind, Writer
writer = Writer(Path(sys.argv[1]), sys.argv[2], segment_bytes=1 << 18)
def work(lane):
    for number in range(100_000):
        key = lane * 1_000_000 + number
        data = random.Random(key).randbytes(20_000)
        writer.append(Kind.INSTANCE, {"number": key}, [data])
        os.write(1, f"{key}\\n".encode())
for lane in range(4):
    threading.Thread(target=work, args=(lane,)).start()
"""
    folder = tmp_path / "journal"
    seeded = random.Random(7)
    total = 0
    for run in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(folder), f"run{run}.1"], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(seeded.randrange(1, 40))]
        process.kill()
        rest = process.stdout.read().splitlines(keepends=True)
        process.wait()
        process.stdout.close()
        acknowledged = {int(line) for line in lines + rest if line.endswith(b"\n")}
        reader = Reader(folder)
        found = drained(reader)
        assert acknowledged <= set(found)
        assert len(found) == len(set(found))
        assert reader.damages() == []  # a torn end is no damage
        assert files.segments(folder) == []
        reader.close()
        total += len(acknowledged)
    assert total > 5


def test_a_spooled_body_is_durable_when_committed(folder: Path, writer: Writer) -> None:
    with writer.spool() as spool:
        spool.write(b"pre", b"", bytearray(b"amble"))
        spool.write(memoryview(b"rest"))
        name = spool.commit()
        writer.append(Kind.INSTANCE, {"spool": name})
        reader = Reader(folder)
        assert reader.clear_strays() + reader.clear_strays() == 0  # held: it may yet be named
    (entry,) = reader.entries()
    assert reader.spooled(entry.fields["spool"]).read_bytes() == b"preamblerest"
    assert reader.backlog_bytes() == 12


def test_a_spool_that_is_not_committed_is_gone(folder: Path, writer: Writer) -> None:
    with writer.spool() as spool:
        spool.write(b"half")
    assert list((folder / "spool").iterdir()) == []


def test_what_a_killed_process_left_is_cleared_away(folder: Path, writer: Writer) -> None:
    spooled = folder / "spool"
    files.make_folder(spooled)
    (spooled / f"{'a' * 32}.part").write_bytes(b"half")
    (spooled / f"{'b' * 32}.whole").write_bytes(b"named by no entry")
    (folder / f"{'c' * 32}.making").write_bytes(b"no segment yet")
    append(writer, 1)
    reader = Reader(folder)
    assert drained(reader) == [1]
    assert (reader.clear_strays(), reader.clear_strays()) == (0, 1)
    assert list(spooled.iterdir()) == []
    assert names(folder) == [".segment"]


@pytest.mark.parametrize("name", ["../x.whole", "x", "", "/etc/passwd"])
def test_a_spool_name_is_no_path(folder: Path, name: str) -> None:
    with pytest.raises(ValueError, match="expected 32 hexadecimal digits"):
        Reader(folder).spooled(name)


def test_a_writers_name_is_no_path(folder: Path) -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        Writer(folder, "../x")


def test_erased_entries_are_overwritten_filed_or_not(folder: Path, writer: Writer) -> None:
    reader = Reader(folder)
    for number, patient in enumerate(["P1", "P2", "P1", "P2"]):
        writer.append(Kind.INSTANCE, {"patient_id": patient, "number": number}, [body(number)])
    reader.filed(reader.entries(limit_count=2))
    with writer.spool() as spool:
        spool.write(b"of P1")
        name = spool.commit()
        writer.append(Kind.INSTANCE, {"patient_id": "P1", "number": 9, "spool": name})
    assert erase(folder, lambda fields: fields.get("patient_id") == "P1") == 3
    data = only_segment(folder).read_bytes()
    assert b"P1" not in data
    assert body(0) not in data
    assert body(2) not in data
    assert body(1) in data
    assert not reader.spooled(name).exists()
    writer.append(Kind.INSTANCE, {"patient_id": "P3", "number": 5}, [body(5)])
    assert drained(reader) == [3, 5]
    assert reader.damages() == []


def bad_block(monkeypatch: pytest.MonkeyPatch, start: int) -> None:
    """Have reads fail that touch a block of the disk."""

    def failing(read: Callable[..., Any]) -> Callable[..., Any]:
        def one(descriptor: int, what: Any, at: int) -> Any:
            count = what if isinstance(what, int) else sum(map(len, what))
            if at < start + 4096 and at + count > start:
                raise OSError(errno.EIO, "Input/output error")
            return read(descriptor, what, at)

        return one

    monkeypatch.setattr(os, "pread", failing(os.pread))
    monkeypatch.setattr(os, "preadv", failing(os.preadv))


@pytest.mark.parametrize(
    ("start", "whole"),
    [
        pytest.param(8192, [0, 1, 2, 8, 9], id="in the middle"),
        pytest.param(12288, [0, 1, 2, 3, 4, 5, 6], id="at the end"),
        pytest.param(0, [], id="in the header"),
    ],
)
def test_a_bad_block_of_the_disk_costs_what_stands_there_and_stops_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, start: int, whole: list[int]
) -> None:
    for name, numbered in (("run.1", range(10)), ("run.2", range(10, 13))):
        one = Writer(folder, name, segment_bytes=SEGMENT_BYTES)
        append(one, *numbered)
        one._segment, segment = None, one._segment  # killed: no word that nothing follows
        assert segment is not None
        os.close(segment._descriptor)
    bad_block(monkeypatch, start)
    reader = Reader(folder)
    assert drained(reader) == whole + ([10, 11, 12] if start else [])
    assert reader.damages()
    assert ".damaged" in names(folder)


@pytest.mark.parametrize("kind", [REFUSED, LATER])
def test_what_was_set_aside_is_erased(folder: Path, writer: Writer, kind: str) -> None:
    reader = Reader(folder)
    aside = Aside(folder, kind)
    for number, patient in enumerate(["P1", "P2", "P1"]):
        writer.append(Kind.INSTANCE, {"patient_id": patient, "number": number}, [body(number)])
    entries = reader.entries()
    named = [aside.keep(entry, entry.body, "ValueError") for entry in entries]
    reader.filed(entries)
    (aside.folder / "damaged.json").write_bytes(b"{")
    assert aside.keep(entries[1], entries[1].body, "ValueError") == named[1]  # once more: the same
    assert erase(folder, lambda fields: fields.get("patient_id") == "P1") == 4
    assert aside.names() == sorted([named[1], "damaged"])
    fields, path = aside.read(named[1])
    assert fields == {"patient_id": "P2", "number": 1, "error": "ValueError"}
    assert path.read_bytes() == body(1)
    assert len(list(aside.folder.iterdir())) == 3


def test_free_segments_are_discarded_on_request(folder: Path, writer: Writer) -> None:
    append(writer, 1)
    writer.close()
    drained(Reader(folder))
    assert discard_free(folder) == 1
    assert names(folder) == []
