"""Hostile files in the storage folder, and hostile reports to import: a sentence, never a crash.

What a reader may raise is in its docstring; whatever else it raises would end the worker, the
assembler or a person's command. Seeded like `test_network`.
"""

import os
import resource
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)

from model import frames, inflation, volume
from model.annotation.report import read_report
from node.errors import SeriesUnusableError
from node.headers import read_headers
from storage import content
from storage.arrival import Outcome
from tests.factories import make_dataset, make_part10
from tests.foreign_reports import (
    document,
    group,
    measurements,
    person,
    scoord,
    scoord3d,
    text,
    tracking,
)
from tests.fuzz.mutation import Mutator
from tests.multiframe import enhanced

TIMES = int(os.environ.get("FORAMINA_FUZZ_TIMES", "1"))
SEED = int(os.environ.get("FORAMINA_FUZZ_SEED", "1"))
_SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless, JPEGLSLossless)

pytestmark = [
    pytest.mark.timeout(120 + 600 * TIMES),
    pytest.mark.filterwarnings("ignore"),  # pydicom warns of what is wrong; so it is here
]


@pytest.fixture(scope="module")
def seeds() -> list[bytes]:
    """Give one valid file of each kind that is read."""
    kinds = [make_part10(1), *(make_part10(1, transfer_syntax_uid=one) for one in _SYNTAXES)]
    kinds.append(deflated(make_part10(1)))
    whole = BytesIO()
    enhanced([make_dataset(number) for number in (1, 2, 3)]).save_as(
        whole, enforce_file_format=True
    )
    kinds.append(whole.getvalue())
    return kinds


def deflated(part10: bytes) -> bytes:
    """Deflate the data set of a file."""
    start = 144 + int.from_bytes(part10[140:144], "little")
    old = b"1.2.840.10008.1.2.1\0"
    new = f"{DeflatedExplicitVRLittleEndian}".encode()
    assert old in part10[:start]
    meta = part10[144:start].replace(
        len(old).to_bytes(2, "little") + old, len(new).to_bytes(2, "little") + new
    )
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = deflate.compress(part10[start:]) + deflate.flush()
    return part10[:140] + len(meta).to_bytes(4, "little") + meta + body


def hostile(folder: Path, seeds: list[bytes], count: int) -> Iterator[tuple[int, Path]]:
    """Write broken files, each with its number."""
    file = folder / "hostile.dcm"
    for number in range(SEED, SEED + count * TIMES):
        mutator = Mutator(number)
        one = mutator.choose(seeds)
        if mutator.chance(0.15):
            one = mutator.splice(one, mutator.choose(seeds))
        # Half of them keep the way to the data set, so that what is deep is reached.
        start = 0 if mutator.chance(0.2) else 144 + int.from_bytes(one[140:144], "little")
        start = min(start, len(one))
        within = None if mutator.chance(0.5) else 1500
        file.write_bytes(one[:start] + mutator.mutate(one[start:], within=within))
        yield number, file


def play(
    cases: Iterator[tuple[int, Path]],
    read: Callable[[Path], object],
    expected: tuple[type[Exception], ...],
) -> tuple[int, int]:
    """Read all; how many could be, and how many were refused as documented."""
    good = refused = 0
    before = len(os.listdir("/proc/self/fd"))
    for number, path in cases:
        try:
            read(path)
            good += 1
        except expected as error:
            refused += 1
            if not str(error):
                raise AssertionError(f"input {number}: no sentence") from error
        except Exception as error:
            raise AssertionError(f"input {number}: {type(error).__name__}") from error
    assert len(os.listdir("/proc/self/fd")) <= before
    return good, refused


def test_the_seeds_are_valid(tmp_path: Path, seeds: list[bytes]) -> None:
    for number, seed in enumerate(seeds):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(seed)
        assert read_headers([path])
        assert content.compare(path, path) is Outcome.DUPLICATE


def test_headers(tmp_path: Path, seeds: list[bytes]) -> None:
    def read(path: Path) -> None:
        for header in read_headers([path]):
            assert isinstance(header, Dataset)

    good, refused = play(hostile(tmp_path, seeds, 1500), read, (SeriesUnusableError,))
    assert good
    assert refused


def test_volumes(tmp_path: Path, seeds: list[bytes]) -> None:
    others = []
    for number in (2, 3, 4):
        others.append(tmp_path / f"{number}.dcm")
        others[-1].write_bytes(make_part10(number))
    good, refused = play(
        hostile(tmp_path, seeds, 1200),
        lambda path: volume.load([path, *others]),
        (volume.VolumeError, frames.VolumeError),
    )
    assert good
    assert refused


def test_comparisons(tmp_path: Path, seeds: list[bytes]) -> None:
    known = tmp_path / "known.dcm"
    known.write_bytes(seeds[0])
    found = set()
    play(
        hostile(tmp_path, seeds[:-1], 1000),
        lambda path: found.add(content.compare(known, path, inflation.check)),
        (),
    )
    assert found == {Outcome.DUPLICATE, Outcome.CORRECTION, Outcome.CONFLICT}


def test_reports_to_import(tmp_path: Path) -> None:
    groups = [
        group(*tracking("L4/L5 left foramen"), scoord3d((1.0, 2.0, 3.0))),
        group(text("Comment", "L5 right", code_value="121106"), scoord3d((4.0, 2.0, 3.0))),
        group(*tracking("L3/L4 left foramen"), scoord((4.0, 5.0), "1.2.3.1")),
    ]
    seeds = [
        document(tmp_path / "a.dcm", measurements(*groups[:2])).read_bytes(),
        document(tmp_path / "b.dcm", [person("A"), *measurements(*groups)]).read_bytes(),
        document(tmp_path / "c.dcm", groups[:1]).read_bytes(),
    ]
    good, refused = play(
        hostile(tmp_path, seeds, 800), lambda path: read_report(path, {}), (ValueError,)
    )
    assert good
    assert refused


@pytest.mark.parametrize("reader", ["headers", "volume", "comparison"])
def test_a_deflated_bomb_does_not_fill_the_memory(
    tmp_path: Path, seeds: list[bytes], reader: str
) -> None:
    bomb = tmp_path / "bomb.dcm"
    valid = make_part10(1)
    start = 144 + int.from_bytes(valid[140:144], "little")
    padding = b"\xfc\xff\xfc\xffOB\0\0" + (600 << 20).to_bytes(4, "little")
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = deflate.compress(valid[start:] + padding)
    body += b"".join(deflate.compress(bytes(1 << 20)) for _ in range(600)) + deflate.flush()
    head = deflated(valid)
    data_set = 144 + int.from_bytes(head[140:144], "little")
    bomb.write_bytes(head[:data_set] + body)
    assert bomb.stat().st_size < 2 << 20
    other = tmp_path / "other.dcm"
    other.write_bytes(seeds[0])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if reader == "headers":
        with pytest.raises(SeriesUnusableError):
            read_headers([bomb])
    elif reader == "volume":
        with pytest.raises(volume.VolumeError, match="inflates to more than"):
            volume.load([bomb])
    else:
        assert content.compare(other, bomb, inflation.check) is Outcome.CONFLICT
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 100 << 10
