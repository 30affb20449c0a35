"""How sure a share or a mean is: intervals at 95 %.

The ten foramina of one patient err together (a scan shifted by a level has ten wrong points), so
an interval that takes foramina for independent is too narrow. The bootstrap redraws patients.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Interval = tuple[float, float]

RESAMPLES: Final = 2000
_Z_95: Final = 1.959963984540054


def wilson(hits: int, trials: int) -> Interval:
    """Give the Wilson score interval of a share at 95 % (Wilson 1927).

    Raises:
        ValueError: there are no trials, or more hits than trials.
    """
    if trials < 1 or not 0 <= hits <= trials:
        raise ValueError(f"{hits} hits in {trials} trials; expected 0 <= hits <= trials >= 1")
    share = hits / trials
    scale = 1.0 + _Z_95**2 / trials
    centre = (share + _Z_95**2 / (2 * trials)) / scale
    spread = share * (1.0 - share) / trials + _Z_95**2 / (4 * trials**2)
    half = _Z_95 * math.sqrt(spread) / scale
    return max(centre - half, 0.0), min(centre + half, 1.0)


@dataclass(frozen=True, eq=False, slots=True)
class Redrawn:
    """Patients redrawn with replacement, many times; one such draw serves every figure of a report.

    Attributes:
        patients: who was drawn from, in the order of the columns of `counts`.
        counts: (resample, patient): how often a resample holds a patient.
    """

    patients: tuple[str, ...]
    counts: npt.NDArray[np.float64]

    def interval(self, values: Iterable[tuple[str, float]]) -> Interval | None:
        """Give the percentile bootstrap interval of a mean at 95 %.

        Args:
            values: (patient, value); a share is the mean of zeros and ones.

        Returns:
            the 2.5th and the 97.5th percentile; None where redrawing cannot tell anything: with
            fewer than two patients among the values, or values that are all the same (a recall
            of 100 %: then the Wilson interval is all there is).
        """
        column = {patient: index for index, patient in enumerate(self.patients)}
        total, number = np.zeros(len(column)), np.zeros(len(column))
        distinct = set()
        for patient, value in values:
            total[column[patient]] += value
            number[column[patient]] += 1
            distinct.add(value)
        if np.count_nonzero(number) < 2 or len(distinct) < 2:
            return None
        drawn = self.counts @ number
        some = drawn > 0  # a resample may have drawn none of the patients that have a value
        low, high = np.percentile((self.counts @ total)[some] / drawn[some], [2.5, 97.5])
        return float(low), float(high)


def redraw(
    patients: Sequence[str], rng: np.random.Generator, resamples: int = RESAMPLES
) -> Redrawn:
    """Redraw patients with replacement.

    Args:
        patients: names; one that comes twice counts once.
        rng: where the draws come from.
        resamples: how many.

    Raises:
        ValueError: there is no patient.
    """
    unique = tuple(dict.fromkeys(patients))
    if not unique:
        raise ValueError("there is no patient to redraw; expected at least one")
    count = len(unique)
    counts = rng.multinomial(count, [1.0 / count] * count, size=resamples)
    return Redrawn(unique, counts.astype(np.float64))
