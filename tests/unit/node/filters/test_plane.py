"""The plane: by orientation, and by description."""

import math

import pytest

from node.filters.plane import axes, described_plane, oriented_plane, plane
from tests.series_headers import series, with_raw

SAGITTAL = [0, 1, 0, 0, 0, -1]
AXIAL = [1, 0, 0, 0, 1, 0]
CORONAL = [1, 0, 0, 0, 0, -1]


def tilted(degrees: float) -> list[float]:
    """Turn a sagittal plane about the head-feet axis."""
    angle = math.radians(degrees)
    return [round(math.sin(angle), 6), round(math.cos(angle), 6), 0, 0, 0, -1]


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (SAGITTAL, "sagittal"),
        (AXIAL, "axial"),
        (CORONAL, "coronal"),
        ([-0.0386, 0.99925, -0.00235, 0.06086, 0, -0.99815], "sagittal"),  # Philips Ingenia
        ([1, 0, 0, 0, 0.8660254, 0.5], "axial"),  # Toshiba Galan, description says SAG
        ([0.99801, 0.04520, 0.04396, -0.03420, 0.97381, -0.22480], "axial"),  # GE Pioneer
        (tilted(35), "sagittal"),
        (tilted(40), "oblique"),
        (tilted(45), "oblique"),
        (tilted(55), "coronal"),
    ],
)
def test_orientation_tells_the_plane(orientation: list[float], expected: str) -> None:
    headers = series(ImageOrientationPatient=orientation, SeriesDescription=None)
    found = plane(headers)
    assert (found.value, found.source) == (expected, "ImageOrientationPatient")


@pytest.mark.parametrize("orientation", [SAGITTAL, [0, -1, 0, 0, 0, -1], [0, 0, 1, 0, 1, 0]])
def test_a_sagittal_normal_points_to_the_left(orientation: list[int]) -> None:
    found = axes(series(ImageOrientationPatient=orientation)[0])
    assert found is not None
    assert found[2].tolist() == pytest.approx([1, 0, 0])


@pytest.mark.parametrize("raw", [b"0\\1\\0\\0\\0", b"0\\0\\0\\0\\0\\0", b"1\\0\\0\\1\\0\\0", b"a"])
def test_a_malformed_orientation_falls_back_on_the_description(raw: bytes) -> None:
    headers = [with_raw(header, "ImageOrientationPatient", raw) for header in series()]
    assert axes(headers[0]) is None
    assert (plane(headers).value, plane(headers).source) == ("sagittal", "SeriesDescription")


def test_several_planes_are_all_named() -> None:
    headers = series()
    headers[0].ImageOrientationPatient = AXIAL
    assert oriented_plane(headers).value == ("axial", "sagittal")


def test_orientation_and_description_each_come_first() -> None:
    headers = series(ImageOrientationPatient=AXIAL, SeriesDescription="T1 SAG")
    assert plane(headers).value == "axial"
    assert described_plane(headers).value == "sagittal"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("OSag T1 FSE ", "sagittal"),
        ("T1WI_SAGc ", "sagittal"),
        ("SG T1W", "sagittal"),
        ("ADNI_Sag3D MPRAGE", "sagittal"),
        ("T1 sagittaal", "sagittal"),
        ("AX T1 FSE", "axial"),
        ("t2_tse_tra_msma", "axial"),
        ("T2W_AX lsp", "axial"),
        ("T1 transversaal", "axial"),
        ("t2_haste_COR_myelo_512", "coronal"),
    ],
)
def test_words_for_planes(text: str, expected: str) -> None:
    assert described_plane(series(SeriesDescription=text)).value == expected


@pytest.mark.parametrize("text", ["02 Scano COR/TRS", "T1 TSE", "visage", "score"])
def test_no_single_plane_in_words(text: str) -> None:
    headers = series(SeriesDescription=text, ImageOrientationPatient=None)
    found = described_plane(headers)
    assert found.value is None
    assert "ImageOrientationPatient is missing in 15 of 15 instances" in found.source
