"""Every lossless transfer syntax gives the volume that the uncompressed series gives."""

import base64
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from model import volume
from model.slices import VolumeError
from tests import multiframe

Stack = Callable[..., list[Dataset]]

ROWS, COLUMNS = 32, 40  # the encoder of JPEG 2000 takes no smaller ones
_HTJ2K = (
    (
        "/0//UQApQAAAAAAoAAAAIAAAAAAAAAAAAAAAKAAAACAAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAA"
        "UEBEAB/1wAEyCIkJCQkJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAasAAf+T"
        "wAAqADv/J/kBQjQAwAASwAATwAASAPsAR3QAjoH8AII0AP0ncwDAABJAABUwAASA7xJTAMpUJAAIQHdWAPwHUw"
        "DAABVwAAV8AAFSfBg44wFfSQi+RwBArKdkRf4CEYggU2q4GQAS/gCH47K4FwDAABa8AAFuwAAWiPAEVBignAAh"
        "8gXxsxLxajZlUkAlIE4AAADIlicQx9JA9ABHsIQPfsIAM5chhh1ACuc4EwGSJAH8ASxKnSGGHUAK5zgdAMAALv"
        "4AAXqsAALvwAAbAAAAIYAMQAQAZYAdAAAAAASfqT1J6k08oMoMoNO1FqLUadUlUlUmnlBlBlBp2otRajJ1SVSV"
        "SUlAQCBPAgAAAAAAAAAAAAAAAECpxVhz7oGgSJImiqos+wAAKaQAAppAACmnkpp5KbXXXXXXXXXUhhhhhhhhh1"
        "AAAHXXXXXXXXUhhhhhhhhh1AAAOc5znOc4GgOSJClJkpIkKUmSkiQJ+AFlJZSWUlnXXXXXXXXUhhhhhhhhh1AA"
        "AHXXXXXXXXUhhhhhhhhh1AAAOc5znOc4EQP/2Q=="
    ),
    (
        "/0//UQApQAAAAAAoAAAAIAAAAAAAAAAAAAAAKAAAACAAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAA"
        "UEBEAB/1wAEyCIkJCQkJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAasAAf+T"
        "wAAqAHP+3/sBQjQAwAASwAATwAASAPsAR3QAjoH8AII0AP0ncwDAABJAABUwAASA7xJTAMpUJAAIQHdWAPwHUw"
        "DAABVwAAV8AAFSfBg44wFfSQi+RwBArKdkRf4CEYggU2q4GQAS/gCH47K4FwDAABa8AAFuwAAWiPAEVBignAAh"
        "8gXxsxLxajZlUkAlIE4AAADIlicQx9JA9ABHsIQPfsIAM5chhh1ACuc4EwGSJAH8ASxKnSGGHUAK5zgdAMAALv"
        "4AAXqsAALvwAAbAAAAIYAMQAQAZYAdAAAAAASfqT1J6k08oMoMoNO1FqLUadUlUlUmnlBlBlBp2otRajJ1SVSV"
        "SUlAQCBPAgAAAAAAAAAAAAAAAECpxVhz7oGgSJImiqos+wAAKaQAAppAACmnkpp5KbXXXXXXXXXUhhhhhhhhh1"
        "AAAHXXXXXXXXUhhhhhhhhh1AAAOc5znOc4GgOSJClJkpIkKUmSkiQJ+AFlJZSWUlnXXXXXXXXUhhhhhhhhh1AA"
        "AHXXXXXXXXUhhhhhhhhh1AAAOc5znOc4EQP/2Q=="
    ),
    (
        "/0//UQApQAAAAAAoAAAAIAAAAAAAAAAAAAAAKAAAACAAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAA"
        "UEBEAB/1wAEyCIkJCQkJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAasAAf+T"
        "wAAqAKv9F/sBQjQAwAASwAATwAASAPsAR3QAjoH8AII0AP0ncwDAABJAABUwAASA7xJTAMpUJAAIQHdWAPwHUw"
        "DAABVwAAV8AAFSfBg44wFfSQi+RwBArKdkRf4CEYggU2q4GQAS/gCH47K4FwDAABa8AAFuwAAWiPAEVBignAAh"
        "8gXxsxLxajZlUkAlIE4AAADIlicQx9JA9ABHsIQPfsIAM5chhh1ACuc4EwGSJAH8ASxKnSGGHUAK5zgdAMAALv"
        "4AAXqsAALvwAAbAAAAIYAMQAQAZYAdAAAAAASfqT1J6k08oMoMoNO1FqLUadUlUlUmnlBlBlBp2otRajJ1SVSV"
        "SUlAQCBPAgAAAAAAAAAAAAAAAECpxVhz7oGgSJImiqos+wAAKaQAAppAACmnkpp5KbXXXXXXXXXUhhhhhhhhh1"
        "AAAHXXXXXXXXUhhhhhhhhh1AAAOc5znOc4GgOSJClJkpIkKUmSkiQJ+AFlJZSWUlnXXXXXXXXUhhhhhhhhh1AA"
        "AHXXXXXXXXUhhhhhhhhh1AAAOc5znOc4EQP/2Q=="
    ),
)
"""The images of `series`, reversibly encoded by OpenJPH 0.26 in RPCL order."""


