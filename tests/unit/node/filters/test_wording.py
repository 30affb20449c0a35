"""Words in free text: where they end, and that case and accents do not count."""

import pytest

from node.filters.wording import described, description, plain, words
from tests.series_headers import series


@pytest.mark.parametrize("text", ["t2_sag_384", "sag3d", "(sag)", "x-sag", "sag"])
def test_a_word_ends_where_letters_end(text: str) -> None:
    assert words("sag").search(text)


@pytest.mark.parametrize("text", ["sagging", "visag", "sagx", ""])
def test_a_part_of_a_word_is_no_word(text: str) -> None:
    assert not words("sag").search(text)


def test_case_and_accents_are_folded() -> None:
    assert plain("Wirbelsäule RÉHAUSSÉ") == "wirbelsaule rehausse"


def test_distinct_descriptions_are_joined() -> None:
    headers = series()
    headers[3].SeriesDescription = "Other"
    assert described(headers, "SeriesDescription") == "t1_tse_sag | other"


def test_protocol_name_stands_in_for_a_missing_description() -> None:
    assert description(series(ProtocolName="P")) == ("SeriesDescription", "t1_tse_sag")
    assert description(series(SeriesDescription=None, ProtocolName="P")) == ("ProtocolName", "p")
    assert description(series(SeriesDescription=None)) == ("SeriesDescription", "")
