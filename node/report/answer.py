"""What the objects of one report are made of: the settled result, its source, its identity.

Every object of a report, the document and the extras beside it, is a function of one `Answer`.
UIDs derive from its key, so that equal input gives equal objects on every host and at every time.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from pydicom import Dataset

from model import order
from model.landmark import Landmark, Prediction
from node.identity import derived_uid
from node.report.header import Source, read_source
from node.report.points import OUTSIDE, Placed, Stack, read_stack

FORMAT_VERSION: Final = "2"
"""Counts up whenever equal input would give other bytes, so that the UID changes with them."""

_SERIES_NUMBER_BASE: Final = 9000  # behind everything that a scanner makes


@dataclass(frozen=True, slots=True)
class ReportContext:
    """What a report depends on beside prediction and headers.

    Attributes:
        content_digest: over the images, from `model.volume`.
        config_digest: over the settings that change a report.
        created_at: when the job was made; aware. Written in the zone it has, or in the source's
            where the source names one.
        software_version: of the node.
    """

    content_digest: str
    config_digest: str
    created_at: datetime
    software_version: str

    def __post_init__(self) -> None:
        if self.created_at.tzinfo is None:
            raise ValueError(f"created_at {self.created_at!r} has no time zone")


@dataclass(frozen=True, slots=True)
class Located:
    """A landmark with its place on an image."""

    landmark: Landmark
    placed: Placed


@dataclass(frozen=True, slots=True)
class Answer:
    """The settled result that every object of one report is made of.

    Attributes:
        content_key: stands for everything that shapes the content; hexadecimal.
        key: the same, and the earlier documents that the report supersedes; UIDs derive from it.
        prediction: points on their images, and a reason for each that was left out.
        located: the landmarks that have a place, in the order of the labels.
        stack: the images.
        source: what is taken over from the series.
        created_at: when the job was made; aware.
        software_version: of the node.
    """

    content_key: str
    key: str
    prediction: Prediction
    located: tuple[Located, ...]
    stack: Stack
    source: Source
    created_at: datetime
    software_version: str

    def following(self, documents: Iterable[str]) -> "Answer":
        """Give the answer as it supersedes earlier documents, named by SOP Instance UID."""
        return replace(self, key=_digest(self.content_key, *sorted(set(documents))))

    def uid(self, *parts: str) -> str:
        """Derive a UID that is this report's own, such as that of one of its objects."""
        return derived_uid(*parts, self.key)

    def series_uid(self, *parts: str) -> str:
        """Derive a UID that all reports on one series by one bundle share."""
        source = self.source
        return derived_uid(
            *parts,
            source.study_instance_uid,
            source.series_instance_uid,
            source.patient_id,
            *_bundle(self.prediction),
        )

    def series_number(self, offset: int = 0) -> int:
        """Number a series of objects, behind those of the scanner; each kind has its offset."""
        return series_number(self.source, offset)


def series_number(source: Source, offset: int = 0) -> int:
    """Give a SeriesNumber from 9000 on that ends like the source's, where that is below 999."""
    number = source.series_number
    last = number if number is not None and number < 999 else 999
    return _SERIES_NUMBER_BASE + offset + last


def answer(prediction: Prediction, headers: Sequence[Dataset], context: ReportContext) -> Answer:
    """Settle what the localiser answered; it supersedes nothing as yet.

    Args:
        prediction: what the localiser answered.
        headers: the series' images without pixels, in any order, read from files and not looked
            into: decoding an element forgets the bytes that the report has to repeat.
        context: what else the report depends on.

    Raises:
        SeriesUnusableError: no report can be made of these headers.
    """
    source = read_source(headers)
    stack = read_stack(headers)
    final, located = settle(prediction, stack)
    content_key = _digest(
        FORMAT_VERSION,
        context.content_digest,
        context.config_digest,
        source.digest,
        *_bundle(prediction),
    )
    return Answer(
        content_key=content_key,
        key=_digest(content_key),
        prediction=final,
        located=located,
        stack=stack,
        source=source,
        created_at=context.created_at,
        software_version=context.software_version,
    )


def settle(prediction: Prediction, stack: Stack) -> tuple[Prediction, tuple[Located, ...]]:
    """Put the points on their images and drop those that cannot stand in a report.

    Returns:
        The prediction with its points on the images and a reason for each that was dropped, and
        the landmarks that get groups, in the order of the labels.
    """
    placed = {mark.label: stack.place(mark.point_mm) for mark in prediction.landmarks
              if mark.point_mm is not None}  # fmt: skip
    inside = {label: place for label, place in placed.items() if place is not None}
    wrong = order.impossible({label: place.point_mm for label, place in inside.items()})
    landmarks = tuple(_settled(mark, inside, wrong) for mark in prediction.landmarks)
    located = tuple(Located(mark, inside[mark.label]) for mark in landmarks if mark.found)
    return replace(prediction, landmarks=landmarks), located


def _settled(mark: Landmark, inside: dict[str, Placed], wrong: dict[str, str]) -> Landmark:
    if not mark.found:
        return mark
    if mark.label not in inside:
        return Landmark(mark.label, reason=OUTSIDE)
    if mark.label in wrong:
        return Landmark(mark.label, reason=wrong[mark.label])
    return replace(mark, point_mm=inside[mark.label].point_mm)


def _bundle(prediction: Prediction) -> tuple[str, str, str]:
    return prediction.bundle, prediction.bundle_version, prediction.bundle_digest


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
