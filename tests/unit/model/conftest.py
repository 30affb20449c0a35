"""What the model's tests share: small stacks of slices, phantoms, one loaded predictor."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from model import bundle, tensorflow_environment, volume
from model import predictor as predictors
from model.cases import Case
from model.phantom import drawing, series
from model.predictor import Predictor

tensorflow_environment.prepare(log_level=3)


def _slice(number: int, size: tuple[int, int]) -> Dataset:
    rng = np.random.default_rng(number)
    dataset = Dataset()
    dataset.SOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = f"1.2.3.{number + 1}"
    dataset.FrameOfReferenceUID = "1.2.3.999"
    dataset.ImagePositionPatient = [-8.0 + 4.0 * number, -50.0, 70.0]
    dataset.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    dataset.PixelSpacing = [0.5, 0.75]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = size
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 0
    dataset.PixelData = rng.integers(0, 900, size).astype("<u2").tobytes()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = MRImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


@pytest.fixture
def make_stack() -> Callable[..., list[Dataset]]:
    """Give the factory of small sagittal stacks: `make_stack(5, size=(6, 8))`."""

    def make(count: int = 5, size: tuple[int, int] = (6, 8), **attributes: Any) -> list[Dataset]:
        stack = [_slice(number, size) for number in range(count)]
        for dataset in stack:
            for keyword, value in attributes.items():
                setattr(dataset, keyword, value)
        return stack

    return make


@pytest.fixture
def new_uid() -> str:
    """Give a UID that nothing else has."""
    return str(generate_uid())


@pytest.fixture(scope="session")
def drawn() -> drawing.Phantom:
    """Draw one phantom."""
    return drawing.draw(30_000)


@pytest.fixture(scope="session")
def phantom_case(drawn: drawing.Phantom) -> Case:
    """Give the drawn phantom as a case, read through its DICOM form."""
    pixels = volume.from_datasets(series.datasets(drawn))
    return Case("phantom", pixels, drawn.points, drawn.marks)


@pytest.fixture(scope="session")
def case_folder(tmp_path_factory: pytest.TempPathFactory, drawn: drawing.Phantom) -> Path:
    """Write the drawn phantom as DICOM files with its truth."""
    folder = tmp_path_factory.mktemp("cases") / "one"
    series.write_series(drawn, folder)
    return folder


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    """Load the shipped bundle once; needs TensorFlow."""
    return predictors.load(bundle.load("phantom-1"), device="cpu")
