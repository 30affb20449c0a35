"""Libraries that quote what they read are kept from doing so, in every process.

Standard library only: `foramina` calls it before every command, also where nothing else is loaded.
"""

import logging
from typing import Final

_QUOTING: Final = ("pydicom", "py.warnings")
"""Their warnings quote the values that they are about: names, dates of birth."""


def keep_quiet() -> None:
    """Take warnings that may quote patient data out of logs and off the terminal."""
    logging.captureWarnings(True)
    for name in _QUOTING:
        logging.getLogger(name).setLevel(logging.ERROR)
