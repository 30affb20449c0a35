"""The command line: quick to start, clear when something is wrong."""

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from node import cli
from node.errors import ForaminaError
from storage import deliveries
from storage.database import Database
from storage.tables import DeliveryState
from tests import rows

pytestmark = pytest.mark.usefixtures("restored_logging")
ROOT = Path(__file__).parents[3]
HEAVY = ("tensorflow", "keras", "pynetdicom", "highdicom", "sqlalchemy", "numpy", "matplotlib")


@pytest.fixture
def config(tmp_path: Path, sqlite_template: Path) -> Path:
    """Configure a node that was started once and has received nothing."""
    data = yaml.safe_load((ROOT / "config.yaml").read_text())
    data["storage"] = {"folder": "var"}
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(data))
    (tmp_path / "var").mkdir()
    shutil.copyfile(sqlite_template, tmp_path / "var" / "foramina.sqlite")
    return path


def invoke(*arguments: str) -> Result:
    """Run a command in this process, as `foramina` does; its error is on standard error."""
    result = CliRunner().invoke(cli.app, arguments)
    if isinstance(result.exception, ForaminaError):
        result.exit_code, result.stderr_bytes = 1, f"{result.exception}\n".encode()
    return result


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "node.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


def test_help_imports_nothing_heavy() -> None:
    code = f"import sys, node.cli; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "words",
    ["serve", "worker", "demo", "send", "echo", "health", "jobs list", "jobs show", "jobs retry",
     "jobs cancel", "series list", "series show", "series resolve", "deliveries list",
     "deliveries retry", "config check", "model list", "model synthesize", "model realism",
     "model montage", "model curate", "model annotations import", "model annotations compare",
     "model index build", "model index check", "model index show", "model train", "model search",
     "model curves", "model evaluate", "model compare", "model published", "model bundle",
     "model predict", "model crop", "web serve", "web password"],
)  # fmt: skip
def test_every_command_explains_itself(words: str) -> None:
    result = CliRunner().invoke(cli.app, [*words.split(), "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_the_shipped_configuration_is_usable(config: Path) -> None:
    done = run("config", "check", "--config", str(config))
    assert done.returncode == 0, done.stderr
    assert "is usable" in done.stdout


def test_a_wrong_setting_is_one_sentence_that_names_it(config: Path) -> None:
    config.write_text(config.read_text().replace("stable_age_s", "stabel_age_s") + "\nasembler: 1")
    done = run("config", "check", "--config", str(config))
    assert done.returncode == 1
    assert "asembler" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_configuration_names_the_option(tmp_path: Path) -> None:
    done = run("jobs", "list", "--config", str(tmp_path / "none.yaml"))
    assert done.returncode == 1
    assert "--config" in done.stderr


def test_an_empty_node_lists_nothing(config: Path) -> None:
    for words in (("jobs", "list"), ("series", "list"), ("deliveries", "list")):
        assert json.loads(invoke(*words, "--config", str(config), "--json").stdout) == []
        assert invoke(*words, "--config", str(config)).stdout == "none\n"


@pytest.mark.parametrize(
    "words",
    [("jobs", "show", "7"), ("jobs", "show", "9" * 30), ("jobs", "retry", "9" * 30),
    ("jobs", "retry", "7"), ("jobs", "cancel", "7"), ("series", "show", "9" * 5000),
     ("series", "show", "1.2.3"), ("series", "resolve", "1.2.3", "--keep", "newest"),
     ("deliveries", "retry", "7")],
)  # fmt: skip
def test_what_does_not_exist_is_said_with_its_own_exit_status(
    words: tuple[str, ...], config: Path
) -> None:
    done = invoke(*words, "--config", str(config))
    assert done.exit_code == 3, done.output
    assert words[2] in done.stderr


def test_a_node_that_was_never_started_is_said_and_nothing_is_made(config: Path) -> None:
    database = config.parent / "var" / "foramina.sqlite"
    database.unlink()
    done = invoke("series", "list", "--config", str(config))
    assert done.exit_code == 1
    assert "foramina serve" in done.stderr
    assert not database.exists()


def test_a_state_that_does_not_exist_is_wrong_usage(config: Path) -> None:
    done = invoke("series", "list", "--state", "wibble", "--config", str(config))
    assert done.exit_code == 2


def test_a_delivery_to_a_destination_that_is_gone_is_not_queued(config: Path) -> None:
    database = Database(f"sqlite:///{config.parent / 'var' / 'foramina.sqlite'}")
    with database.begin() as session:
        report = rows.add_report(session)
        deliveries.enqueue(session, report, "gone", DeliveryState.HELD)
    done = invoke("deliveries", "retry", "1", "--config", str(config))
    with database.read() as session:
        found = deliveries.get(session, 1)
    database.close()
    assert done.exit_code == 1
    assert "gone" in done.stderr
    assert found is not None
    assert found.state == DeliveryState.HELD


def test_a_held_delivery_is_released_and_no_other(config: Path) -> None:
    data = yaml.safe_load(config.read_text())
    data["destinations"] = [{"name": "pacs", "ae_title": "PACS", "host": "h", "port": 104}]
    config.write_text(yaml.safe_dump(data))
    database = Database(f"sqlite:///{config.parent / 'var' / 'foramina.sqlite'}")
    with database.begin() as session:
        report = rows.add_report(session)
        deliveries.enqueue(session, report, "pacs", DeliveryState.HELD, "merged")
    database.close()
    done = invoke("deliveries", "release", "1", "--config", str(config))
    assert done.exit_code == 0, done.output
    assert "is queued" in done.stdout
    again = invoke("deliveries", "release", "1", "--config", str(config))
    assert again.exit_code != 0
    assert "only a held one" in again.output


def test_there_is_nothing_to_decide_where_nothing_is_contested(config: Path) -> None:
    database = Database(f"sqlite:///{config.parent / 'var' / 'foramina.sqlite'}")
    with database.begin() as session:
        uid = rows.add_series(session).series_instance_uid
    database.close()
    done = invoke("series", "resolve", uid, "--keep", "newest", "--config", str(config))
    assert done.exit_code == 1
    assert "nothing to decide" in done.stderr


def test_a_database_that_is_away_is_one_sentence(config: Path) -> None:
    data = yaml.safe_load(config.read_text())
    data["storage"]["database_url"] = "postgresql+psycopg://nobody@127.0.0.1:9/none"
    config.write_text(yaml.safe_dump(data))
    done = run("jobs", "list", "--config", str(config))
    assert done.returncode == 1
    assert "storage.database_url" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_is_busy_is_said_so(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = config.parent / "var" / "foramina.sqlite"
    monkeypatch.setattr(Database.__init__, "__defaults__", (0.2,))  # not half a minute
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        done = invoke("audit", "list", "--config", str(config))
        other.execute("ROLLBACK")
    assert done.exit_code == 1
    assert "database is locked" in done.stderr


def test_a_certificate_without_tls_sends_nothing_in_clear(tmp_path: Path) -> None:
    made = tmp_path / "node.pem"
    made.write_text("")
    done = invoke("echo", "127.0.0.1", "9", "--certificate", str(made))
    assert (done.exit_code, "--tls" in done.stderr) == (2, True)


def test_echo_to_nobody_says_what_is_wrong() -> None:
    done = run("echo", "127.0.0.1", "9")
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr
