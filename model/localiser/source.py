"""Batches of synthetic examples by number, for training; picklable, so that processes share it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model.localiser.examples import CoarseExample, FineExample, coarse_example, fine_examples
from model.localiser.spec import CoarseSpec, FineSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from model.synthetic.acquisition import Scan

_CROPS: Final = 7103  # keeps its stream of random numbers apart
_FINE_SHAPE: Final = (24, 400, 400)


@dataclass(slots=True)
class _Stream:
    """Scans in the order of their numbers; begins anew where a number is out of turn."""

    seed: int
    files: tuple[Path, ...]
    options: Mapping[str, Any]
    number: int = -1
    scans: "Iterator[Scan] | None" = None

    def scan(self, number: int) -> "Scan":
        from model.synthetic import stream

        if self.scans is None or number != self.number:
            self.scans = stream.draws(self.seed, self.files, first=number, **self.options)
        self.number = number + 1
        return next(self.scans)


@dataclass(slots=True)
class ScanSource:
    """Batch n of a seed is always the same.

    Attributes:
        spec: of the network that learns.
        files: kept subjects, see `model.synthetic.cache`.
        seed: of the stream.
        batch_size: examples of a batch.
        options: for `model.synthetic.acquisition.sample`, for example priors.
    """

    spec: CoarseSpec | FineSpec
    files: tuple[Path, ...]
    seed: int
    batch_size: int
    options: Mapping[str, Any] = field(default_factory=dict)
    _stream: _Stream | None = None

    def __call__(self, number: int) -> list[CoarseExample] | list[FineExample]:
        """Make batch `number`: a scan for each coarse example, or all crops from one scan."""
        if isinstance(self.spec, CoarseSpec):
            first = number * self.batch_size
            scans = (self._scan(first + turn) for turn in range(self.batch_size))
            return [coarse_example(scan, self.spec) for scan in scans]
        rng = np.random.default_rng([self.seed, _CROPS, number])
        return fine_examples(self._scan(number), self.spec, rng, self.batch_size)

    def _scan(self, number: int) -> "Scan":
        if self._stream is None:
            shape = {"shape": _FINE_SHAPE} if isinstance(self.spec, FineSpec) else {}
            options = {"pixel_mm": self.spec.pixel_mm, **shape, **self.options}
            self._stream = _Stream(self.seed, self.files, options)
        return self._stream.scan(number)
