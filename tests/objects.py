"""DICOM objects for tests: small, complete enough to be stored, named by fresh UIDs."""

from pathlib import Path
from typing import Any

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage, generate_uid


def image(**values: Any) -> Dataset:
    """Make an MR image of 32 x 32 pixels; `values` replace or add elements, `None` removes one."""
    data_set = Dataset()
    data_set.SpecificCharacterSet = "ISO_IR 100"
    data_set.SOPClassUID = MRImageStorage
    data_set.SOPInstanceUID = generate_uid()
    data_set.Modality = "MR"
    data_set.SeriesDescription = "T1 sag"
    data_set.PatientName = "Test^Patient"
    data_set.PatientID = "TEST-1"
    data_set.StudyInstanceUID = generate_uid()
    data_set.SeriesInstanceUID = generate_uid()
    data_set.InstanceNumber = 1
    data_set.SamplesPerPixel = 1
    data_set.PhotometricInterpretation = "MONOCHROME2"
    data_set.Rows = data_set.Columns = 32
    data_set.BitsAllocated = data_set.BitsStored = 16
    data_set.HighBit = 15
    data_set.PixelRepresentation = 0
    data_set.PixelData = bytes(range(256)) * 8
    data_set["PixelData"].VR = "OW"
    for keyword, value in values.items():
        if value is None:
            delattr(data_set, keyword)
        else:
            setattr(data_set, keyword, value)
    return data_set


def encoded(data_set: Dataset, transfer_syntax: UID = ExplicitVRLittleEndian) -> bytes:
    """Encode a data set as it stands in a C-STORE request, in an uncompressed transfer syntax."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = transfer_syntax.is_implicit_VR
    buffer.is_little_endian = transfer_syntax.is_little_endian
    write_dataset(buffer, data_set)
    return buffer.getvalue()


def write(
    path: Path,
    data_set: Dataset,
    transfer_syntax: UID = ExplicitVRLittleEndian,
    *,
    announced: str = "",
) -> Path:
    """Write a file in the DICOM File Format (PS3.10), in an uncompressed transfer syntax.

    `announced` stands in the file meta information, and so in the command of a C-STORE, in the
    place of the data set's SOP Instance UID.
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = data_set.SOPClassUID
    meta.MediaStorageSOPInstanceUID = announced or data_set.SOPInstanceUID
    meta.TransferSyntaxUID = transfer_syntax
    meta.ImplementationClassUID = "1.2.3.4"
    buffer = DicomBytesIO()
    write_file_meta_info(buffer, meta)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(128) + b"DICM" + buffer.getvalue() + encoded(data_set, transfer_syntax))
    return path


def data_set_bytes(source: Path | bytes) -> bytes:
    """Cut preamble and file meta information off a file: what a C-STORE request carries of it."""
    part10 = source if isinstance(source, bytes) else source.read_bytes()
    # (0002,0000) UL comes first, PS3.10 section 7.1: its value counts what follows it.
    return part10[144 + int.from_bytes(part10[140:144], "little") :]
