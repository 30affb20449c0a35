"""A small data set on disk: five slices of 60 rows and 40 columns for each series."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import generate_uid

from tests.small_cases import AddCase, points


@pytest.fixture
def add_case(tmp_path: Path, make_stack) -> AddCase:
    """Give the factory of cases: `add_case("one", patient="A")` writes DATA/one."""

    def add(name: str, patient: str = "", truth: bool = True, **attributes: Any) -> Path:
        folder = tmp_path / "data" / name
        (folder / "dicom").mkdir(parents=True)
        own = {
            "SeriesInstanceUID": str(generate_uid()),
            "StudyInstanceUID": str(generate_uid()),
            "PatientID": patient or name,
        }
        for number, dataset in enumerate(make_stack(5, size=(60, 40), **{**own, **attributes})):
            pixels = bytearray(dataset.PixelData)
            pixels[:16] = f"{name:<16}".encode()[:16]  # no two series have the same pixels
            dataset.PixelData = bytes(pixels)
            dataset.save_as(folder / "dicom" / f"{number}.dcm", enforce_file_format=True)
        if truth:
            text = json.dumps({"kind": "points", "points": points()})
            (folder / "truth.json").write_text(text)
        return folder

    return add


@pytest.fixture
def data(tmp_path: Path, add_case: AddCase) -> Path:
    """Write six series of five patients."""
    for name in "abcde":
        add_case(name)
    add_case("f", patient="a")
    return tmp_path / "data"
