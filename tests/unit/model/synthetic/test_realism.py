import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model.synthetic import acquisition, realism
from model.synthetic.foramina_reference import SHAPE


@pytest.fixture(scope="module", autouse=True)
def quick(toy_subject: Any) -> Iterator[None]:
    """Image the toy coarsely instead of drawing an anatomy and imaging it finely."""
    image = acquisition.image

    def coarse(subject: Any, rng: Any, *, priors: Any, strength: float = 0.6) -> Any:
        protocol = acquisition.Protocol.sample(rng, subject, priors)
        protocol = replace(protocol, matrix=(128, 128), pixels=(128, 128))
        return image(subject, rng, protocol=protocol, strength=strength)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(realism, "take", lambda *_: toy_subject)
        patch.setattr(acquisition, "image", coarse)
        yield


@pytest.fixture(scope="module")
def report(quick: None) -> dict[str, Any]:
    return realism.measure(1, 5)


def test_report_holds_what_the_reference_knows(report: dict[str, Any]) -> None:
    assert report["scans"] == 1
    assert set(report["shape"]) == set(SHAPE)
    assert json.loads(json.dumps(report)) == report


def test_report_sees_the_anatomy(report: dict[str, Any]) -> None:
    width = report["lengths_mm"]["foramen_L3L4_left_right_mm"]["synthetic"]
    assert width["mean"] == pytest.approx(32.0, abs=4.0)  # 32 mm before deformation
    tissues = {name: row["synthetic"]["mean"] for name, row in report["tissues"].items()}
    assert tissues["disc"] < 1.0 < tissues["fat"]  # T1


def test_the_same_seed_gives_the_same_numbers(report: dict[str, Any]) -> None:
    done: list[int] = []
    assert realism.measure(1, 5, report=done.append) == report
    assert done == [1]


def test_inside_counts_between_the_percentiles() -> None:
    known = {"gap": realism.Spread(7.0, 1.0, 5.0, 9.0), "step": realism.Spread(0.25, 0.01)}
    rows = realism.beside(known, {"gap": [4.0, 5.0, 9.0, 10.0]})
    assert rows["gap"]["inside"] == 0.5
    assert rows["step"] == {
        "real": {"mean": 0.25, "sd": 0.01, "p5": None, "p95": None},
        "synthetic": None,
        "inside": None,
    }


def test_markdown_names_every_row(report: dict[str, Any]) -> None:
    text = realism.markdown(report)
    for name in (*SHAPE, "foramen_L4L5_left_right_mm", "muscle"):
        assert f"| {name.replace('_', ' ')} |" in text


def test_own_files_are_read_before_anything_is_drawn(tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text("{}")
    with pytest.raises(ValueError, match=r"own\.json"):
        realism.measure(1, 5, reference=own)


@pytest.mark.parametrize("wrong", [{"count": 0}, {"count": 1, "real": Path("somewhere")}])
def test_impossible_orders_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"expected|together"):
        realism.measure(seed=1, **wrong)
