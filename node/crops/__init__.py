"""Sub-volumes around the found foramina as files: NIfTI, a derived DICOM series each, an index.

Equal input gives equal bytes and equal UIDs, so that making them again changes nothing.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any, Final, Literal

from pydicom import Dataset

from model import crop as cropping
from model.crop import Crop, Size, Target
from model.labels import LABELS, spoken
from model.volume import Volume
from node.crops.derived import DerivedSeries, series

__all__ = ["FORMATS", "INDEX", "Format", "files"]

Format = Literal["nifti", "dicom"]
FORMATS: Final[tuple[Format, ...]] = ("nifti", "dicom")
INDEX: Final = "index.json"
FORM: Final = "foramina-crops/1"


def files(
    volume: Volume,
    wanted: Iterable[Target],
    headers: Sequence[Dataset],
    size_mm: Size,
    formats: Sequence[Format] = FORMATS,
) -> dict[PurePosixPath, bytes]:
    """Make the files of all sub-volumes of one series; the index comes last.

    Args:
        volume: the series.
        wanted: the foramina; those without a point stand in the index with their reason.
        headers: the series' images without pixels, read from files and not looked into.
        size_mm: through slices, along rows, along columns.
        formats: what to make.

    Returns:
        `<label>.nii.gz`, `<label>/NNN.dcm` and `index.json` with their content.

    Raises:
        ValueError: a size is not a positive number.
        SeriesUnusableError: no DICOM image can be made of these headers.
    """
    crops, left = cropping.cut(volume, wanted, size_mm)
    made: dict[PurePosixPath, bytes] = {}
    entries: dict[str, dict[str, Any]] = {target.label: _missed(target) for target in left}
    for crop in crops:
        own: dict[PurePosixPath, bytes] = {}
        derived = None
        if "nifti" in formats:
            own[PurePosixPath(f"{crop.target.label}.nii.gz")] = cropping.nifti(crop)
        if "dicom" in formats:
            derived = series(crop, volume, headers)
            own |= {
                PurePosixPath(crop.target.label, f"{number:03d}.dcm"): data
                for number, data in enumerate(derived.files, start=1)
            }
        made |= own
        entries[crop.target.label] = _entry(crop, derived, list(own))
    index = {
        "schema": FORM,
        "content_digest": volume.content_digest,
        "frame_of_reference_uid": volume.frame_of_reference_uid,
        "asked_mm": list(size_mm),
        "axes": ["slice", "row", "column"],
        "foramina": [entries[label] for label in LABELS if label in entries],
    }
    made[PurePosixPath(INDEX)] = (json.dumps(index, indent=1) + "\n").encode("ascii")
    return made


def _missed(target: Target) -> dict[str, Any]:
    return {"label": target.label, "name": spoken(target.label), "reason": target.reason}


def _entry(
    crop: Crop, derived: DerivedSeries | None, paths: Sequence[PurePosixPath]
) -> dict[str, Any]:
    """Describe a crop: where it lies in the series and in the patient (LPS mm), and its files."""
    entry = {
        "label": crop.target.label,
        "name": spoken(crop.target.label),
        "point_mm": list(crop.target.point_mm or ()),
        "confidence": crop.target.confidence,
        "start": list(crop.start),
        "shape": list(crop.pixels.shape),
        "size_mm": [round(one, 3) for one in crop.size_mm],
        "cut_off": crop.cut_off,
        "affine_lps": crop.affine.tolist(),
        "files": [str(path) for path in paths],
    }
    if derived is not None:
        entry["series_instance_uid"] = derived.series_instance_uid
    return entry
