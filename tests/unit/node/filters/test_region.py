"""Which part of the body a series shows."""

import pytest

from node.filters.region import spine_region
from tests.series_headers import series

NOWHERE = {"SeriesDescription": None, "BodyPartExamined": None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SAG T1 Lspine", "lumbar"),
        ("T2W_AX lsp", "lumbar"),
        ("L-S T1 sag", "lumbar"),
        ("LS spine SAG T1", "lumbar"),
        ("IV_t2_tse_sag_384_L2-S", "lumbar"),
        ("lumbosacral spine", "lumbar"),
        ("T1 lumbaal", "lumbar"),
        ("LENDENWIRBELSÄULE", "lumbar"),
        ("LWS sag", "lumbar"),
        ("LWZ sag", "lumbar"),
        ("rachis lombaire", "lumbar"),
        ("columna lumbar", "lumbar"),
        ("Sag T1 C-Spine", "cervical"),
        ("I_t2_tse_sag_384_C1-C8_COMP_SP_1", "cervical"),
        ("CWK sag", "cervical"),
        ("HWS sag", "cervical"),
        ("Halswirbelsäule", "cervical"),
        ("rachis cervical", "cervical"),
        ("T-spine", "thoracic"),
        ("BWS sagittal t1", "thoracic"),
        ("thoracaal", "thoracic"),
        ("rachis dorsal", "thoracic"),
        ("columna torácica", "thoracic"),
        ("T1-T12 sag", "thoracic"),
        ("SI joints", "sacral"),
        ("sacrum", "sacral"),
        ("sag t1 total spine", "whole spine"),
        ("Ganze WS", "whole spine"),
        ("Knee (R)", "other body part"),
        ("HEUP links", "other body part"),
        ("Hüfte", "other body part"),
        ("rodilla", "other body part"),
        ("genou", "other body part"),
        ("prostaat", "other body part"),
        ("thoracolumbar", "several"),
        ("cervical and lumbar", "several"),
        ("t1_tse_sag", "unknown"),
        ("T2_space_sag_c4", "unknown"),
        ("Wirbelsäule", "unknown"),
    ],
)
def test_words_for_regions(text: str, expected: str) -> None:
    assert spine_region(series(**NOWHERE | {"SeriesDescription": text})).value == expected


@pytest.mark.parametrize(
    ("body_part", "expected"),
    [
        ("LSPINE", "lumbar"),
        ("L_SPINE", "lumbar"),
        ("LSSPINE", "lumbar"),
        ("MRI LWK", "lumbar"),
        ("MRI LWK _DECENTR", "lumbar"),
        ("CSPINE", "cervical"),
        ("TSPINE", "thoracic"),
        ("TLSPINE", "several"),
        ("BRAIN", "other body part"),
        ("SPINE", "unknown"),
        ("MRI RUGPOLI ZEVE", "unknown"),
        (None, "unknown"),
    ],
)
def test_body_part_examined(body_part: str | None, expected: str) -> None:
    headers = series(**NOWHERE | {"BodyPartExamined": body_part})
    assert spine_region(headers).value == expected


def test_the_nearest_description_wins() -> None:
    changes = {
        "StudyDescription": "MRI LWK",
        "BodyPartExamined": "LSPINE",
        "ProtocolName": "t1_tse_sag",
        "SeriesDescription": "T1 SAG CERVICAL",
    }
    assert spine_region(series(**changes)).value == "cervical"
    del changes["SeriesDescription"]
    assert spine_region(series(**changes)).source == "StudyDescription"


def test_a_study_of_two_regions_says_nothing_of_one_series() -> None:
    changes = {**NOWHERE, "StudyDescription": "MRI CERVICAL + LUMBAR SPINE"}
    assert spine_region(series(**changes)).value == "unknown"
    assert spine_region(series(**changes | {"BodyPartExamined": "CSPINE"})).value == "cervical"
