"""An endless stream of training volumes from kept subjects; draw n depends on seed and n alone.

Reading a subject costs more than imaging it, so the stream goes through the subjects in windows:
each window holds a few of them, images each several times in mixed order, and lets them go. Every
subject comes equally often. A training run that stopped at draw n goes on with `first=n`; several
processes share one stream with `first=k, step=processes`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model.synthetic import cache

if TYPE_CHECKING:
    from model.synthetic.acquisition import Scan
    from model.synthetic.anatomy import Subject

_EPOCH: Final = 6101  # keep the streams of random numbers apart
_WINDOW: Final = 6102
_DRAW: Final = 6103


@dataclass(frozen=True, slots=True)
class Plan:
    """Which subject each draw images.

    Attributes:
        subjects: how many there are.
        seed: of the stream.
        together: subjects in a window; all of them are in memory at a time.
        repeats: times each is imaged in a window.
    """

    subjects: int
    seed: int
    together: int = 4
    repeats: int = 6

    def subject(self, number: int) -> int:
        """Tell which subject draw `number` images, 0 .. subjects - 1."""
        window, slot = divmod(number, self.together * self.repeats)
        order = np.random.default_rng([self.seed, _WINDOW, window])
        turn = int(order.permutation(self.together * self.repeats)[slot]) % self.together
        epoch, place = divmod(window * self.together + turn, self.subjects)
        shuffled = np.random.default_rng([self.seed, _EPOCH, epoch]).permutation(self.subjects)
        return int(shuffled[place])

    def window(self, number: int) -> int:
        """Tell in which window a draw lies."""
        return number // (self.together * self.repeats)


@dataclass(slots=True)
class _Shelf:
    """The subjects of the window at hand, each read once."""

    files: Sequence[Path]
    window: int = -1
    held: dict[int, "Subject"] = field(default_factory=dict)

    def take(self, index: int, window: int) -> "Subject":
        if window != self.window:
            self.window = window
            self.held.clear()
        if index not in self.held:
            self.held[index] = cache.load(self.files[index])
        return self.held[index]


def draws(
    seed: int,
    folder: Path | Sequence[Path],
    *,
    first: int = 0,
    step: int = 1,
    image: "Callable[[Subject, np.random.Generator], Scan] | None" = None,
    **options: Any,
) -> "Iterator[Scan]":
    """Give training volumes without end: draw `first`, `first + step`, ...

    Args:
        seed: of the stream.
        folder: of kept subjects (`model.synthetic.cache`), or the files themselves, for example
            those of drawn anatomies and of label maps together.
        first: number of the first draw.
        step: between the numbers; above 1 where several processes share a stream.
        image: makes a volume of a subject; None takes `model.synthetic.acquisition.sample`.
        **options: for `acquisition.sample`: pixel_mm, shape, priors.

    Raises:
        ValueError: there is no subject, `first` is below 0, or `step` below 1.
    """
    if first < 0 or step < 1:
        raise ValueError(f"first {first}, step {step}: expected at least 0 and 1")
    found = cache.files(folder) if isinstance(folder, Path) else list(folder)
    if not found:
        raise ValueError("no file of a subject was given; expected at least one")
    return _endless(seed, found, first, step, image or _sampler(options))


def _endless(
    seed: int,
    found: Sequence[Path],
    first: int,
    step: int,
    image: "Callable[[Subject, np.random.Generator], Scan]",
) -> "Iterator[Scan]":
    from threadpoolctl import ThreadpoolController

    plan, shelf, number = Plan(len(found), seed), _Shelf(found), first
    threads = ThreadpoolController()
    while True:
        subject = shelf.take(plan.subject(number), plan.window(number))
        with threads.limit(limits=1):  # training has the other cores
            scan = image(subject, np.random.default_rng([seed, _DRAW, number]))
        yield scan
        number += step


def _sampler(
    options: dict[str, Any],
) -> "Callable[[Subject, np.random.Generator], Scan]":
    from model.synthetic import acquisition

    def sample(subject: "Subject", rng: np.random.Generator) -> "Scan":
        return acquisition.sample(subject, rng, **options)

    return sample
