"""A C-STORE sender that is faster than any receiver: everything is made before the clock starts.

One thread per association; each sends an instance with one system call, straight from memory, and
waits for its response, as scanners do. The instances are synthetic MR slices (Explicit VR Little
Endian) that share a few pixel arrays; their headers have some 60 elements and UIDs of their own.
"""

import struct
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from tests import objects, upper_layer

SLICES = 15
_UID_DIGITS = 39
_PLACEHOLDER = "2.25." + "9" * _UID_DIGITS
_FIELDS = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


@dataclass(frozen=True, slots=True)
class Prepared:
    """One instance: its command set, and its data set in two pieces."""

    command: bytes
    header: bytes
    pixels: memoryview


@dataclass(slots=True)
class Sent:
    """What came of sending."""

    seconds: float
    instances: int
    refused: list[int] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)

    def store(self, association: "Association", instance: Prepared) -> None:
        """Send an instance, and note what came of it."""
        started = time.perf_counter()
        status = association.store(instance)
        self.waits_s.append(time.perf_counter() - started)
        if status:
            self.refused.append(status)

    @property
    def rate(self) -> float:
        return self.instances / self.seconds


def uid(number: int) -> str:
    """Make a UID of always the same length."""
    return f"2.25.{10 ** (_UID_DIGITS - 1) + number}"


def series(count: int, rows: int) -> list[list[Prepared]]:
    """Prepare series of 15 slices with new UIDs; 448 rows make 404 kB per instance, 176 64 kB."""
    header, pixels = _template(rows)
    parts = header.split(_PLACEHOLDER.encode())
    assert len(parts) == len(_FIELDS) + 1
    base = uuid.uuid4().int % 10**36
    made = []
    for number in range(count):
        first = base + number * (SLICES + 2)
        study, own = uid(first), uid(first + 1)
        slices = []
        for position in range(SLICES):
            instance = uid(first + 2 + position)
            joined = bytearray(parts[0])
            for part, value in zip(parts[1:], (instance, study, own), strict=True):
                joined += value.encode() + part
            slices.append(
                Prepared(
                    upper_layer.command(upper_layer.STORE, 1, MRImageStorage, instance),
                    bytes(joined),
                    pixels[position],
                )
            )
        made.append(slices)
    return made


@cache
def _template(rows: int) -> tuple[bytes, list[memoryview]]:
    """Encode a header up to the pixels' value, with placeholders, and some pixels."""
    random = np.random.default_rng(rows)
    image = _header(rows)
    image.PixelData = bytes(2 * rows * rows)
    image["PixelData"].VR = "OW"
    encoded = objects.encoded(image, ExplicitVRLittleEndian)
    header = encoded[: -2 * rows * rows]
    pixels = [
        memoryview(random.integers(0, 4096, (rows, rows), dtype="<u2").tobytes())
        for _ in range(SLICES)
    ]
    return header, pixels


