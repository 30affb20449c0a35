"""Whether a data set can be trained on: every series read, no patient in two parts."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from model.cases import Case
from model.index.contradictions import contradictions
from model.index.reading import read_entry
from model.index.record import Entry, Index

Report = Callable[[str], None]
"""Called with the name of each series that was read."""


def check(index: Index, report: Report | None = None) -> list[str]:
    """Read every series and give everything that is wrong, each as a sentence; empty: nothing.

    Beside what one series can have wrong: a patient, or the same pixels, in two parts; a series
    or a name twice; images that are of another patient than the index says.
    """
    wrong = contradictions(index)
    by_pixels: dict[str, list[Entry]] = defaultdict(list)
    for entry in index.entries:
        try:
            case = read_entry(entry)
        except (OSError, ValueError) as error:
            wrong.append(f"{entry.name}: {error}")
            continue
        finally:
            if report is not None:
                report(entry.name)
        by_pixels[_digest(case)].append(entry)
        if index.patients == "id" and case.patient and case.patient != entry.patient:
            wrong.append(
                f"{entry.name}: {entry.images} holds images of patient {case.patient}; the index "
                f"says {entry.patient}: build the index again"
            )
    return wrong + [_copied(entries) for entries in by_pixels.values() if len(entries) > 1]


def _copied(entries: Sequence[Entry]) -> str:
    parts = " and ".join(sorted({entry.part for entry in entries}))
    folders = ", ".join(str(entry.images) for entry in entries)
    return f"the same pixels stand in {folders} (for {parts}); expected each scan once: remove one"


def _digest(case: Case) -> str:
    pixels = np.ascontiguousarray(case.volume.pixels, "<f4")
    return hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()