def pixels(number: int) -> np.ndarray:
    """Give the image of one slice; the code streams above hold the same."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    return (100 * number + 7 * x + 11 * y + x * y // 3).astype("<u2")


def series(make_stack: Stack, *, signed: bool = False, bits: int = 16) -> list[Dataset]:
    stack = make_stack(3, (ROWS, COLUMNS), PatientName="", PatientID="")
    for number, dataset in enumerate(stack):
        stored = pixels(number) if bits == 16 else (pixels(number) // 16).astype("u1")
        if signed:
            stored = (pixels(number).astype("<i2") - 600).astype("<i2")
        dataset.BitsAllocated, dataset.BitsStored = bits, min(bits, 12)
        dataset.HighBit = dataset.BitsStored - 1
        dataset.PixelRepresentation = int(signed)
        dataset.PixelData = stored.tobytes()
        dataset["PixelData"].VR = "OW"
        dataset.StudyInstanceUID = dataset.SeriesInstanceUID = "1.2.3"
        dataset.InstanceNumber = number + 1
    return stack


def _compressed(dataset: Dataset, syntax: UID, folder: Path) -> Dataset:
    dataset.compress(syntax, generate_instance_uid=False)
    return dataset


def _htj2k(dataset: Dataset, syntax: UID, folder: Path) -> Dataset:
    stream = base64.b64decode(_HTJ2K[dataset.InstanceNumber - 1])
    dataset.PixelData = encapsulate([stream])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


def _dcmcjpeg(dataset: Dataset, syntax: UID, folder: Path) -> Dataset:
    if shutil.which("dcmcjpeg") is None:
        pytest.skip("dcmcjpeg is missing: apt-get install dcmtk")
    plain, packed = folder / "plain.dcm", folder / "packed.dcm"
    dataset.save_as(plain, enforce_file_format=True)
    option = "+e1" if syntax == JPEGLosslessSV1 else "+el"
    subprocess.run(["dcmcjpeg", option, "+un", plain, packed], check=True)
    return dcmread(packed)


def _rewritten(dataset: Dataset, syntax: UID, folder: Path) -> Dataset:
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    path = folder / "rewritten.dcm"
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(
        path,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
        enforce_file_format=True,
    )
    return dcmread(path)


SYNTAXES = [
    (ImplicitVRLittleEndian, _rewritten),
    (ExplicitVRBigEndian, _rewritten),
    (DeflatedExplicitVRLittleEndian, _rewritten),
    (RLELossless, _compressed),
    (JPEGLossless, _dcmcjpeg),
    (JPEGLosslessSV1, _dcmcjpeg),
    (JPEGLSLossless, _compressed),
    (JPEG2000Lossless, _compressed),
    (HTJ2KLossless, _htj2k),
    (HTJ2KLosslessRPCL, _htj2k),
]


@pytest.mark.parametrize(("syntax", "encode"), SYNTAXES, ids=[uid.keyword for uid, _ in SYNTAXES])
def test_gives_the_volume_of_the_uncompressed_series(
    make_stack: Stack, tmp_path: Path, syntax: UID, encode: Callable[..., Dataset]
) -> None:
    plain = volume.from_datasets(series(make_stack))
    packed = [encode(dataset, syntax, tmp_path) for dataset in series(make_stack)]
    assert {dataset.file_meta.TransferSyntaxUID for dataset in packed} == {syntax}
    made = volume.from_datasets(packed)
    np.testing.assert_array_equal(made.pixels, [pixels(number) for number in range(3)])
    assert made.content_digest == plain.content_digest


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize(("signed", "bits"), [(True, 16), (False, 8)])
def test_signed_and_8_bit_pixels_are_what_they_were(
    make_stack: Stack, syntax: UID, signed: bool, bits: int
) -> None:
    plain = volume.from_datasets(series(make_stack, signed=signed, bits=bits))
    packed = series(make_stack, signed=signed, bits=bits)
    for dataset in packed:
        dataset.compress(syntax, generate_instance_uid=False)
    made = volume.from_datasets(packed)
    np.testing.assert_array_equal(made.pixels, plain.pixels)
    assert (made.pixels.min() < 0) == signed
    assert made.pixels.max() > 50


@pytest.mark.parametrize("syntax", [None, RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_frames_of_one_object_decode_like_instances(make_stack: Stack, syntax: UID | None) -> None:
    classic = volume.from_datasets(series(make_stack))
    whole = multiframe.enhanced(series(make_stack))
    if syntax is not None:
        whole.compress(syntax, generate_instance_uid=False)
    made = volume.from_datasets([whole])
    np.testing.assert_array_equal(made.pixels, classic.pixels)
    np.testing.assert_allclose(made.affine, classic.affine)


def test_a_syntax_without_decoder_is_named(make_stack: Stack) -> None:
    packed = series(make_stack)
    for dataset in packed:
        dataset.PixelData = encapsulate([b"\x00\x00\x00\x0cJXL \r\n\x87\n"])
        dataset["PixelData"].VR = "OB"
        dataset.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.110")
    with pytest.raises(VolumeError, match=r"1\.2\.840\.10008\.1\.2\.4\.110|JPEG XL"):
        volume.from_datasets(packed)
