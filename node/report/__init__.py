"""The answer: a Structured Report with the lumbar foramina of one series.

    Prediction + headers -> Answer (nearest images, impossible order dropped) -> document -> bytes

Equal input gives equal bytes on every host and at every time: UIDs are derived, times are the
caller's. What a report supersedes is a part of its input.
"""

from node.report.answer import FORMAT_VERSION, Answer, Located, ReportContext, answer, settle
from node.report.document import SERIES_DESCRIPTION, Earlier, build, report, withdrawal
from node.report.rejection import rejection_note
from node.report.variant import STANDARD, Variant

__all__ = [
    "FORMAT_VERSION",
    "SERIES_DESCRIPTION",
    "STANDARD",
    "Answer",
    "Earlier",
    "Located",
    "ReportContext",
    "Variant",
    "answer",
    "build",
    "rejection_note",
    "report",
    "settle",
    "withdrawal",
]
