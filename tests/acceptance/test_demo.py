"""`foramina demo` does what the README promises."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests import secrecy

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.xdist_group("acceptance"),
    pytest.mark.timeout(900),
]


def test_the_demo_ends_with_a_picture_and_a_history(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    done = subprocess.run(
        [sys.executable, "-m", "node.cli", "demo", "--out", str(out)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with Image.open(out / "markers.png") as picture:
        assert picture.width > 400
        assert len(picture.getcolors(1 << 24) or []) > 100
    assert "succeeded" in done.stdout
    assert "delivery to pacs: stored" in done.stdout
    assert "labelled points" in done.stdout
    assert secrecy.naming(done.stderr) == []


def test_the_demo_never_empties_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("the only copy")
    done = subprocess.run(
        [sys.executable, "-m", "node.cli", "demo", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 1
    assert "--out" in done.stderr
    assert (tmp_path / "thesis.txt").read_text() == "the only copy"
