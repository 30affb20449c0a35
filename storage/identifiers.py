"""Unique identifiers, checked before they are trusted with a place in the file system."""

import re
from typing import Final

_UID: Final = re.compile(r"[0-9]+(\.[0-9]+)*")
_MAXIMUM_LENGTH: Final = 64


def validated_uid(value: str) -> str:
    """Return `value` unchanged if it is a UID.

    PS3.5 section 9.1 and 6.2 (VR UI): components of digits joined by dots, at most 64 characters.
    Leading zeros, which the standard forbids and some scanners write, are let through: refusing
    the image would help nobody. What passes holds no separator and no "..", so it is a safe name.

    Raises:
        ValueError: it is not; the message names what was received.
    """
    if len(value) > _MAXIMUM_LENGTH or not _UID.fullmatch(value):
        shown = value if len(value) <= _MAXIMUM_LENGTH else f"{value[:_MAXIMUM_LENGTH]}..."
        raise ValueError(
            f"UID {shown!r} ({len(value)} characters): expected components of digits "
            "joined by dots, at most 64 characters (PS3.5 section 9.1)"
        )
    return value
