"""Label maps of others (NIfTI) as subjects for the MR stage.

Beside `NAME.nii.gz` may lie `NAME.json` (or `.yaml`, `.yml`):

    numbering: vertebrae      # or subregions, totalsegmentator; without it, it is recognised
    tissues: {7: AORTA}       # number in the map to a name of `Tissue`; wins over the numbering
    background: fill          # or air: the map is complete, 0 is air
    points: {L4-left: [x, y, z]}   # LPS mm; also decoys, anchors
    grades: {L4-left: 0}
    lumbar_count: 5
    transitional: none

A map without points is of use for training on tissues alone: no foramen can be found honestly in
whole vertebrae, whose joints and discs the map does not show.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import yaml

from model.affine import FloatArray
from model.labels import LABELS
from model.landmark import Point
from model.synthetic import fill, numbering
from model.synthetic.labelmap import LabelArray, LabelMap
from model.synthetic.marks import REACH_MM
from model.synthetic.tissue import Tissue

if TYPE_CHECKING:
    from model.synthetic.anatomy import Subject
    from model.synthetic.foramen import Foramen

_SUFFIXES: Final = (".nii.gz", ".nii")
_DESCRIPTIONS: Final = (".json", ".yaml", ".yml")
_KEYS: Final = frozenset(
    {
        "numbering",
        "tissues",
        "background",
        "points",
        "decoys",
        "anchors",
        "grades",
        "lumbar_count",
        "transitional",
    }
)
_RAS_TO_LPS: Final = np.diag([-1.0, -1.0, 1.0, 1.0])
_HALF_DEPTH_MM: Final = 4.5
_HALF_HEIGHT_MM: Final = 9.0


def files(folder: Path) -> list[Path]:
    """List the NIfTI files of a folder, those of its folders too.

    Raises:
        ValueError: there is none.
    """
    found = sorted(
        path for path in folder.rglob("*") if path.is_file() and path.name.endswith(_SUFFIXES)
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
    known = [path for path in found if described(path).get("points")]
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

    about = described(path)
    numbers, affine = _oriented(path)
    tissues = _tissues(path, numbers, about)
    labels = _translated(numbers, tissues)
    if about.get("background", "fill") == "fill":
        label_map = fill.complete(LabelMap(labels, affine), np.random.default_rng([seed, 7101]))
    else:
        label_map = LabelMap(np.where(labels == fill.UNKNOWN, Tissue.AIR, labels), affine)
    points = _points(path, about.get("points", {}), LABELS)
    grades = {name: int(grade) for name, grade in about.get("grades", {}).items()}
    return Subject(
        name=_stem(path),
        label_map=label_map,
        points=points,
        foramina={name: _foramen(name, point, grades) for name, point in points.items()},
        decoys=_points(path, about.get("decoys", {})),
        anchors=_points(path, about.get("anchors", {})),
        lumbar_count=int(about.get("lumbar_count", 5)),
        transitional=str(about.get("transitional", "none")),
        grades=grades,
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
        target = cache_folder / f"map-{_stem(path)}.npz"
        if not target.exists():
            cache.save(read(path), target)
        kept.append(target)
    return kept


def described(path: Path) -> dict[str, Any]:
    """Read the description beside a label map; empty when there is none.

    Raises:
        ValueError: it is no mapping, or has unknown keys.
    """
    for suffix in _DESCRIPTIONS:
        beside = path.with_name(_stem(path) + suffix)
        if beside.is_file():
            text = beside.read_text(encoding="utf-8")
            found = json.loads(text) if suffix == ".json" else yaml.safe_load(text)
            _require_known(beside, found)
            return dict(found)
    return {}


def _require_known(beside: Path, found: Any) -> None:
    if not isinstance(found, dict):
        raise ValueError(f"{beside}: expected a mapping with {', '.join(sorted(_KEYS))}")
    unknown = sorted(map(str, set(found) - _KEYS))
    if unknown:
        raise ValueError(
            f"{beside}: {', '.join(unknown)} is unknown; expected {', '.join(sorted(_KEYS))}"
        )


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".nii")


def _oriented(path: Path) -> tuple[np.ndarray[Any, Any], FloatArray]:
    """Read numbers and affine, turned to right-left, head-feet, front-back, LPS mm."""
    import nibabel
    from nibabel import filebasedimages, orientations

    try:
        image = nibabel.load(path)
    except filebasedimages.ImageFileError as error:
        raise ValueError(f"{path} is no NIfTI file: {error}") from error
    if len(image.shape) != 3:
        raise ValueError(f"{path}: expected a NIfTI image of three dimensions, got {image.shape}")
    turn = orientations.ornt_transform(
        orientations.io_orientation(image.affine), orientations.axcodes2ornt(("L", "I", "P"))
    )
    turned = image.as_reoriented(turn)
    values = np.asanyarray(turned.dataobj)
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 255 or np.any(values != np.rint(values)):
        raise ValueError(
            f"{path} is no label map: its values run from {low:g} to {high:g}; expected whole "
            "numbers 0 to 255"
        )
    return values.astype(np.uint8), _RAS_TO_LPS @ np.asarray(turned.affine, dtype=np.float64)


def _tissues(path: Path, numbers: LabelArray, about: Mapping[str, Any]) -> dict[int, Tissue]:
    present = [int(number) for number in np.unique(numbers) if number]
    scheme = about.get("numbering") or numbering.recognised(present)
    own = {int(number): _tissue(path, name) for number, name in about.get("tissues", {}).items()}
    if scheme is None and not own:
        raise ValueError(
            f"{path}: the numbers {present[:12]} are unknown; name them in {_stem(path)}.json "
            'beside it: {"tissues": {"1": "MARROW"}}, or a numbering: '
            + ", ".join(numbering.SCHEMES)
        )
    if scheme is not None and scheme not in numbering.SCHEMES:
        raise ValueError(
            f"{path}: numbering {scheme!r} is unknown; there are {', '.join(numbering.SCHEMES)}"
        )
    return {**numbering.SCHEMES.get(scheme or "", {}), **own}


def _tissue(path: Path, name: object) -> Tissue:
    try:
        return Tissue[str(name)]
    except KeyError as error:
        raise ValueError(
            f"{path}: {name!r} is no tissue; there are {', '.join(Tissue.__members__)}"
        ) from error


def _translated(numbers: LabelArray, tissues: Mapping[int, Tissue]) -> LabelArray:
    table = np.full(256, fill.UNKNOWN, dtype=np.uint8)
    for number, tissue in tissues.items():
        table[number] = tissue
    return np.asarray(table[numbers])


def _points(
    path: Path, listed: Mapping[str, Any], names: tuple[str, ...] | None = None
) -> dict[str, Point]:
    points: dict[str, Point] = {}
    for name, values in listed.items():
        if (names is not None and name not in names) or len(values) != 3:
            raise ValueError(
                f"{path}: point {name!r}: {values!r}; expected a label such as L4-left and three mm"
            )
        x, y, z = (float(value) for value in values)
        points[name] = (x, y, z)
    return points


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
