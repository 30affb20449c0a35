"""The shipped filter sets on real headers, with verdicts that a person worked out by hand.

The headers lie beside the checkout in shared/data and are not part of the project.
"""

import ast
import csv
import json
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import (
    UID_dictionary,  # names of SOP Classes, as the text dumps give them
)

from node import config
from node.filters import Decision, FilterSet
from node.filters.attributes import ATTRIBUTES
from node.filters.weighting import weighting
from node.headers import numbers, read_headers, values
from tests.series_headers import HANDLES, series

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
HEADERS = DATA / "headers" / "dicom-headers"
SPIDER = DATA / "headers" / "spider-metadata" / "overview.csv"
CONFIG = config.load(ROOT / "config.yaml")
_ELEMENT = re.compile(r"^\((\w{4}),(\w{4})\) .{32,}? ([A-Z]{2}): (.*)$")
_CLASS_UIDS = {entry[0]: uid for uid, entry in UID_dictionary.items()}

needs_headers = pytest.mark.skipif(
    not HEADERS.is_dir(), reason="needs ../shared/data/headers/dicom-headers beside the checkout"
)
needs_real_series = pytest.mark.skipif(
    not (DATA / "real-dev").is_dir(), reason="needs ../shared/data/real-dev beside the checkout"
)


def judge(filter_set: str, headers: list[Dataset]) -> Decision:
    decision = FilterSet(filter_set, CONFIG.filter_sets[filter_set], HANDLES).judge(headers)
    json.dumps(decision.verdict, allow_nan=False)
    return decision


def failed(decision: Decision) -> set[str]:
    return {rule["attribute"] for rule in decision.verdict["rules"] if not rule["passed"]}


def stem(path: Path) -> str:
    """Name the series of a file: everything before the instance's number."""
    return re.sub(r"_\d+$", "", path.stem)


@cache
def raw_series() -> dict[str, list[Dataset]]:
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted((HEADERS / "raw").glob("*.dcm")):
        found[stem(path)].append(path)
    return {name: read_headers(paths) for name, paths in found.items()}


@cache
def dumped_series() -> dict[str, list[Dataset]]:
    """Rebuild headers from the text dumps: the top level, as far as the text is whole."""
    found: dict[str, list[Dataset]] = defaultdict(list)
    for path in sorted((HEADERS / "header-text").glob("*.txt")):
        found[stem(path)].append(_dataset(path.read_text(encoding="utf-8")))
    return dict(found)


def _dataset(text: str) -> Dataset:
    header = Dataset()
    for line in text.splitlines():
        element = _ELEMENT.match(line)
        if element is None or element[1] == "0002" or not keyword_for_tag(tag := _tag(element)):
            continue
        value = _value(element[3], element[4])
        if value is not None and dictionary_VR(tag) == element[3]:
            header.add_new(tag, element[3], value)
    return header


def _tag(element: re.Match[str]) -> Tag:
    return Tag(int(element[1] + element[2], 16))


def _value(vr: str, text: str) -> Any:
    if vr == "UI":
        return _CLASS_UIDS.get(text, text)
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return None
    return [str(part) for part in value] if vr == "DS" and isinstance(value, list) else value


# Hand-checked: what each series is, and the rules of `default` that it must fail for it.
RAW = {
    "Canon_Galan_sagDTI_classic": {"Weighting", "SpineRegion", "PixelSpacing", "SliceCount"},
    "GE_SignaHDxt_sagIRSPGR": {"SliceSpacing", "SliceCount"},
    "Philips_Ingenia_sagMPRAGE_classic": {"SliceSpacing", "SpineRegion", "SliceCount"},
    "Philips_enhancedMR_derived": {"SpineRegion", "FatSuppressed", "PixelSpacing", "Plane"},
    "Siemens_E11_sag_gre": {"SpineRegion", "PixelSpacing", "SliceCount"},
    "Siemens_XA30_sagEPI_enhancedMR": {"Weighting", "FatSuppressed", "SpineRegion", "SliceSpacing"},
    "Siemens_XA30_sagEPI_interopMRclassic": {"Weighting", "FatSuppressed", "SpineRegion"},
    "Toshiba_Galan_DTI_SAG": {"Plane", "Weighting", "SpineRegion", "FieldOfViewHeadFeet"},
}
DUMPED = {
    "Hitachi_AirisII_lumbar_T2_sag": {"Weighting", "SliceSpacing", "PixelSpacing", "SliceCount"},
    "Siemens_Essenza_T2sag_BodyPartLSPINE_but_cervical": {"Weighting", "SliceCount"},
    "GE_localizer": {"Localizer", "Plane", "SpineRegion", "Weighting"},
    "GE_SignaPioneer_T1": {"Plane", "SpineRegion"},
    "Siemens_derived_MIP": {"Derived", "ContrastEnhanced", "Plane"},
    "Siemens_derived_MPR": {"Derived", "ContrastEnhanced", "FatSuppressed", "Plane", "SpineRegion"},
    "Philips_nonimage_RawDataStorage": {"SOPClass", "SlicePositions", "PixelSpacing"},
    "Philips_nonimage_ExamCard": {"SOPClass", "SlicePositions", "PixelSpacing", "Plane"},
    "Canon_Galan_enhancedMR": {"Frames", "SpineRegion"},
    "Siemens_E11_sag_mosaic": {"Weighting", "FatSuppressed", "SpineRegion", "PixelSpacing"},
}
# What they must not fail for.
INNOCENT = {
    "Hitachi_AirisII_lumbar_T2_sag": {"Plane", "SpineRegion", "Localizer", "Derived"}
    | {"ContrastEnhanced", "DescriptionContradiction", "FatSuppressed", "FieldOfViewHeadFeet"},
    "Siemens_Essenza_T2sag_BodyPartLSPINE_but_cervical": {"Plane", "SpineRegion", "PixelSpacing"},
    "GE_SignaPioneer_T1": {"Weighting", "DescriptionContradiction"},
    "GE_SignaHDxt_sagIRSPGR": {"Plane", "Weighting", "PixelSpacing", "SpineRegion"},
    "Philips_Ingenia_sagMPRAGE_classic": {"Plane", "Weighting", "PixelSpacing", "FatSuppressed"},
    "Siemens_XA30_sagEPI_interopMRclassic": {"Derived", "ContrastEnhanced", "Plane"},
    "Siemens_XA30_sagEPI_enhancedMR": {"SOPClass", "Frames", "SlicePositions", "Plane", "Derived"},
    "Philips_enhancedMR_derived": {"SOPClass", "Frames", "SlicePositions", "SliceSpacingUniform"},
}


