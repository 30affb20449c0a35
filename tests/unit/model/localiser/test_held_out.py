"""Held-out scans: imaged from anatomies by number, or read from cases."""

import json
import pickle
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from model.cases import read_case
from model.localiser.held_out import Control, OfCase, digest, of_anatomies, with_controls
from model.synthetic import cache
from tests.unit.model.synthetic.conftest import make_toy


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("held-out") / "subject-00007.npz"
    subject = make_toy()
    subject.lumbar_count, subject.transitional = 6, "lumbarised S1"
    cache.save(subject, path)
    return path


def test_a_scan_depends_on_its_number_alone(file: Path) -> None:
    readers = of_anatomies([file], 3, 1)
    one, again = readers[1](), pickle.loads(pickle.dumps(readers[1]))()  # noqa: S301 - ours
    np.testing.assert_array_equal(one.pixels, again.pixels)
    assert one.points == again.points
    assert one.pixels.shape != readers[0]().pixels.shape or not np.array_equal(
        one.pixels, readers[0]().pixels
    )
    assert not one.expected.numbered
    assert one.expected.lumbar_count == 6
    assert not {*one.points} & {*one.expected.outside}
    assert digest(readers) == digest(of_anatomies([file], 3, 1))
    assert digest(readers) != digest(of_anatomies([file], 3, 2))


def test_a_case_is_read_with_what_is_expected_of_it(case_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "dicom").symlink_to((case_folder / "dicom").absolute())
    truth = json.loads((case_folder / "truth.json").read_text())
    truth |= {"expected": "abstain", "lumbar_count": 5, "outside": ["L1-left"]}
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    scan = OfCase(partial(read_case, tmp_path))()
    assert (scan.name, len(scan.points)) == (tmp_path.name, 10)
    assert not scan.expected.numbered
    assert not scan.expected.ordinary
    assert scan.expected.outside == ("L1-left",)
    assert OfCase(partial(read_case, case_folder))().expected.ordinary


def test_every_third_scan_is_followed_by_a_control_made_of_it(file: Path) -> None:
    readers = with_controls(of_anatomies([file], 7, 1))
    assert [isinstance(one, Control) for one in readers] == [
        False, False, False, True, False, False, False, True, False,
    ]  # fmt: skip
    assert digest(readers) != digest(of_anatomies([file], 7, 1))


def test_a_control_is_spoilt_or_loses_its_sacrum(file: Path) -> None:
    [read] = of_anatomies([file], 1, 1)
    whole, spoilt, cut = read(), Control(read, 2)(), Control(read, 3)()
    assert spoilt.expected.numbered  # so that whatever is said of it is wrong
    assert not spoilt.points
    assert 0 < len(cut.points) < len(whole.points)
    assert all(whole.points[name] == point for name, point in cut.points.items())
    assert cut.pixels.shape[1] < whole.pixels.shape[1]
    lowest = min(point[2] for point in whole.points.values())
    rows = np.array([[0, row, 0, 1] for row in (0, cut.pixels.shape[1] - 1)], float)
    assert (cut.affine @ rows.T)[2].min() > lowest - 2
    again = pickle.loads(pickle.dumps(Control(read, 2)))()  # noqa: S301 - ours
    np.testing.assert_array_equal(again.pixels, spoilt.pixels)
