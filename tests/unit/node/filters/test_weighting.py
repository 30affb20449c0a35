"""The weighting: by timing, by words, and where the two contradict each other."""

from typing import Any

import pytest

from node.filters.weighting import (
    described_weighting,
    description_contradiction,
    timed_weighting,
    weighting,
    weighting_in_words,
)
from node.filters.wording import plain
from tests.series_headers import series, with_raw


def timing(tr_ms: float, te_ms: float, **more: Any) -> dict[str, Any]:
    return {"RepetitionTime": tr_ms, "EchoTime": te_ms, **more}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # The extremes of SPIDER's 196 T1, 210 T2 and 41 T2 SPACE series.
        (timing(446, 11), "T1"),
        (timing(745.5, 13.837), "T1"),
        (timing(645, 7), "T1"),
        (timing(1970, 114), "T2"),
        (timing(5570, 90), "T2"),
        (timing(1000, 124), "T2"),
        (timing(1430, 123), "T2"),
        # Others seen in real headers, or textbook values.
        (timing(420, 19), "T1"),
        (timing(3500, 125, InversionTime=0), "T2"),  # Hitachi writes 0 for none
        (timing(2500, 15), "PD"),
        (timing(2200, 12, InversionTime=860, ScanningSequence=["SE", "IR"]), "T1"),  # T1-FLAIR
        (timing(2217.66, 3.172, InversionTime=1000, ScanningSequence=["RM", "IR"]), "T1"),
        (timing(6.964, 2.832, InversionTime=400, ScanningSequence="GR"), "T1"),  # IR-SPGR
        (timing(4000, 60, InversionTime=160, ScanningSequence=["SE", "IR"]), "STIR"),
        (timing(700, 12, InversionTime=160, ScanningSequence=["SE", "IR"]), "STIR"),
        (timing(9000, 110, InversionTime=2500, ScanningSequence=["SE", "IR"]), "FLAIR"),
        (timing(5570, 90, ScanningSequence=["SE", "IR"]), "T2"),  # SPIDER's STIR, no InversionTime
        (timing(500, 18, ScanningSequence="GR", FlipAngle=30), "T2*"),
        (timing(200, 4, ScanningSequence="GR", FlipAngle=70), "T1"),
        (timing(6.5, 2.93, ScanningSequence="GR", SequenceVariant="MP", FlipAngle=9), "T1"),
        (timing(1500, 30, ScanningSequence=["GR", "EP"]), "T2*"),
        (timing(10000, 79, ScanningSequence=["SE", "EP"]), "T2"),
    ],
)
def test_timing_tells_the_weighting(changes: dict[str, Any], expected: str) -> None:
    assert timed_weighting(series(**changes)).value == expected


@pytest.mark.parametrize(
    "changes",
    [
        timing(1200, 20),  # the gap between T1 and PD
        timing(2000, 50),  # the gap between PD and T2
        timing(700, 80),
        timing(4.744, 1.244, ScanningSequence="RM"),  # GE's localizer
        timing(4000, 30, ScanningSequence=["SE", "IR"]),  # STIR or T1-FLAIR: no InversionTime
        timing(500, 7, ScanningSequence="GR", FlipAngle=20),
        timing(0, 0),
        {"RepetitionTime": None},
        {"EchoTime": None},
    ],
)
def test_timing_that_does_not_tell_leaves_it_to_the_description(changes: dict[str, Any]) -> None:
    headers = series(**changes)
    assert timed_weighting(headers).value is None
    found = weighting(headers)
    assert found.value == "T1"
    assert found.source.startswith("SeriesDescription, as timing does not tell")


def test_neither_timing_nor_description() -> None:
    found = weighting(series(RepetitionTime=None, SeriesDescription="SED "))
    assert found.value is None
    assert found.source == (
        "timing does not tell: no RepetitionTime, EchoTime 9.4, ScanningSequence SE; "
        "SeriesDescription names no single weighting"
    )


def test_protocol_name_tells_when_nothing_else_does() -> None:
    headers = series(EchoTime=None, SeriesDescription=None, ProtocolName="T1W_TSE")
    assert weighting(headers).value == "T1"
    assert described_weighting(headers).value is None  # the thesis reads SeriesDescription only


def test_malformed_timing_is_no_timing() -> None:
    headers = [with_raw(header, "EchoTime", b"short") for header in series()]
    assert timed_weighting(headers).value is None


def test_a_double_echo_series_is_both() -> None:
    headers = series(RepetitionTime=2500, EchoTime=15)
    for header in headers[::2]:
        header.EchoTime = 90
    assert timed_weighting(headers).value == ("PD", "T2")


def test_description_and_timing_each_come_first() -> None:
    headers = series(SeriesDescription="T2 TSE SAG")
    assert weighting(headers).value == "T1"
    assert described_weighting(headers).value == "T2"
    assert described_weighting(series(SeriesDescription="SAG")).value == "T1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("??T1_FSE", "T1"),
        ("MobiView_eT1W_TSE", "T1"),
        ("TIWI/SE/5mm/S/C ", "T1"),
        ("SE 420/19 5mmS", "T1"),
        ("3D Ax T1 MP-RAGE_R22", "T1"),
        ("T1 FLAIR SAG", "T1"),
        ("t1_tirm_tra_dark-fluid", "T1"),
        ("SAG T1 C1-T2", "T1"),
        ("????T2", "T2"),
        ("WFST2_SAG(W/F)", "T2"),
        ("FSE 4000/128 5mmS ", "T2"),
        ("I_t2_tse_sag_384_C1-C8", "T2"),
        ("FLAIR_SAG ", "FLAIR"),
        ("T2 FLAIR", "FLAIR"),
        ("SAG T2 TSE STIR", "STIR"),
        ("t2_tirm_sag ", "STIR"),
        ("Sag STIR2D T2W", "STIR"),
        ("IRFSE 4000/90/123 5mmS", "STIR"),
        ("T2* SAG", "T2*"),
        ("t2_me2d MERGE", "T2*"),
        ("PDW_TSE", "PD"),
        ("ePDW TSE SAG", "PD"),
    ],
)
def test_words_for_weightings(text: str, expected: str) -> None:
    assert weighting_in_words(plain(text)) == expected


@pytest.mark.parametrize("text", ["", "SED ", "T12", "T1/T2 SAG", "T1-T12 sag", "L5-S1", "????"])
def test_words_that_are_no_single_weighting(text: str) -> None:
    assert weighting_in_words(plain(text)) is None


@pytest.mark.parametrize(
    ("text", "tr_ms", "te_ms", "expected"),
    [
        ("T1 SAG", 560, 9.4, False),
        ("T2 SAG", 3500, 100, False),
        ("PD SAG", 3500, 100, False),
        ("SAG", 560, 9.4, False),
        ("T1 SAG", 1200, 20, False),
        ("T2 SAG", 560, 9.4, True),
        ("STIR SAG", 560, 9.4, True),
        ("TIRM SAG", 560, 9.4, True),
        ("FLAIR SAG", 560, 9.4, True),
        ("PD SAG", 560, 9.4, True),
        ("DTI SAG", 560, 9.4, True),
        ("T1 SAG", 3500, 100, True),
        ("T1 SAG", 3500, 15, True),
    ],
)
def test_contradictions(text: str, tr_ms: float, te_ms: float, expected: bool) -> None:
    headers = series(SeriesDescription=text, RepetitionTime=tr_ms, EchoTime=te_ms)
    found = description_contradiction(headers)
    assert found.value is expected
    if expected:
        assert "says" in found.source
        assert f"RepetitionTime {tr_ms}" in found.source
