"""From two networks to a bundle: written whole, read back, checked against TensorFlow."""

import dataclasses
import importlib.util
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model import bundle, predictor
from model.localiser import export
from model.localiser.answer import answer
from model.localiser.method import LimitsSpec, TwoStageMethod
from model.volume import Volume
from tests.unit.model.localiser.conftest import Spine, knowing, spine
from tests.unit.model.localiser.two_stage import method, save_weights

pytestmark = pytest.mark.xdist_group("tensorflow")
pytest.importorskip("tensorflow")
needs_openvino = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="OpenVINO (extra openvino) is missing"
)


def noise(slices: int = 9, side: int = 160) -> Volume:
    affine = np.array([[4.0, 0, 0, 1], [0, 0, 1, 2], [0, -1, 0, 3], [0, 0, 0, 1]])
    pixels = np.random.default_rng(slices).normal(400, 90, (slices, side, side))
    return Volume(pixels.astype(np.float32), affine, "", ("1",) * slices, "")


def write(folder: Path, coarse: Path, fine: Path) -> export.Written:
    return export.write_bundle(
        folder, "n", "1", method(), coarse_weights=coarse, fine_weights=fine, handles={}, card="c"
    )


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return save_weights(tmp_path_factory.mktemp("runs"), method())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, weights: tuple[Path, Path]) -> export.Written:
    folder = tmp_path_factory.mktemp("bundles") / "two-1"
    return export.write_bundle(
        folder, "two-1", "0.1.0", method(), coarse_weights=weights[0], fine_weights=weights[1],
        handles={"slices": [9, 40]}, card="# Card\n", training={"coarse": {"steps": 3}},
        samples=[noise()],
    )  # fmt: skip