@needs_headers
@pytest.mark.parametrize("name", RAW)
def test_raw_headers(name: str) -> None:
    decision = judge("default", raw_series()[name])
    assert not decision.accepted
    assert RAW[name] <= failed(decision), decision.reasons
    assert not failed(decision) & INNOCENT.get(name, set()), decision.reasons
    assert not judge("thesis", raw_series()[name]).accepted


@needs_headers
@pytest.mark.parametrize("name", DUMPED)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_dumped_headers(name: str) -> None:
    decision = judge("default", dumped_series()[name])
    assert not decision.accepted
    assert DUMPED[name] <= failed(decision), decision.reasons
    assert not failed(decision) & INNOCENT.get(name, set()), decision.reasons


@needs_headers
def test_one_acquisition_reads_alike_as_frames_and_as_classic_images() -> None:
    """Siemens sent it in both forms."""
    frames = raw_series()["Siemens_XA30_sagEPI_enhancedMR"]
    by_place = {numbers(frame, "ImagePositionPatient", 3): frame for frame in frames}
    for image in raw_series()["Siemens_XA30_sagEPI_interopMRclassic"]:
        frame = by_place[numbers(image, "ImagePositionPatient", 3)]
        for keyword in (
            "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "Rows", "Columns",
            "RepetitionTime", "EchoTime", "FlipAngle", "ScanningSequence", "FrameOfReferenceUID",
        ):  # fmt: skip
            assert values(frame, keyword) == values(image, keyword), keyword


@needs_headers
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_real_header_gets_a_verdict() -> None:
    everything = [*raw_series().values(), *dumped_series().values()]
    frames = 63 + 40  # of two of the raw ones, which are multi-frame objects
    assert sum(map(len, everything)) == 16 + frames + 30
    for headers in everything:
        for name in ("default", "thesis"):
            decision = judge(name, headers)
            assert not decision.accepted
            assert len(decision.verdict["rules"]) == len(CONFIG.filter_sets[name])


def lines(group: str) -> list[str]:
    path = HEADERS / "series_descriptions.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    descriptions: list[str] = found.get(group, [])
    return descriptions


@needs_headers
def test_real_descriptions_of_sagittal_t1_are_not_refused() -> None:
    assert len(lines("sagittal_t1")) == 33
    for text in lines("sagittal_t1"):
        decision = judge("default", series(9, SeriesDescription=text))
        assert decision.accepted, (text, decision.reasons)


@needs_headers
def test_real_descriptions_of_sagittal_t1_tell_the_weighting() -> None:
    untold = [
        text
        for text in lines("sagittal_t1")
        if weighting(series(1, SeriesDescription=text, EchoTime=None)).value != "T1"
    ]
    assert untold == ["SED "]


@needs_headers
def test_real_descriptions_of_localizers_are_recognised() -> None:
    localizer = ATTRIBUTES["Localizer"].compute
    missed = [
        text
        for text in lines("localizer_or_scout")
        if localizer(series(1, SeriesDescription=text)).value is not True
    ]
    # The last is a myelography; the others say nothing but a sequence's name.
    assert missed == ["FGR ", "SHIM2D", "t2_haste_COR_myelo_512"]


@needs_headers
def test_real_descriptions_of_other_lumbar_series_contradict_a_t1_timing() -> None:
    accepted = [
        text
        for text in lines("other_lumbar")
        if judge("default", series(9, SeriesDescription=text)).accepted
    ]
    assert accepted == ["????", "AX T1 FSE"]  # orientation and timing decide


@pytest.mark.skipif(
    not SPIDER.is_file(), reason="needs ../shared/data/headers/spider-metadata beside the checkout"
)
def test_timing_of_447_real_lumbar_series() -> None:
    with SPIDER.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 447
    wrong = []
    for row in rows:
        changes = {key: row[key][:16] for key in ("EchoTime", "RepetitionTime")}
        expected = row["new_file_name"].split("_")[1].upper()
        if weighting(series(1, **changes, SeriesDescription=None)).value != expected:
            wrong.append(row["new_file_name"])
    assert wrong == []


@needs_real_series
def test_default_accepts_every_real_series() -> None:
    folders = sorted((DATA / "real-dev").glob("*/dicom"))
    assert len(folders) == 13
    for folder in folders:
        decision = judge("default", read_headers(sorted(folder.iterdir())))
        assert decision.accepted, (folder.parent.name, decision.reasons)


@needs_real_series
def test_thesis_refuses_the_real_series_for_their_size_only() -> None:
    for folder in sorted((DATA / "real-dev").glob("*/dicom")):
        decision = judge("thesis", read_headers(sorted(folder.iterdir())))
        assert failed(decision) <= {"NormalisedShape", "NormalisingGrowth"}
        assert "NormalisingGrowth" in failed(decision)  # pixels of 1 mm
