"""How scanners of four vendors describe a sagittal lumbar spine.

Strings, echo trains and flip angles of Siemens and Philips are those of 406 real T1
and T2 lumbar series (SPIDER, doi 10.5281/zenodo.10159290). ImageType, ScanOptions, pixel formats
and version strings of GE and Canon stand in the phantom series of neurolabusc/dcm_qa_sag and
dcm_qa_canon_61; their series descriptions in public lumbar data. What a scanner of theirs would
write for a spin echo and no source shows (SequenceName of Canon, SequenceVariant of both) follows
the vendor's style. There are no private elements.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

Weighting = Literal["T1", "T2"]


@dataclass(frozen=True, slots=True)
class Scanner:
    """One model with what it says of itself.

    Attributes:
        manufacturer: Manufacturer.
        model: ManufacturerModelName.
        software: SoftwareVersions.
        field_t: MagneticFieldStrength, tesla.
        frequency_mhz: ImagingFrequency of hydrogen.
        body_parts: values of BodyPartExamined; empty: absent.
    """

    manufacturer: str
    model: str
    software: tuple[str, ...]
    field_t: float
    frequency_mhz: float
    body_parts: tuple[str, ...] = ("LSPINE",)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A turbo spin echo as a vendor writes it.

    Attributes:
        descriptions: SeriesDescription, the frequent ones several times; empty: absent.
        names: SequenceName; empty: the attribute is absent.
        echo_trains: EchoTrainLength.
        flip_angles_deg: FlipAngle, of the refocusing (Siemens) or the exciting pulse.
    """

    descriptions: tuple[str, ...]
    names: tuple[str, ...]
    echo_trains: tuple[int, ...]
    flip_angles_deg: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How a vendor stores pixels.

    Attributes:
        bits_stored: BitsStored; HighBit is one less.
        signed: PixelRepresentation 1.
        brightest: range of the stored value that the brightest half percent reaches.
        slopes: range of RescaleSlope; None: no rescale attributes.
        window_per_slice: Window Center and Width follow each slice instead of the series.
    """

    bits_stored: int
    signed: bool
    brightest: tuple[int, int]
    slopes: tuple[float, float] | None = None
    window_per_slice: bool = False


@dataclass(frozen=True, slots=True)
class Vendor:
    """The habits of a vendor.

    Attributes:
        name: key in `VENDORS`.
        scanners: models.
        sequences: T1 and T2.
        image_types: values of ImageType after ORIGINAL, PRIMARY.
        variant: SequenceVariant.
        scan_options: alternatives of ScanOptions.
        pixels: stored form.
    """

    name: str
    scanners: tuple[Scanner, ...]
    sequences: Mapping[Weighting, Sequence]
    image_types: tuple[tuple[str, ...], ...]
    variant: tuple[str, ...]
    scan_options: tuple[tuple[str, ...], ...]
    pixels: PixelFormat


def _sequences(t1: Sequence, t2: Sequence) -> Mapping[Weighting, Sequence]:
    return MappingProxyType({"T1": t1, "T2": t2})


_SIEMENS_PARTS = ("LSPINE", "LSPINE", "MRI LWK", "")
_SIEMENS: Final = Vendor(
    name="siemens",
    scanners=(
        Scanner("SIEMENS", "Avanto_fit", ("syngo MR E11",), 1.5, 63.686, _SIEMENS_PARTS),
        Scanner("SIEMENS", "Aera", ("syngo MR E11",), 1.5, 63.677, _SIEMENS_PARTS),
        Scanner("SIEMENS", "SymphonyTim", ("syngo MR B17",), 1.5, 63.590, _SIEMENS_PARTS),
        Scanner("SIEMENS", "Skyra_fit", ("syngo MR E11",), 3.0, 123.249, _SIEMENS_PARTS),
    ),
    sequences=_sequences(
        Sequence(
            ("SAG T1 TSE", "SAG T1 TSE", "t1_tse_sag", "t1_tse_sag", "t1_tse_sag_320"),
            ("*tse2d1_3", "*tse2d1_3", "*tse2d1_4", "*tse2d1_5"),
            (2, 3, 4, 5),
            (150,),
        ),
        Sequence(
            ("SAG T2 TSE", "t2_tse_sag_384", "t2_tse_sag"),
            ("*tseR2d1rr17", "*tseR2d1rr19", "*tseR2d1rr21"),
            (17, 19, 21),
            (150,),
        ),
    ),
    image_types=(("M", "ND"), ("M", "NORM", "DIS2D"), ("M", "NORM", "DIS2D", "FM", "FIL")),
    variant=("SK", "SP", "OSP"),
    scan_options=(("SAT1",),),
    pixels=PixelFormat(12, signed=False, brightest=(800, 1900), window_per_slice=True),
)
_GE: Final = Vendor(
    name="ge",
    scanners=(
        Scanner(
            "GE MEDICAL SYSTEMS",
            "Signa HDxt",
            ("24", "LX", "MR Software release:HD16.0_V02_1131.a"),
            1.5,
            63.873,
            ("", "LSPINE"),
        ),
        Scanner(
            "GE MEDICAL SYSTEMS",
            "SIGNA Pioneer",
            ("28", "LX", "MR29.1_EA_2039.g"),
            3.0,
            127.728,
            ("LSPINE",),
        ),
    ),
    sequences=_sequences(
        Sequence(
            ("OSag T1 FSE ", "Sag T1 FSE", "Sag T1 FSE 4mm", "SAG T1 Lspine"),
            (),
            (2, 3, 4),
            (90, 111, 160),
        ),
        Sequence(
            ("OSag T2 FRFSE ",),
            (),
            (16, 19, 24),
            (90, 111, 160),
        ),
    ),
    image_types=(("OTHER",),),
    variant=("SK",),
    scan_options=(("FAST_GEMS", "EDR_GEMS"), ("FAST_GEMS", "EDR_GEMS", "ACC_GEMS")),
    pixels=PixelFormat(16, signed=True, brightest=(900, 3500)),
)
_PHILIPS_VERSION = ("5.6.1", "5.6.1.2")
_PHILIPS: Final = Vendor(
    name="philips",
    scanners=(
        Scanner("Philips Healthcare", "Ingenia", _PHILIPS_VERSION, 3.0, 127.771),
        Scanner(
            "Philips Medical Systems",
            "Ingenia",
            _PHILIPS_VERSION,
            1.5,
            63.879,
            ("MRI LWK", "MRI LWK _DECENTR"),
        ),
    ),
    sequences=_sequences(
        Sequence(
            ("", "", "CS T1 TSE SAG", "T1_CS_TSE SAG", "T1W_TSE_sag"),
            ("",),
            (5, 7),
            (80, 85),
        ),
        Sequence(
            ("", "", "CS T2 TSE SAG", "T2_CS_TSE SAG"),
            ("",),
            (25, 27),
            (90,),
        ),
    ),
    image_types=(("M_SE", "M", "SE"),),
    variant=("SK",),
    scan_options=(("OTHER",),),
    pixels=PixelFormat(12, signed=False, brightest=(1800, 4000), slopes=(0.4, 3.0)),
)
_CANON: Final = Vendor(
    name="canon",
    scanners=(
        Scanner("CANON_MEC", "Galan 3T", ("V6.1SP3002*",), 3.0, 123.209),
        Scanner("TOSHIBA", "Galan 3T", ("V5.0SP6000*",), 3.0, 123.209),
    ),
    sequences=_sequences(
        Sequence(
            ("Sag FSE2D T1W ", "T1WI_SAG", "T1WI-SAG", "SG T1W"),
            ("FSE2D",),
            (2, 3, 4),
            (90,),
        ),
        Sequence(
            ("Sag TR-FSE2D T2W", "T2WI_SAG", "SG T2W"),
            ("FSE2D",),
            (15, 19, 23),
            (90,),
        ),
    ),
    image_types=(("OTHER",), ("GDC",)),
    variant=("NONE",),
    scan_options=(("NONE",),),
    pixels=PixelFormat(16, signed=True, brightest=(2000, 9000), slopes=(1.0, 1.0)),
)

VENDORS: Final[Mapping[str, Vendor]] = MappingProxyType(
    {vendor.name: vendor for vendor in (_SIEMENS, _GE, _PHILIPS, _CANON)}
)
