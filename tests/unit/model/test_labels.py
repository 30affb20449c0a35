"""Names of foramina."""

import pytest

from model import labels


def test_ten_labels_in_reading_order() -> None:
    assert labels.LABELS[:3] == ("L1-left", "L1-right", "L2-left")
    assert len(set(labels.LABELS)) == 10


def test_joins_and_splits() -> None:
    assert labels.label("L4", "left") == "L4-left"
    assert labels.split("L5-right") == ("L5", "right")


def test_speaks_of_the_motion_segment() -> None:
    assert labels.spoken("L5-right") == "L5/S1 right foramen"
    assert labels.segment("L1") == "L1/L2"


@pytest.mark.parametrize("name", ["L6-left", "L4", "", "l4-left", "L4-middle"])
def test_refuses_other_names(name: str) -> None:
    with pytest.raises(ValueError, match="names no lumbar foramen"):
        labels.split(name)