def _header(rows: int) -> Dataset:
    image = Dataset()
    for keyword, value in {
        "SpecificCharacterSet": "ISO_IR 100", "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"],
        "InstanceCreationDate": "20240102", "InstanceCreationTime": "101112.000000",
        "SOPClassUID": MRImageStorage, "SOPInstanceUID": _PLACEHOLDER,
        "StudyDate": "20240102", "SeriesDate": "20240102", "AcquisitionDate": "20240102",
        "ContentDate": "20240102", "StudyTime": "101000.0", "SeriesTime": "101100.0",
        "AcquisitionTime": "101105.0", "ContentTime": "101112.0", "AccessionNumber": "A0001",
        "Modality": "MR", "Manufacturer": "BENCH", "InstitutionName": "Bench",
        "ReferringPhysicianName": "", "StationName": "MR1", "StudyDescription": "LUMBAR SPINE",
        "SeriesDescription": "t1_tse_sag", "ManufacturerModelName": "SIM",
        "PatientName": "Bench^Patient", "PatientID": "BENCH-1", "PatientBirthDate": "19700101",
        "PatientSex": "O", "PatientAge": "054Y", "PatientWeight": "70",
        "BodyPartExamined": "LSPINE", "ScanningSequence": "SE", "SequenceVariant": ["SK", "SP"],
        "ScanOptions": "PFP", "MRAcquisitionType": "2D", "SequenceName": "*tse2d1_17",
        "SliceThickness": "4", "RepetitionTime": "600", "EchoTime": "9", "NumberOfAverages": "2",
        "ImagingFrequency": "63.6", "ImagedNucleus": "1H", "MagneticFieldStrength": "1.5",
        "SpacingBetweenSlices": "4.4", "EchoTrainLength": "3", "PixelBandwidth": "190",
        "DeviceSerialNumber": "12345", "SoftwareVersions": "1", "ProtocolName": "t1_tse_sag",
        "FlipAngle": "150", "PatientPosition": "HFS",
        "StudyInstanceUID": _PLACEHOLDER, "SeriesInstanceUID": _PLACEHOLDER, "StudyID": "1",
        "SeriesNumber": "3", "InstanceNumber": "1",
        "ImagePositionPatient": ["-31", "-150", "150"],
        "ImageOrientationPatient": ["0", "1", "0", "0", "0", "-1"],
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "Rows": rows,
        "Columns": rows, "PixelSpacing": ["0.67", "0.67"], "BitsAllocated": 16,
        "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0,
    }.items():  # fmt: skip
        setattr(image, keyword, value)
    return image


class Association(upper_layer.Connection):
    """An association that stores, from memory."""

    def __init__(self, port: int) -> None:
        # Whom the tests' Orthanc listens to; the others listen to all.
        super().__init__(port, {1: MRImageStorage}, "DCMSEND", "ORTHANC")

    def store(self, instance: Prepared) -> int:
        """Send an instance and give the status."""
        buffers: list[bytes | memoryview] = [
            upper_layer.p_data(1, upper_layer.COMMAND | upper_layer.LAST, instance.command),
            *_pdus(instance.header, instance.pixels, self.maximum),
        ]
        sent = self.socket.sendmsg(buffers)
        if sent < sum(map(len, buffers)):  # rarely
            self.socket.sendall(memoryview(b"".join(buffers))[sent:])
        return self.status()


def _pdu_head(length: int, control: int) -> bytes:
    return struct.pack(">BxLLBB", upper_layer.P_DATA, length + 6, length + 2, 1, control)


def _pdus(header: bytes, pixels: memoryview, maximum: int) -> list[bytes | memoryview]:
    """Cut a data set into P-DATA-TF PDUs without copying its pixels."""
    total = len(header) + len(pixels)
    size = (maximum or total + 6) - 6
    buffers: list[bytes | memoryview] = []
    for start in range(0, total, size):
        length = min(size, total - start)
        buffers.append(_pdu_head(length, 0x02 if start + length == total else 0x00))
        if start < len(header):
            buffers.append(header[start : start + length])
        begin = max(0, start - len(header))
        buffers.append(pixels[begin : start + length - len(header)])
    return buffers


def send(
    port: int, batches: Sequence[list[Prepared]], associations: int, *, per_series: bool
) -> Sent:
    """Send series over several associations at once.

    Args:
        port: of the receiver, on this host.
        batches: series.
        associations: how many are open at a time.
        per_series: one association per series; otherwise each stays open to the end.
    """
    result = Sent(0.0, sum(map(len, batches)))
    threads = [
        threading.Thread(
            target=_share, args=(port, batches[number::associations], result, per_series)
        )
        for number in range(associations)
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result.seconds = time.perf_counter() - started
    if len(result.waits_s) != result.instances:
        raise ConnectionError(f"{result.instances - len(result.waits_s)} instances not sent")
    return result


def _share(port: int, batches: Sequence[list[Prepared]], result: Sent, per_series: bool) -> None:
    """Send some of the series: over one association, or over one each.

    Associated here and not before: a receiver of one association at a time answers the next one
    when this one is done.
    """
    association = Association(port)
    for number, slices in enumerate(batches):
        if per_series and number:
            association.release()
            association = Association(port)
        for instance in slices:
            result.store(association, instance)
    association.release()
