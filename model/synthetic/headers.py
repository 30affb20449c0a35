"""Data elements of a synthetic MR image, module by module of PS3.3 (MR Image IOD, A.4).

What a scanner would write stands here in the style of a vendor; that the patient does not exist
stands in PatientName, PatientID, StudyDescription and ImageComments.
"""

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import UID, MRImageStorage

from model import affine as affine_map
from model.affine import FloatArray
from model.synthetic.vendors import VENDORS, PixelFormat, Scanner, Sequence, Vendor

if TYPE_CHECKING:
    from model.synthetic.survey import Protocol

StoredArray = npt.NDArray[np.int32]

_FIRST_DAY: Final = datetime.date(2020, 1, 1)
_FEET_FIRST: Final = 0.15  # share of series with the patient lying feet first
_BRIGHT_PERCENT: Final = 99.5
_UNNAMED: Final = "SAG FREE SYNTHETIC"  # without "contrast", which readers take for an agent


@dataclass(frozen=True, slots=True)
class Style:
    """What is drawn once for a series: whose scanner, how it names and stores.

    Attributes:
        vendor: its habits.
        scanner: one of its models.
        sequence: of the weighting; of T1 for a contrast that no spin echo has.
        description: SeriesDescription, empty: absent.
        sequence_name: SequenceName; None: absent.
        image_type: all values.
        scan_options: values of ScanOptions.
        body_part: BodyPartExamined, empty: absent.
        echo_train: EchoTrainLength.
        flip_angle_deg: FlipAngle.
        patient_position: HFS or FFS.
        left_first: instances count from the left side of the patient.
        brightest: stored value of the brightest half percent of pixels.
        slope: RescaleSlope; None: no rescale attributes.
    """

    vendor: Vendor
    scanner: Scanner
    sequence: Sequence
    description: str
    sequence_name: str | None
    image_type: tuple[str, ...]
    scan_options: tuple[str, ...]
    body_part: str
    echo_train: int
    flip_angle_deg: int
    patient_position: str
    left_first: bool
    brightest: int
    slope: float | None


def draw_style(
    rng: np.random.Generator, contrast: str, vendor: str | None = None, field_t: float | None = None
) -> Style:
    """Draw whose scanner made a series and how it writes.

    Args:
        rng: source of randomness.
        contrast: `T1`, `T2`, or another, which no vendor has a name for.
        vendor: key in `VENDORS`; None draws one that builds scanners of the field strength.
        field_t: tesla; None, or one that the vendor does not build, takes any scanner.

    Raises:
        ValueError: the vendor is unknown.
    """
    chosen = _one(rng, _builders(field_t)) if vendor is None else _vendor(vendor)
    scanner = _one(rng, _of_field(chosen, field_t) or chosen.scanners)
    named = contrast in ("T1", "T2")
    sequence = chosen.sequences["T2" if contrast == "T2" else "T1"]
    pixels = chosen.pixels
    return Style(
        vendor=chosen,
        scanner=scanner,
        sequence=sequence,
        description=_one(rng, sequence.descriptions) if named else _UNNAMED,
        sequence_name=_one(rng, sequence.names) if sequence.names else None,
        image_type=("ORIGINAL", "PRIMARY", *_one(rng, chosen.image_types)),
        scan_options=_one(rng, chosen.scan_options),
        body_part=_one(rng, scanner.body_parts),
        echo_train=_one(rng, sequence.echo_trains),
        flip_angle_deg=_one(rng, sequence.flip_angles_deg),
        patient_position="FFS" if rng.random() < _FEET_FIRST else "HFS",
        left_first=bool(rng.random() < 0.5),
        brightest=int(rng.integers(*pixels.brightest)),
        slope=float(rng.uniform(*pixels.slopes)) if pixels.slopes else None,
    )


def _builders(field_t: float | None) -> list[Vendor]:
    found = [vendor for vendor in VENDORS.values() if _of_field(vendor, field_t)]
    return found or list(VENDORS.values())


def _of_field(vendor: Vendor, field_t: float | None) -> list[Scanner]:
    return [scanner for scanner in vendor.scanners if scanner.field_t == field_t]


def _vendor(name: str) -> Vendor:
    if name not in VENDORS:
        raise ValueError(f"no vendor is called {name!r}; there are {', '.join(VENDORS)}")
    return VENDORS[name]


def _one(rng: np.random.Generator, choices: Any) -> Any:
    return choices[int(rng.integers(len(choices)))]


def patient_and_study(dataset: Dataset, seed: int, sex: str, uid: UID) -> None:
    """Fill Patient, General Study and Patient Study (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2)."""
    day = (_FIRST_DAY + datetime.timedelta(days=seed % 1461)).strftime("%Y%m%d")
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.PatientName = f"Synthetic^{seed:04d}"
    dataset.PatientID = f"SYNTHETIC-{seed:04d}"
    dataset.PatientBirthDate = ""
    dataset.PatientSex = sex
    dataset.StudyInstanceUID = uid
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = day
    dataset.StudyTime = "120000"
    dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = "120500"
    dataset.ReferringPhysicianName = ""
    dataset.StudyID = "1"
    dataset.AccessionNumber = f"SYN{seed % 10**13}"  # an SH has 16 characters
    dataset.StudyDescription = "SYNTHETIC LUMBAR SPINE"
    dataset.ImageComments = f"Synthetic image, seed {seed}: no patient exists"


