"""How near synthetic scans come to real ones: places of the foramina and contrasts of tissues."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model import affine as affine_map
from model.synthetic import foramina_reference, foramina_shape, tissue_ratio
from model.synthetic.foramina_reference import Spread
from model.synthetic.tissue_ratio import Measured

if TYPE_CHECKING:
    from model.synthetic.acquisition import Scan
    from model.synthetic.anatomy import Subject

_REALISM: Final = 7301  # keeps this stream of random numbers apart


def measure(
    count: int,
    seed: int,
    *,
    reference: Path | None = None,
    real: Path | None = None,
    regions: Path | None = None,
    anatomies: Path | None = None,
    report: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Compare synthetic T1 scans at full resolution with the numbers of real ones.

    Args:
        count: how many scans.
        seed: of the first anatomy; the others follow.
        reference: JSON of aggregates to compare with; None takes `foramina_reference.SHAPE`.
        real: folder of real images to measure tissues in; None takes `tissue_ratio.REAL_T1`.
        regions: JSON of regions on the images of `real`, see `tissue_ratio.of_folder`.
        anatomies: folder of kept subjects to image in turn; None draws each.
        report: called with the number of scans done.

    Returns:
        `scans`, `complete` (with all ten foramina on the scan: only these are in the shape, as in
        the reference), `shape`, `lengths_mm` and `tissues`: name to `real` and `synthetic`
        spreads; as values that `json` can write.

    Raises:
        ValueError: `count` below 1; `real` without `regions` or the reverse; an unreadable file.
    """
    if count < 1:
        raise ValueError(f"count {count}: expected at least 1")
    if (real is None) != (regions is None):
        raise ValueError("a folder of real images and a file of regions on them come together")
    shape = foramina_reference.SHAPE if reference is None else foramina_reference.read(reference)
    known: Sequence[Measured] = tissue_ratio.REAL_T1
    if real is not None and regions is not None:
        known = tissue_ratio.of_folder(real, regions)
    places, lengths, contrasts = [], [], []
    for number in range(count):
        subject = take(seed + number, number, anatomies)
        scan = _imaged(subject, seed + number)
        index = foramina_shape.indices(scan.points, scan.affine, scan.pixels.shape)
        if index is not None:
            places.append(foramina_shape.statistics(index, affine_map.spacing_mm(scan.affine)))
        lengths.append(foramina_shape.lengths_mm(scan.points))
        contrasts.append(_contrasts(subject, seed + number))
        if report is not None:
            report(number + 1)
    return {
        "scans": count,
        "complete": len(places),
        "shape": beside(shape, foramina_shape.pooled(places)),
        "lengths_mm": beside(foramina_reference.CT_MM, foramina_shape.pooled(lengths)),
        "tissues": beside(_known(known), _by_group(contrasts)),
        "real_images": [one.name for one in known],
    }


def markdown(report: Mapping[str, Any]) -> str:
    """Write the result of `measure` as tables."""
    parts = [
        f"Synthetic T1 scans: {report['scans']}, with all ten foramina: {report['complete']}.",
        "",
        "Places of the foramina (lengths as shares of the way from L1/L2 to L5/S1):",
        "",
        *_table(report["shape"]),
        "",
        "Distances, mm (real: midpoints of pedicles in CT):",
        "",
        *_table(report["lengths_mm"]),
        "",
        f"Brightness relative to marrow (real: {', '.join(report['real_images'])};",
        "their range instead of 5-95 %):",
        "",
        *_table(report["tissues"]),
    ]
    return "\n".join(parts) + "\n"


def _imaged(subject: "Subject", seed: int, **options: Any) -> "Scan":
    from model.synthetic import acquisition
    from model.synthetic.contrast import Priors

    rng = np.random.default_rng([seed, _REALISM])
    return acquisition.image(subject, rng, priors=Priors(t1=1.0, t2=0.0, free=0.0), **options)


def _contrasts(subject: "Subject", seed: int) -> Measured:
    """Measure a second scan, without deformation: there the tissue of every pixel is known."""
    scan = _imaged(subject, seed, strength=0.0)
    labels = tissue_ratio.labels_on(subject.label_map, scan.affine, scan.pixels.shape)
    return tissue_ratio.of_labels(f"seed {seed}", scan.pixels, labels)


def take(seed: int, place: int, anatomies: Path | None) -> "Subject":
    """Draw the subject of a seed, or take the kept one of a place, counted round.

    Raises:
        ValueError: the folder holds no subject.
    """
    if anatomies is None:
        from model.synthetic import anatomy

        return anatomy.draw(seed)
    from model.synthetic import cache

    kept = cache.files(anatomies)
    return cache.load(kept[place % len(kept)])


def _known(real: Sequence[Measured]) -> dict[str, Spread]:
    """Summarise the real images; of so few the range is given instead of percentiles."""
    return {
        group: Spread(float(np.mean(values)), float(np.std(values)), min(values), max(values))
        for group, values in _by_group(real).items()
    }


def _by_group(measured: Iterable[Measured]) -> dict[str, list[float]]:
    return foramina_shape.pooled(
        {group: [ratio] for group, ratio in one.ratios.items()} for one in measured
    )


def beside(
    real: Mapping[str, Spread], synthetic: Mapping[str, Sequence[float]]
) -> dict[str, dict[str, Any]]:
    """Set spreads side by side; what the synthetic scans never show has None."""
    return {
        name: {
            "real": asdict(known),
            "synthetic": asdict(foramina_shape.spread(synthetic[name]))
            if synthetic.get(name)
            else None,
            "inside": _inside(known, synthetic.get(name, ())),
        }
        for name, known in real.items()
    }


def _inside(known: Spread, values: Sequence[float]) -> float | None:
    """Give the share of values between the 5th and 95th percentile of the real ones."""
    if known.p5 is None or known.p95 is None or not values:
        return None
    slack = 1e-3  # published percentiles are rounded to three digits
    array = np.asarray(values)
    return float(np.mean((array >= known.p5 - slack) & (array <= known.p95 + slack)))


def _table(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    lines = [
        "| | real mean ± sd | real 5-95 % | synthetic mean ± sd | synthetic 5-95 % | inside |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        real, synthetic = row["real"], row["synthetic"]
        inside = "" if row["inside"] is None else f"{row['inside']:.0%}"
        cells = (name.replace("_", " "), *_cells(real), *_cells(synthetic), inside)
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _cells(spread: Mapping[str, float | None] | None) -> tuple[str, str]:
    if spread is None:
        return "none", ""
    between = "" if spread["p5"] is None else f"{spread['p5']:.3g} to {spread['p95']:.3g}"
    return f"{spread['mean']:.3g} ± {spread['sd']:.3g}", between
