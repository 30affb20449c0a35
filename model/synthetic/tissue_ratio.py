"""How bright fat, disc, cerebrospinal fluid, muscle and roots are, relative to marrow on T1.

Real images have no unit, so tissues are compared with the marrow of the lumbar bodies of the same
image. The posterior coil makes what lies nearer the skin brighter; nothing corrects for that, in
real or in synthetic images. Subcutaneous fat is left out: viewers and files clip it to white.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from model import affine as affine_map
from model import volume
from model.affine import FloatArray
from model.synthetic.labelmap import LabelMap
from model.synthetic.tissue import Tissue

Image = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]

MARROW: Final = "marrow"
GROUPS: Final[Mapping[str, tuple[Tissue, ...]]] = {
    MARROW: (Tissue.MARROW,),
    "fat": (Tissue.FORAMINAL_FAT, Tissue.EPIDURAL_FAT),
    "disc": (Tissue.NUCLEUS, Tissue.NUCLEUS_DEGENERATE, Tissue.ANNULUS),
    "CSF": (Tissue.CSF, Tissue.CAUDA_EQUINA),
    "muscle": (Tissue.MUSCLE,),
    "root": (Tissue.NERVE_ROOT, Tissue.GANGLION),
}
_LEAST_PIXELS: Final = 12  # of a tissue on a scan; fewer say nothing


@dataclass(frozen=True, slots=True)
class Measured:
    """Ratios to marrow on one image, by group; a group that it does not show is missing."""

    name: str
    ratios: Mapping[str, float]


# Medians of regions placed by hand, four images of three people. The first is a series of 1 mm
# pixels (Zukic et al. 2014, doi 10.1111/cgf.12343, made public by J. Ramos), the others are single
# slices of SPIDER (CC BY 4.0, doi 10.5281/zenodo.10159290) in 8 bit, whose fat may be clipped.
# Fat and roots are as wide as two or three pixels: partial volume draws both towards each other.
REAL_T1: Final = (
    Measured("Zukic 2014", {"fat": 1.39, "disc": 0.70, "CSF": 0.56, "muscle": 0.78, "root": 1.01}),
    Measured("SPIDER 10009, slice 7", {"fat": 1.28, "disc": 0.44, "CSF": 0.35}),
    Measured("SPIDER 10009, slice 4", {"fat": 1.39, "disc": 0.46, "muscle": 0.50}),
    Measured("SPIDER 10025, slice 11", {"fat": 1.68, "disc": 0.72, "CSF": 0.51, "muscle": 0.56}),
)


def labels_on(label_map: LabelMap, affine: FloatArray, shape: tuple[int, ...]) -> Labels:
    """Give the tissue at every pixel centre of a scan made without deformation.

    Beyond the border of the label map its outermost voxels go on.
    """
    turned = np.linalg.inv(label_map.affine) @ affine
    grid = np.indices(shape[1:]).reshape(2, -1).T
    last = np.asarray(label_map.labels.shape) - 1
    planes = []
    for number in range(shape[0]):
        index = affine_map.to_patient(turned, np.insert(grid, 0, number, axis=1))
        voxel = np.clip(np.rint(index), 0, last).astype(np.intp)
        planes.append(label_map.labels[tuple(voxel.T)].reshape(shape[1:]))
    return np.stack(planes)


def of_labels(name: str, pixels: Image, labels: Labels) -> Measured:
    """Measure a scan whose tissues are known.

    A tissue's value is the median over its pixels whose neighbours in the plane are of the same
    group, as one places a region by hand; where it is too thin for that, over all its pixels.

    Args:
        name: of the scan.
        pixels: (slice, row, column).
        labels: of the same shape, values of `Tissue`.

    Raises:
        ValueError: the shapes differ, or there is no marrow.
    """
    if pixels.shape != labels.shape:
        raise ValueError(f"{name}: labels are {labels.shape}; expected {pixels.shape} as the scan")
    medians = {}
    for group, tissues in GROUPS.items():
        member = np.isin(labels, tissues)
        core = _core(member)
        chosen = core if core.sum() >= _LEAST_PIXELS else member
        if chosen.sum() >= _LEAST_PIXELS:
            medians[group] = float(np.median(pixels[chosen]))
    return Measured(name, _to_marrow(name, medians))


def of_regions(
    name: str, pixels: Image, regions: Mapping[str, Sequence[Sequence[float]]]
) -> Measured:
    """Measure an image in regions placed by hand.

    Args:
        name: of the image.
        pixels: (slice, row, column).
        regions: group to discs [slice, row, column, radius]; row is a share of the rows, column
            and radius are shares of the columns.

    Raises:
        ValueError: a region is unreadable or outside the image; there is none in marrow.
    """
    medians = {
        group: float(np.median([_in_disc(name, pixels, disc) for disc in discs]))
        for group, discs in regions.items()
        if discs
    }
    return Measured(name, _to_marrow(name, medians))


def of_folder(folder: Path, regions: Path) -> list[Measured]:
    """Measure the real images that a file of regions names.

    Args:
        folder: holds the images: folders of DICOM files, or PNG files.
        regions: JSON, path below `folder` to {"regions": as in `of_regions`, "upside_down": true
            for a picture whose first row is caudal}.

    Raises:
        ValueError: the file is no such JSON, or an image cannot be read.
        OSError: a file is missing.
    """
    content: dict[str, dict[str, Any]] = json.loads(regions.read_text(encoding="utf-8"))
    found = []
    for name, one in content.items():
        if "regions" not in one:
            raise ValueError(f"{regions}: {name!r} has no 'regions'")
        pixels = _pixels(folder / name)
        if one.get("upside_down"):
            pixels = pixels[:, ::-1]
        found.append(of_regions(name, pixels, one["regions"]))
    return found


def _pixels(path: Path) -> Image:
    if path.is_dir():
        return volume.load([file for file in sorted(path.rglob("*")) if file.is_file()]).pixels
    from matplotlib.image import imread

    picture = np.asarray(imread(path), dtype=np.float32)
    plane = picture if picture.ndim == 2 else picture[:, :, :3].mean(axis=2)
    return plane[None]


def _in_disc(name: str, pixels: Image, disc: Sequence[float]) -> float:
    if len(disc) != 4:
        raise ValueError(f"{name}: region {disc!r}; expected [slice, row, column, radius]")
    rows, columns = pixels.shape[1:]
    number, row, column = int(disc[0]), disc[1] * rows - 0.5, disc[2] * columns - 0.5
    if not (0 <= number < len(pixels) and 0 <= row < rows and 0 <= column < columns):
        raise ValueError(f"{name}: region {disc!r} lies outside {pixels.shape}")
    down, across = np.ogrid[:rows, :columns]
    reach = max(disc[3] * columns, 0.75)  # at least the nearest pixel
    inside = (down - row) ** 2 + (across - column) ** 2 <= reach**2
    return float(np.median(pixels[number][inside]))


def _core(member: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Keep pixels whose eight neighbours in the plane belong too."""
    from scipy import ndimage

    return np.asarray(ndimage.binary_erosion(member, np.ones((1, 3, 3), dtype=bool)))


def _to_marrow(name: str, medians: Mapping[str, float]) -> dict[str, float]:
    marrow = medians.get(MARROW, 0.0)
    if marrow <= 0:
        raise ValueError(f"{name}: no marrow was measured; every ratio is to marrow")
    return {group: value / marrow for group, value in medians.items() if group != MARROW}
