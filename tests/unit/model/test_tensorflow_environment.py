"""TensorFlow's settings: given where the environment is silent, in time for its import."""

import os
import subprocess
import sys

import pytest

from model import tensorflow_environment


def test_settings_are_given_where_the_environment_is_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    tensorflow_environment.prepare()
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1"
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"


@pytest.mark.parametrize(
    "module", ["model.predictor", "model.train", "model.localiser.training", "model.search"]
)
def test_what_prepares_tensorflow_has_not_loaded_it(module: str) -> None:
    loaded = f"import sys, {module}; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0
