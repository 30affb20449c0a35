"""Dockerfile and compose file, as far as they can be judged without a container engine."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.peers import program

ROOT = Path(__file__).parents[2]


def test_hadolint_finds_nothing() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [linter, ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_compose_reads_the_file() -> None:
    command = [program("docker-compose", "docker-compose"), "-f", ROOT / "compose.yaml", "config"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(yaml.safe_load(done.stdout)["services"]) == {"node", "orthanc"}


@pytest.mark.parametrize("wanted", ["node", "model", "storage", "config.yaml", "requirements.lock"])
def test_the_image_gets_what_it_copies(wanted: str) -> None:
    assert f"!{wanted}" in (ROOT / ".dockerignore").read_text().splitlines()
    assert (ROOT / wanted).exists()


def test_the_image_runs_as_nobody_special_and_asks_for_its_health() -> None:
    text = (ROOT / "Dockerfile").read_text()
    final_stage = text[text.rindex("FROM ") :]
    assert "USER 10001" in final_stage
    assert "HEALTHCHECK" in final_stage
