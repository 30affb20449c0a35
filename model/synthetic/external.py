"""Label maps of others (NIfTI) as subjects for the MR stage.

What a map means stands beside it, see `model.synthetic.description`. A map without points is of use
for training on tissues alone: no foramen can be found honestly in whole vertebrae, whose joints and
discs the map does not show.
"""

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model.affine import FloatArray
from model.landmark import Point
from model.synthetic import description, fill, numbering
from model.synthetic.description import Description
from model.synthetic.labelmap import LabelArray, LabelMap
from model.synthetic.marks import REACH_MM, inside
from model.synthetic.tissue import Tissue

if TYPE_CHECKING:
    from model.synthetic.anatomy import Subject
    from model.synthetic.foramen import Foramen

_RAS_TO_LPS: Final = np.diag([-1.0, -1.0, 1.0, 1.0])
_HALF_DEPTH_MM: Final = 4.5
_HALF_HEIGHT_MM: Final = 9.0
_DAMAGED: Final = (EOFError, OSError, zlib.error)  # on half a file, or a damaged one


def files(folder: Path) -> list[Path]:
    """List the NIfTI files of a folder, those of its folders too.

    Raises:
        ValueError: there is none.
    """
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.name.endswith(description.SUFFIXES)
    )
    if not found:
        raise ValueError(f"{folder} holds no label map; expected *.nii.gz or *.nii")
    return found


def files_with_points(folder: Path) -> list[Path]:
    """List the label maps of a folder whose foramina are known.

    Raises:
        ValueError: there is none; the message says how to name points.
    """
    found = files(folder)
    known = [path for path in found if description.read(path).points]
    if not known:
        raise ValueError(
            f"none of the {len(found)} NIfTI files in {folder} has points, so no truth can be "
            'written; put NAME.json with {"points": {"L4-left": [x, y, z]}} (LPS mm) beside '
            "NAME.nii.gz. Without points a map serves training on tissues only"
        )
    return known


def with_points(subject: "Subject") -> "Subject":
    """Give the subject back when it has points.

    Raises:
        ValueError: it has none.
    """
    if not subject.points:
        raise ValueError(
            f"{subject.name} has no points: it serves training on tissues only; name its foramina "
            f"in {subject.name}.json beside it to make cases of it"
        )
    return subject


def read(path: Path, seed: int = 0) -> "Subject":
    """Read a label map, name its tissues, and complete what it leaves empty.

    Args:
        path: NIfTI file.
        seed: of the tissues that are filled in around the map.

    Raises:
        ValueError: the file is no label map, its numbers are unknown, or its description is wrong.
    """
    from model.synthetic.anatomy import Subject

    about = description.read(path)
    numbers, affine = _oriented(path)
    _require_inside(path, about.points, affine, numbers.shape)
    labels = _translated(numbers, _tissues(path, numbers, about))
    return Subject(
        name=description.stem(path),
        label_map=_completed(path, LabelMap(labels, affine), about, seed),
        points=about.points,
        foramina={name: _foramen(name, at, about.grades) for name, at in about.points.items()},
        decoys=about.decoys,
        anchors=about.anchors,
        lumbar_count=about.lumbar_count,
        transitional=about.transitional,
        grades=about.grades,
        traits={"label_map": path.name},
    )


def keep(folder: Path, cache_folder: Path) -> list[Path]:
    """Read the label maps of a folder once and keep them for `model.synthetic.stream`.

    Raises:
        ValueError: no label map, or one that cannot be used.
    """
    from model.synthetic import cache

    cache_folder.mkdir(parents=True, exist_ok=True)
    kept = []
    for path in files(folder):
        target = cache_folder / f"{_kept_name(path.relative_to(folder))}.npz"
        if not target.exists():
            cache.save(read(path), target)
        kept.append(target)
    return kept


def _kept_name(place: Path) -> str:
    """Name a map after its folders too: public sets give every case's map the same name."""
    return "-".join(("map", *place.parent.parts, description.stem(place)))


def _require_inside(
    path: Path, points: Mapping[str, Point], affine: FloatArray, shape: tuple[int, ...]
) -> None:
    for name, point in points.items():
        if not inside(point, affine, shape):
            raise ValueError(
                f"{path}: {name} at {', '.join(f'{value:g}' for value in point)} lies outside the "
                "map; expected LPS mm (x to the left, y to the back, z to the head)"
            )


def _completed(path: Path, label_map: LabelMap, about: Description, seed: int) -> LabelMap:
    if about.complete:
        known = np.where(label_map.labels == fill.UNKNOWN, Tissue.AIR, label_map.labels)
        return LabelMap(known, label_map.affine)
    try:
        return fill.complete(label_map, np.random.default_rng([seed, 7101]))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _oriented(path: Path) -> tuple[np.ndarray[Any, Any], FloatArray]:
    """Read numbers and affine, turned to right-left, head-feet, front-back, LPS mm."""
    import nibabel
    from nibabel import filebasedimages, orientations

    try:
        image = nibabel.load(path)
    except filebasedimages.ImageFileError as error:
        raise ValueError(f"{path} is no NIfTI file: {error}") from error
    except _DAMAGED as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if len(image.shape) != 3 or 0 in image.shape:
        raise ValueError(f"{path}: expected a NIfTI image of three dimensions, got {image.shape}")
    turn = orientations.ornt_transform(
        orientations.io_orientation(image.affine), orientations.axcodes2ornt(("L", "I", "P"))
    )
    try:
        turned = image.as_reoriented(turn)
        values = np.asanyarray(turned.dataobj)
    except _DAMAGED as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 255 or np.any(values != np.rint(values)):
        raise ValueError(
            f"{path} is no label map: its values run from {low:g} to {high:g}; expected whole "
            "numbers 0 to 255"
        )
    return values.astype(np.uint8), _RAS_TO_LPS @ np.asarray(turned.affine, dtype=np.float64)


def _tissues(path: Path, numbers: LabelArray, about: Description) -> dict[int, Tissue]:
    present = [int(number) for number in np.unique(numbers) if number]
    scheme = about.numbering or numbering.recognised(present)
    if scheme is None and not about.tissues:
        raise ValueError(
            f"{path}: the numbers {present[:12]} are unknown; name them in "
            f'{description.stem(path)}.json beside it: {{"tissues": {{"1": "MARROW"}}}}, '
            "or a numbering: " + ", ".join(numbering.SCHEMES)
        )
    return {**numbering.SCHEMES.get(scheme or "", {}), **about.tissues}


def _translated(numbers: LabelArray, tissues: Mapping[int, Tissue]) -> LabelArray:
    table = np.full(256, fill.UNKNOWN, dtype=np.uint8)
    for number, tissue in tissues.items():
        table[number] = tissue
    return np.asarray(table[numbers])


def _foramen(name: str, point: Point, grades: Mapping[str, int]) -> "Foramen":
    """Assume a straight canal of usual size where only its point is known."""
    from model.synthetic.foramen import Foramen

    level, _, side = name.partition("-")
    outward = 1.0 if side == "left" else -1.0
    return Foramen(
        centre_mm=np.array(point),
        axes=np.array([[outward, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        half_mm=np.array([REACH_MM[level], _HALF_DEPTH_MM, _HALF_HEIGHT_MM]),
        grade=grades.get(name, 0),
        name=name,
    )
