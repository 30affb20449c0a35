"""Patients whom the tests' nodes must not name in their logs, and the logs where one might be.

Every node that `tests.black_box` starts has its log watched. After each test, and once more at the
end, `tests/conftest.py` reads what has been added and fails where it names a patient.
"""

import re
from pathlib import Path
from typing import Final

_NAMES: Final = (
    r"\bPhantom\^", r"\bSynthetic\^", r"\bDoe\b", r"\bJane\b", r"\bTest\^Patient", r"\bJansen\b",
    r"\bCorrected\^Name", "(?i:planted)",
)  # fmt: skip
_PATIENT_IDS: Final = (
    r"\bPHANTOM-\d", r"\bSYNTHETIC-\d", r"\bKILL-\d", r"\bTEST-1\b", r"\bP1\b", r"\bsecret-4711\b",
    r"=1\+1",
)  # fmt: skip
_BIRTH_DATES: Final = tuple(rf"(?<![\d.]){date}(?![\d.])" for date in ("19700101", "19010203"))
_TRACES: Final = re.compile("|".join((*_NAMES, *_PATIENT_IDS, *_BIRTH_DATES)))


def naming(text: str) -> list[str]:
    """List the lines that name a patient of the tests, or give a PatientID or a birth date."""
    return [line for line in text.splitlines() if _TRACES.search(line)]


class Watch:
    """Log files, and how far each has been read."""

    def __init__(self) -> None:
        self._read: dict[Path, int] = {}

    def add(self, log: Path) -> None:
        """Watch one more file; it need not exist yet."""
        self._read.setdefault(log, 0)

    def naming(self) -> list[str]:
        """List the lines added since the last call that name a patient, each with its file."""
        return [f"{log}: {line}" for log in self._read for line in naming(self._added(log))]

    def _added(self, log: Path) -> str:
        """Read what is new, to the end of its last whole line."""
        if not log.is_file():
            return ""
        with log.open("rb") as file:
            file.seek(self._read[log])
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read[log] += len(whole)
        return whole.decode(errors="replace")


NODES: Final = Watch()
"""The logs of all nodes that this process starts."""
