"""What kind of series it is."""

from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import CTImageStorage, EnhancedMRImageStorage

from node import config, identity
from node.filters import FilterSet, kind
from node.headers import images
from tests import multiframe
from tests.series_headers import HANDLES, series


@pytest.mark.parametrize(
    "text",
    [
        "SCOUT ", "3-Plane Loc ", "01 Scano GE ST", "3-pl Loc GRE", "Scoutview", "SURVEY",
        "MobiView_SURVEY_SAG", "localizer ", "3-Plane Localizer", "Loc (Right)", "Lokalisator",
        "AAHead_Scout", "Repérage sag",
    ],
)  # fmt: skip
def test_words_for_localizers(text: str) -> None:
    found = kind.localizer(series(SeriesDescription=text))
    assert found.value is True
    assert found.source.startswith("SeriesDescription says")


def test_image_type_says_localizer() -> None:
    found = kind.localizer(series(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]))
    assert (found.value, found.source) == (True, "ImageType says LOCALIZER")


def test_slices_in_several_planes_are_a_localizer() -> None:
    headers = series(SeriesDescription="FGR")
    headers[0].ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    found = kind.localizer(headers)
    assert (found.value, found.source) == (
        True,
        "its slices lie in several planes: axial, sagittal",
    )


@pytest.mark.parametrize("text", ["t1_tse_sag", "BLOC", "local shim T1", "MobiView_eT1W_TSE", ""])
def test_no_localizer(text: str) -> None:
    assert kind.localizer(series(SeriesDescription=text)).value is False


@pytest.mark.parametrize(
    "changes",
    [
        {"ImageType": ["DERIVED", "PRIMARY", "OTHER"]},
        {"ImageType": ["ORIGINAL", "SECONDARY"]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "MIP_COR", "ND", "SUB"]},  # Siemens Trio
        {"ImageType": ["DERIVED", "SECONDARY", "MPR", "CSA MPR", "", "CSAPARALLEL"]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "ADC"]},
        {"SeriesDescription": "marked lesion<MPR Collection>"},
        {"SeriesDescription": "dyn_echo bh perfusion_SUB_MIP_COR"},
        {"SeriesDescription": "T1 map"},
    ],
)
def test_derived(changes: dict[str, Any]) -> None:
    assert kind.derived(series(**changes)).value is True


@pytest.mark.parametrize(
    "image_type",
    [
        ["ORIGINAL", "PRIMARY", "M", "NORM", "DIS2D", "FM", "FIL"],
        ["ORIGINAL", "PRIMARY", "M_SE", "M", "SE"],
        ["ORIGINAL", "PRIMARY", "M", "ND", "MFSPLIT"],
        None,
    ],
)
def test_original(image_type: list[str] | None) -> None:
    assert kind.derived(series(ImageType=image_type)).value is False


@pytest.mark.parametrize(
    "changes",
    [
        {"ContrastBolusAgent": "Omniscan"},
        {"ContrastBolusAgent": "11 ml Omniscan"},
        {"ContrastBolusAgent": "YES"},
        *(
            {"SeriesDescription": text}
            for text in (
                "T1 SAG +C", "t1_tse_sag post gd", "T1 SAG POST", "T1 FS SAG +GAD", "t1 sag KM",
                "T1W_TSE_GADO", "T1 sag na contrast", "T1 sag nach KM", "T1_SAG_C+", "T1 SAG + KM",
                "T1 sag réhaussé", "T1 sag apres inj", "T1 con contraste", "T1 CE",
            )
        ),
    ],
)  # fmt: skip
def test_contrast_enhanced(changes: dict[str, Any]) -> None:
    assert kind.contrast_enhanced(series(**changes)).value is True


@pytest.mark.parametrize(
    "changes",
    [
        {"ContrastBolusAgent": ""},
        {"ContrastBolusAgent": "NONE"},
        {"ContrastBolusAgent": "no contrast"},
        {"ContrastBolusAgent": "N/A"},
        *(
            {"SeriesDescription": text}
            for text in (
                "T1W_TSE_GADO_PRE", "T1 FSE sag pre contrast", "SAG T1 W/O CONTRAST", "T1 ohne KM",
                "T1 sag zonder contrast", "T1 sans inj", "T1 TSE SAG NATIV", "T1 sag non contrast",
                "T1WI_SAGc ", "T1_CS_TSE SAG", "T1 post-op sag", "t1_tse_sag_30cm",
            )
        ),
        {"StudyDescription": "MRI LUMBAR SPINE W WO CONTRAST"},
    ],
)  # fmt: skip
def test_not_contrast_enhanced(changes: dict[str, Any]) -> None:
    assert kind.contrast_enhanced(series(**changes)).value is False


def test_the_agent_in_one_instance_is_enough_and_is_not_named() -> None:
    headers = series()
    headers[3].ContrastBolusAgent = "Omniscan"
    assert kind.contrast_enhanced(headers).source == "ContrastBolusAgent in 1 of 15 instances"


