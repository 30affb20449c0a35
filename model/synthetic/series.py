"""Synthetic scans as DICOM series with their truth: `CASE/dicom/*.dcm` and `CASE/truth.json`.

Every UID follows from the seed and what was imaged, so that one seed always gives the same files.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from model.synthetic import headers
from model.synthetic.truth import truth

if TYPE_CHECKING:
    from model.synthetic.acquisition import Scan
    from model.synthetic.anatomy import Subject

CONTRASTS: Final = ("T1", "T2", "free")
_NAMESPACE: Final = uuid.UUID("0f6f3d0a-6a6c-4b39-9a43-5b8a1d1f7c58")
_IMAGING: Final = 5101  # keeps the streams of random numbers apart
_STYLING: Final = 5102


@dataclass(frozen=True, slots=True)
class Order:
    """One case to write.

    Attributes:
        folder: of the case.
        seed: of the anatomy, the imaging and the header.
        contrast: one of `CONTRASTS`; `free` has no timing in its header.
        label_map: image this NIfTI file instead of a drawn anatomy.
        vendor: key in `model.synthetic.vendors.VENDORS`; None draws one.
        anatomies: folder where drawn anatomies are kept, see `model.synthetic.cache`; None keeps
            none.
    """

    folder: Path
    seed: int
    contrast: str = "T1"
    label_map: Path | None = None
    vendor: str | None = None
    anatomies: Path | None = None


def case_name(seed: int) -> str:
    """Name the case of a seed: `synthetic-00007`."""
    return f"synthetic-{seed:05d}"


def write(order: Order, attributes: Mapping[str, Any] | None = None) -> list[Path]:
    """Draw or read a subject, image it, write it; give the paths of the images.

    Args:
        order: what to write, and where.
        attributes: keyword to value, set on every instance last; None deletes the attribute.

    Raises:
        ValueError: unknown contrast or vendor; a label map that cannot be used or has no points.
    """
    if order.contrast not in CONTRASTS:
        raise ValueError(f"contrast {order.contrast!r}: expected one of {', '.join(CONTRASTS)}")
    subject = _subject(order)
    scan = _image(subject, order)
    source = f"{subject.name}, imaged with seed {order.seed}"
    return write_series(
        order.folder,
        datasets(scan, order, sex=str(subject.traits.get("sex", "")), attributes=attributes),
        truth(scan, subject, source),
    )


def write_folder(order: Order) -> Path:
    """Write a case and give its folder; for worker processes."""
    write(order)
    return order.folder


def write_series(folder: Path, images: list[Dataset], known: Mapping[str, Any]) -> list[Path]:
    """Write images and truth into a case's folder; the truth comes last and makes it a case."""
    (folder / "truth.json").unlink(missing_ok=True)
    (folder / "dicom").mkdir(parents=True, exist_ok=True)
    for old in (folder / "dicom").glob("*.dcm"):
        old.unlink()
    paths = []
    for dataset in images:
        path = folder / "dicom" / f"{int(dataset.InstanceNumber):03d}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    text = json.dumps(known, indent=1)
    (folder / "truth.json").write_text(text + "\n", encoding="utf-8")
    return paths


def datasets(
    scan: "Scan", order: Order, *, sex: str = "", attributes: Mapping[str, Any] | None = None
) -> list[Dataset]:
    """Give one data set with file meta per slice, in the order of their instance numbers.

    Args:
        scan: what to write.
        order: seed, vendor and source, from which UIDs and style follow.
        sex: PatientSex: M, F or anything else for O.
        attributes: keyword to value, set on every instance last; None deletes the attribute.
    """
    rng = np.random.default_rng([order.seed, _STYLING])
    style = headers.draw_style(rng, scan.contrast, order.vendor, scan.protocol.timing.field_t)
    stored = headers.stored_values(scan.pixels, style)
    numbers = range(len(stored))
    result = []
    for count, index in enumerate(reversed(numbers) if style.left_first else numbers, start=1):
        dataset = Dataset()
        headers.instance(dataset, _uid(order, f"slice {index}"), count)
        headers.patient_and_study(
            dataset, order.seed, sex if sex in ("M", "F") else "O", _uid(order, "study")
        )
        headers.series_and_equipment(
            dataset, style, _uid(order, "series"), _uid(order, "frame of reference")
        )
        headers.pixels(dataset, stored[index], style, stored)
        headers.mr_image(dataset, style, scan.protocol)
        headers.plane(dataset, scan.affine, scan.slice_thickness_mm, index)
        _change(dataset, attributes or {})
        dataset.file_meta = _file_meta(dataset)
        result.append(dataset)
    return result


def _subject(order: Order) -> "Subject":
    if order.label_map is None:
        from model.synthetic import anatomy

        if order.anatomies is None:
            return anatomy.draw(order.seed)
        from model.synthetic import cache

        return cache.load(cache.build(order.anatomies, [order.seed], processes=1)[0])
    from model.synthetic import external

    return external.with_points(external.read(order.label_map))


def _image(subject: "Subject", order: Order) -> "Scan":
    from model.synthetic import acquisition

    weights = {name.lower(): float(name == order.contrast) for name in CONTRASTS}
    return acquisition.image(
        subject,
        np.random.default_rng([order.seed, _IMAGING]),
        priors=acquisition.Priors(**weights),
    )


def _uid(order: Order, what: str) -> UID:
    """Make a UID from a name-based UUID (PS3.5 B.2)."""
    source = order.label_map.name if order.label_map else "drawn"
    name = f"{order.seed}/{source}/{order.contrast}/{order.vendor or ''}/{what}"
    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, name).int}")


def _change(dataset: Dataset, attributes: Mapping[str, Any]) -> None:
    for keyword, value in attributes.items():
        if value is None:
            dataset.pop(keyword, None)
        else:
            setattr(dataset, keyword, value)


def _file_meta(dataset: Dataset) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(f"2.25.{_NAMESPACE.int}")
    return meta
