"""Hostile bytes on the wire: the node goes on answering, leaks nothing, and no row lies.

Seeded. FORAMINA_FUZZ_TIMES=20 in the environment makes twenty times as many. A failure names
the number of its input: `FORAMINA_FUZZ_SEED` begins at another one.
"""

import os
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Literal

import pytest
from pydicom.uid import MRImageStorage

from tests.factories import SERIES_UID, incoming, make_part10
from tests.fuzz.mutation import Mutator
from tests.fuzz.running import ASSOCIATE, CONTEXTS, Target
from tests.upper_layer import (
    ABORT,
    COMMAND,
    ECHO,
    RELEASE,
    STORE,
    VERIFICATION,
    Line,
    associate_request,
    command,
    command_set,
    pdu,
    pieces,
)

TIMES = int(os.environ.get("FORAMINA_FUZZ_TIMES", "1"))
SEED = int(os.environ.get("FORAMINA_FUZZ_SEED", "1"))
_AT_ONCE = 6
_SYNTAXES = {number: syntax for number, _, syntax in CONTEXTS}
_DEFLATED = 7

pytestmark = [
    pytest.mark.timeout(120 + 600 * TIMES),
    pytest.mark.filterwarnings("ignore"),  # pydicom warns of what is wrong; so it is here
]


@cache
def _plain(context: int) -> bytes:
    syntax = _SYNTAXES[3 if context == _DEFLATED else context]
    one = incoming(make_part10(SOPInstanceUID=uid(0), transfer_syntax_uid=syntax))
    return bytes(one.part10)[one.data_offset :]


def data_set(number: int, context: int) -> bytes:
    """Give the data set of an instance as it travels in a presentation context."""
    plain = _plain(context).replace(uid(0).encode(), uid(number).encode())
    if context != _DEFLATED:
        return plain
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflate.compress(plain) + deflate.flush()


def uid(number: int) -> str:
    return f"{SERIES_UID}.{100_000 + number}"


def store_request(number: int) -> bytes:
    """Encode the C-STORE-RQ of an instance."""
    return command(STORE, 1, MRImageStorage, uid(number))


def store(context: int, request: bytes, data: bytes, size: int = 16000) -> bytes:
    """Encode a whole C-STORE, in PDUs of `size` bytes of it."""
    return pieces(context, COMMAND, request) + pieces(context, 0, data, size)


@pytest.fixture(params=["fast", "stock"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    """Give a receiver of each path."""
    path: Literal["fast", "stock"] = request.param
    target = Target(path, tmp_path)
    yield target
    target.close()


def numbered(count: int) -> Iterator[tuple[int, Mutator]]:
    """Give the numbers of the inputs, each with a mutator of its own."""
    for number in range(SEED, SEED + count * TIMES):
        yield number, Mutator(number)


@pytest.mark.parametrize("context", [3, 5, 7, 9])
def test_the_streams_that_are_broken_later_are_valid(running: Target, context: int) -> None:
    line = running.associated()
    line.send(store(context, store_request(1), data_set(1, context)))
    assert line.status() == 0x0000
    line.send(RELEASE)
    line.finish()
    assert len(running.rows()) == 1
    assert running.faults() == []


def play(running: Target, count: int, hostile: Callable[[int, Mutator], bytes]) -> list[str]:
    """Send each input over a connection of its own; list those that the node left open.

    Several at a time: after half a message the node rightly waits until its time-out. Ends with the
    first 200 among which is a fault, or after which no C-ECHO is answered.
    """

    def send(case: tuple[int, Mutator]) -> str:
        number, mutator = case
        line = running.connected()
        with suppress(ConnectionError):  # it may close before it has read all
            line.send(hostile(number, mutator))
        try:
            line.finish()
        except TimeoutError:
            return f"input {number}: the node neither answers nor closes"
        return ""

    cases = numbered(count)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while batch := list(islice(cases, 200)):
            said = [fault for fault in pool.map(send, batch) if fault] + running.unanswered()
            if said:
                return said
    return []


def test_bytes_before_an_association(running: Target) -> None:
    seeds = [ASSOCIATE, RELEASE, pdu(ABORT, bytes(4)), pdu(9, b"?"), b"GET / HTTP/1.0\r\n\r\n"]

    def hostile(_number: int, mutator: Mutator) -> bytes:
        one = mutator.choose(seeds)
        return mutator.mutate(one) if mutator.chance(0.8) else mutator.splice(one, seeds[0])

    assert play(running, 700, hostile) == []
    assert running.faults() == []


def test_association_requests(running: Target) -> None:
    seeds = [
        ASSOCIATE,
        associate_request([]),
        associate_request([(2, VERIFICATION, _SYNTAXES[1]), (1, "", ""), (1, "1.2", "x" * 70)]),
        associate_request([(n % 256, MRImageStorage, _SYNTAXES[3]) for n in range(300)]),
    ]

    def hostile(_number: int, mutator: Mutator) -> bytes:
        return mutator.mutate(mutator.choose(seeds), most=3) + RELEASE

    assert play(running, 500, hostile) == []
    assert running.faults() == []


def test_presentation_data_values(running: Target) -> None:
    seeds = [
        store(context, store_request(context), data_set(context, context), size)
        for context in (3, 5, 7, 9)
        for size in (100, 16000)
    ]

    def hostile(_number: int, mutator: Mutator) -> bytes:
        one = mutator.choose(seeds)
        if mutator.chance(0.3):
            one = mutator.splice(one, mutator.choose(seeds))
        head = len(one) if mutator.chance(0.5) else 200
        return ASSOCIATE + mutator.mutate(one, within=head) + RELEASE

    assert play(running, 600, hostile) == []
    assert running.faults() == []


def test_command_sets(running: Target) -> None:
    data = data_set(1, 3)
    seeds = [
        store_request(1),
        command(ECHO, 1, VERIFICATION),
        command_set((0x0002, MRImageStorage.encode()), (0x0100, b"\x20\x00")),
        command_set((0x0100, b"\xff\x0f"), (0x0120, b"\x01\x00")),
        command_set((0x0002, b"1.2.840.10008.1.20.1"), (0x0100, b"\x30\x01")),
    ]

    def hostile(_number: int, mutator: Mutator) -> bytes:
        request = mutator.mutate(mutator.choose(seeds), most=3)
        return ASSOCIATE + store(3, request, data) + RELEASE

    assert play(running, 600, hostile) == []
    assert running.faults() == []


def status_of(line: Line, number: int, mutator: Mutator) -> int:
    """Store a broken data set, and give the status; fails where there is none."""
    context = 3 + 2 * (number % 4)
    valid = data_set(number, context)  # a UID of its own: what repeats is compared, slowly
    broken = mutator.mutate(valid, within=700 if number % 3 else None)
    try:
        line.send(store(context, store_request(number), broken))
        return line.status()
    except OSError as error:
        raise AssertionError(f"input {number}: no status, or the association ended") from error


def test_data_sets(running: Target) -> None:
    """Many to an association: whatever the data set is, the association lives and says a status."""
    line = running.associated()
    statuses = set()
    for number, mutator in numbered(700):
        statuses.add(status_of(line, number, mutator))
        if number % 100 == 0:
            line.send(RELEASE)
            line.finish()
            line = running.associated()
    line.send(RELEASE)
    line.finish()
    assert 0x0000 in statuses
    assert any(0xA900 <= found <= 0xCFFF for found in statuses)
    assert len(running.rows()) > 1
    assert running.faults() == []
