"""The receiving processes as `foramina serve` runs them: shared port, journal, and their death."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import MRImageStorage

from node.receiver.tally import Tally
from tests import objects
from tests.black_box import BlackBox
from tests.upper_layer import COMMAND, LAST, STORE, Connection, command, p_data


@pytest.fixture(params=["fast", "stock"])
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BlackBox]:
    box = BlackBox(
        tmp_path,
        receiver={"processes": 2, "path": request.param},
        worker={"processes": 0},
        assembler={"stable_age_s": 600.0, "doubtful_age_s": 600.0},
    )
    box.start()
    yield box
    box.stop()


def receivers(node: BlackBox) -> list[int]:
    assert node._process is not None
    tasks = Path(f"/proc/{node._process.pid}/task").iterdir()
    children = [int(pid) for task in tasks for pid in (task / "children").read_text().split()]
    return [pid for pid in children if b"receive" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def store(connection: Connection, **values: object) -> str:
    """Store an image and give its UID; fails unless it is acknowledged."""
    image = objects.image(**values)
    asked = command(STORE, 1, MRImageStorage, image.SOPInstanceUID)
    connection.send(p_data(1, COMMAND | LAST, asked))
    data = objects.encoded(image)
    for at in range(0, len(data), 100_000):
        last = LAST if at + 100_000 >= len(data) else 0
        connection.send(p_data(1, last, data[at : at + 100_000]))
    assert connection.status() == 0
    return str(image.SOPInstanceUID)


def filed(node: BlackBox) -> dict[str, Path]:
    """Give what is in the database, with its file."""
    with sqlite3.connect(node.folder / "var" / "foramina.sqlite") as database:
        rows = database.execute("SELECT sop_instance_uid, path FROM instances").fetchall()
    return {uid: node.folder / "var" / path for uid, path in rows}


def test_what_was_acknowledged_survives_the_death_of_all_processes(node: BlackBox) -> None:
    acknowledged = []
    for _ in range(4):
        with Connection(node.port) as connection:
            acknowledged += [store(connection) for _ in range(3)]
            acknowledged.append(  # too large for memory and for a segment's share of it
                store(connection, Rows=2048, Columns=1024, PixelData=os.urandom(4 << 20))
            )
    node.kill()
    node.start()
    node.wait(lambda: filed(node).keys() >= set(acknowledged), "all that was acknowledged is filed")
    found = filed(node)
    assert len(found) == len(acknowledged)
    assert all(path.is_file() for path in found.values())


def test_a_receiving_process_that_dies_is_replaced_and_its_associations_with_it(
    node: BlackBox,
) -> None:
    node.wait(lambda: len(receivers(node)) == 2, "two receiving processes")
    connections = [Connection(node.port) for _ in range(6)]
    acknowledged = [store(connection) for connection in connections]
    before = set(receivers(node))
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    node.wait(lambda: len(set(receivers(node)) - before) == 1, "another process")
    with Connection(node.port) as connection:
        acknowledged.append(store(connection))
    for connection in connections:
        connection.socket.close()
    node.wait(lambda: filed(node).keys() >= set(acknowledged), "all that was acknowledged is filed")
    tally = Tally.open(node.folder / "var")
    node.wait(lambda: tally.open_associations == 0, "no association counts as open")
    assert tally.responses[0x0000] == len(acknowledged)
    tally.close()


def test_a_receiving_process_loads_no_pixel_code(node: BlackBox) -> None:
    node.wait(lambda: len(receivers(node)) == 2, "two receiving processes")
    with Connection(node.port) as connection:
        store(connection)
    for pid in receivers(node):
        loaded = Path(f"/proc/{pid}/maps").read_text()
        assert not [name for name in ("numpy", "PIL", "libjpeg") if f"/{name}" in loaded]
