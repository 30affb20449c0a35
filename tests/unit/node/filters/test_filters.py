"""Filter sets: every rule judged, every reason kept, no patient data in any."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.datadict import keyword_dict
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, EnhancedMRImageStorage

from node import config
from node.errors import ConfigError
from node.filters import FilterSet
from node.identity import MANUFACTURER, MANUFACTURER_MODEL_NAME
from node.settings import Rule
from tests.series_headers import HANDLES, SLICES, series, with_raw

CONFIG = config.load(Path(__file__).parents[4] / "config.yaml")


def shipped(name: str) -> FilterSet:
    return FilterSet(name, CONFIG.filter_sets[name], HANDLES)


def one(attribute: str, operator: str, value: Any = None, **more: Any) -> FilterSet:
    rule = Rule.model_validate(
        {"attribute": attribute, "operator": operator, "value": value, **more}
    )
    return FilterSet("one", [rule], HANDLES)


# ------------------------------------------------------------------ the shipped sets


@pytest.mark.parametrize("name", ["default", "thesis"])
def test_an_ordinary_series_is_accepted(name: str) -> None:
    decision = shipped(name).judge(series())
    assert decision.accepted, decision.reasons
    assert decision.reasons == ()
    assert decision.summary == ""
    assert decision.verdict["accepted"] is True
    assert decision.verdict["instances"] == SLICES
    assert len(decision.verdict["rules"]) == len(CONFIG.filter_sets[name])
    assert all(rule["passed"] and rule["reason"] == "" for rule in decision.verdict["rules"])


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        (
            {"SeriesDescription": "T2 TSE SAG", "RepetitionTime": 3500, "EchoTime": 102},
            ["Weighting is T2 (RepetitionTime 3500, EchoTime 102, ScanningSequence SE); expected"],
        ),
        (
            {"SeriesDescription": "T2 TSE SAG"},
            ["says T2, RepetitionTime 560, EchoTime 9.4, ScanningSequence SE says T1"],
        ),
        (
            {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "ImagePositionPatient": [0, 0, 0]},
            [
                "Plane is axial (ImageOrientationPatient); expected sagittal",
                "SlicePositions is repeated",
                "SliceSpacing cannot be told",
                "SliceSpacingUniform cannot be told",
                "SliceCount is 1",
                "FieldOfViewHeadFeet cannot be told (no image axis runs from head to feet)",
            ],
        ),
        (
            {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
            ["a localizer: Localizer is true (ImageType says LOCALIZER); expected false"],
        ),
        (
            {"SOPClassUID": CTImageStorage, "Modality": "CT", "SeriesDescription": "LWS"}
            | {"RepetitionTime": None, "EchoTime": None, "ScanningSequence": None},
            [
                "SOPClass is CT Image Storage (SOPClassUID); expected one of MR Image Storage",
                "Modality is CT in 15 of 15 instances; expected MR",
                "Weighting cannot be told (timing does not tell: no RepetitionTime, no EchoTime",
            ],
        ),
        (
            {"ImagePositionPatient": None},
            [
                "SlicePositions is missing (ImagePositionPatient is missing in 15 of 15",
                "SliceSpacing cannot be told (ImagePositionPatient is missing in 15 of 15",
                "SliceSpacingUniform cannot be told",
            ],
        ),
        (
            {"SOPClassUID": EnhancedMRImageStorage, "NumberOfFrames": 15},
            ["not described or not all there: Frames is unreadable (instance 1.2.3.1: NumberOfFra"],
        ),
        ({"NumberOfFrames": 15}, ["Frames is unreadable (NumberOfFrames is 15 in an object of"]),
        ({"ImageType": ["DERIVED", "SECONDARY", "MPR"]}, ["Derived is true"]),
        ({"ContrastBolusAgent": "Omniscan"}, ["ContrastEnhanced is true"]),
        ({"ScanOptions": "FS"}, ["FatSuppressed is true"]),
        ({"BodyPartExamined": "CSPINE"}, ["SpineRegion is cervical (BodyPartExamined)"]),
        ({"BodyPartExamined": "KNEE"}, ["SpineRegion is other body part"]),
        ({"PatientPosition": "HFP"}, ["PatientPosition is HFP in 15 of 15"]),
        ({"PixelSpacing": [1.4, 1.4], "Rows": 280}, ["PixelSpacing is 1.4, 1.4 in 15"]),
        ({"Rows": 256}, ["FieldOfViewHeadFeet is 179.2"]),
        ({"Rows": 700}, ["FieldOfViewHeadFeet is 490"]),
        (
            {"Manufacturer": MANUFACTURER, "ManufacturerModelName": MANUFACTURER_MODEL_NAME},
            ["made by this software, never processed: OwnObject is true"],
        ),
    ],
)  # fmt: skip
def test_default_rejects_with_all_reasons(changes: dict[str, Any], reasons: list[str]) -> None:
    decision = shipped("default").judge(series(**changes))
    assert not decision.accepted
    assert len(decision.reasons) == len(reasons)
    assert all(reason in decision.summary for reason in decision.reasons)
    for part in reasons:
        assert any(part in reason for reason in decision.reasons), decision.reasons


@pytest.mark.parametrize(
    "changes",
    [
        {"SpacingBetweenSlices": None, "SliceThickness": None},
        {"PatientPosition": None},
        {"PatientPosition": "FFS"},
        {"Modality": None},
        {"SeriesDescription": None},
        {"SeriesDescription": None, "BodyPartExamined": None, "ImageType": None},
        {"RepetitionTime": None, "EchoTime": None},
        {"ImageOrientationPatient": [0, -1, 0, 0, 0, -1]},
        {"Columns": 200},
        {"PixelSpacing": [0.625, 0.625], "Rows": 448, "Columns": 448},
    ],
)
def test_default_accepts_what_the_model_can_handle(changes: dict[str, Any]) -> None:
    decision = shipped("default").judge(series(**changes))
    assert decision.accepted, decision.reasons


def test_default_counts_and_measures_slices() -> None:
    few = shipped("default").judge(series(8))
    assert [reason.split(":")[0] for reason in few.reasons] == ["too few or too many slices"]
    gap = series()
    del gap[5]
    reasons = shipped("default").judge(gap).reasons
    assert [reason.split(":")[0] for reason in reasons] == ["slices are missing or unevenly spaced"]
    thin = series()
    for index, header in enumerate(thin):
        header.ImagePositionPatient = [index, 0, 0]
    assert "SliceSpacing is 1 " in shipped("default").judge(thin).summary


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"SpacingBetweenSlices": None}, ["SpacingBetweenSlices is missing in 15 of 15 instances"]),
        ({"SliceThickness": None}, ["SliceThickness is missing in 15 of 15 instances"]),
        ({"ImagePositionPatient": None}, ["ImagePositionPatient is missing in 15 of 15 instances"]),
        (
            {"PixelSpacing": None},
            [
                "PixelSpacing is missing in 15 of 15 instances",
                "NormalisedShape cannot be told (PixelSpacing is missing in 15 of 15 instances)",
                "NormalisingGrowth cannot be told (PixelSpacing is missing in 15 of 15 instances)",
            ],
        ),
        ({"PatientPosition": None}, ["PatientPosition is missing in 15 of 15 instances"]),
        ({"PatientPosition": "HFP"}, ["PatientPosition is HFP in 15 of 15 instances"]),
        (
            {"SliceThickness": 2.9},
            ["SliceThickness is 2.9 in 15 of 15 instances; expected between"],
        ),
        ({"SliceThickness": 4.1}, ["SliceThickness is 4.1"]),
        ({"SpacingBetweenSlices": 5.5}, ["SpacingBetweenSlices is 5.5"]),
        ({"Rows": 499}, ["NormalisedShape is 499, 512"]),
        ({"PixelSpacing": [0.85, 0.85]}, ["NormalisingGrowth is 21.4"]),
        ({"PixelSpacing": [0.625, 0.625], "Rows": 448, "Columns": 448}, ["NormalisedShape is 400"]),
        ({"SeriesDescription": "T2 SAG"}, ["DescribedWeighting is T2 (SeriesDescription)"]),
        ({"SeriesDescription": "T1 TRA"}, ["DescribedPlane is axial (SeriesDescription)"]),
        ({"SeriesDescription": "SCOUT T1 SAG"}, ["Localizer is true"]),
        ({"Modality": "CT"}, ["Modality is CT"]),
        (
            {"SeriesDescription": None, "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
            ["DescribedPlane is axial (ImageOrientationPatient)"],
        ),
    ],
)
def test_thesis_is_its_table(changes: dict[str, Any], reasons: list[str]) -> None:
    decision = shipped("thesis").judge(series(**changes))
    assert len(decision.reasons) == len(reasons), decision.reasons
    for part in reasons:
        assert any(part in reason for reason in decision.reasons), decision.reasons


@pytest.mark.parametrize(
    "changes",
    [
        {"SliceThickness": 3, "SpacingBetweenSlices": 3},
        {"SliceThickness": 4, "SpacingBetweenSlices": 5},
        {"PixelSpacing": [0.84, 0.84], "Rows": 417, "Columns": 417},
        {"SeriesDescription": None},
        {"SeriesDescription": "T1 SAG", "RepetitionTime": 3500, "EchoTime": 100},
        {"ContrastBolusAgent": "Omniscan"},
        {"BodyPartExamined": "CSPINE"},
    ],
)
def test_thesis_accepts_its_edges_and_what_it_does_not_ask(changes: dict[str, Any]) -> None:
    decision = shipped("thesis").judge(series(**changes))
    assert decision.accepted, decision.reasons


def test_patient_position_flips_nothing() -> None:
    both = [shipped("default").judge(series(PatientPosition=each)) for each in ("HFS", "FFS")]
    measured = [
        [
            rule["received"]
            for rule in decision.verdict["rules"]
            if "Patient" not in rule["attribute"]
        ]
        for decision in both
    ]
    assert measured[0] == measured[1]


# ------------------------------------------------------------------ reasons


def test_a_rule_holds_for_every_instance() -> None:
    headers = series()
    headers[2].SliceThickness = 5
    headers[3].SliceThickness = 5
    del headers[4].SliceThickness
    decision = one("SliceThickness", "between", [3, 4]).judge(headers)
    assert decision.reasons == (
        "SliceThickness is 5 in 2, missing in 1 of 15 instances; expected between 3 and 4",
    )
    assert decision.verdict["rules"][0]["received"] == [
        {"value": 4.0, "instances": 12},
        {"value": 5.0, "instances": 2},
        {"value": None, "instances": 1},
    ]


def test_many_values_are_counted_not_listed() -> None:
    headers = series()
    for index, header in enumerate(headers):
        header.SliceThickness = 10 + index
    (reason,) = one("SliceThickness", "at_most", 4).judge(headers).reasons
    assert reason == (
        "SliceThickness is 10 in 1, 11 in 1, 12 in 1 of 15 instances and 12 other values; "
        "expected at most 4"
    )


def test_malformed_values_are_a_reason() -> None:
    headers = [with_raw(header, "SliceThickness", b"four") for header in series()]
    decision = one("SliceThickness", "between", [3, 4]).judge(headers)
    assert decision.reasons == (
        "SliceThickness is four in 15 of 15 instances; expected between 3 and 4",
    )


@pytest.mark.parametrize(
    ("operator", "value", "optional", "accepted"),
    [
        ("absent", None, False, True),
        ("present", None, False, False),
        ("present", None, True, False),
        ("equals", "x", False, False),
        ("not_equals", "x", False, False),
        ("none_of", ["x"], False, False),
        ("not_matches", "x", False, False),
        ("equals", "x", True, True),
        ("between", [1, 2], True, True),
    ],
)
def test_a_missing_attribute_is_a_reason_unless_optional(
    operator: str, value: Any, optional: bool, accepted: bool
) -> None:
    decision = one("InversionTime", operator, value, optional=optional).judge(series())
    assert decision.accepted is accepted
    if not accepted:
        assert decision.reasons == ("InversionTime is missing in 15 of 15 instances",)


def test_absent_names_what_stands_there() -> None:
    assert one("EchoTime", "absent").judge(series()).reasons == (
        "EchoTime is 9.4 in 15 of 15 instances; expected absent",
    )


def test_a_sequence_can_be_present() -> None:
    headers = series()
    assert not one("AnatomicRegionSequence", "present").judge(headers).accepted
    for header in headers:
        header.AnatomicRegionSequence = Sequence([Dataset()])
    assert one("AnatomicRegionSequence", "present").judge(headers).accepted


def test_equal_reasons_are_given_once_and_both_verdicts_kept() -> None:
    rules = [
        Rule(attribute="InversionTime", operator="present"),
        Rule(attribute="InversionTime", operator="at_least", value=3),
    ]
    decision = FilterSet("two", rules, {}).judge(series())
    assert len(decision.reasons) == 1
    assert decision.summary == "InversionTime is missing in 15 of 15 instances."
    assert [rule["passed"] for rule in decision.verdict["rules"]] == [False, False]


def test_a_summary_starts_with_a_short_sentence() -> None:
    decision = shipped("thesis").judge(series(SliceThickness=9, SpacingBetweenSlices=9))
    assert decision.summary.startswith("2 reasons by filter set thesis. SliceThickness is 9")
    assert decision.summary.endswith(".")


@pytest.mark.parametrize("name", ["default", "thesis"])
def test_a_series_without_instances_is_rejected(name: str) -> None:
    assert shipped(name).judge([]).reasons == ("the series has no instances",)


# ------------------------------------------------------------------ no patient data


@pytest.mark.parametrize("keyword", ["PatientID", "PatientName"])
def test_values_that_identify_the_patient_are_never_written(keyword: str) -> None:
    decision = one(keyword, "equals", "TEST").judge(series())
    assert decision.reasons == (
        f"{keyword} is (not shown: may identify the patient) in 15 of 15 instances; expected TEST",
    )
    written = json.dumps(decision.verdict) + decision.summary
    assert "4711" not in written
    assert "Jansen" not in written


def test_shipped_sets_never_write_patient_data() -> None:
    headers = series(Modality="CT", SeriesDescription="T2 AX", ContrastBolusAgent="Gd for Jansen")
    for name in ("default", "thesis"):
        decision = shipped(name).judge(headers)
        written = json.dumps(decision.verdict) + decision.summary
        assert "Jansen" not in written
        assert "4711" not in written


# ------------------------------------------------------------------ checks when built


@pytest.mark.parametrize(
    ("attribute", "operator", "value", "message"),
    [
        ("SliceThicknes", "present", None, "expected a DICOM keyword such as SliceThickness"),
        ("", "present", None, "expected a DICOM keyword"),
        ("PixelData", "present", None, "without pixels"),
        ("TransferSyntaxUID", "present", None, "file meta information"),
        ("AnatomicRegionSequence", "equals", "x", "can only be present or absent"),
        ("PixelSpacing", "between", "bundle.pixel_size", "declares no 'pixel_size' under handles"),
        ("PixelSpacing", "at_least", "bundle.pixel_spacing_mm", "expected a number, got [0.2,"),
        ("SeriesDescription", "matches", "t1(", "invalid regular expression"),
        ("SliceThickness", "between", [4, 3], "expected two numbers"),
        ("Plane", "equals", "sagital", "sagital is never its value; expected sagittal, coronal"),
        ("Localizer", "equals", "false", "false is never its value; expected true, false"),
        ("Weighting", "one_of", ["T1", "T1w"], "T1w is never its value"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_work_is_refused_by_name(
    attribute: str, operator: str, value: Any, message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        one(attribute, operator, value)
    text = str(error.value)
    assert "filter set 'one' cannot be used" in text
    assert f"rule 1 ({attribute} {operator}): " in text
    assert message in text


def test_every_faulty_rule_is_named() -> None:
    rules = [
        Rule(attribute="Modality", operator="equals", value="MR"),
        Rule(attribute="Nonsense", operator="present"),
        Rule(attribute="Rows", operator="at_least", value="many"),
    ]
    with pytest.raises(ConfigError) as error:
        FilterSet("mine", rules, {})
    assert "rule 2 (Nonsense present)" in str(error.value)
    assert "rule 3 (Rows at_least)" in str(error.value)
    assert "rule 1" not in str(error.value)


def test_a_set_without_rules_is_refused() -> None:
    with pytest.raises(ConfigError, match="no rules"):
        FilterSet("empty", [], {})


def test_bundle_values_are_resolved_and_kept_in_the_verdict() -> None:
    decision = one("SliceCount", "between", "bundle.slices").judge(series())
    assert decision.verdict["rules"][0]["expected"] == [9, 40]


# ------------------------------------------------------------------ any header


KEYWORDS = sorted({rule.attribute for rules in CONFIG.filter_sets.values() for rule in rules})
HEADER_KEYWORDS = st.sampled_from(
    [keyword for keyword in KEYWORDS if keyword in keyword_dict]
    + ["ImageOrientationPatient", "Rows", "Columns", "EchoTime", "RepetitionTime", "ImageType"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.integers(0, 2), HEADER_KEYWORDS, st.one_of(st.none(), st.binary(max_size=12))),
        max_size=12,
    )
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_header_makes_judging_raise(changes: list[tuple[int, str, bytes | None]]) -> None:
    headers = series(3)
    for index, keyword, raw in changes:
        if raw is not None:
            with_raw(headers[index], keyword, raw)
        elif keyword in headers[index]:
            delattr(headers[index], keyword)
    for name in ("default", "thesis"):
        decision = shipped(name).judge(headers)
        written = json.dumps(decision.verdict, allow_nan=False)
        assert "\\u0000" not in written  # PostgreSQL refuses it
        assert decision.accepted == (not decision.reasons)
        assert all(reason in decision.summary for reason in decision.reasons)
