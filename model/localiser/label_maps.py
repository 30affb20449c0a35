"""Label maps of others as subjects to learn from: the middles of their vertebral bodies are known.

A map of whole vertebrae tells nothing of foramina, whose fat, joints and discs it does not show;
but its bodies have numbers, and the coarse network learns the bodies among its anchors.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy import ndimage

from model.landmark import Point

_RAS_TO_LPS: Final = np.diag([-1.0, -1.0, 1.0, 1.0])
_BODIES: Final = ("T12-body", "L1-body", "L2-body", "L3-body", "L4-body", "L5-body")
_NUMBERS: Final[Mapping[str, tuple[int, ...]]] = {
    "vertebrae": (19, 20, 21, 22, 23, 24),
    "totalsegmentator": (32, 31, 30, 29, 28, 27),
}
_SIXTH: Final = 25  # L6 among `vertebrae`: the lowest, which the convention calls L5
_CORE: Final = 0.9  # of the greatest depth: what is taken for the middle of a body
_LEAST_VOXELS: Final = 200


def keep(folder: Path, kept_in: Path, needs_foramina: bool) -> list[Path]:
    """Read the label maps of a folder once, and keep them for `model.localiser.source`.

    Args:
        folder: of NIfTI label maps, see `model.synthetic.external`.
        kept_in: made when missing; a map that is newer than what is kept of it is read again.
        needs_foramina: leave out maps without points.

    Returns:
        the kept files.

    Raises:
        ValueError: a map cannot be used, or none tells what is asked for.
    """
    from model.synthetic import cache, description, external

    kept_in.mkdir(parents=True, exist_ok=True)
    kept = []
    for path in external.files(folder):
        about = description.read(path)
        if needs_foramina and not about.points:
            continue
        target = kept_in / f"{'-'.join(path.relative_to(folder).parts)}.npz"
        if not target.exists() or target.stat().st_mtime < path.stat().st_mtime:
            subject = external.read(path)
            anchors = {**body_centres(path, about.numbering), **subject.anchors}
            if not (anchors or subject.points):
                raise ValueError(
                    f"{path} teaches nothing: no vertebra's number is known, and no point is named "
                    f"in {description.stem(path)}.json beside it"
                )
            cache.save(dataclasses.replace(subject, anchors=anchors), target)
        kept.append(target)
    if not kept:
        raise ValueError(
            f"no label map in {folder} has points; name its foramina in NAME.json beside it, or "
            "train the fine network without label maps"
        )
    return kept


def body_centres(path: Path, scheme: str | None = None) -> dict[str, Point]:
    """Find the middles of numbered vertebral bodies: the deepest part of each vertebra.

    Args:
        path: NIfTI label map.
        scheme: key in `model.synthetic.numbering.SCHEMES`; None recognises it.

    Returns:
        anchor to (x, y, z) in LPS mm; a vertebra that the map cuts off is left out.
    """
    import nibabel

    from model.synthetic import numbering

    image = nibabel.load(path)
    values = np.asanyarray(image.dataobj)
    present = [int(number) for number in np.unique(values) if number > 0]
    named = _NUMBERS.get(scheme or numbering.recognised(present) or "", ())
    if named == _NUMBERS["vertebrae"] and _SIXTH in present:
        named = tuple(number + 1 for number in named)
    affine = _RAS_TO_LPS @ np.asarray(image.affine, dtype=np.float64)
    found = {}
    for anchor, number in zip(_BODIES, named, strict=False):
        centre = _deepest(values == number, np.linalg.norm(affine[:3, :3], axis=0))
        if centre is not None:
            x, y, z = (float(value) for value in affine[:3, :3] @ centre + affine[:3, 3])
            found[anchor] = (x, y, z)
    return found


def _deepest(mask: Any, spacing_mm: Any) -> Any:
    """Give the index in the middle of a shape's thickest part; None where it is cut off."""
    if mask.sum() < _LEAST_VOXELS:
        return None
    [box] = ndimage.find_objects(mask.astype(np.uint8))
    if any(one.start == 0 or one.stop == size for one, size in zip(box, mask.shape, strict=True)):
        return None
    depth = ndimage.distance_transform_edt(np.pad(mask[box], 1), sampling=spacing_mm)[
        1:-1, 1:-1, 1:-1
    ]
    core = np.argwhere(depth >= _CORE * depth.max())
    return core.mean(axis=0) + [one.start for one in box]
