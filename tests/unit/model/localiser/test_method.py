"""What a two-stage bundle says about itself: read back as written, limits told with numbers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model import bundle, bundle_folder
from model.localiser.method import LimitsSpec, TtaSpec, TwoStageMethod
from model.volume import Volume
from tests.unit.model.localiser.two_stage import method


def written(folder: Path, made: TwoStageMethod) -> Path:
    with bundle_folder.new(folder) as partial:
        for name in made.files:
            (partial / name).write_bytes(b"weights")
        bundle_folder.write_content(
            partial, made, name="two", version="1", handles={"slices": [9, 40]},
            training={"steps": 3},
        )  # fmt: skip
        bundle_folder.write_card(partial, "card")
    return folder


def test_every_specification_is_read_back_as_it_was(tmp_path: Path) -> None:
    made = method(
        tta=TtaSpec(flip=True, shifts=((1, 0), (0, -1)), fine_shifts=((2, 2),)),
        limits=LimitsSpec(slices=(9, 30)),
        openvino=("bf16", "f32"),
    )
    assert bundle.load(written(tmp_path / "two", made)).method == made


def test_it_is_described_without_a_network_library(tmp_path: Path) -> None:
    row = bundle.load(written(tmp_path / "two", TwoStageMethod(**_full()))).method.describe()
    assert row["summary"] == "two-stage"
    assert row["parameters"] == 1_345_437 + 98_418
    assert row["spacing_mm"] == 1.0


def _full() -> dict[str, Any]:
    from model.localiser.chain import ChainSpec
    from model.localiser.spec import CoarseSpec, FineSpec

    return {
        "coarse": CoarseSpec(),
        "fine": FineSpec(),
        "chain": ChainSpec(),
        "certainty": method().certainty,
    }


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        (("coarse", "width"), [8], "method.two-stage.coarse.width: Unexpected keyword argument"),
        (("certainty", "levels"), None, "method.two-stage.certainty.levels"),
        (("limits", "slices"), [9], "method.two-stage.limits.slices"),
        (("openvino",), ["int8", "f32"], "'f32' or 'bf16'"),
        (("fine_weights",), "gone.h5", "expected the weights 'gone.h5' beside it"),
        (("coarse_weights",), "../two/coarse.weights.h5", "expected the weights '../two"),
    ],
)
def test_a_damaged_bundle_is_refused(
    tmp_path: Path, place: tuple[str, ...], value: object, sentence: str
) -> None:
    path = written(tmp_path / "two", method()) / "bundle.json"
    data = json.loads(path.read_text())
    inner = data["method"]
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    path.write_text(json.dumps(data))
    with pytest.raises(bundle.BundleError, match=sentence):
        bundle.load(path.parent)


def volume(slices: int, side: int, slice_mm: float = 4.4, pixel_mm: float = 0.8) -> Volume:
    affine = np.eye(4)
    affine[:3, :3] = np.array([[slice_mm, 0, 0], [0, 0, pixel_mm], [0, -pixel_mm, 0]])
    # as wide as asked without taking the memory
    pixels = np.broadcast_to(np.float32(1), (slices, side, side))
    return Volume(pixels, affine, "", ("1",) * slices, "")


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((5, 400), "the series has 5 slices; the model knows 7 to 40"),
        ((60, 400), "the series has 60 slices; the model knows 7 to 40"),
        ((400, 512), "the series has 400 slices; the model knows 7 to 40"),
        ((15, 400, 1.0), "the slices are 1 mm apart; the model knows 2 to 8 mm"),
        ((15, 400, 20.0), "the slices are 20 mm apart; the model knows 2 to 8 mm"),
        ((15, 400, 4.4, 8.0), "the pixels are 8 mm apart; the model knows 0.15 to 2 mm"),
        ((15, 400, 4.4, 0.01), "the pixels are 0.01 mm apart; the model knows 0.15 to 2 mm"),
        ((15, 100), "the field of view is 80 mm; the model knows 120 to 520 mm"),
        ((15, 800), "the field of view is 640 mm; the model knows 120 to 520 mm"),
        ((15, 4096, 4.4, 0.12), "the image has 4096 pixels a side; at most 2048 are read"),
    ],
)
def test_what_is_outside_the_limits_is_told(shape: tuple[Any, ...], reason: str) -> None:
    assert LimitsSpec().refusal(volume(*shape)) == reason


@pytest.mark.parametrize("shape", [(7, 256), (15, 320, 4.4, 1.2), (40, 1024, 3.0, 0.4)])
def test_ordinary_series_are_within_the_limits(shape: tuple[Any, ...]) -> None:
    assert LimitsSpec().refusal(volume(*shape)) is None
