"""Batches of synthetic examples by number, for training; picklable, so that processes share it.

Reading a subject costs more than imaging it. The draws of a window (`model.synthetic.stream.Plan`)
image a few subjects several times each, and every process keeps those that it has read last.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model.localiser.examples import CoarseExample, FineExample, coarse_example, fine_examples
from model.localiser.spec import CoarseSpec, FineSpec

if TYPE_CHECKING:
    from model.synthetic.acquisition import Scan
    from model.synthetic.anatomy import Subject

_CROPS: Final = 7103  # keep the streams of random numbers apart
_DRAW: Final = 7104
_FATES: Final = 7106
_FINE_SHAPE: Final = (24, 400, 400)
_HELD: Final = 6  # subjects; a window has four, and two windows meet
_ATTEMPTS: Final = 20  # to image a subject so that a foramen is seen


@dataclass(frozen=True, slots=True)
class ScanSource:
    """Batch n of a seed is always the same.

    Attributes:
        spec: of the network that learns.
        files: kept subjects, see `model.synthetic.cache`; one that comes twice is drawn twice as
            often.
        seed: of the stream.
        batch_size: examples of a batch.
        background: whether the subjects keep the tissues around the spine.
        options: for `model.synthetic.acquisition.sample`, for example priors.
    """

    spec: CoarseSpec | FineSpec
    files: tuple[Path, ...]
    seed: int
    batch_size: int
    background: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, number: int) -> list[CoarseExample] | list[FineExample]:
        """Make batch `number`: a scan for each coarse example, or all crops from one scan.

        Raises:
            ValueError: a subject has no foramen that could be seen, of which crops could be made.
        """
        if isinstance(self.spec, CoarseSpec):
            first = number * self.batch_size
            numbers = range(first, first + self.batch_size)
            return [coarse_example(self.scan(n), self.spec, self._fate(n)) for n in numbers]
        for attempt in range(_ATTEMPTS):
            rng = np.random.default_rng([self.seed, _CROPS, number, attempt])
            crops = fine_examples(self.scan(number, attempt), self.spec, rng, self.batch_size)
            if crops:
                return crops
        raise ValueError(
            f"{self.file(number)} shows no foramen in {_ATTEMPTS} scans; crops need subjects with "
            "points"
        )

    def _fate(self, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, _FATES, number])

    def file(self, number: int) -> Path:
        """Name the subject that draw `number` images."""
        from model.synthetic.stream import Plan

        return self.files[Plan(len(self.files), self.seed).subject(number)]

    def scan(self, number: int, attempt: int = 0) -> "Scan":
        """Image the subject of draw `number`."""
        from threadpoolctl import threadpool_limits

        from model.synthetic import acquisition

        shape = {"shape": _FINE_SHAPE} if isinstance(self.spec, FineSpec) else {}
        options = {"pixel_mm": self.spec.pixel_mm, **shape, **self.options}
        subject = _subject(self.file(number), self.background)
        rng = np.random.default_rng([self.seed, _DRAW, number, attempt])
        with threadpool_limits(limits=1):  # training has the other cores
            return acquisition.sample(subject, rng, **options)


@lru_cache(maxsize=_HELD)
def _subject(path: Path, background: bool) -> "Subject":
    from model.localiser.bare import bare
    from model.synthetic import cache

    subject = cache.load(path)
    return subject if background else bare(subject)
