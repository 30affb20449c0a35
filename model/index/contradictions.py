"""What an index says twice or in two ways."""

from collections import defaultdict

from model.index.record import Entry, Index


def contradictions(index: Index) -> list[str]:
    """Find what an index says twice or in two ways, without reading any series."""
    return _twice(index) + _divided(index)


def _divided(index: Index) -> list[str]:
    """Find patients in two parts."""
    by_patient: dict[str, list[Entry]] = defaultdict(list)
    for entry in index.entries:
        by_patient[entry.patient].append(entry)
    wrong = []
    for patient, entries in by_patient.items():
        first = entries[0]
        other = next((entry for entry in entries if entry.part != first.part), None)
        if other is not None:
            wrong.append(
                f"patient {patient} is in two parts: {first.images} for {first.part}, "
                f"{other.images} for {other.part}; expected all series of a patient in one part"
            )
    return wrong


def _twice(index: Index) -> list[str]:
    """Find names and series that stand there twice."""
    wrong = []
    names: dict[str, Entry] = {}
    series: dict[str, Entry] = {}
    for entry in index.entries:
        if entry.name in names:
            wrong.append(f"two entries are called {entry.name}; expected a name of its own each")
        if entry.series_instance_uid in series:
            wrong.append(
                f"series {entry.series_instance_uid} is there twice: "
                f"{series[entry.series_instance_uid].images} and {entry.images}; remove one"
            )
        names[entry.name] = series[entry.series_instance_uid] = entry
    return wrong
