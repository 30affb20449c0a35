"""Where networks run, with a stand-in for TensorFlow: no machine of the tests has a GPU."""

from types import SimpleNamespace
from typing import Any

import pytest

from model.device import DeviceError, choose


def tensorflow(gpus: list[str], running: bool = False) -> Any:
    grown: list[str] = []

    def set_memory_growth(gpu: str, _: bool) -> None:
        if running:
            raise RuntimeError("Physical devices cannot be modified after being initialized")
        grown.append(gpu)

    return SimpleNamespace(
        config=SimpleNamespace(
            list_physical_devices=lambda _: gpus,
            experimental=SimpleNamespace(set_memory_growth=set_memory_growth),
        ),
        grown=grown,
    )


def test_auto_takes_a_gpu_that_grows_its_memory() -> None:
    tf = tensorflow(["GPU:0", "GPU:1"])
    assert choose(tf, "auto") == "/GPU:0"
    assert tf.grown == ["GPU:0", "GPU:1"]


def test_a_gpu_that_runs_already_is_taken_as_it_is() -> None:
    assert choose(tensorflow(["GPU:0"], running=True), "gpu") == "/GPU:0"


def test_without_a_gpu_auto_takes_the_processor() -> None:
    assert choose(tensorflow([]), "auto") == "/CPU:0"


def test_cpu_touches_no_gpu() -> None:
    tf = tensorflow(["GPU:0"])
    assert choose(tf, "cpu") == "/CPU:0"
    assert tf.grown == []


def test_a_missing_gpu_is_told() -> None:
    with pytest.raises(DeviceError, match="TensorFlow sees no GPU; set it to 'auto' or 'cpu'"):
        choose(tensorflow([]), "gpu")
