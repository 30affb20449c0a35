"""Reports of other people, in the forms that software writes, and what is read from them."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset

from model.annotation.report import Imported, read_report
from model.annotation.wording import normal
from model.archive import Image, Plane
from tests.foreign_reports import (
    COMPREHENSIVE,
    FRAME,
    SERIES,
    by_reference,
    coded,
    document,
    group,
    image,
    item,
    measurements,
    modifier,
    person,
    scoord,
    scoord3d,
    text,
    tracking,
)

SITE = ("363698007", "SCT", "Finding Site")
LATERALITY = ("272741003", "SCT", "Laterality")
LEFT, RIGHT = ("7771000", "SCT", "Left"), ("24028007", "SCT", "Right")
LEVEL_4 = ("243923001", "SCT", "Level of L4/L5 intervertebral disc")
NUM = ("111012", "DCM", "Certainty of Finding")


def slices(series: str = SERIES, frame: str = FRAME) -> dict[str, Image]:
    """Make five sagittal slices of 40 columns and 60 rows, 4 mm apart; pixels are not square."""
    return {
        f"{series}.{number}": Image(
            path=Path(f"{number}.dcm"),
            sop_instance_uid=f"{series}.{number}",
            series_instance_uid=series,
            study_instance_uid="1.2.3",
            frame_of_reference_uid=frame,
            patient="p",
            plane=Plane(
                position_mm=np.array([4.0 * number - 8, -50.0, 70.0]),
                along=np.array([0.0, 1.0, 0.0]),
                down=np.array([0.0, 0.0, -1.0]),
                spacing_mm=(0.5, 0.75),
                rows=60,
                columns=40,
            ),
        )
        for number in range(5)
    }


THIRD = f"{SERIES}.3"
AT = (10.5, 20.5)  # SCOORD of the centre of column 10, row 20
POINT = (4.0, -42.5, 60.0)


def imported(folder: Path, *content: Dataset, images=None, **more: object) -> Imported:
    known = more.pop("known", None)
    series = str(more.pop("series_instance_uid", ""))
    path = document(folder / "sr.dcm", list(content), **more)  # type: ignore[arg-type]
    at_hand = slices() if images is None else images
    return read_report(path, at_hand, known=known, series_instance_uid=series)  # type: ignore[arg-type]


def labels_of(one: Imported) -> dict[str, int]:
    (annotation,) = one.annotations
    return {label: len(marks) for label, marks in annotation.marks.items()}


def test_a_point_on_an_image_in_a_measurement_group(tmp_path: Path) -> None:
    found = imported(
        tmp_path,
        person("Radio^Anna"),
        *measurements(group(*tracking("L4/L5 left foramen"), scoord(AT, THIRD))),
    )
    (annotation,) = found.annotations
    (mark,) = annotation.marks["L4-left"]
    assert annotation.series_instance_uid == SERIES
    assert annotation.frame_of_reference_uid == FRAME
    assert annotation.source == "DICOM SR 1.2.3.70"
    assert mark.point_mm == POINT
    assert mark.sop_instance_uid == THIRD
    assert mark.annotator == "Radio^Anna"
    assert mark.at == datetime(2025, 3, 14, 9, 15, tzinfo=UTC)
    assert found.wording == {("L4/L5 left foramen", "L4-left"): 1}


def test_a_point_in_the_patient_gets_the_nearest_slice(tmp_path: Path) -> None:
    group_ = group(*tracking("L4 left"), scoord3d((3.0, -42.5, 60.0)))
    (mark,) = imported(tmp_path, *measurements(group_)).annotations[0].marks["L4-left"]
    assert mark.point_mm == (3.0, -42.5, 60.0)
    assert mark.sop_instance_uid == THIRD


def test_a_point_in_the_patient_needs_no_images(tmp_path: Path) -> None:
    group_ = group(*tracking("L4 left"), scoord3d(POINT))
    (annotation,) = imported(tmp_path, *measurements(group_), images={}).annotations
    assert annotation.series_instance_uid == SERIES
    assert annotation.marks["L4-left"][0].sop_instance_uid == ""


@pytest.mark.parametrize("at_hand", [True, False])
def test_one_point_given_in_both_ways_is_one_mark(tmp_path: Path, at_hand: bool) -> None:
    found = imported(
        tmp_path,
        *measurements(
            group(*tracking("L4 left", "1.2.9"), scoord(AT, THIRD)),
            group(*tracking("L4 left", "1.2.9"), scoord3d(POINT)),
        ),
        images=slices() if at_hand else {},
        evidence=[(SERIES, [THIRD])],
    )
    (mark,) = found.annotations[0].marks["L4-left"]
    assert (mark.point_mm, mark.sop_instance_uid) == (POINT, THIRD)


def test_several_marks_of_one_foramen_stay_several(tmp_path: Path) -> None:
    found = imported(
        tmp_path,
        *measurements(
            group(*tracking("L2 right"), scoord(AT, THIRD), scoord(AT, f"{SERIES}.2")),
            group(*tracking("L2 right"), scoord3d((-8.0, 0.0, 50.0))),
        ),
    )
    assert labels_of(found) == {"L2-right": 3}


def test_standard_codes_alone_name_the_foramen(tmp_path: Path) -> None:
    site = coded(SITE, LEVEL_4, modifier(LATERALITY, RIGHT))
    finding = coded(("121071", "DCM", "Finding"), ("5", "99X", "Intervertebral foramen"))
    found = imported(tmp_path, *measurements(group(finding, site, scoord(AT, THIRD))))
    assert labels_of(found) == {"L4-right": 1}


def test_a_plain_tree_with_the_text_above_the_point(tmp_path: Path) -> None:
    one = text("Finding", "Foramen L3/L4 links", scoord(AT, THIRD, relationship="INFERRED FROM"))
    other = text("Finding", "Foramen L5/S1 rechts", scoord(AT, f"{SERIES}.1"))
    found = imported(tmp_path, one, other, sop_class_uid=COMPREHENSIVE)
    assert labels_of(found) == {"L3-left": 1, "L5-right": 1}


def test_the_label_as_the_meaning_of_a_code(tmp_path: Path) -> None:
    named = scoord(AT, THIRD, name=("F1", "99CLINIC", "L1/L2 right neural foramen"))
    finding = coded(("121071", "DCM", "Finding"), ("F2", "99CLINIC", "L2/L3 left foramen"))
    found = imported(tmp_path, named, *measurements(group(finding, scoord(AT, f"{SERIES}.1"))))
    assert labels_of(found) == {"L1-right": 1, "L2-left": 1}


def test_a_point_below_a_number_and_level_and_side_in_nested_groups(tmp_path: Path) -> None:
    num = item("NUM", NUM, scoord(AT, THIRD, relationship="INFERRED FROM"))
    inner = item("CONTAINER", ("1", "99X", "Left"), num)
    outer = item("CONTAINER", ("2", "99X", "L4/L5"), inner)
    assert labels_of(imported(tmp_path, outer)) == {"L4-left": 1}


def test_points_and_images_by_reference(tmp_path: Path) -> None:
    library = item("CONTAINER", ("111028", "DCM", "Image Library"), image(THIRD, "CONTAINS"))
    region = scoord(AT, THIRD)
    region.ContentSequence = [by_reference(1, 1, 1, relationship="SELECTED FROM")]
    finding = text("Finding", "left foramen L4", by_reference(1, 2))
    (annotation,) = imported(tmp_path, library, region, finding).annotations
    assert annotation.marks["L4-left"][0].sop_instance_uid == THIRD


@pytest.mark.parametrize(
    ("data", "shape", "count"),
    [
        ((10.5, 20.5, 12.5, 22.5), "MULTIPOINT", 2),
        ((10.5, 20.5, 14.0, 24.0), "POINT", 1),
        ((10.5, 20.5, 14.0, 24.0), "CIRCLE", 1),
        ((8.5, 20.5, 12.5, 20.5, 10.5, 18.5, 10.5, 22.5), "ELLIPSE", 1),
    ],
)
def test_shapes_with_a_middle(
    tmp_path: Path, data: tuple[float, ...], shape: str, count: int
) -> None:
    group_ = group(*tracking("L4 left"), scoord(data, THIRD, shape))
    marks = imported(tmp_path, *measurements(group_)).annotations[0].marks["L4-left"]
    assert len(marks) == count
    assert marks[0].point_mm == POINT


def test_two_series_become_two_annotations(tmp_path: Path) -> None:
    found = imported(
        tmp_path,
        *measurements(
            group(*tracking("L4 left"), scoord(AT, THIRD)),
            group(*tracking("L4 left"), scoord(AT, "1.2.3.60.1")),
        ),
        images=slices() | slices("1.2.3.60"),
    )
    assert [one.series_instance_uid for one in found.annotations] == [SERIES, "1.2.3.60"]


def test_what_is_no_foramen_is_counted_and_left_out(tmp_path: Path) -> None:
    found = imported(
        tmp_path,
        text("Note", "Levels are counted from the lowest open foramen, L5/S1 left"),
        *measurements(
            group(*tracking("L4 left"), scoord(AT, THIRD)),
            group(*tracking("Conus"), scoord(AT, THIRD)),
            group(*tracking("L3 left"), scoord((1, 1, 2, 2, 3, 1), THIRD, "POLYLINE")),
            group(*tracking("L2 left"), *tracking("L3"), scoord((1, 1, 2), THIRD, "POLYLINE")),
            group(*tracking("Disc"), scoord((1, 1, 2), THIRD)),
        ),
    )
    assert labels_of(found) == {"L4-left": 1}
    assert found.wording[("Conus", None)] == 1
    assert found.wording[("L3 left", None)] == 1
    assert any("names L2 and L3 at once" in words for words, _ in found.wording)


def test_a_file_of_labels_says_what_a_text_means(tmp_path: Path) -> None:
    content = measurements(
        group(*tracking("Punkt 7"), scoord(AT, THIRD)),
        group(*tracking("L1 left"), scoord(AT, THIRD)),
    )
    known = {normal("PUNKT  7"): "L5-right", normal("L1 left"): None}
    found = imported(tmp_path, *content, known=known)
    assert labels_of(found) == {"L5-right": 1}
    assert found.wording[("L1 left", None)] == 1


def test_a_device_is_told_from_a_person(tmp_path: Path) -> None:
    device = text("Device Observer Name", "Robot", code_value="121013")
    found = imported(tmp_path, device, *measurements(group(*tracking("L4 left"), scoord3d(POINT))))
    assert found.annotations[0].source.endswith("made by the device Robot, not by a person")
    assert found.annotations[0].annotators == ("Robot",)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ([], "holds no points; expected SCOORD or SCOORD3D"),
        (
            measurements(group(*tracking("Conus"), scoord(AT, THIRD))),
            "none of its 1 points is named as a lumbar foramen; found 'Conus'",
        ),
        (
            measurements(
                group(
                    *tracking("L4 left"),
                    coded(SITE, LEVEL_4, modifier(LATERALITY, RIGHT)),
                    scoord(AT, THIRD),
                )
            ),
            r"what is said of a point \('L4 left', .*'Right'\) names left and right at once",
        ),
        (
            measurements(group(*tracking("L4 left"), scoord(AT, "1.2.3.99"))),
            "on image 1.2.3.99 only, which is not at hand; expected the folder",
        ),
        (
            measurements(group(*tracking("L4 left"), scoord((41.0, 3.0), THIRD))),
            "column 41, row 3 lies outside its image 3.dcm of 40 columns and 60 rows",
        ),
        (
            measurements(group(*tracking("L4 left"), scoord((4.0, 3.0, 2.0), THIRD))),
            "does not hold 2 numbers for each point",
        ),
    ],
)
def test_what_cannot_be_used_is_told_with_the_file(
    tmp_path: Path, content: list[Dataset], sentence: str
) -> None:
    with pytest.raises(ValueError, match=rf"sr\.dcm: .*{sentence}"):
        imported(tmp_path, *content)


def test_a_series_in_doubt_is_told_and_can_be_named(tmp_path: Path) -> None:
    content = measurements(group(*tracking("L4 left"), scoord3d(POINT)))
    evidence = [(SERIES, [THIRD]), ("1.2.3.60", ["1.2.3.60.1"])]
    images = slices() | slices("1.2.3.60")
    with pytest.raises(ValueError, match=r"in doubt: 1\.2\.3\.50, 1\.2\.3\.60; .*name the series"):
        imported(tmp_path, *content, images=images, evidence=evidence)
    found = imported(
        tmp_path, *content, images=images, evidence=evidence, series_instance_uid="1.2.3.60"
    )
    assert found.annotations[0].series_instance_uid == "1.2.3.60"
    assert found.annotations[0].marks["L4-left"][0].sop_instance_uid == "1.2.3.60.3"


def test_the_frame_of_reference_decides_between_series(tmp_path: Path) -> None:
    content = measurements(group(*tracking("L4 left"), scoord3d(POINT)))
    evidence = [(SERIES, [THIRD]), ("1.2.3.60", ["1.2.3.60.1"])]
    images = slices() | slices("1.2.3.60", frame="1.2.3.61")
    found = imported(tmp_path, *content, images=images, evidence=evidence)
    assert found.annotations[0].series_instance_uid == SERIES


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "note.dcm").write_text("no DICOM at all")
    with pytest.raises(ValueError, match=r"note\.dcm: expected a DICOM SR; it is no DICOM file"):
        read_report(tmp_path / "note.dcm", {})
    path = document(tmp_path / "mr.dcm", [], sop_class_uid="1.2.840.10008.5.1.4.1.1.4")
    with pytest.raises(ValueError, match=r"mr\.dcm: expected a DICOM SR .*got SOP class 1\.2\.840"):
        read_report(path, {})
