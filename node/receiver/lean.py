"""What a receiving process does without, so that several of them stay small.

pydicom loads numpy, image decoders and a download client where they are installed, for pixels and
sample files that no receiving process ever touches: 35 MB of memory and most of the time that the
process takes to start. All of them are optional to pydicom, and are here made to look absent.
"""

import sys
from typing import Final

_LEFT_OUT: Final = ("PIL", "gdcm", "jpeg_ls", "numpy", "pylibjpeg", "requests", "tqdm")


def leave_out_pixels() -> None:
    """Have the optional packages of pydicom not found; to be called before it is imported."""
    for name in _LEFT_OUT:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # an import finds None: absent
