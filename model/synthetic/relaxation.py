"""Relaxation times, proton density and fat share of every tissue, at 1.5 and 3 T.

All values are textbook values in round numbers, taken from no single source; they were checked
only by the contrast that they give. On the one real T1 series that was measured, with the fall of
the coil's sensitivity taken out by eye, fat : marrow : disc : cerebrospinal fluid : muscle was
about 1 : 0.55 : 0.37 : 0.28 : 0.38; the spread below covers it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from model.synthetic.tissue import Tissue


@dataclass(frozen=True, slots=True)
class Relaxation:
    """What decides how bright a tissue is.

    Attributes:
        t1_ms: of its water at 1.5 T and at 3 T.
        t2_ms: of its water.
        density: protons relative to fat and water (1).
        fat: share of the signal at long TR and short TE that is fat, 0..1.
        fat_spread: standard deviation of `fat` between people.
    """

    t1_ms: tuple[float, float]
    t2_ms: float
    density: float
    fat: float = 0.0
    fat_spread: float = 0.0


FAT_T1_MS: Final = (270.0, 370.0)
FAT_T2_MS: Final = 115.0  # as a turbo spin echo sees it: longer than a single echo would
T1_SPREAD: Final = 0.10  # relative standard deviations between people
T2_SPREAD: Final = 0.12
DENSITY_SPREAD: Final = 0.06

_FAT = Relaxation((800, 1000), 40, 0.98, 0.93, 0.03)
_MUSCLE = Relaxation((980, 1350), 34, 0.71, 0.03, 0.02)
_MARROW = Relaxation((880, 1150), 48, 0.84, 0.42, 0.05)
_LIGAMENT = Relaxation((900, 1100), 12, 0.42, 0.04, 0.03)
_CORTEX = Relaxation((400, 450), 3, 0.22, 0.05, 0.03)
_BLOOD = Relaxation((1450, 1700), 180, 0.90)
_AIR = Relaxation((1000, 1000), 5, 0.0)

RELAXATION: Final[Mapping[Tissue, Relaxation]] = MappingProxyType(
    {
        Tissue.AIR: _AIR,
        Tissue.SKIN: Relaxation((850, 1100), 28, 0.60, 0.10, 0.05),
        Tissue.SUBCUTANEOUS_FAT: _FAT,
        Tissue.FASCIA: Relaxation((900, 1100), 18, 0.50, 0.10, 0.06),
        Tissue.MUSCLE: _MUSCLE,
        Tissue.MUSCLE_FAT: Relaxation((900, 1150), 40, 0.90, 0.46, 0.12),
        Tissue.PSOAS: Relaxation((980, 1350), 34, 0.71, 0.02, 0.01),
        Tissue.QUADRATUS: _MUSCLE,
        Tissue.ABDOMINAL_WALL: Relaxation((980, 1350), 36, 0.74, 0.05, 0.03),
        Tissue.DIAPHRAGM: Relaxation((980, 1350), 38, 0.78, 0.04, 0.02),
        Tissue.VISCERAL_FAT: Relaxation((800, 1000), 45, 0.96, 0.86, 0.05),
        Tissue.BOWEL_WALL: Relaxation((950, 1200), 55, 0.80, 0.05, 0.03),
        Tissue.BOWEL_CONTENT: Relaxation((900, 1100), 75, 0.80, 0.10, 0.08),
        Tissue.BOWEL_GAS: _AIR,
        Tissue.STOMACH: Relaxation((1200, 1400), 90, 0.80, 0.05, 0.05),
        Tissue.LIVER: Relaxation((580, 800), 46, 0.80, 0.06, 0.05),
        Tissue.SPLEEN: Relaxation((1050, 1320), 78, 0.85),
        Tissue.KIDNEY_CORTEX: Relaxation((960, 1150), 85, 0.85, 0.01, 0.01),
        Tissue.KIDNEY_MEDULLA: Relaxation((1400, 1550), 90, 0.88),
        Tissue.BLADDER: Relaxation((3200, 3600), 900, 1.00),
        Tissue.PELVIC_ORGAN: Relaxation((1100, 1400), 75, 0.85, 0.03, 0.02),
        Tissue.LUNG: Relaxation((1100, 1200), 15, 0.14),
        Tissue.AORTA: _BLOOD,
        Tissue.VENA_CAVA: _BLOOD,
        Tissue.VESSEL: _BLOOD,
        Tissue.FLUID: Relaxation((3000, 3300), 600, 0.97),
        Tissue.ILIAC_MARROW: _MARROW,
        Tissue.RIB: _MARROW,
        Tissue.MARROW: _MARROW,
        Tissue.MARROW_POSTERIOR: _MARROW,
        Tissue.MARROW_SACRUM: _MARROW,
        Tissue.CORTICAL_BONE: _CORTEX,
        Tissue.ENDPLATE: Relaxation((600, 700), 8, 0.38, 0.05, 0.04),
        Tissue.BASIVERTEBRAL_VEIN: Relaxation((1300, 1500), 130, 0.75, 0.25, 0.15),
        Tissue.MODIC_1: Relaxation((1050, 1300), 85, 0.90, 0.18, 0.05),
        Tissue.MODIC_2: Relaxation((900, 1150), 55, 0.92, 0.76, 0.06),
        Tissue.MARROW_FRACTURE: Relaxation((1050, 1300), 75, 0.88, 0.18, 0.08),
        Tissue.NUCLEUS: Relaxation((1150, 1350), 115, 0.88),
        Tissue.NUCLEUS_DEGENERATE: Relaxation((930, 1120), 52, 0.72),
        Tissue.ANNULUS: Relaxation((850, 1000), 34, 0.62),
        Tissue.CARTILAGE: Relaxation((950, 1150), 42, 0.70, 0.03, 0.02),
        Tissue.CSF: Relaxation((3200, 3500), 1300, 1.00),
        Tissue.CORD: Relaxation((830, 980), 78, 0.80),
        Tissue.CAUDA_EQUINA: Relaxation((1050, 1250), 90, 0.80),
        Tissue.DURA: Relaxation((900, 1100), 16, 0.45),
        Tissue.EPIDURAL_FAT: _FAT,
        Tissue.EPIDURAL_VEIN: Relaxation((1400, 1600), 130, 0.72, 0.08, 0.06),
        Tissue.FORAMINAL_FAT: Relaxation((800, 1000), 42, 0.97, 0.90, 0.04),
        Tissue.NERVE_ROOT: Relaxation((950, 1150), 62, 0.74, 0.05, 0.03),
        Tissue.GANGLION: Relaxation((1000, 1200), 78, 0.80, 0.05, 0.03),
        Tissue.LIGAMENTUM_FLAVUM: Relaxation((900, 1100), 24, 0.58, 0.08, 0.04),
        Tissue.LONGITUDINAL_LIGAMENT: _LIGAMENT,
        Tissue.INTERSPINOUS_LIGAMENT: Relaxation((900, 1100), 32, 0.70, 0.35, 0.12),
        Tissue.SUPRASPINOUS_LIGAMENT: _LIGAMENT,
        Tissue.FORAMINAL_SCAR: Relaxation((900, 1100), 38, 0.62, 0.04, 0.03),
        Tissue.METAL: _AIR,
    }
)
