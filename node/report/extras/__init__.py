"""Further objects for software that does not draw the points of a Structured Report.

    Answer + headers + pixels -> presentation | capture | segmentation | key_objects -> bytes

Each is an object of its own in a series of its own, in the source's study and with its patient.
All of them tell what the report tells; none tells more. The modules are imported when asked for:
most destinations want none of them.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from pydicom import Dataset

    from model.volume import Volume
    from node.report.answer import Answer
    from storage.reports import NewObject

logger = structlog.get_logger(__name__)

KINDS: Final = ("gsps", "secondary-capture", "seg", "key-objects")


def build(
    kind: str, answer: "Answer", headers: Sequence["Dataset"], scan: "Volume"
) -> list["NewObject"]:
    """Build the objects of one kind.

    Args:
        kind: one of `KINDS`.
        answer: what the report says.
        headers: of the series, as `node.headers.read_headers` gives them; they are not changed.
        scan: pixels of the same series.

    Returns:
        The objects; none when nothing was located, or when the kind cannot be made of such images.

    Raises:
        ValueError: the kind is unknown, or the pixels belong to other images than the headers.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of extra; expected one of {', '.join(KINDS)}")
    if not answer.located:
        return []
    made = _made(kind, answer, headers, scan)
    for one in made:
        logger.info("extra built", kind=kind, sop_instance_uid=one.sop_instance_uid)
    return made


def _made(
    kind: str, answer: "Answer", headers: Sequence["Dataset"], scan: "Volume"
) -> list["NewObject"]:
    if kind == "gsps":
        from node.report.extras import presentation

        return [presentation.build(answer, headers, scan)]
    if kind == "secondary-capture":
        from node.report.extras import capture

        return [capture.build(answer, headers, scan)]
    if kind == "seg":
        from node.report.extras import segmentation

        if answer.source.frame_of_reference_uid is None:
            logger.warning("no segmentation: the images have no valid Frame of Reference UID")
            return []
        return [segmentation.build(answer, headers)]
    from node.report.extras import key_objects

    return [key_objects.build(answer)]
