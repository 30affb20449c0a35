"""Is the node well? Each answer names what is not."""

import json
import socket
from pathlib import Path

import pytest
import yaml

from node import app, health
from node.config import Config
from tests.peers import wait_until
from tests.unit.node import test_app


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return test_app.configured(tmp_path)


def by_name(config: Config) -> dict[str, health.Check]:
    return {check.name: check for check in health.checks(config)}


def test_a_running_node_is_well(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"  # the receiving processes read it
    path.write_text(yaml.safe_dump(json.loads(config.model_dump_json())))
    built = app.build(config, path)
    built.receivers.start()
    try:
        wait_until(lambda: by_name(config)["dicom"].ok, "the node answers C-ECHO", 120)
        answers = by_name(config)
    finally:
        built.receivers.stop()
        built.database.close()
    assert [name for name, check in answers.items() if not check.ok] == []


def test_a_node_that_does_not_listen_is_not_well(config: Config) -> None:
    app.open_database(config).close()
    answers = by_name(config)
    assert not answers["dicom"].ok
    assert str(config.node.port) in answers["dicom"].detail
    assert answers["database"].ok


def test_a_database_without_tables_is_not_well(config: Config) -> None:
    assert not by_name(config)["database"].ok


def test_a_peer_that_never_answers_is_not_waited_for_long(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_ECHO_TIMEOUT_S", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", config.node.port))
        silent.listen()
        assert not by_name(config)["dicom"].ok
