"""One series looked at, and devices by name."""

from pathlib import Path

import pytest

from model import commands

pytestmark = pytest.mark.xdist_group("tensorflow")


def test_predict_reads_a_folder_of_images(case_folder: Path) -> None:
    steps: list[str] = []

    def report(what: str, done: int, total: int, detail: str = "") -> None:
        steps.append(what)
        assert done <= total

    prediction = commands.predict(case_folder, "phantom-1", "cpu", report)
    assert prediction.bundle == "phantom-1"
    assert len(prediction.found) >= 8
    assert "network" in steps


def test_an_unknown_device_is_refused(case_folder: Path) -> None:
    with pytest.raises(ValueError, match="device 'tpu' is unknown; expected auto, gpu or cpu"):
        commands.predict(case_folder, "phantom-1", device="tpu")
