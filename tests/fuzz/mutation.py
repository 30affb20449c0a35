"""Changes bytes as a broken or hostile sender would: seeded, so that a failure can be repeated."""

import random
from collections.abc import Callable, Sequence
from typing import Final

_WORDS: Final = (
    b"\x00\x00", b"\xff\xff", b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f",
    b"\x00\x00\x00\x80", b"\x80\x00\x00\x00", b"\x01\x00\x00\x00", b"\x00\x00\x00\x01",
    b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0", b"SQ\x00\x00", b"UN\x00\x00",
    b"1.2\x00../..\x00", b"\x1b$B", b"\x00" * 64, b"9" * 80, b"NaN\\inf", b"1e308\\-1e308",
)  # fmt: skip
"""What parsers trip over: extreme lengths, item tags, VRs, escapes, numbers that are none."""

LARGEST: Final = 1 << 20
"""Growing has an end: a run is to be many inputs, not a few huge ones."""


class Mutator:
    """Makes hostile inputs of valid ones."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._ways: tuple[Callable[[bytearray], None], ...] = (
            self._flip, self._overwrite, self._cut, self._insert, self._repeat, self._drop,
            self._swap, self._word,
        )  # fmt: skip

    def choose(self, seeds: Sequence[bytes]) -> bytes:
        """Pick one of the inputs."""
        return self._random.choice(seeds)

    def chance(self, share: float) -> bool:
        """Tell, for this share of the calls, yes."""
        return self._random.random() < share

    def mutate(self, data: bytes, *, within: int | None = None, most: int = 6) -> bytes:
        """Change `data` in 1 to `most` places, all of them in the first `within` bytes."""
        stop = len(data) if within is None else min(within, len(data))
        head, tail = bytearray(data[:stop]), data[stop:]
        for _ in range(self._random.randint(1, most)):
            self._random.choice(self._ways)(head)
        return bytes(head + tail)[:LARGEST]

    def splice(self, one: bytes, other: bytes) -> bytes:
        """Let the beginning of one go over into the end of another."""
        return (one[: self._place(one)] + other[self._place(other) :])[:LARGEST]

    def _place(self, data: bytes | bytearray) -> int:
        return self._random.randrange(len(data) + 1)

    def _span(self, data: bytearray) -> slice:
        start = self._place(data)
        return slice(start, start + self._random.choice((1, 2, 4, 8, 64, 1000)))

    def _flip(self, data: bytearray) -> None:
        if data:
            data[self._random.randrange(len(data))] ^= 1 << self._random.randrange(8)

    def _overwrite(self, data: bytearray) -> None:
        for place in range(*self._span(data).indices(len(data))):
            data[place] = self._random.randrange(256)

    def _word(self, data: bytearray) -> None:
        word = self._random.choice(_WORDS)
        place = self._place(data)
        data[place : place + len(word)] = word

    def _insert(self, data: bytearray) -> None:
        place = self._place(data)
        data[place:place] = self._random.choice(_WORDS)

    def _cut(self, data: bytearray) -> None:
        if self.chance(0.3):
            del data[self._place(data) :]

    def _drop(self, data: bytearray) -> None:
        del data[self._span(data)]

    def _repeat(self, data: bytearray) -> None:
        span = bytes(data[self._span(data)])
        place = self._place(data)
        data[place:place] = span * self._random.choice((1, 2, 20))

    def _swap(self, data: bytearray) -> None:
        span = self._span(data)
        data[span] = data[span][::-1]
