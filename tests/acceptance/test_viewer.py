"""What a radiologist sees: reports opened in OHIF, from an Orthanc with DICOMweb.

Pictures of what was on the screen are kept in `artefacts/viewer`.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from model.phantom import write_case
from node.report import build
from tests import report_series
from tests.black_box import BlackBox
from tests.peers import Orthanc, dcmtk
from tests.sr_reading import ALL_LABELS, Judged, Key, Plane, nearest, planes, read_label
from tests.viewer.ohif import ROOT, Arrow, Ohif, browsing, build_folder, dicomweb_plugin

if TYPE_CHECKING:
    from model.landmark import Prediction

pytestmark = [
    pytest.mark.xdist_group("viewer"),
    pytest.mark.timeout(900),
]

DRAWN_MM = 0.5
FOLLOWS_S = 30  # the drawing follows the image; the machine may be busy
MODEL_MM = 4.0
"""How far the shipped bundle may be off on a phantom; its model card has about 1 mm."""


Places = dict[Key, dict[str, np.ndarray]]
"""For every image of a series the foramina on it, and where in LPS mm."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """Start an Orthanc that speaks DICOMweb; what the tests put there has UIDs of its own."""
    build_folder()  # skips before anything is started
    archive = Orthanc(tmp_path_factory.mktemp("archive"), plugins=[dicomweb_plugin()])
    archive.start()
    yield archive
    archive.stop()


@pytest.fixture(scope="module")
def ohif(archive: Orthanc) -> Iterator[Ohif]:
    origin = f"http://127.0.0.1:{archive.http_port}"
    with browsing(origin, ROOT / "artefacts" / "viewer") as ohif:
        yield ohif


@dataclass(frozen=True)
class Case:
    """A phantom series, where its foramina are, and which of them a report has."""

    images: Sequence[Dataset]
    truth: dict[str, np.ndarray]
    planes: dict[Key, Plane]

    @classmethod
    def written(cls, folder: Path, seed: int) -> "Case":
        write_case(folder, seed=seed)
        points = json.loads((folder / "truth.json").read_text())["points"]
        images = [dcmread(path) for path in sorted((folder / "dicom").glob("*.dcm"))]
        named = {read_label(name): np.array(point) for name, point in points.items()}
        return cls(images, named, planes(images))

    @property
    def study(self) -> str:
        return str(self.images[0].StudyInstanceUID)

    @property
    def series(self) -> str:
        return str(self.images[0].SeriesInstanceUID)

    def true_places(self, labels: Sequence[str]) -> Places:
        """Say for every image which foramina lie next to it, and where on it."""
        found: Places = {key: {} for key in self.planes}
        for label in labels:
            key = nearest(self.truth[label], self.planes)
            found[key][label] = self.planes[key].foot_of(self.truth[label])
        return found

    def reported_places(self, report: Dataset) -> Places:
        """Say for every image which points a report has on it, and where."""
        found: Places = {key: {} for key in self.planes}
        for label, key, xy in Judged(report, self.images, ALL_LABELS).flat_points:
            found[key][label] = self.planes[key].to_patient(*xy)
        return found

    def prediction(self, labels: Sequence[str]) -> "Prediction":
        """Answer the truth for some foramina, and nothing for the others."""
        names = {
            read_label(mark.label): mark.label for mark in report_series.prediction().landmarks
        }
        return report_series.with_marks(
            **{
                names[label].replace("-", "_"): (
                    tuple(self.truth[label]) if label in labels else "no clear maximum"
                )
                for label in ALL_LABELS
            }
        )


def put(archive: Orthanc, folder: Path) -> None:
    dcmtk("dcmsend", "+sd", "+r", "-aec", archive.ae_title, "127.0.0.1", archive.dicom_port, folder)


def reports_of(archive: Orthanc, study_instance_uid: str) -> list[Dataset]:
    found = map(dcmread, map(BytesIO, archive.files()))
    return [
        one for one in found if (one.StudyInstanceUID, one.Modality) == (study_instance_uid, "SR")
    ]


def put_report(archive: Orthanc, folder: Path, prediction: "Prediction") -> Dataset:
    """Store a report about a case in the archive, made as the node makes it."""
    built = build(prediction, _headers(folder), report_series.context())
    (folder / "report").mkdir()
    path = folder / "report" / "report.dcm"
    path.write_bytes(built.data)
    put(archive, path.parent)
    return dcmread(path)


def _headers(folder: Path) -> list[Dataset]:
    return [dcmread(path, stop_before_pixels=True) for path in sorted((folder / "dicom").iterdir())]


def misdrawn(ohif: Ohif, expected: Places, picture: str) -> list[str]:
    """Turn to every image and list what is not drawn there as expected, or drawn too much.

    The image with the most to see is kept as a picture.
    """
    wrong = [fault for key, places in expected.items() for fault in _faults(ohif, key, places)]
    fullest = max(expected, key=lambda key: len(expected[key]))
    _faults(ohif, fullest, expected[fullest])
    ohif.take_picture(picture)
    return wrong


def _faults(ohif: Ohif, image: Key, places: dict[str, np.ndarray]) -> list[str]:
    """Turn to an image and list its faults, once the drawing had time to follow."""
    ohif.turn_to(image)
    deadline = time.monotonic() + FOLLOWS_S
    while True:
        arrows = ohif.arrows()
        faults = [
            f"{label} is drawn {off_mm} mm away from its place on {image}"
            for label, place in places.items()
            if not _is_one_place(
                off_mm := [_distance(arrow, place) for arrow in arrows if label in arrow.text]
            )
        ]
        if len(arrows) != len(places):
            faults.append(f"{[one.text for one in arrows]} on {image}, expected {list(places)}")
        if not faults or time.monotonic() > deadline:
            return faults
        ohif.page.wait_for_timeout(100)


def _is_one_place(off_mm: list[float]) -> bool:
    return len(off_mm) == 1 and off_mm[0] <= DRAWN_MM


def _distance(arrow: Arrow, place: np.ndarray) -> float:
    if arrow.point_mm is None:  # a text without an arrow
        return float("inf")
    return float(np.linalg.norm(np.array(arrow.point_mm) - place))


def test_ten_arrows_with_labels_point_at_the_foramina_of_a_series_that_was_sent(
    archive: Orthanc, ohif: Ohif, black_box: Callable[..., BlackBox], tmp_path: Path
) -> None:
    case = Case.written(tmp_path, seed=31)
    node = black_box(
        model={"bundle": "phantom-1", "device": "cpu"},
        destinations=[
            {
                "name": "archive",
                "ae_title": archive.ae_title,
                "host": "127.0.0.1",
                "port": archive.dicom_port,
            }
        ],
    )
    node.send(tmp_path / "dicom")
    put(archive, tmp_path / "dicom")
    (job,) = node.wait_jobs(case.series)
    assert node.wait_deliveries(job["id"]) == {"archive": "stored"}
    (report,) = reports_of(archive, case.study)
    found = Judged(report, case.images, ALL_LABELS).places
    assert {label: np.linalg.norm(found[label] - case.truth[label]) for label in ALL_LABELS} == {
        label: pytest.approx(0, abs=MODEL_MM) for label in ALL_LABELS
    }
    expected = case.reported_places(report)

    ohif.open_study(case.study)
    ohif.open_report(report.SeriesInstanceUID)
    opened = misdrawn(ohif, expected, "opened")
    ohif.load_measurements()
    loaded = misdrawn(ohif, expected, "loaded")

    assert (opened, loaded) == ([], [])
    assert sorted(ohif.measurements()) == [f"{label} foramen" for label in ALL_LABELS]


def test_a_partly_missed_report_draws_what_was_located_and_nothing_else(
    archive: Orthanc, ohif: Ohif, tmp_path: Path
) -> None:
    case = Case.written(tmp_path, seed=32)
    missed = ("L1/L2 left", "L4/L5 left", "L4/L5 right")
    located = [label for label in ALL_LABELS if label not in missed]
    put(archive, tmp_path / "dicom")
    report = put_report(archive, tmp_path, case.prediction(located))

    ohif.open_study(case.study)
    ohif.open_report(report.SeriesInstanceUID)
    opened = misdrawn(ohif, case.true_places(located), "partly-opened")
    ohif.load_measurements()
    loaded = misdrawn(ohif, case.true_places(located), "partly-loaded")

    assert (opened, loaded) == ([], [])
    assert sorted(ohif.measurements()) == [f"{label} foramen" for label in located]


def test_a_report_without_points_leaves_the_images_of_its_study_unharmed(
    archive: Orthanc, ohif: Ohif, tmp_path: Path
) -> None:
    case = Case.written(tmp_path, seed=33)
    put(archive, tmp_path / "dicom")
    report = put_report(archive, tmp_path, report_series.abstained("levels in doubt"))

    ohif.open_study(case.study)
    before = misdrawn(ohif, case.true_places(()), "abstained")
    ohif.click_series(report.SeriesInstanceUID)
    ohif.take_picture("abstained-opened")
    ohif.click_series(case.series)
    ohif.wait_for_image()
    afterwards = misdrawn(ohif, case.true_places(()), "abstained-afterwards")

    assert (before, afterwards) == ([], [])
    assert ohif.measurements() == []
