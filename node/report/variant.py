"""In which form a destination wants its report."""

from dataclasses import dataclass
from typing import Final, Literal

from pydicom.uid import UID, Comprehensive3DSRStorage, ComprehensiveSRStorage

SopClass = Literal["comprehensive-3d", "comprehensive"]

_UIDS: Final[dict[SopClass, UID]] = {
    "comprehensive-3d": Comprehensive3DSRStorage,
    "comprehensive": ComprehensiveSRStorage,
}


@dataclass(frozen=True, slots=True)
class Variant:
    """A form of the report; destinations that want the same one share one object.

    Attributes:
        sop_class: Comprehensive 3D SR, with points on images and in the patient; or Comprehensive
            SR, whose items know no patient space (PS3.3 section A.35.3.3.1.1): on images only.
        cornerstone_prefix: whether tracking identifiers on images begin so that OHIF draws arrows
            with text. Other viewers may show that prefix as a part of the name.
    """

    sop_class: SopClass = "comprehensive-3d"
    cornerstone_prefix: bool = True

    @property
    def name(self) -> str:
        """Name the form, in the database and in UIDs."""
        return self.sop_class + ("+cornerstone" if self.cornerstone_prefix else "")

    @property
    def sop_class_uid(self) -> UID:
        """Give the SOP Class UID."""
        return _UIDS[self.sop_class]

    @property
    def three_dimensional(self) -> bool:
        """Tell whether points in the patient (SCOORD3D) may stand in it."""
        return self.sop_class == "comprehensive-3d"


STANDARD: Final = Variant()
