"""Name the tissues that the MR stage tells apart.

The list is complete: every voxel of a label map has one of these values, because networks that
were trained on label maps with an empty background fail on real scans.
"""

import enum


class Tissue(enum.IntEnum):
    """Label of a voxel; the value is what stands in a label map (uint8)."""

    AIR = 0
    SKIN = 1
    SUBCUTANEOUS_FAT = 2
    FASCIA = 3
    MUSCLE = 4
    MUSCLE_FAT = 5
    PSOAS = 6
    QUADRATUS = 7
    ABDOMINAL_WALL = 8
    DIAPHRAGM = 9
    VISCERAL_FAT = 10
    BOWEL_WALL = 11
    BOWEL_CONTENT = 12
    BOWEL_GAS = 13
    STOMACH = 14
    LIVER = 15
    SPLEEN = 16
    KIDNEY_CORTEX = 17
    KIDNEY_MEDULLA = 18
    BLADDER = 19
    PELVIC_ORGAN = 20
    LUNG = 21
    AORTA = 22
    VENA_CAVA = 23
    VESSEL = 24
    FLUID = 25
    ILIAC_MARROW = 26
    RIB = 27
    MARROW = 30
    MARROW_POSTERIOR = 31
    MARROW_SACRUM = 32
    CORTICAL_BONE = 33
    ENDPLATE = 34
    BASIVERTEBRAL_VEIN = 35
    MODIC_1 = 36
    MODIC_2 = 37
    MARROW_FRACTURE = 38
    NUCLEUS = 40
    NUCLEUS_DEGENERATE = 41
    ANNULUS = 42
    CARTILAGE = 43
    CSF = 44
    CORD = 45
    CAUDA_EQUINA = 46
    DURA = 47
    EPIDURAL_FAT = 48
    EPIDURAL_VEIN = 49
    FORAMINAL_FAT = 50
    NERVE_ROOT = 51
    GANGLION = 52
    LIGAMENTUM_FLAVUM = 53
    LONGITUDINAL_LIGAMENT = 54
    INTERSPINOUS_LIGAMENT = 55
    SUPRASPINOUS_LIGAMENT = 56
    FORAMINAL_SCAR = 57  # disc material and thickened ligament that took the place of fat
    METAL = 60


BONE = frozenset(
    {
        Tissue.MARROW,
        Tissue.MARROW_POSTERIOR,
        Tissue.MARROW_SACRUM,
        Tissue.CORTICAL_BONE,
        Tissue.ENDPLATE,
        Tissue.BASIVERTEBRAL_VEIN,
        Tissue.MODIC_1,
        Tissue.MODIC_2,
        Tissue.MARROW_FRACTURE,
    }
)
DISC = frozenset({Tissue.NUCLEUS, Tissue.NUCLEUS_DEGENERATE, Tissue.ANNULUS})
FORAMEN = frozenset(
    {
        Tissue.FORAMINAL_FAT,
        Tissue.FORAMINAL_SCAR,
        Tissue.NERVE_ROOT,
        Tissue.GANGLION,
        Tissue.EPIDURAL_VEIN,
    }
)
