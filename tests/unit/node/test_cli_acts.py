"""Acts from the command line: as on the web page, many at once, each with its record."""

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from lxml import etree
from typer.testing import CliRunner, Result

from node import cli
from node.audit.start import operator
from node.errors import ForaminaError
from node.notices.settings import Notifications
from storage import deliveries, jobs, notices, series, trail
from storage.database import Database
from storage.notices import Condition
from storage.tables import Action, DeliveryState, SeriesState
from storage.trail import Person
from tests import mail_server
from tests.rows import add_job, add_report, add_series

pytestmark = pytest.mark.usefixtures("restored_logging")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def config(tmp_path: Path, sqlite_template: Path) -> Path:
    data = yaml.safe_load((ROOT / "config.yaml").read_text())
    data["storage"] = {"folder": "var"}
    data["destinations"] = [{"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": 11}]
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(data))
    (tmp_path / "var").mkdir()
    shutil.copyfile(sqlite_template, tmp_path / "var" / "foramina.sqlite")
    return path


@pytest.fixture
def rows(config: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{config.parent / 'var' / 'foramina.sqlite'}")
    yield database
    database.close()


def invoke(config: Path, words: str, *more: str) -> Result:
    return CliRunner().invoke(cli.app, [*words.split(), "--config", str(config), *more])


def recorded(database: Database) -> list[tuple[str, str, int | None, bool]]:
    with database.read() as session:
        found = session.query(Action).order_by(Action.id)
        assert {row.person for row in found} <= {operator().name}
        return [(row.action, row.subject, row.subject_id, row.done) for row in found]


def test_rejected_series_are_processed_anyway_by_uid_or_id(config: Path, rows: Database) -> None:
    with rows.begin() as session:
        for number in (1, 2):
            row = add_series(session, number, state=SeriesState.COMPLETE)
            series.reject(session, row, "Plane is axial.", {"rules": []})
    done = invoke(config, "series process-anyway 1.2.3.1 2 --json")
    assert done.exit_code == 0, done.output
    assert [each["done"] for each in json.loads(done.stdout)] == [True, True]
    assert recorded(rows) == [
        ("process anyway", "series", 1, True), ("process anyway", "series", 2, True),
    ]  # fmt: skip
    again = invoke(config, "series process-anyway 1.2.3.1")
    assert again.exit_code == 1
    assert "it is accepted; only a rejected one can be overruled" in again.stderr
    assert recorded(rows)[2:] == [("process anyway", "series", 1, False)]


def test_a_series_is_shown_by_uid_or_id(config: Path, rows: Database) -> None:
    with rows.begin() as session:
        add_series(session, 1)
    for typed in ("1.2.3.1", "1"):
        shown = invoke(config, "series show", typed)
        assert shown.stdout.startswith("series 1.2.3.1: receiving"), shown.output


def test_deliveries_are_listed_with_their_series(config: Path, rows: Database) -> None:
    with rows.begin() as session:
        add_series(session, 1)
        deliveries.enqueue(session, add_report(session, 2), "pacs")
    (row,) = json.loads(invoke(config, "deliveries list --json").stdout)
    assert (row["series_id"], row["kind"], row["destination"]) == (2, "report", "pacs")


def test_an_erasure_is_kept_under_the_name_of_who_did_it(config: Path, rows: Database) -> None:
    with rows.begin() as session:
        add_series(session, 1)
    assert invoke(config, "erase --yes --patient-id P1").exit_code == 0
    assert [action for action, *_ in recorded(rows)] == ["erase", "erased"]


def test_of_many_rows_each_has_its_outcome(config: Path, rows: Database) -> None:
    with rows.begin() as session:
        for number in (1, 2):
            add_job(session, number)
        jobs.cancel(session, 1, "no need")
    done = invoke(config, "jobs retry 1 2 99 --json")
    assert done.exit_code == 3
    assert [(each["id"], each["done"]) for each in json.loads(done.stdout)] == [
        ("1", True), ("2", False), ("99", False),
    ]  # fmt: skip
    assert "there is no job 99" in done.stderr
    assert "only a failed, cancelled or succeeded job" in done.stderr
    assert recorded(rows) == [("retry", "job", 1, True), ("retry", "job", 2, False)]


def test_why_a_job_was_cancelled_is_kept(config: Path, rows: Database) -> None:
    with rows.begin() as session:
        add_job(session)
    done = invoke(config, "jobs cancel 1", "--why", "wrong bundle")
    assert (done.exit_code, done.stdout) == (0, "job 1 is cancelled\n")
    with rows.read() as session:
        assert "wrong bundle" in jobs.events(session, 1)[-1].detail
        (row,) = session.query(Action)
        assert (row.detail, row.host) == ("wrong bundle", operator().host)


@pytest.mark.parametrize("name", ["send-again", "retry"])
def test_deliveries_are_sent_again(config: Path, rows: Database, name: str) -> None:
    with rows.begin() as session:
        deliveries.enqueue(session, add_report(session), "pacs", DeliveryState.HELD, "held")
    assert invoke(config, f"deliveries {name} 1").exit_code == 0
    assert recorded(rows) == [("send again", "delivery", 1, True)]
    assert invoke(config, f"deliveries {name} 1").exit_code == 1


@pytest.mark.parametrize("words", ["series keep-newest 1.2.3.1", "series keep-current 1"])
def test_where_nothing_is_contested_nothing_is_decided(
    config: Path, rows: Database, words: str
) -> None:
    with rows.begin() as session:
        add_series(session)
    done = invoke(config, words)
    assert done.exit_code == 1
    assert "nothing to decide" in done.stderr
    assert recorded(rows)[0][3] is False


@pytest.mark.parametrize(
    "words", ["series process-anyway 9.9", "jobs retry 7", "deliveries release 99999999999"]
)
def test_what_does_not_exist_leaves_no_record(config: Path, rows: Database, words: str) -> None:
    done = invoke(config, words)
    assert done.exit_code == 3
    assert "there is no" in done.stderr
    assert recorded(rows) == []


def fill(rows: Database) -> None:
    with rows.begin() as session:
        add_series(session)
        trail.record(session, Person("ann", "192.0.2.1"), "log in")
        trail.record(
            session, Person("=cmd()", "192.0.2.2"), "receive", subject="series", subject_id=1,
            facts={"sop_classes": {"1.2": 3}}, detail="3 instances\nof one",
        )  # fmt: skip


def test_the_trail_is_listed_and_that_is_in_it(config: Path, rows: Database) -> None:
    fill(rows)
    listed = json.loads(invoke(config, "audit list --json").stdout)
    assert [each["action"] for each in listed] == ["read audit", "receive", "log in"]
    assert listed[1]["facts"] == {"sop_classes": {"1.2": 3}}
    only = json.loads(invoke(config, "audit list --json --person ann").stdout)
    assert [each["person"] for each in only] == ["ann"]
    assert "log in" in invoke(config, "audit list").stdout


def test_the_trail_is_exported_as_json_csv_and_audit_messages(
    config: Path, rows: Database, tmp_path: Path
) -> None:
    fill(rows)
    lines = invoke(config, "audit export").stdout.splitlines()
    assert [json.loads(line)["action"] for line in lines] == ["read audit", "receive", "log in"]
    out = tmp_path / "trail.csv"
    assert invoke(config, "audit export --format csv", "--out", str(out)).exit_code == 0
    with out.open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [row["person"] for row in table][-2:] == ["'=cmd()", "ann"]
    done = invoke(config, "audit export --format csv", "--out", str(out))
    assert isinstance(done.exception, ForaminaError)
    assert "File exists" in str(done.exception)
    schema = etree.RelaxNG(etree.parse(ROOT / "tests" / "dicom_audit.rng"))
    messages = invoke(config, "audit export --format dicom --id 1 --subject series").stdout
    (message,) = messages.splitlines()
    root = etree.parse(io.StringIO(message)).getroot()
    schema.assertValid(root)
    assert root.findall("ParticipantObjectIdentification")[1].get("ParticipantObjectID") == "P1"


def notify(config: Path, **email: Any) -> None:
    data = yaml.safe_load(config.read_text())
    data["notifications"] = Notifications.model_validate(
        {"email": {"to": ["ann@hospital.example"], "security": "none", **email}}
    ).model_dump(mode="json", include={"email"})
    config.write_text(yaml.safe_dump(data))


def test_a_test_message_is_sent_and_its_fate_said(config: Path) -> None:
    done = invoke(config, "notifications test")
    assert isinstance(done.exception, ForaminaError)
    assert "no channel is configured" in str(done.exception)
    inbox = mail_server.Inbox()
    controller = mail_server.serve(inbox)
    notify(config, host="127.0.0.1", port=controller.port)
    try:
        done = invoke(config, "notifications test")
    finally:
        controller.stop()
    assert (done.exit_code, done.stdout[:12]) == (0, "ok    email:"), done.output
    assert "test message" in inbox.messages[0]["Subject"]
    failed = invoke(config, "notifications test --json")
    assert failed.exit_code == 1
    (outcome,) = json.loads(failed.stdout)
    assert outcome["done"] is False
    assert "Connection refused" in outcome["said"]


def test_notices_are_listed_with_their_fate(config: Path, rows: Database) -> None:
    with rows.begin() as session:
        notices.see(session, {}, [Condition("disk-low", "", {"free_bytes": 1})], ["email"])
    (listed,) = json.loads(invoke(config, "notifications list --json --open").stdout)
    assert listed["facts"] == {"free_bytes": 1}
    assert [(each["channel"], each["state"]) for each in listed["sends"]] == [("email", "queued")]
    assert "email queued" in invoke(config, "notifications list").stdout
