"""Small valid objects for tests: MR images of 8x8 pixels, as files and as they arrive."""

from io import BytesIO
from typing import Any

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
)

from storage.instances import Incoming

UID_ROOT = "1.2.826.0.1.3680043.8.498"
STUDY_UID = f"{UID_ROOT}.1"
SERIES_UID = f"{UID_ROOT}.2"
NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)


def make_dataset(number: int = 1, **attributes: Any) -> Dataset:
    """Build slice `number` of a sagittal T1 series; `attributes` are keywords, None removes one.

    Pixels are 8x8 (`size`), 16 bit, different in every slice; give `pixels` (an array) for others.
    """
    pixels, size = attributes.pop("pixels", None), attributes.pop("size", 8)
    if pixels is None:
        pixels = (np.arange(size * size).reshape(size, size) * 7 + number * 101) % 4096
    dataset = Dataset()
    values: dict[str, Any] = {
        "SpecificCharacterSet": "ISO_IR 100",
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "SE"],
        "SOPClassUID": MRImageStorage,
        "SOPInstanceUID": f"{SERIES_UID}.{number}",
        "StudyDate": "20240102",
        "StudyTime": "101112",
        "AccessionNumber": "A1",
        "Modality": "MR",
        "Manufacturer": "Test",
        "SeriesDescription": "T1 TSE SAG",
        "PatientName": "Doe^Jane",
        "PatientID": "P1",
        "PatientBirthDate": "19700101",
        "PatientSex": "F",
        "MagneticFieldStrength": "1.5",
        "RepetitionTime": "550",
        "EchoTime": "11",
        "SliceThickness": "4",
        "SpacingBetweenSlices": "4.4",
        "PatientPosition": "HFS",
        "StudyInstanceUID": STUDY_UID,
        "SeriesInstanceUID": SERIES_UID,
        "StudyID": "1",
        "SeriesNumber": "3",
        "InstanceNumber": str(number),
        "ImagePositionPatient": [f"{-30 + 4.4 * number:.1f}", "-100", "120"],
        "ImageOrientationPatient": ["0", "1", "0", "0", "0", "-1"],
        "FrameOfReferenceUID": f"{UID_ROOT}.4",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "PixelSpacing": ["0.5", "0.5"],
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
    }
    for keyword, value in (values | attributes).items():
        if value is not None:
            setattr(dataset, keyword, value)
    dataset.PixelData = pixels.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


def encode(dataset: Dataset, transfer_syntax_uid: str = ExplicitVRLittleEndian) -> bytes:
    """Encode a data set as a PS3.10 file, compressed where the transfer syntax asks for it.

    JPEG 2000 can only be made of images of 32x32 pixels and more.
    """
    dataset = Dataset(dataset)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    if transfer_syntax_uid not in NATIVE:
        dataset.compress(transfer_syntax_uid, generate_instance_uid=False)
    elif transfer_syntax_uid == ExplicitVRBigEndian and "PixelData" in dataset:
        swapped = np.frombuffer(dataset.PixelData, "<u2").byteswap().tobytes()
        dataset.PixelData = swapped
    dataset.file_meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def make_part10(
    number: int = 1, *, transfer_syntax_uid: str = ExplicitVRLittleEndian, **attributes: Any
) -> bytes:
    """Build slice `number` as a PS3.10 file; see `make_dataset` for `attributes`."""
    return encode(make_dataset(number, **attributes), transfer_syntax_uid)


def incoming(part10: bytes, **fields: Any) -> Incoming:
    """Describe a PS3.10 file as if it had just arrived; `fields` replace those of `Incoming`."""
    dataset = dcmread(BytesIO(part10), stop_before_pixels=True)
    values = {
        "sop_class_uid": str(dataset.SOPClassUID),
        "sop_instance_uid": str(dataset.SOPInstanceUID),
        "transfer_syntax_uid": str(dataset.file_meta.TransferSyntaxUID),
        "study_instance_uid": str(dataset.StudyInstanceUID),
        "series_instance_uid": str(dataset.SeriesInstanceUID),
        "patient_id": str(dataset.get("PatientID", "")),
        "accession_number": str(dataset.get("AccessionNumber", "")),
        "modality": str(dataset.get("Modality", "")),
        "series_description": str(dataset.get("SeriesDescription", "")),
        "instance_number": int(dataset.InstanceNumber) if "InstanceNumber" in dataset else None,
        "calling_ae_title": "SCANNER",
        "calling_host": "127.0.0.1",
        "part10": part10,
        # Preamble and prefix, the group length element, and what it counts: PS3.10 section 7.1.
        "data_offset": 132 + 12 + int(dataset.file_meta.FileMetaInformationGroupLength),
    }
    return Incoming(**(values | fields))


def make_incoming(
    number: int = 1, *, transfer_syntax_uid: str = ExplicitVRLittleEndian, **attributes: Any
) -> Incoming:
    """Build slice `number` as it arrives; see `make_dataset` for `attributes`."""
    return incoming(make_part10(number, transfer_syntax_uid=transfer_syntax_uid, **attributes))
