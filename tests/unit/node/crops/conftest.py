"""An oblique series, as the node keeps it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset

from model import volume
from model.crop import Target
from model.volume import Volume
from node.headers import read_headers
from tests import report_series


@dataclass(frozen=True)
class Scan:
    """A series as files, volume and headers."""

    paths: list[Path]
    volume: Volume
    headers: list[Dataset]

    def reread(self) -> list[Dataset]:
        """Give headers that nobody has looked into."""
        return read_headers(self.paths)


@pytest.fixture
def make_scan(tmp_path: Path) -> Callable[..., Scan]:
    """Give the factory of series: `make_scan(RescaleSlope="2")`; None removes an attribute."""

    def make(**attributes: Any) -> Scan:
        paths = []
        for index in range(report_series.SLICES):
            made = report_series.image(index)
            _pixels(made, index)
            for keyword, value in attributes.items():
                if value is None:
                    del made[keyword]
                else:
                    setattr(made, keyword, value)
            path = tmp_path / f"{report_series.SLICES - index}.dcm"
            path.write_bytes(report_series.encoded(made))
            paths.append(path)
        return Scan(paths, volume.load(paths), read_headers(paths))

    return make


@pytest.fixture
def scan(make_scan: Callable[..., Scan]) -> Scan:
    """Give the series as it is."""
    return make_scan()


@pytest.fixture
def target(scan: Scan) -> Target:
    """Mark the middle of image 2."""
    x, y, z = report_series.world(2, 20, 10)
    return Target("L4-left", (x, y, z), 0.5)


def _pixels(made: Dataset, index: int) -> None:
    shape = (report_series.ROWS, report_series.COLUMNS)
    values = np.random.default_rng(index).integers(0, 4096, shape)
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
    made.PixelRepresentation = 0
    made.ScanningSequence, made.SequenceVariant = "SE", "SK"
    made.EchoTime, made.RepetitionTime = "11", "550"
    made.WindowCenter, made.WindowWidth = "2000", "4000"
    made.PixelData = values.astype("<u2").tobytes()
    made["PixelData"].VR = "OW"
