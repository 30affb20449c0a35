"""Drawn subjects kept on disk, so that training images each of them many times.

A file appears under its name only when it is complete (written beside, flushed, renamed), so that
building can be killed at any time and started again: it goes on where files are missing.
"""

import io
import json
import os
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model.landmark import Point
from model.synthetic.labelmap import LabelMap
from model.workers import each

if TYPE_CHECKING:
    from model.synthetic.anatomy import Subject
    from model.synthetic.foramen import Foramen

FORMAT: Final = 1
_COMPRESSION: Final = 1  # zlib's fastest: a fifth of the time of its default, a third larger
_ABANDONED_S: Final = 3600.0  # no subject takes an hour to write
_DAMAGED: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, KeyError, RuntimeError, ValueError
)  # fmt: skip
_DATE: Final = (1980, 1, 1, 0, 0, 0)  # of every member, so that equal subjects give equal bytes


def path_of(folder: Path, seed: int) -> Path:
    """Name the file of a seed: `subject-00007.npz`."""
    return folder / f"subject-{seed:05d}.npz"


def files(folder: Path) -> list[Path]:
    """List the subjects of a folder, by name.

    Raises:
        ValueError: there is none.
    """
    found = sorted(folder.glob("*.npz"))
    if not found:
        raise ValueError(f"{folder} holds no subject; expected *.npz made by cache.build")
    return found


def build(
    folder: Path,
    seeds: Iterable[int],
    processes: int = 2,
    report: Callable[[Path], None] | None = None,
) -> list[Path]:
    """Draw and keep the subjects that a folder lacks.

    Args:
        folder: made when missing.
        seeds: of the subjects; those whose file exists are left alone.
        processes: how many draw at a time.
        report: called with each file, also with those that were there.

    Returns:
        the files of all seeds, in order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(folder)
    wanted = [int(seed) for seed in seeds]
    missing = [seed for seed in wanted if not path_of(folder, seed).exists()]
    for seed in sorted(set(wanted) - set(missing)):
        _tell(report, path_of(folder, seed))
    for path in each(partial(_make, folder), missing, processes):
        _tell(report, path)
    return [path_of(folder, seed) for seed in wanted]


def save(subject: "Subject", path: Path) -> None:
    """Write a subject; the file appears complete or not at all."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with part.open("wb") as file:
        with zipfile.ZipFile(file, "w") as archive:
            _add_array(archive, "labels", subject.label_map.labels)
            _add(archive, "subject.json", _json(_described(subject)))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def load(path: Path) -> "Subject":
    """Read a subject.

    Raises:
        ValueError: the file is damaged or of another format.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            described = json.loads(archive.read("subject.json"))
            labels = np.lib.format.read_array(
                io.BytesIO(archive.read("labels.npy")), allow_pickle=False
            )
    except _DAMAGED as error:
        raise ValueError(
            f"{path} is no subject ({error}); delete it, and build it again from its seed"
        ) from error
    if described.get("format") != FORMAT:
        raise ValueError(
            f"{path} has format {described.get('format')!r}, expected {FORMAT}: delete the "
            "folder, and build it again"
        )
    return _subject(described, labels)


def _make(folder: Path, seed: int) -> Path:
    from model.synthetic import anatomy

    path = path_of(folder, seed)
    save(anatomy.draw(seed), path)
    return path


def _tell(report: Callable[[Path], None] | None, path: Path) -> None:
    if report is not None:
        report(path)


def _remove_abandoned(folder: Path) -> None:
    """Remove what killed processes left half-written, not what another process writes now."""
    for part in folder.glob("*.part"):
        if time.time() - part.stat().st_mtime > _ABANDONED_S:
            part.unlink(missing_ok=True)


def _add_array(archive: zipfile.ZipFile, name: str, array: np.ndarray[Any, Any]) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
    _add(archive, f"{name}.npy", buffer.getbuffer())


def _add(archive: zipfile.ZipFile, name: str, data: bytes | memoryview) -> None:
    info = zipfile.ZipInfo(name, _DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, bytes(data), compresslevel=_COMPRESSION)


def _json(described: Mapping[str, Any]) -> bytes:
    return json.dumps(described, default=lambda value: np.asarray(value).tolist()).encode()


def _described(subject: "Subject") -> dict[str, Any]:
    """Give everything but the voxels as plain values; `json` keeps every digit of a float."""
    return {
        "format": FORMAT,
        "name": subject.name,
        "affine": subject.label_map.affine.tolist(),
        "points": _listed(subject.points),
        "decoys": _listed(subject.decoys),
        "anchors": _listed(subject.anchors),
        "foramina": {
            name: {
                "centre_mm": np.asarray(one.centre_mm).tolist(),
                "axes": np.asarray(one.axes).tolist(),
                "half_mm": np.asarray(one.half_mm).tolist(),
                "grade": int(one.grade),
                "name": one.name,
            }
            for name, one in subject.foramina.items()
        },
        "lumbar_count": subject.lumbar_count,
        "transitional": subject.transitional,
        "grades": {name: int(grade) for name, grade in subject.grades.items()},
        "traits": dict(subject.traits),
    }


def _listed(points: Mapping[str, Point]) -> dict[str, list[float]]:
    return {name: [float(value) for value in point] for name, point in points.items()}


def _points(listed: Mapping[str, list[float]]) -> dict[str, Point]:
    return {name: (x, y, z) for name, (x, y, z) in listed.items()}


def _subject(
    described: Mapping[str, Any], labels: np.ndarray[Any, np.dtype[np.uint8]]
) -> "Subject":
    from model.synthetic.anatomy import Subject

    return Subject(
        name=described["name"],
        label_map=LabelMap(labels, np.array(described["affine"], dtype=np.float64)),
        points=_points(described["points"]),
        foramina={name: _foramen(one) for name, one in described["foramina"].items()},
        decoys=_points(described["decoys"]),
        anchors=_points(described["anchors"]),
        lumbar_count=described["lumbar_count"],
        transitional=described["transitional"],
        grades=described["grades"],
        traits=described["traits"],
    )


def _foramen(one: Mapping[str, Any]) -> "Foramen":
    from model.synthetic.foramen import Foramen

    return Foramen(
        centre_mm=np.array(one["centre_mm"]),
        axes=np.array(one["axes"]),
        half_mm=np.array(one["half_mm"]),
        grade=one["grade"],
        name=one["name"],
    )
