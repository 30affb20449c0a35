"""Texts and codes of other people's reports, and what they mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.annotation.wording import SILENT, Contradiction, Wording, joined, of_code, of_text
from model.labels import LABELS, LEVELS, SIDES, segment, split, spoken


@pytest.mark.parametrize(
    ("text", "level", "side"),
    [
        ("L4-left", "L4", "left"),
        ("L4/L5 left foramen", "L4", "left"),
        ("left L4-5", "L4", "left"),
        ("LEFT L4\u2013L5", "L4", "left"),
        ("L4/5 L", "L4", "left"),
        ("L4L5-L", "L4", "left"),
        ("L4R", "L4", "right"),
        ("RL4", "L4", "right"),
        ("L45 re", "L4", "right"),
        ("L5S1 rechts", "L5", "right"),
        ("L5/1 links", "L5", "left"),
        ("Foramen L3 gauche", "L3", "left"),
        ("foramen_L2_derecha", "L2", "right"),
        ("Cornerstone3DTools@^0.1.0:ArrowAnnotate:L4/L5 left foramen", "L4", "left"),
        ("Level of L4/L5 intervertebral disc", "L4", None),
        ("T12/L1 left", None, "left"),
        ("L5/L6 left", None, "left"),
        ("L6 left", None, "left"),
        ("L4/S1 right", None, "right"),
        ("L4/L5 and L5/S1 left", None, "left"),
        ("L4, both left and right", "L4", None),
        ("L4/L5 left facet joint", None, None),
        ("nerve root L5 right", None, None),
        ("leftover 14-15", None, None),
        ("", None, None),
    ],
)
def test_texts(text: str, level: str | None, side: str | None) -> None:
    assert of_text(text) == Wording(level, side)


@given(
    st.sampled_from(LABELS),
    st.sampled_from(["{s} {l}", "{l} {s}", "{s}, {g}", "{g} ({s})", "Foramen {g} {s}", "{l}_{s}"]),
    st.booleans(),
)
def test_every_label_is_read_back_in_any_order(label: str, form: str, loud: bool) -> None:
    level, side = split(label)
    text = form.format(l=level, s=side, g=segment(level))
    assert of_text(text.upper() if loud else text).label == label


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    said = of_text(text)
    assert said.level in {None, *LEVELS}
    assert said.side in {None, *SIDES}


def test_what_the_node_says_is_understood() -> None:
    assert [of_text(spoken(label)).label for label in LABELS] == list(LABELS)


def test_standard_codes() -> None:
    assert of_code("243927000", "SCT") == Wording(level="L5")
    assert of_code("T-11930", "SRT") == Wording(level="L3")
    assert of_code("G-A100", "SRT") == Wording(side="right")
    assert of_code("243927000", "99LOCAL") == SILENT
    assert of_code("123", "SCT") == SILENT


def test_parts_are_joined_and_contradictions_refused() -> None:
    assert joined([Wording(level="L2"), Wording(side="left"), SILENT]).label == "L2-left"
    with pytest.raises(Contradiction, match="L2 and L3"):
        joined([Wording(level=LEVELS[1]), Wording(level=LEVELS[2])])
    with pytest.raises(Contradiction, match="left and right"):
        joined([Wording(side="left"), Wording(side="right")])
