"""The codes of the ten foramina: distinct, and saying what their labels say."""

import pytest

from model.labels import LABELS
from node.report import codes as words


def test_every_foramen_has_a_code_of_its_own():
    assert len({words.foramen_site(label).value for label in LABELS}) == len(LABELS)


@pytest.mark.parametrize("label", LABELS)
def test_words_and_codes_of_a_foramen_agree(label):
    level, side = label.split("-")
    site, standard = words.foramen_site(label), words.level_site(label)
    segment = f"{level}/{'S1' if level == 'L5' else f'L{int(level[1]) + 1}'}"

    assert site.meaning == f"{segment} {side} intervertebral foramen"
    assert site.value == f"{segment.replace('/', '')}-{side[0].upper()}"
    assert standard.meaning == f"Level of {segment} intervertebral disc"
    assert words.laterality(label).meaning.lower() == side


def test_level_codes_are_those_of_context_group_1003():
    codes = [words.level_site(f"L{number}-left").value for number in range(1, 6)]

    assert codes == ["243920003", "243921004", "243922006", "243923001", "243927000"]


def test_sides_are_not_exchanged():
    assert words.laterality("L4-left").value == "7771000"
    assert words.laterality("L4-right").value == "24028007"


@pytest.mark.parametrize("label", LABELS)
def test_local_codes_fit_their_elements(label):
    site = words.foramen_site(label)

    assert len(site.value) <= 16  # VR SH
    assert len(site.meaning) <= 64  # VR LO
    assert site.scheme_designator == "99FORAMINA"
