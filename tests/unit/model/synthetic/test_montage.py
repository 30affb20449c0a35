from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from model.phantom import write_case
from model.synthetic import acquisition, montage, realism


def test_picture_has_a_row_for_each_scan(
    toy_subject: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(realism, "take", lambda *_: toy_subject)
    monkeypatch.setattr(acquisition, "image", partial(acquisition.sample, pixel_mm=2.0))
    write_case(tmp_path / "real" / "one", seed=3)
    out, done = tmp_path / "new" / "montage.png", list[int]()
    montage.draw(out, [1], tmp_path / "real", dots_per_inch=40, report=done.append)
    picture = imread(out)
    rows, columns = picture.shape[:2]
    assert done == [1, 2]
    assert columns / rows == pytest.approx(3 * 2.3 / (2 * 2.65), rel=0.02)
    for half in (picture[: rows // 2], picture[rows // 2 :]):
        for third in np.array_split(half[..., 0], 3, axis=1):
            assert third.std() > 0.05  # something is seen


def test_slices_are_those_of_the_foramina() -> None:
    affine = np.diag([4.0, 1.0, 1.0, 1.0])
    points = {"L1-left": (44.0, 0.0, 0.0), "L2-left": (44.0, 0.0, 0.0), "L1-right": (12.0, 0, 0)}
    assert montage.foraminal_slices(points, affine, 15) == (7, 11, 3)
    assert montage.foraminal_slices(points, affine, 10) == (7, 9, 3)
    with pytest.raises(ValueError, match="right side"):
        montage.foraminal_slices({"L1-left": (44.0, 0.0, 0.0)}, affine, 15)


def test_series_named_t1_go_before_others(tmp_path: Path) -> None:
    for name in ("a_T2", "b_T1"):
        (tmp_path / name / "dicom").mkdir(parents=True)
    assert [path.name for path in montage.series(tmp_path)] == ["b_T1"]
    (tmp_path / "b_T1" / "dicom").rmdir()
    assert [path.name for path in montage.series(tmp_path)] == ["a_T2"]


def test_nothing_to_draw_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        montage.draw(tmp_path / "a.png", [])
    with pytest.raises(ValueError, match="no CASE/dicom"):
        montage.draw(tmp_path / "a.png", [], tmp_path)
