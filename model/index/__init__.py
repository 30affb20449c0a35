"""The index of a data set: which series with which annotation is for training, which for test.

One JSON file beside the data; parts are divided by patient. Built, checked and read here, without
TensorFlow.
"""

from model.index.build import Built, build
from model.index.check import check
from model.index.reading import Reader, cases, read_entry, readers
from model.index.record import PARTS, Entry, Index, Part, read, write
from model.index.split import Shares, subset

__all__ = [
    "PARTS", "Built", "Entry", "Index", "Part", "Reader", "Shares", "build", "cases", "check",
    "read", "read_entry", "readers", "subset", "write",
]  # fmt: skip
