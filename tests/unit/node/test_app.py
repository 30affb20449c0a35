"""Where parts are joined: what the receiving process holds, and how it stops."""

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

from node import app
from node.config import Config
from node.errors import ConfigError
from node.peer import Peer
from node.settings import Rule
from tests.peers import free_port, wait_until

ROOT = Path(__file__).parents[3]
RULES = (Rule(attribute="Modality", operator="equals", value="MR"),)


def configured(folder: Path, **sections: object) -> Config:
    return Config.model_validate(
        {
            "node": {"port": free_port()},
            "storage": {"folder": folder},
            "worker": {"processes": 0},
            "web": {"enabled": False},
            "filter_sets": {"default": RULES},
            **sections,
        }
    )


def listens(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def test_the_supervising_process_holds_no_network_and_no_report_writer() -> None:
    heavy = ("tensorflow", "keras", "highdicom", "sklearn", "matplotlib")
    code = f"import sys, node.app; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_node_runs_until_told_to_stop(tmp_path: Path) -> None:
    from node import scu

    config = configured(tmp_path)
    path = tmp_path / "config.yaml"  # the receiving processes read it
    path.write_text(yaml.safe_dump(json.loads(config.model_dump_json())))
    built = app.build(config, path)
    stop = threading.Event()
    thread = threading.Thread(target=built.run, args=(stop,))
    thread.start()
    try:
        wait_until(lambda: listens(config.node.port), "the port is open")
        scu.echo(Peer("FORAMINA", "127.0.0.1", built.receivers.port, "TESTER", 120))
    finally:
        stop.set()
        thread.join(120)
    assert not thread.is_alive()


def test_a_bundle_that_does_not_exist_is_named_with_those_that_do(tmp_path: Path) -> None:
    config = configured(tmp_path, model={"bundle": "none-such"})
    with pytest.raises(ConfigError, match=r"none-such.*phantom-1"):
        app.build(config, tmp_path / "config.yaml")


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        config = configured(tmp_path, node={"port": other.getsockname()[1]})
        built = app.build(config, tmp_path / "config.yaml")
        with pytest.raises(ConfigError, match=r"node\.port"):
            built.run(threading.Event())
