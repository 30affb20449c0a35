"""Reports before judges that know nothing of this project: dciodvfy, dsrdump, highdicom, rules."""

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from highdicom import sr
from pydicom import Dataset, dcmread

from model.labels import LABELS
from model.landmark import Prediction
from node.headers import read_headers
from node.report import STANDARD, Variant, build, rejection_note, withdrawal
from tests import multiframe
from tests import report_series as made
from tests.sr_reading import read_label
from tests.sr_rules import broken

PACKAGES = {"dciodvfy": "dicom3tools", "dsrdump": "dcmtk"}
EXPECTED = re.compile(r"Unrecognized defined term = <99FORAMINA>|needed to build DICOMDIR")
"""dciodvfy knows no local coding scheme, and a source without PatientID makes no DICOMDIR."""
NO_TEMPLATES = "W: Check for template constraints not yet supported"
"""What DCMTK says of every Key Object Selection."""
SOP_CLASSES = {
    "comprehensive-3d": ("Comprehensive3DSR", "Comprehensive 3D SR Document"),
    "comprehensive": ("ComprehensiveSR", "Comprehensive SR Document"),
}
NO_CLEAR = "no clear maximum"
PARTLY = made.with_marks(L1_left=NO_CLEAR, L4_right=NO_CLEAR)
NOTHING = made.with_marks(**{label.replace("-", "_"): NO_CLEAR for label in LABELS})


@dataclass(frozen=True)
class Shape:
    """What a report is made of, and what must be on images and in the patient then."""

    prediction: Prediction = field(default_factory=made.prediction)
    attributes: Mapping[str, object] = field(default_factory=dict)
    variant: Variant = STANDARD
    enhanced: bool = False
    flat: bool = True
    deep: bool = True

    def write_images(self, folder: Path) -> list[Path]:
        images = [self._image(index) for index in range(made.SLICES)]
        if self.enhanced:
            images = [multiframe.enhanced(images)]
        paths = [folder / f"{index}.dcm" for index in range(len(images))]
        for image, path in zip(images, paths, strict=True):
            path.write_bytes(made.encoded(image))
        return paths

    def _image(self, index: int) -> Dataset:
        image = made.image(index)
        for keyword, value in self.attributes.items():
            if value is None:
                del image[keyword]
            else:
                setattr(image, keyword, value)
        return image

    @property
    def located(self) -> list[str]:
        return [read_label(mark.label) for mark in self.prediction.landmarks if mark.found]


FLAT = Variant("comprehensive")
SHAPES = {
    "full": Shape(),
    "partly": Shape(PARTLY),
    "nothing located": Shape(NOTHING),
    "abstained": Shape(made.abstained("levels in doubt")),
    "without prefix": Shape(variant=Variant(cornerstone_prefix=False)),
    "comprehensive": Shape(variant=FLAT, deep=False),
    "comprehensive, without prefix": Shape(
        PARTLY, variant=Variant("comprehensive", cornerstone_prefix=False), deep=False
    ),
    "on images only": Shape(attributes={"FrameOfReferenceUID": None}, deep=False),
    "not square": Shape(attributes={"PixelSpacing": [4.0, 3.0]}, flat=False),
    "multi-frame": Shape(enhanced=True),
    "multi-frame, partly, comprehensive": Shape(PARTLY, variant=FLAT, enhanced=True, deep=False),
    "without thickness": Shape(attributes={"SliceThickness": None}),
    "without type 2": Shape(attributes=dict.fromkeys(("PatientID", "StudyID", "StudyDate"))),
    "latin name": Shape(attributes={"PatientName": "Müller^Jörg"}),
}


@dataclass(frozen=True)
class Made:
    """A report on disk, beside the images it is about."""

    shape: Shape
    images: Sequence[Path]
    path: Path


@pytest.fixture(scope="module", params=SHAPES)
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    shape: Shape = SHAPES[request.param]
    folder = tmp_path_factory.mktemp("report")
    images = shape.write_images(folder)
    path = folder / "report.dcm"
    headers = read_headers(images)
    path.write_bytes(build(shape.prediction, headers, made.context(), shape.variant).data)
    return Made(shape, images, path)


@pytest.fixture(scope="module", params=["withdrawal", "rejection note"])
def notice(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write an object that takes an earlier report back."""
    first = build(made.prediction(), made.series(), made.context())
    earlier = SimpleNamespace(
        sop_class_uid=first.sop_class_uid,
        sop_instance_uid=first.sop_instance_uid,
        study_instance_uid=made.STUDY,
        series_instance_uid=first.series_instance_uid,
    )
    if request.param == "withdrawal":
        one = withdrawal(made.series(), "an image was sent again", [earlier], made.context())
    else:
        note = rejection_note(made.series(), [earlier], made.context())
        assert note is not None
        one = note
    path: Path = tmp_path_factory.mktemp("notice") / "notice.dcm"
    path.write_bytes(one.data)
    return path


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"{command[0]} is missing: apt-get install {PACKAGES[str(command[0])]}")
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


def complaints(path: Path) -> tuple[list[str], str]:
    """Let dciodvfy judge a file: what it finds wrong, and all that it says."""
    done = run("dciodvfy", "-new", path)
    said = (done.stdout + done.stderr).splitlines()
    found = [
        line
        for line in said
        if line.startswith("Error") or (line.startswith("Warning") and not EXPECTED.search(line))
    ]
    return found, "\n".join(said)


def test_dciodvfy_finds_no_error(report: Made) -> None:
    found, said = complaints(report.path)

    assert found == []
    assert SOP_CLASSES[report.shape.variant.sop_class][0] in said  # it knew what to check


def test_dciodvfy_finds_no_error_in_what_takes_a_report_back(notice: Path) -> None:
    found, said = complaints(notice)

    assert found == []
    assert re.search(r"Comprehensive3DSR|KeyObjectSelectionDocument", said)


def test_dsrdump_reads_the_document(report: Made) -> None:
    done = run("dsrdump", report.path)

    assert (done.returncode, done.stderr) == (0, "")
    assert SOP_CLASSES[report.shape.variant.sop_class][1] in done.stdout
    assert "Qualitative Evaluations" in done.stdout


def test_dsrdump_reads_what_takes_a_report_back(notice: Path) -> None:
    done = run("dsrdump", notice)

    assert done.returncode == 0
    assert [line for line in done.stderr.splitlines() if line != NO_TEMPLATES] == []


def test_highdicom_finds_the_groups_again(report: Made) -> None:
    shape, content = report.shape, sr.srread(report.path).content

    flat = content.get_planar_roi_measurement_groups(graphic_type=sr.GraphicTypeValues.POINT)
    deep = content.get_planar_roi_measurement_groups(graphic_type=sr.GraphicTypeValues3D.POINT)

    assert len(flat) == (len(shape.located) if shape.flat else 0)
    assert len(deep) == (len(shape.located) if shape.deep else 0)
    if flat and deep:
        assert [group.tracking_uid for group in flat] == [group.tracking_uid for group in deep]


def test_the_report_keeps_every_rule(report: Made) -> None:
    shape = report.shape
    images = [dcmread(path, stop_before_pixels=True) for path in report.images]

    assert (
        broken(
            dcmread(report.path),
            images,
            shape.located,
            arrow=shape.variant.cornerstone_prefix,
            flat=shape.flat,
        )
        == []
    )
