"""What the numbers of others' label maps mean, as tissues of ours.

Vertebrae are counted as in TPTBox (L1 .. L5 = 20 .. 24, L6 = 25, sacrum = 26) and its sub-regions
as in its `Location` (Apache-2.0); the trunk as in task `total` of TotalSegmentator 2 (Apache-2.0).
Numbers that a scheme knows and that stand for nothing near the spine are left to be filled.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from model.synthetic.tissue import Tissue

_VERTEBRAE: Final = {number: Tissue.MARROW for number in (*range(8, 26), 28)} | {
    26: Tissue.MARROW_SACRUM,
    27: Tissue.MARROW_SACRUM,
}
_SUBREGIONS: Final = {number: Tissue.MARROW_POSTERIOR for number in range(41, 49)} | {
    26: Tissue.MARROW_SACRUM,
    49: Tissue.MARROW,
    50: Tissue.MARROW,
    52: Tissue.ENDPLATE,
    53: Tissue.ENDPLATE,
    60: Tissue.CAUDA_EQUINA,  # below the conus, where lumbar scans mostly lie
    61: Tissue.CSF,
    62: Tissue.ENDPLATE,
    63: Tissue.RIB,
    64: Tissue.RIB,
    100: Tissue.ANNULUS,
}
_TOTALSEGMENTATOR: Final = (
    {number: Tissue.MARROW for number in range(27, 44)}
    | {number: Tissue.LUNG for number in range(10, 15)}
    | {number: Tissue.RIB for number in range(92, 116)}
    | {number: Tissue.MUSCLE for number in range(80, 88)}
    | {
        1: Tissue.SPLEEN,
        2: Tissue.KIDNEY_CORTEX,
        3: Tissue.KIDNEY_CORTEX,
        5: Tissue.LIVER,
        6: Tissue.STOMACH,
        18: Tissue.BOWEL_CONTENT,
        19: Tissue.BOWEL_CONTENT,
        20: Tissue.BOWEL_CONTENT,
        21: Tissue.BLADDER,
        22: Tissue.PELVIC_ORGAN,
        23: Tissue.FLUID,
        24: Tissue.FLUID,
        25: Tissue.MARROW_SACRUM,
        26: Tissue.MARROW_SACRUM,
        52: Tissue.AORTA,
        63: Tissue.VENA_CAVA,
        65: Tissue.VESSEL,
        66: Tissue.VESSEL,
        67: Tissue.VESSEL,
        68: Tissue.VESSEL,
        77: Tissue.ILIAC_MARROW,
        78: Tissue.ILIAC_MARROW,
        79: Tissue.CORD,
        88: Tissue.PSOAS,
        89: Tissue.PSOAS,
    }
)
SCHEMES: Final[Mapping[str, Mapping[int, Tissue]]] = MappingProxyType(
    {
        "vertebrae": MappingProxyType(_VERTEBRAE),
        "subregions": MappingProxyType(_SUBREGIONS),
        "totalsegmentator": MappingProxyType(_TOTALSEGMENTATOR),
    }
)
_TOTALSEGMENTATOR_LUMBAR: Final = frozenset(range(27, 32))
_TPTBOX_PARTS: Final = frozenset(range(41, 51))
_TPTBOX_VERTEBRAE: Final = frozenset(range(19, 27))


def recognised(numbers: Iterable[int]) -> str | None:
    """Tell by which scheme a map counts; None when none fits.

    Two numbers of 27 .. 31 together are lumbar vertebrae of TotalSegmentator: elsewhere 27 is the
    coccyx and 28 a thirteenth thoracic vertebra.
    """
    present = set(numbers)
    if len(present & _TOTALSEGMENTATOR_LUMBAR) >= 2:
        return "totalsegmentator"
    if len(present & _TPTBOX_PARTS) >= 2:
        return "subregions"
    if present & _TPTBOX_VERTEBRAE:
        return "vertebrae"
    return None
