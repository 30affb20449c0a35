"""Which annotation belongs to which folder of images."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from model.annotation.record import Annotation, is_annotation
from model.archive import Image
from model.json_file import parse, read_json

_MAX_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Labelled:
    """A series with its annotation.

    Attributes:
        images: its folder.
        annotation: the file.
        first: one of its images.
        annotators: who set marks; empty for a truth.json.
    """

    images: Path
    annotation: Path
    first: Image
    annotators: frozenset[str] = field(default=frozenset())


def raise_all(wrong: Sequence[str]) -> None:
    """Raise a ValueError with up to 20 sentences, one a line; nothing when there is none."""
    if wrong:
        more = [f"and {len(wrong) - _MAX_SHOWN} more"] if len(wrong) > _MAX_SHOWN else []
        raise ValueError("\n".join([*wrong[:_MAX_SHOWN], *more]))


def annotated(
    found: Sequence[Image], labels: Sequence[Path], annotator: str
) -> tuple[list[Labelled], tuple[str, ...]]:
    """Join each annotation with its series.

    Args:
        found: all images.
        labels: all JSON files; those that are no annotations are noted.
        annotator: whose annotation is taken where a series has several.

    Returns:
        the annotated series by folder, and notes on what was passed over.

    Raises:
        ValueError: a broken annotation, one without images, several of one series, or none at
            all; every one is named.
    """
    series = _Images(found)
    wrong: list[str] = []
    ignored: list[Path] = []
    known: dict[Path, list[Labelled]] = defaultdict(list)
    for path in labels:
        try:
            one = series.labelled(path)
            if one is None:
                ignored.append(path)
            else:
                known[one.images].append(one)
        except ValueError as error:
            wrong.append(str(error))
    chosen = {}
    for home in sorted(known):
        try:
            chosen[home] = _preferred(known[home], annotator)
        except ValueError as error:
            wrong.append(str(error))
    raise_all(wrong)
    if not chosen:
        raise ValueError(
            f"none of the {len(series.by_uid)} series is annotated; expected truth.json beside "
            "the images, or annotation files; points of a DICOM SR must be imported first"
        )
    return list(chosen.values()), _notes(series.by_folder, chosen, ignored)


class _Images:
    """Images by their series and by their folder."""

    def __init__(self, found: Sequence[Image]) -> None:
        self.by_uid: dict[str, list[Image]] = defaultdict(list)
        self.by_folder: dict[Path, list[Image]] = defaultdict(list)
        for image in found:
            self.by_uid[image.series_instance_uid].append(image)
            self.by_folder[image.path.parent].append(image)

    def labelled(self, path: Path) -> Labelled | None:
        """Join a JSON file with its series; None when it is no annotation."""
        data = read_json(path)
        if is_annotation(data):
            marked = parse(path, Annotation, data)
            first = _of_series(path, marked, self.by_uid)[0]
            return Labelled(first.path.parent, path, first, frozenset(marked.annotators))
        if path.name != "truth.json":
            return None
        first = _beside(path, self.by_folder)[0]
        return Labelled(first.path.parent, path, first)


def _preferred(several: Sequence[Labelled], annotator: str) -> Labelled:
    """Choose among the annotations of one series: the only one, or that of the annotator."""
    wanted = [one for one in several if annotator and annotator in one.annotators]
    taken = wanted if wanted else several
    if len(taken) == 1:
        return taken[0]
    names = ", ".join(sorted(set().union(*(one.annotators for one in several)) - {""}))
    raise ValueError(
        f"{taken[1].annotation}: annotates the same series as {taken[0].annotation}; expected one "
        f"annotation for a series: name the annotator to take ({names or 'nobody is named'}), or "
        "move one file away"
    )


def _beside(path: Path, by_folder: Mapping[Path, list[Image]]) -> list[Image]:
    """Give the images that a truth.json speaks of."""
    for home in (path.parent / "dicom", path.parent):
        if home in by_folder:
            return by_folder[home]
    raise ValueError(f"{path}: there are no DICOM images in {path.parent / 'dicom'}; expected them")


def _of_series(path: Path, marked: Annotation, by_series: Mapping[str, list[Image]]) -> list[Image]:
    """Give the images that an annotation speaks of."""
    uid = marked.series_instance_uid
    if uid not in by_series:
        raise ValueError(
            f"{path}: annotates series {uid}, of which there are no images; expected them below "
            "the folder of the data set"
        )
    homes = sorted({image.path.parent for image in by_series[uid]})
    if len(homes) > 1:
        raise ValueError(
            f"{path}: the images of its series {uid} lie in {len(homes)} folders, {homes[0]} and "
            f"{homes[1]}; expected one: remove the copy, or move them together"
        )
    return by_series[uid]


def _notes(
    by_folder: Mapping[Path, list[Image]],
    labelled: Mapping[Path, Labelled],
    ignored: Sequence[Path],
) -> tuple[str, ...]:
    without = [home for home in sorted(by_folder) if home not in labelled]
    notes = []
    if without:
        notes.append(f"{len(without)} folders of images have no annotation, first {without[0]}")
    if ignored:
        notes.append(f"{len(ignored)} JSON files are no annotations, first {ignored[0]}")
    return tuple(notes)
