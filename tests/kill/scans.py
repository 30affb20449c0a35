"""Small sagittal T1 series, each quickly made: what the kill tests send."""

from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Final

import numpy as np
from pydicom import Dataset
from pydicom.uid import UID

from model.phantom import series as phantom_series
from model.phantom.drawing import draw

SLICES: Final = 9  # the fewest that shipped bundles take: a series that lacks one is rejected
_ROOT: Final = "1.2.826.0.1.3680043.10.1.77"
_STEP: Final = 5  # every fifth pixel


@dataclass(frozen=True, slots=True)
class Scan:
    """One series to send; `whole` is false for one whose sender gives up in the middle."""

    number: int
    whole: bool
    revised: bool = False
    """Corrected after it was sent, so that an earlier result may have reached the PACS."""

    @property
    def series_instance_uid(self) -> str:
        """Name it; the same number is the same series."""
        return f"{_ROOT}.{self.number}.2"

    def instances(self) -> list[Dataset]:
        """Give the data sets with file meta information, in the order they are sent."""
        templates = _templates()
        return [self._instance(template) for template in templates[: None if self.whole else 4]]

    def _instance(self, template: Dataset) -> Dataset:
        made = deepcopy(template)  # two senders work at once
        index = int(template.InstanceNumber)
        made.StudyInstanceUID = UID(f"{_ROOT}.{self.number}.1")
        made.SeriesInstanceUID = UID(self.series_instance_uid)
        made.FrameOfReferenceUID = UID(f"{_ROOT}.{self.number}.3")
        made.SOPInstanceUID = UID(f"{_ROOT}.{self.number}.4.{index}")
        made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
        made.PatientID = f"KILL-{self.number}"
        pixels = np.random.default_rng((self.number, index)).integers(
            0, 4096, (int(made.Rows), int(made.Columns)), dtype="<u2"
        )
        made.PixelData = pixels.tobytes()
        return made


@cache
def _templates() -> list[Dataset]:
    middle = phantom_series.datasets(draw(1))
    start = (len(middle) - SLICES) // 2
    return [_smaller(each) for each in middle[start : start + SLICES]]


def _smaller(dataset: Dataset) -> Dataset:
    dataset.Rows, dataset.Columns = dataset.Rows // _STEP, dataset.Columns // _STEP
    dataset.PixelSpacing = [_STEP * float(value) for value in dataset.PixelSpacing]
    dataset.PixelData = bytes(2 * dataset.Rows * dataset.Columns)
    return dataset


def encoded(dataset: Dataset) -> bytes:
    """Give a data set as a file."""
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()
