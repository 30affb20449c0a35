"""Extras before judges that know nothing of this project: dciodvfy, dcmpschk, highdicom."""

import re
import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from highdicom import ko, seg
from PIL import Image
from pydicom import dcmread

from model.labels import LABELS
from node.report.extras import KINDS
from tests import report_extras as extras
from tests import report_series as made

PACKAGES = {
    "dciodvfy": "dicom3tools",
    "dcmpschk": "dcmtk",
    "dcmdump": "dcmtk",
    "dcmp2pgm": "dcmtk",
    "dcmj2pnm": "dcmtk",
}
NAMES = {
    "gsps": "GrayscaleSoftcopyPresentationState",
    "secondary-capture": "SCImage",
    "seg": "Segmentation",
    "key-objects": "KeyObjectSelectionDocument",
}
EXPECTED = re.compile(r"Unrecognized defined term = <99FORAMINA>|needed to build DICOMDIR")
"""dciodvfy knows no local coding scheme, and a source without PatientID makes no DICOMDIR."""
SOURCES = {
    "full": (made.prediction(), {}),
    "partly": (made.with_marks(L1_left="no clear maximum", L4_right="no clear maximum"), {}),
    "without thickness": (made.prediction(), {"SliceThickness": None}),
    "without type 2": (made.prediction(), {"PatientID": None, "StudyID": None, "StudyDate": None}),
    "latin name": (made.prediction(), {"PatientName": "Müller^Jörg"}),
    "monochrome1": (made.prediction(), {"PhotometricInterpretation": "MONOCHROME1"}),
    "window and rescale": (
        made.prediction(),
        {"WindowCenter": 300, "WindowWidth": 700, "RescaleSlope": 2, "RescaleIntercept": -3},
    ),
    "lossy": (
        made.prediction(),
        {
            "LossyImageCompression": "01",
            "LossyImageCompressionRatio": 9.5,
            "LossyImageCompressionMethod": "ISO_10918_1",
        },
    ),
}


def written(folder: Path, kind: str, source: str) -> Path:
    prediction, attributes = SOURCES.get(source, SOURCES["full"])
    frames = source == "frames"
    headers = extras.multiframe() if frames else extras.series(**attributes)
    (one,) = extras.objects(kind, prediction, headers)
    path = folder / f"{kind}.dcm"
    path.write_bytes(one.data)
    return path


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"{command[0]} is missing: apt-get install {PACKAGES[str(command[0])]}")
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


@pytest.mark.parametrize("source", [*SOURCES, "frames"])
@pytest.mark.parametrize("kind", KINDS)
def test_dciodvfy_finds_no_error(kind, source, tmp_path):
    done = run("dciodvfy", "-new", written(tmp_path, kind, source))
    said = (done.stdout + done.stderr).splitlines()

    assert NAMES[kind] in said  # it knew what to check
    assert [line for line in said if line.startswith("Error")] == []
    assert [line for line in said if line.startswith("Warning") and not EXPECTED.search(line)] == []


@pytest.mark.parametrize("source", [*SOURCES, "frames"])
def test_dcmpschk_passes_the_presentation_state(source, tmp_path):
    done = run("dcmpschk", written(tmp_path, "gsps", source))
    said = done.stdout + done.stderr

    assert done.returncode == 0
    assert "Test passed" in said
    assert "E:" not in said


@pytest.mark.parametrize("kind", KINDS)
def test_dcmdump_reads_the_file_to_its_end(kind, tmp_path):
    done = run("dcmdump", "--quiet", written(tmp_path, kind, "full"))

    assert done.returncode == 0
    assert done.stderr == ""


def source_image(folder: Path, attributes: dict[str, object]) -> Path:
    """Write the image with the first mark, with its pixels."""
    index = made.pixel(LABELS[0])[0]
    image = made.image(index)
    image.PhotometricInterpretation, image.SamplesPerPixel = "MONOCHROME2", 1
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, 0
    image.PixelData = extras.plane(index).astype("<u2").tobytes()
    for keyword, value in attributes.items():
        setattr(image, keyword, value)
    path = folder / "image.dcm"
    path.write_bytes(made.encoded(image))
    return path


def picture(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


@pytest.mark.parametrize(
    "attributes",
    [
        {"WindowCenter": 300, "WindowWidth": 700},
        {"WindowCenter": 300, "WindowWidth": 700, "PhotometricInterpretation": "MONOCHROME1"},
        {"WindowCenter": 9, "WindowWidth": 700, "RescaleSlope": 2, "RescaleIntercept": -900},
    ],
    ids=["window", "monochrome1", "rescale"],
)
def test_an_image_looks_the_same_through_the_presentation_state(attributes, tmp_path):
    headers = extras.series(**attributes)
    (one,) = extras.objects("gsps", headers=headers)
    state, image = tmp_path / "state.dcm", source_image(tmp_path, attributes)
    state.write_bytes(one.data)
    with_state, without = tmp_path / "with.pgm", tmp_path / "without.pgm"

    shown = run("dcmp2pgm", "-p", state, image, with_state)
    plain = run("dcmj2pnm", "--use-window", "1", image, without)

    assert (shown.returncode, plain.returncode) == (0, 0)
    assert np.ptp(picture(without)) > 100
    assert np.abs(picture(with_state) - picture(without)).max() <= 1


def test_highdicom_reads_the_segments_at_their_place_in_the_patient(tmp_path):
    document = seg.segread(written(tmp_path, "seg", "full"))
    volume = document.get_volume(combine_segments=False, rescale_fractional=False)

    assert document.number_of_segments == len(LABELS)
    for index, label in enumerate(LABELS):
        voxels = np.argwhere(volume.array[..., index])
        centre = volume.map_indices_to_reference(voxels).mean(axis=0)
        number, row, column = made.pixel(label)
        off_mm = np.linalg.norm(centre - made.world(number, row, column))
        assert off_mm < made.BETWEEN_ROWS_MM / 2 + made.BETWEEN_COLUMNS_MM / 2


def test_highdicom_reads_the_key_objects(tmp_path):
    document = ko.KeyObjectSelectionDocument.from_dataset(
        dcmread(BytesIO(written(tmp_path, "key-objects", "full").read_bytes()))
    )
    (observer,) = document.content.get_observer_contexts()

    assert len(document.content.get_references()) == len({made.pixel(one)[0] for one in LABELS})
    assert observer.observer_identifying_attributes.name == "Foramina"
