"""A UID is checked before it becomes a path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.identifiers import validated_uid


@pytest.mark.parametrize(
    "uid", ["1", "0", "1.2.840.10008.1.2", "2.25.0", "1." + "9" * 62, "1.02.003"]
)
def test_valid_uids_pass_unchanged(uid: str) -> None:
    assert validated_uid(uid) == uid


@pytest.mark.parametrize(
    "uid",
    [
        "", ".", "..", "../../etc/passwd", "1.2/3", "1..2", ".1", "1.", "1.2 ",
        " 1.2", "1.2\n", "1.2\0", "1.2.x", "1.2\\3", "1." + "9" * 63, "\u0661.2", "1.-2",
    ],
)  # fmt: skip
def test_everything_else_is_refused_with_what_was_received(uid: str) -> None:
    with pytest.raises(ValueError, match="expected components of digits") as refusal:
        validated_uid(uid)
    assert repr(uid[:20])[1:-1] in str(refusal.value)


@given(st.text(max_size=70))
def test_what_passes_is_a_plain_file_name(text: str) -> None:
    try:
        uid = validated_uid(text)
    except ValueError:
        return
    assert set(uid) <= set("0123456789.")
    assert not uid.startswith(".")
    assert len(uid) <= 64
