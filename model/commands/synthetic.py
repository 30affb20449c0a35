"""Synthetic scans: written, measured and looked at."""

from pathlib import Path
from typing import Any

from model.commands.progress import Report, silent


def synthesize(
    out: Path,
    count: int = 1,
    seed: int = 0,
    *,
    contrast: str = "T1",
    label_maps: Path | None = None,
    anatomies: Path | None = None,
    processes: int = 2,
    report: Report = silent,
) -> list[Path]:
    """Write synthetic scans: OUT/synthetic-NNNNN/dicom/*.dcm and truth.json beside it.

    Args:
        out: folder for the cases.
        count: how many.
        seed: of the first; the others follow.
        contrast: `T1`, `T2` or `free`.
        label_maps: folder of NIfTI label maps to image instead of drawn anatomies.
        anatomies: folder to keep the drawn anatomies in, and to take them from again.
        processes: how many work at a time.
        report: told about progress.

    Returns:
        the cases' folders.

    Raises:
        ValueError: unknown contrast; no label map with points in the folder.
    """
    from model.synthetic import write_cases

    done = iter(range(1, count + 1))
    return write_cases(
        out,
        count,
        seed,
        lambda _: report("writing scans", next(done), count),
        contrast=contrast,
        label_maps=label_maps,
        anatomies=anatomies,
        processes=processes,
    )


def realism(
    count: int = 20,
    seed: int = 1,
    *,
    reference: Path | None = None,
    real: Path | None = None,
    regions: Path | None = None,
    anatomies: Path | None = None,
    report: Report = silent,
) -> dict[str, Any]:
    """Compare synthetic T1 scans with the numbers of real ones.

    Args and Returns: see `model.synthetic.realism.measure`.

    Raises:
        ValueError: `real` without `regions` or the reverse; an unreadable file.
    """
    from model.synthetic.realism import measure

    return measure(
        count,
        seed,
        reference=reference,
        real=real,
        regions=regions,
        anatomies=anatomies,
        report=lambda done: report("measuring scans", done, count),
    )


def montage(
    out: Path,
    count: int = 4,
    seed: int = 1,
    *,
    real: Path | None = None,
    anatomies: Path | None = None,
    report: Report = silent,
) -> None:
    """Draw synthetic T1 scans, and real ones below them, as a PNG.

    Args:
        out: the file.
        count: how many synthetic scans.
        seed: of the first.
        real: folder of series (CASE/dicom) for further rows.
        anatomies: folder of kept subjects to image; None draws each.
        report: told about progress.

    Raises:
        ValueError: a folder without series.
    """
    from model.synthetic.montage import draw

    draw(
        out,
        range(seed, seed + count),
        real,
        anatomies=anatomies,
        report=lambda done: report("drawing scans", done, max(count, done)),
    )