def series_and_equipment(dataset: Dataset, style: Style, series_uid: UID, frame_uid: UID) -> None:
    """Fill General Series, Frame of Reference, General Equipment (C.7.3.1, C.7.4.1, C.7.5.1)."""
    dataset.Modality = "MR"
    dataset.SeriesInstanceUID = series_uid
    dataset.SeriesNumber = 3
    if style.description:
        dataset.SeriesDescription = style.description
        dataset.ProtocolName = style.description.strip()
    if style.body_part:
        dataset.BodyPartExamined = style.body_part
    if style.body_part != "LSPINE":  # an unknown part may be paired: type 2C, empty
        dataset.Laterality = ""
    dataset.PatientPosition = style.patient_position
    dataset.FrameOfReferenceUID = frame_uid
    dataset.PositionReferenceIndicator = ""
    dataset.Manufacturer = style.scanner.manufacturer
    dataset.ManufacturerModelName = style.scanner.model
    dataset.SoftwareVersions = list(style.scanner.software)


def mr_image(dataset: Dataset, style: Style, protocol: "Protocol") -> None:
    """Fill what MR Image (C.8.3.1) says of the sequence.

    RepetitionTime and EchoTime stay empty where no spin echo has the contrast.
    """
    spin_echo = protocol.kind in ("T1", "T2")
    dataset.ImageType = list(style.image_type)
    dataset.ScanningSequence = "SE"
    dataset.SequenceVariant = list(style.vendor.variant)
    dataset.ScanOptions = list(style.scan_options)
    dataset.MRAcquisitionType = "2D"
    if style.sequence_name is not None:
        dataset.SequenceName = style.sequence_name
    dataset.RepetitionTime = f"{protocol.timing.tr_ms:.3f}" if spin_echo else None
    dataset.EchoTime = f"{protocol.timing.te_ms:.3f}" if spin_echo else None
    dataset.EchoTrainLength = style.echo_train
    dataset.NumberOfAverages = "2"
    dataset.MagneticFieldStrength = f"{style.scanner.field_t:g}"
    dataset.ImagingFrequency = f"{style.scanner.frequency_mhz:.3f}"
    dataset.ImagedNucleus = "1H"
    dataset.EchoNumbers = 1
    dataset.FlipAngle = style.flip_angle_deg
    dataset.PixelBandwidth = f"{protocol.bandwidth_hz:.0f}"
    rows, columns = protocol.matrix
    if protocol.phase_head_feet:  # as scanners write it: frequency first, phase last
        dataset.InPlanePhaseEncodingDirection = "COL"
        dataset.AcquisitionMatrix = [columns, 0, 0, rows]
    else:
        dataset.InPlanePhaseEncodingDirection = "ROW"
        dataset.AcquisitionMatrix = [0, rows, columns, 0]


def plane(dataset: Dataset, affine: FloatArray, slice_thickness_mm: float, index: int) -> None:
    """Place a slice (Image Plane, C.7.6.2); numbers keep to the 16 characters of a DS."""
    slice_mm, row_mm, column_mm = affine_map.spacing_mm(affine)
    along, down = affine[:3, 2] / column_mm, affine[:3, 1] / row_mm
    position = affine_map.to_patient(affine, [[index, 0, 0]])[0]
    dataset.PixelSpacing = [f"{row_mm:.8f}", f"{column_mm:.8f}"]
    dataset.ImageOrientationPatient = [f"{value:.9f}" for value in (*along, *down)]
    dataset.ImagePositionPatient = [f"{value:.6f}" for value in position]
    dataset.SliceLocation = f"{float(position @ np.cross(along, down)):.4f}"
    dataset.SliceThickness = f"{slice_thickness_mm:.3f}"
    dataset.SpacingBetweenSlices = f"{slice_mm:.6f}"


def instance(dataset: Dataset, uid: UID, number: int) -> None:
    """Fill SOP Common and General Image (C.12.1, C.7.6.1)."""
    dataset.SOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = uid
    dataset.InstanceNumber = number
    dataset.AcquisitionNumber = 1


def pixels(dataset: Dataset, stored: StoredArray, style: Style, series: StoredArray) -> None:
    """Fill Image Pixel, rescale and VOI (C.7.6.3, C.11.2).

    Args:
        dataset: to fill.
        stored: (row, column), from `stored_values`.
        style: of the series.
        series: all slices, for a window that the whole series shares.
    """
    form = style.vendor.pixels
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated = 16
    dataset.BitsStored = form.bits_stored
    dataset.HighBit = form.bits_stored - 1
    dataset.PixelRepresentation = int(form.signed)
    slope = style.slope or 1.0
    if style.slope is not None:
        dataset.RescaleIntercept = "0"
        dataset.RescaleSlope = f"{slope:.12g}"
        dataset.RescaleType = "normalized"
    low, high = np.percentile(stored if form.window_per_slice else series, [2.0, 99.0]) * slope
    dataset.WindowCenter = f"{(low + high) / 2:.0f}"
    dataset.WindowWidth = f"{max(high - low, 2.0):.0f}"
    dataset.PixelData = stored.astype("<i2" if form.signed else "<u2").tobytes()


def stored_values(image: npt.NDArray[np.float32], style: Style) -> StoredArray:
    """Scale an image (slice, row, column) to what a vendor stores, one scale for the series."""
    bright = float(np.percentile(image, _BRIGHT_PERCENT)) or 1.0
    scaled = np.rint(image * (style.brightest / bright))
    return np.asarray(np.clip(scaled, 0, _largest(style.vendor.pixels)), dtype=np.int32)


def _largest(form: PixelFormat) -> int:
    return int(2 ** (form.bits_stored - int(form.signed)) - 1)
