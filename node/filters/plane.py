"""The plane of the slices: by orientation, and as the description says."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from node.filters.finding import Finding, agreed
from node.filters.wording import described, words
from node.headers import Headers, lack, numbers

PLANES: Final = ("sagittal", "coronal", "axial", "oblique")
_OBLIQUE_BELOW = 0.8
"""Cosine of the normal below which no patient axis is near enough (37 degrees): the threshold that
GDCM's `gdcm::Orientation` uses."""

_PREFIX = "(?:o|[23]d)?"  # OSag (GE), 3DSag
_WORDS = {
    "sagittal": words(f"{_PREFIX}sag[a-z]*", "sg"),
    "axial": words(f"{_PREFIX}(?:ax|axi[a-z]*|tra|trs|trans|transv[a-z]*)"),
    "coronal": words(f"{_PREFIX}(?:cor|coron[a-z]*)"),
}


def axes(header: Dataset) -> NDArray[np.float64] | None:
    """Give the unit vectors (row direction, column direction, normal) as rows of a 3x3 array, LPS.

    The normal is turned so that its largest component is positive: for sagittal slices it points
    to the patient's left. None when ImageOrientationPatient is missing, malformed, or not two
    perpendicular unit vectors (PS3.3 section C.7.6.2.1.1), within what rounding does.
    """
    cosines = numbers(header, "ImageOrientationPatient", 6)
    if cosines is None:
        return None
    (a, b, c), (d, e, f) = cosines[:3], cosines[3:]  # plain arithmetic: numpy is slow on three
    row_length, column_length = math.hypot(a, b, c), math.hypot(d, e, f)
    if abs(row_length - 1) > 0.01 or abs(column_length - 1) > 0.01:
        return None
    if abs(a * d + b * e + c * f) > 0.01:
        return None
    normal = np.array([b * f - c * e, c * d - a * f, a * e - b * d])
    normal /= math.sqrt(float(normal @ normal))
    if normal[np.argmax(np.abs(normal))] < 0:
        normal = -normal
    return np.array([np.array([a, b, c]) / row_length, np.array([d, e, f]) / column_length, normal])


def oriented_plane(headers: Headers) -> Finding:
    """Tell the plane from ImageOrientationPatient: the axis nearest to the slice normal."""
    return agreed([_plane_of(header) for header in headers], "ImageOrientationPatient")


def described_words(headers: Headers) -> Finding:
    """Tell the plane from the words of SeriesDescription; several planes tell nothing."""
    text = described(headers, "SeriesDescription")
    found = [plane for plane, pattern in _WORDS.items() if pattern.search(text)]
    return Finding(found[0] if len(found) == 1 else None, "SeriesDescription")


def plane(headers: Headers) -> Finding:
    """Tell the plane, orientation first, SeriesDescription when there is no orientation."""
    return _first(headers, oriented_plane(headers), described_words(headers))


def described_plane(headers: Headers) -> Finding:
    """Tell the plane, SeriesDescription first (thesis section 5.2), then the orientation."""
    return _first(headers, described_words(headers), oriented_plane(headers))


def _first(headers: Headers, *findings: Finding) -> Finding:
    for finding in findings:
        if finding.value is not None:
            return finding
    why = lack(headers, "ImageOrientationPatient", 6) or "ImageOrientationPatient is malformed"
    return Finding(None, f"{why}; SeriesDescription names no single plane")


def _plane_of(header: Dataset) -> str | None:
    directions = axes(header)
    if directions is None:
        return None
    cosines = np.abs(directions[2])
    nearest = int(np.argmax(cosines))
    return PLANES[nearest] if cosines[nearest] >= _OBLIQUE_BELOW else "oblique"
