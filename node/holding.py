"""Is a study still what it was? Asked before a report that waited long is sent.

Meanwhile patients may have been merged, or the study corrected, moved or deleted: a report under
the old PatientID would land with a patient who is not, or is somebody else.
"""

from collections.abc import Callable
from datetime import timedelta

from node import find
from node.peer import Interrupt, Peer
from storage.tables import Delivery

_ADVICE = (
    "look there; send the series to this node anew if its patient was corrected, or let this "
    "report go as it is with `foramina deliveries release`"
)


def is_late(delivery: Delivery, age: timedelta, late_after_s: float) -> bool:
    """Tell whether an object of this age must be asked about before it is sent."""
    return not delivery.released and age > timedelta(seconds=late_after_s)


def why_held(
    peer: Peer,
    delivery: Delivery,
    interrupt: Interrupt | None = None,
    ask: Callable[[Peer, str, Interrupt | None], set[str]] = find.patient_ids_of_study,
) -> str | None:
    """Ask a peer about the study of a report; None: it is there, under the same PatientID.

    The answer names no patient: it is shown and logged.

    Raises:
        PeerError: it could not be asked.
    """
    series = delivery.object.report.series
    found = ask(peer, delivery.object.study_instance_uid, interrupt)
    if not found:
        return f"held: {peer} does not have the study of this report any more; {_ADVICE}"
    if found == {series.patient_id.strip()}:
        return None
    if len(found) > 1:
        return f"held: {peer} has the study under {len(found)} different PatientIDs; {_ADVICE}"
    return (
        f"held: {peer} has the study under another PatientID than the report (a merge, or a "
        f"correction); {_ADVICE}"
    )