@pytest.mark.parametrize(
    "changes",
    [
        {"ScanOptions": ["SAT2", "FS"]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "DIXON", "WATER"]},
        *(
            {"SeriesDescription": text}
            for text in (
                "T1 FS SAG", "TSE T1 sag fatsat", "T1 SPIR", "OSag STIR ", "t2_tirm_sag ",
                "WFST2_SAG(W/F)", "t2_tse_dixon_sag_320_F", "t2_tse_dixon_sag_320_W",
                "T1W_mDIXON_TSE_W",
            )
        ),
    ],
)  # fmt: skip
def test_fat_suppressed(changes: dict[str, Any]) -> None:
    assert kind.fat_suppressed(series(**changes)).value is True


@pytest.mark.parametrize(
    "changes",
    [
        {"ScanOptions": ["EDR_GEMS", "FILTERED_GEMS", "FSA_GEMS"]},
        {"ScanOptions": None},
        {"SeriesDescription": "t1_tse_dixon_sag_320_in"},
        {"SeriesDescription": "T1 FSE SAG"},
    ],
)
def test_fat_not_suppressed(changes: dict[str, Any]) -> None:
    assert kind.fat_suppressed(series(**changes)).value is False


def test_own_objects() -> None:
    own = series(
        Manufacturer=identity.MANUFACTURER,
        ManufacturerModelName=identity.MANUFACTURER_MODEL_NAME,
    )
    assert kind.own_object(own).value is True
    assert kind.own_object(series() + own[:1]).value is True
    assert kind.own_object(series(Manufacturer=identity.MANUFACTURER)).value is False
    assert kind.own_object(series(Manufacturer=None)).value is False


def test_sop_classes_are_named() -> None:
    headers = series()
    assert kind.sop_class(headers).value == "MR Image Storage"
    assert kind.sop_class(series(SOPClassUID=CTImageStorage)).value == "CT Image Storage"
    headers[0].SOPClassUID = EnhancedMRImageStorage
    assert kind.sop_class(headers).value == ("Enhanced MR Image Storage", "MR Image Storage")
    assert kind.sop_class(series(SOPClassUID=None)).value is None
    assert kind.sop_class(series(SOPClassUID="1.2.3.4")).value == "1.2.3.4"


@pytest.mark.parametrize(("frames", "expected"), [(None, False), (1, False), (40, True)])
def test_multiframe(frames: int | None, expected: bool) -> None:
    assert kind.multiframe(series(NumberOfFrames=frames)).value is expected


def frame_headers(sizes: list[int]) -> list[Dataset]:
    """Give the frames of a concatenation of so many frames each, as the node reads them."""
    classic = series(sum(sizes), SeriesInstanceUID="1.2.3", PixelData=b"\0\0")
    parts = multiframe.concatenation(multiframe.enhanced(classic), sizes)
    return [frame for part in parts for frame in images(part)]


def test_classic_images_are_single() -> None:
    assert kind.frames_described(series()).value == "single"
    assert kind.frames_described(series(NumberOfFrames=1)).value == "single"


def test_frames_that_functional_groups_describe_are_complete() -> None:
    found = kind.frames_described(frame_headers([9, 6]))
    assert found.value == "complete"
    assert found.source == "functional groups of 15 frames"


def test_a_missing_part_of_a_concatenation_is_incomplete() -> None:
    found = kind.frames_described(frame_headers([5, 5, 5])[:10])
    assert found.value == "incomplete"
    assert "has the parts 1, 2; expected InConcatenationNumber 1 to 3" in found.source


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"SOPClassUID": EnhancedMRImageStorage}, "describes 0 frames"),
        ({"SOPClassUID": EnhancedMRImageStorage, "NumberOfFrames": 5000}, "at most 4096"),
        ({"NumberOfFrames": 2}, "NumberOfFrames is 2 in an object of another class"),
        (
            {"SOPClassUID": EnhancedMRImageStorage, "ReferencedFrameNumber": 1},
            "describes 0 frames",
        ),
    ],
)
def test_frames_that_nothing_describes_are_unreadable(changes: dict[str, Any], said: str) -> None:
    headers = [found for header in series(2, **changes) for found in images(header)]
    found = kind.frames_described(headers)
    assert found.value == "unreadable"
    assert said in found.source


def test_the_default_set_judges_frames_like_instances() -> None:
    rules = config.load(Path(__file__).parents[4] / "config.yaml").filter_sets["default"]
    decision = FilterSet("default", rules, HANDLES).judge(frame_headers([9, 6]))
    assert decision.accepted, decision.reasons
    slow = series(15, SeriesInstanceUID="1.2.3", PixelData=b"\0\0")
    whole = multiframe.enhanced(slow)
    echo = whole.SharedFunctionalGroupsSequence[0].MREchoSequence[0]
    timing = whole.SharedFunctionalGroupsSequence[0].MRTimingAndRelatedParametersSequence[0]
    echo.EffectiveEchoTime, timing.RepetitionTime = 101.0, "4000"
    decision = FilterSet("default", rules, HANDLES).judge(images(whole))
    assert any("Weighting is T2" in reason for reason in decision.reasons)
