"""Draw synthetic lumbar MRI: anatomy, MR imaging, DICOM series with truth."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["write_case", "write_cases"]


def write_case(
    folder: Path, *, seed: int, attributes: Mapping[str, Any] | None = None
) -> list[Path]:
    """Draw the T1 scan of a seed and write it as DICOM: `dicom/*.dcm` beside `truth.json`.

    Args:
        folder: the case's folder; made when missing.
        seed: one seed gives the same files again.
        attributes: keyword to value, set on every instance last; None deletes the attribute.

    Returns:
        the paths of the images.
    """
    from model.synthetic.series import Order, write

    return write(Order(folder, seed), attributes)


def write_cases(
    out: Path,
    count: int,
    seed: int,
    progress: Callable[[Path], None] | None = None,
    *,
    contrast: str = "T1",
    label_maps: Path | None = None,
    anatomies: Path | None = None,
    processes: int = 2,
) -> list[Path]:
    """Write the cases of the seeds `seed` .. `seed + count - 1` below a folder.

    Args:
        out: made when missing; a case's folder is named `synthetic-00007` after its seed.
        count: how many.
        seed: of the first.
        progress: called with the folder of each case that is done.
        contrast: `T1`, `T2` or `free` (a random contrast that no scanner has).
        label_maps: folder of NIfTI label maps to image in turn, instead of drawn anatomies.
        anatomies: folder to keep the drawn anatomies in, and to take them from again.
        processes: how many work at a time.

    Returns:
        the cases' folders.

    Raises:
        ValueError: unknown contrast; no label map with points in the folder.
    """
    from model.synthetic.series import Order, case_name, write_folder
    from model.workers import each

    maps: list[Path | None] = [None]
    if label_maps is not None:
        from model.synthetic import external

        maps = list(external.files_with_points(label_maps))
    orders = [
        Order(out / case_name(one), one, contrast, maps[(one - seed) % len(maps)], None, anatomies)
        for one in range(seed, seed + count)
    ]
    folders = []
    for folder in each(write_folder, orders, processes):
        folders.append(folder)
        if progress is not None:
            progress(folder)
    return folders
