"""Words of Enhanced MR in those of classic MR."""

from typing import Any

import pytest
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from model import classic


def translated(**values: Any) -> Dataset:
    header = Dataset()
    for keyword, value in values.items():
        setattr(header, keyword, value)
    classic.translate(header)
    return header


def code(meaning: str) -> list[Dataset]:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "1", "99X", meaning
    return [item]


@pytest.mark.parametrize(
    ("said", "keyword", "expected"),
    [
        ({"EffectiveEchoTime": 9.399999618530273}, "EchoTime", 9.3999996),
        ({"EffectiveEchoTime": 90.0, "EchoTime": "9"}, "EchoTime", 90),
        ({"InversionRecovery": "YES", "InversionTimes": [150.0, 20.0]}, "InversionTime", 150),
        ({"InversionRecovery": "NO", "InversionTimes": [150.0]}, "InversionTime", None),
        ({"FrameType": ["DERIVED", "PRIMARY"], "ImageType": ["MIXED"]}, "ImageType",
         ["DERIVED", "PRIMARY"]),
        ({"EchoPulseSequence": "SPIN"}, "ScanningSequence", "SE"),
        ({"EchoPulseSequence": "GRADIENT", "EchoPlanarPulseSequence": "YES"}, "ScanningSequence",
         ["GR", "EP"]),
        ({"EchoPulseSequence": "BOTH", "InversionRecovery": "YES"}, "ScanningSequence",
         ["SE", "GR", "IR"]),
        ({"EchoPulseSequence": "SPIN", "ScanningSequence": "RM"}, "ScanningSequence", "RM"),
        ({"EchoPulseSequence": "SPIN", "ScanningSequence": ""}, "ScanningSequence", "SE"),
        ({"Spoiling": "RF", "SegmentedKSpaceTraversal": "FULL"}, "SequenceVariant", ["SK", "SP"]),
        ({"Spoiling": "NONE", "SteadyStatePulseSequence": "NONE"}, "SequenceVariant", None),
        ({"SteadyStatePulseSequence": "FREE_PRECESSION"}, "SequenceVariant", "SS"),
        ({"SpectrallySelectedSuppression": "FAT"}, "ScanOptions", "FS"),
        ({"SpectrallySelectedSuppression": "FAT_AND_WATER"}, "ScanOptions", "FS"),
        ({"SpectrallySelectedSuppression": "NONE"}, "ScanOptions", None),
        ({"ContrastBolusAgentSequence": code("Gadoterate")}, "ContrastBolusAgent", "Gadoterate"),
        ({"ContrastBolusAgentSequence": code("Gadoterate"),
          "ContrastBolusAgentAdministered": "NO"}, "ContrastBolusAgent", None),
        ({"AnatomicRegionSequence": code("Lumbar spine")}, "BodyPartExamined", "LUMBAR SPINE"),
        ({"AnatomicRegionSequence": code("Spine"), "BodyPartExamined": "LSPINE"},
         "BodyPartExamined", "LSPINE"),
    ],
)  # fmt: skip
def test_says_it_in_classic_words(said: dict[str, Any], keyword: str, expected: Any) -> None:
    value = translated(**said).get(keyword)
    if isinstance(expected, list):
        assert list(value) == expected
    else:
        assert value == expected


@pytest.mark.parametrize(
    ("keyword", "vr"),
    [("EffectiveEchoTime", "FD"), ("InversionTimes", "FD"), ("FrameType", "CS"),
     ("AnatomicRegionSequence", "SQ"), ("ContrastBolusAgentSequence", "SQ")],
)  # fmt: skip
def test_elements_that_are_not_what_they_claim_add_nothing(keyword: str, vr: str) -> None:
    header, tag = Dataset(), Tag(keyword)
    header.InversionRecovery = "YES"
    header[tag] = RawDataElement(tag, vr, 3, b"\x01\x02\x03", 0, False, True)
    classic.translate(header)
    for added in ("EchoTime", "InversionTime", "BodyPartExamined", "ContrastBolusAgent"):
        assert added not in header
