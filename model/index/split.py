"""Which patient goes to which part."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from model.index.record import PARTS, Entry, Part


@dataclass(frozen=True, slots=True)
class Shares:
    """How much of a data set validates and tests; the rest trains.

    Raises:
        ValueError: a share is negative, or nothing is left to train with.
    """

    test: float = 0.2
    validation: float = 0.0

    def __post_init__(self) -> None:
        if min(self.test, self.validation) < 0 or self.test + self.validation >= 1:
            raise ValueError(
                f"shares of {self.test:g} for test and {self.validation:g} for validation leave "
                "nothing to train with; expected numbers from 0, below 1 in sum"
            )


def divide(
    patients: Sequence[str],
    shares: Shares,
    rng: np.random.Generator,
    kept: Mapping[str, Part] | None = None,
) -> dict[str, Part]:
    """Give each patient a part.

    Patients are drawn in random order: for test until it has its share of the series, then for
    validation. A share above zero gets at least one patient.

    Args:
        patients: the patient of each series; one may have several.
        shares: of the series.
        rng: draws.
        kept: patients whose part stays as it is.

    Raises:
        ValueError: there are fewer patients than parts, or those kept leave a part empty.
    """
    series = Counter(patients)
    parts: dict[str, Part] = {
        patient: part for patient, part in (kept or {}).items() if patient in series
    }
    wanted: dict[Part, float] = {"test": shares.test, "validation": shares.validation}
    needed = 1 + sum(share > 0 for share in wanted.values())
    if len(series) < needed:
        raise ValueError(
            f"the {len(patients)} series are of {len(series)} patient(s); expected at least "
            f"{needed}, one for each part: if the numbers of the patients were removed, tell "
            "patients apart by study or by folder"
        )
    waiting = [str(one) for one in rng.permutation(sorted(set(series) - set(parts)))]
    for part, share in wanted.items():
        quota = max(round(share * len(patients)), 1) if share > 0 else 0
        while len(waiting) > _awaited(parts, part, wanted) and _held(parts, part, series) < quota:
            parts[waiting.pop()] = part
    parts |= dict.fromkeys(waiting, PARTS[0])
    empty = [part for part, share in wanted.items() if share > 0 and part not in parts.values()]
    if empty or PARTS[0] not in parts.values():
        raise ValueError(
            f"nobody is left for {' and '.join(empty) or PARTS[0]}: too many patients keep the "
            "part that they had; expected new patients, or a division from the beginning"
        )
    return parts


def _awaited(parts: Mapping[str, Part], part: Part, wanted: Mapping[Part, float]) -> int:
    """Count the parts, training among them, that still need a first patient after this one."""
    order = list(wanted)
    later = [other for other in order[order.index(part) + 1 :] if wanted[other] > 0]
    return sum(other not in parts.values() for other in (PARTS[0], *later))


def _held(parts: Mapping[str, Part], part: Part, series: Counter[str]) -> int:
    return sum(series[patient] for patient, its in parts.items() if its == part)


def subset(entries: Sequence[Entry], count: int, rng: np.random.Generator) -> tuple[Entry, ...]:
    """Draw so many entries; with one seed, a smaller draw is contained in every larger one.

    The thesis trains on sets of 250, 150, 50, 5 and 1 scans (section 7.4.1).

    Raises:
        ValueError: there are fewer.
    """
    if not 1 <= count <= len(entries):
        raise ValueError(f"{count} of {len(entries)} series; expected from 1 to all of them")
    return tuple(entries[int(place)] for place in rng.permutation(len(entries))[:count])
