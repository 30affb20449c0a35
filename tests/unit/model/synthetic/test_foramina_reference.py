import json
from pathlib import Path

import pytest

from model.synthetic import foramina_reference
from model.synthetic.foramina_reference import SHAPE


def test_steps_of_the_reference_make_up_the_whole_way() -> None:
    steps = [spread.mean for name, spread in SHAPE.items() if name.startswith("relative_step")]
    assert sum(steps) == pytest.approx(1.0, abs=2e-3)


def test_own_aggregates_are_read(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    entry = {"mean": 1.0, "sd": 0.5, "p5": 0.0, "p50": 1.0, "p95": 2.0}
    path.write_text(json.dumps({"series_total": 3, "slice_spread_within_side": entry}))
    found = foramina_reference.read(path)
    assert set(found) == {"slice_spread_within_side"}
    assert found["slice_spread_within_side"].p95 == 2.0


@pytest.mark.parametrize(
    "text", ["no json", "{}", "[]", '{"slice_spread_within_side": {"mean": 1}}']
)
def test_other_files_are_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "own.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"own\.json"):
        foramina_reference.read(path)