def test_the_bundle_is_read_back(written: export.Written, weights: tuple[Path, Path]) -> None:
    read = bundle.load(written.bundle.folder)
    assert read == written.bundle
    assert isinstance(read.method, TwoStageMethod)
    assert dataclasses.replace(read.method, openvino=("f32", "f32")) == method()
    assert (read.name, read.version, read.model_card) == ("two-1", "0.1.0", "# Card\n")
    for name, path in zip(read.method.files, weights, strict=True):
        assert (read.folder / name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("make", [lambda: noise(7), lambda: noise(13, 200), lambda: noise(40, 130)])
def test_random_networks_are_served_and_abstain(
    written: export.Written, make: Callable[[], Volume]
) -> None:
    said = predictor.load(written.bundle, "cpu").predict(make())
    assert said.abstained is not None
    assert said.found == ()


def test_a_new_card_makes_another_bundle(written: export.Written, tmp_path: Path) -> None:
    copy = tmp_path / "two-1"
    shutil.copytree(written.bundle.folder, copy)
    changed = export.write_card(copy, "measured")
    assert changed.model_card == "measured"
    assert changed.digest != written.bundle.digest
    assert changed.method == written.bundle.method


def test_weights_of_another_network_are_refused(weights: tuple[Path, Path], tmp_path: Path) -> None:
    coarse, fine = weights
    with pytest.raises(ValueError, match="does not hold the weights of a CoarseNetwork"):
        write(tmp_path / "new", fine, coarse)
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    from model.localiser import fine

    made = method()
    coarse, _ = save_weights(tmp_path / "run", made)
    broken = fine.build(made.fine)
    broken.weights[0].assign(np.full(broken.weights[0].shape, np.nan))
    broken.save_weights(str(tmp_path / "run" / "broken.weights.h5"))
    with pytest.raises(ValueError, match="are not numbers; train the network again"):
        write(tmp_path / "new", coarse, tmp_path / "run" / "broken.weights.h5")
    assert not (tmp_path / "new").exists()


def test_without_openvino_there_is_a_bundle_all_the_same(
    weights: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model.localiser import openvino_export

    monkeypatch.setattr(openvino_export, "possible", lambda: False)
    made = write(tmp_path / "new", *weights)
    assert "it is not installed" in made.openvino
    assert not (tmp_path / "new" / "openvino").exists()


@needs_openvino
class TestOpenVino:
    """The other runtime: the same answers, chosen by `auto`, replaced when it cannot be used."""

    def test_both_runtimes_answer_alike(self, written: export.Written) -> None:
        from model.localiser import openvino_runtime, runtime

        made, folder = method(), written.bundle.folder
        tensorflow = runtime.networks(
            (folder / made.coarse_weights, made.coarse),
            (folder / made.fine_weights, made.fine),
            made.chain,
        )
        openvino = openvino_runtime.networks(folder, made, ("f32", "f32"))
        rng = np.random.default_rng(0)
        for shape in ((1, 9, 64, 48), (1, 14, 32, 80), (1, 9, 64, 48)):
            inputs = rng.normal(0, 1, shape).astype(np.float32)
            for ours, theirs in zip(
                tensorflow.coarse(inputs), openvino.coarse(inputs), strict=True
            ):
                np.testing.assert_allclose(theirs, ours, atol=0.02)
        for count in (1, 7, 10, 13):
            crops = rng.normal(0, 1, (count, *made.fine.shape)).astype(np.float32)
            for ours, theirs in zip(tensorflow.fine(crops), openvino.fine(crops), strict=True):
                np.testing.assert_allclose(theirs, ours, atol=0.02)

    def test_auto_takes_it_and_loads_no_tensorflow(self, written: export.Written) -> None:
        code = (
            "import sys; from model import bundle, predictor;"
            f"made = predictor.load(bundle.load({str(written.bundle.folder)!r}), 'auto');"
            "print(made.runtime);"
            "print([m for m in ('tensorflow', 'openvino_telemetry') if sys.modules.get(m)])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[4],
        )
        runtime, loaded = done.stdout.strip().splitlines()
        assert runtime.startswith("OpenVINO 20")
        assert loaded == "[]"

    @pytest.mark.parametrize("damage", ["removed", "cut off"])
    def test_files_that_cannot_be_used_fall_back_to_tensorflow(
        self,
        written: export.Written,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
        damage: str,
    ) -> None:
        copy = tmp_path / "two-1"
        shutil.copytree(written.bundle.folder, copy)
        if damage == "removed":
            shutil.rmtree(copy / "openvino")
        else:
            (copy / "openvino" / "fine.xml").write_text("<net")
        with caplog.at_level(logging.INFO, "model"):
            made = predictor.load(bundle.load(copy), "auto")
        assert made.runtime.startswith("TensorFlow")
        [line] = [record for record in caplog.records if record.name.startswith("model")]
        assert "TensorFlow runs the bundle two-1: " in line.getMessage()

    def test_cpu_is_tensorflow(self, written: export.Written) -> None:
        assert predictor.load(written.bundle, "cpu").runtime.startswith("TensorFlow")

    def test_few_compared_points_say_nothing_about_half_precision(
        self, written: export.Written
    ) -> None:
        assert isinstance(written.bundle.method, TwoStageMethod)
        assert written.bundle.method.openvino == ("f32", "f32")
        assert "finds 0 points" in written.openvino

    def test_networks_that_answer_otherwise_are_refused(
        self, written: export.Written, tmp_path: Path
    ) -> None:
        from model.localiser import openvino_export, runtime

        made = method()
        other = save_weights(tmp_path, dataclasses.replace(made, limits=LimitsSpec()))
        _, fine = runtime.load_both((other[0], made.coarse), (other[1], made.fine))
        fine.weights[0].assign(2.0 + fine.weights[0])
        fine.save_weights(str(other[1]))
        changed = runtime.networks((other[0], made.coarse), (other[1], made.fine), made.chain)
        with pytest.raises(ValueError, match="networks differ from TensorFlow's by"):
            openvino_export.check(changed, written.bundle.folder, made, [noise()])


def test_the_distance_of_answers_is_that_of_their_farthest_points() -> None:
    from model.localiser.openvino_export import apart

    scan: Spine = spine()
    said = answer(scan.pixels, scan.affine, knowing(scan))
    assert apart(said, said) == 0.0
    l2 = said.found["L2-left"]
    moved = dataclasses.replace(l2, point_mm=l2.point_mm + np.array([0.0, 0.3, 0.4]))
    other = dataclasses.replace(said, found={**said.found, "L2-left": moved})
    assert apart(said, other) == pytest.approx(0.5)
    fewer = {name: one for name, one in said.found.items() if name != "L5-right"}
    assert apart(said, dataclasses.replace(said, found=fewer)) == float("inf")
