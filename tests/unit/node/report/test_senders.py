"""Reports on what less usual senders send: frames, pixels that are not square, no frame."""

import numpy as np
import pytest
from pydicom import Dataset

from model.labels import LABELS
from node.headers import images
from node.report import build
from node.report import codes as words
from tests import multiframe
from tests import report_series as made

REGION = "111030"
LIBRARY, SOURCE = "111028", "260753009"


def document(headers: list[Dataset]) -> Dataset:
    return made.read(build(made.prediction(), headers, made.context()).data)


def kinds(report: Dataset) -> list[str]:
    return [made.child(group, REGION).ValueType for group in made.groups(report)]


def said(report: Dataset) -> list[str]:
    evaluations = made.child(report, "C0034375").ContentSequence
    return [item.TextValue for item in evaluations if item.ValueType == "TEXT"]


@pytest.mark.parametrize(
    ("changes", "expected", "statement"),
    [
        ({}, ["SCOORD", "SCOORD3D"], None),
        ({"PixelSpacing": [4.0, 3.0]}, ["SCOORD3D"], words.NOT_SQUARE),
        ({"FrameOfReferenceUID": None}, ["SCOORD"], words.NO_FRAME_OF_REFERENCE),
        (
            {"FrameOfReferenceUID": None, "PixelSpacing": [4.0, 3.0]},
            [],
            words.NO_COORDINATES,
        ),
    ],
    ids=["usual", "not square", "no frame of reference", "neither"],
)
def test_gives_the_coordinates_that_viewers_show_rightly_and_says_what_it_leaves_out(
    changes, expected, statement
):
    report = document(made.series(**changes))
    possible = {words.NOT_SQUARE, words.NO_FRAME_OF_REFERENCE, words.NO_COORDINATES}

    assert kinds(report) == expected * len(LABELS)
    assert possible & set(said(report)) == ({statement} - {None})


def test_points_in_the_patient_are_right_on_pixels_that_are_not_square():
    report = document(made.series(PixelSpacing=[4.0, 3.0]))
    normal = made.NORMAL / np.linalg.norm(made.NORMAL)
    for mark, group in zip(made.prediction().landmarks, made.groups(report), strict=True):
        off = np.array(made.child(group, REGION).GraphicData) - np.array(mark.point_mm)

        assert np.linalg.norm(np.cross(off, normal)) < 1e-3  # straight onto the image


def test_every_reference_names_the_frame_and_lies_where_the_groups_say():
    whole = multiframe.enhanced([made.image(index) for index in range(made.SLICES)])
    report, classic = document(images(whole)), document(made.series())
    [container] = made.children(report, LIBRARY)
    entries = [
        image for group in container.ContentSequence for image in made.children(group, SOURCE)
    ]
    listed = [int(entry.ReferencedSOPSequence[0].ReferencedFrameNumber) for entry in entries]

    assert sorted(listed) == list(range(1, made.SLICES + 1))
    for entry, number in zip(entries, listed, strict=True):
        x = [item for item in entry.ContentSequence if made.name(item)[0] == "110901"]
        position = multiframe.place(whole, number)[0]
        assert float(x[0].MeasuredValueSequence[0].NumericValue) == pytest.approx(position[0])
    for one, other in zip(made.groups(report), made.groups(classic), strict=True):
        mine, usual = made.child(one, REGION), made.child(other, REGION)
        assert list(mine.GraphicData) == list(usual.GraphicData)
        if mine.ValueType == "SCOORD":
            reference = mine.ContentSequence[0].ReferencedSOPSequence[0]
            place = multiframe.place(whole, int(reference.ReferencedFrameNumber))[0]
            uid = usual.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID
            index = int(uid.rsplit(".", 1)[1]) - 1
            assert np.allclose(place, made.world(index, 0, 0), atol=1e-6)
            assert "ReferencedFrameNumber" not in usual.ContentSequence[0].ReferencedSOPSequence[0]
