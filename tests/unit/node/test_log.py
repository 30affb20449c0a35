"""Logs carry no patient data."""

import json
import logging
import subprocess
import sys
import threading
import warnings
from typing import Literal

import pytest
import structlog

from node import log
from node.errors import ConfigError
from node.settings import Log

pytestmark = pytest.mark.usefixtures("restored_logging")


def test_a_line_is_json_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(Log(format="json"))
    structlog.get_logger("node.test").info("job started", job=3)
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["job"], line["level"]) == ("job started", 3, "info")


@pytest.mark.parametrize("field", sorted(log.PATIENT_FIELDS))
def test_patient_fields_are_dropped(field: str, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(Log(format="json"))
    structlog.get_logger("node.test").warning("received", **{field: "Planted^Name"})
    written = capsys.readouterr().err
    assert "received" in written
    assert "Planted" not in written


def test_libraries_that_print_data_sets_are_kept_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(Log(level="debug"))
    logging.getLogger("pynetdicom.dsutils").debug("(0010,0010) PN Planted^Name")
    logging.getLogger("pydicom").warning("Invalid value for VR PN: Planted^Name")
    warnings.warn("Invalid value for VR PN: Planted^Name", stacklevel=1)
    assert "Planted" not in capsys.readouterr().err


def test_pynetdicom_says_nothing_of_what_a_peer_sent(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(Log(level="debug"))
    for part in ("dul", "fsm", "dimse", "pdu_primitives", "utils"):
        one = logging.getLogger(f"pynetdicom.{part}")
        one.error("Invalid 'Calling AE Title' value 'Planted^Name'")
        one.exception(ValueError("no PDU"))
    logging.getLogger("pynetdicom.events").error("Exception raised in user's handler")
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert "user's handler" in written


def test_no_command_quotes_what_it_reads() -> None:
    code = (
        "import sys, warnings, logging; from node.cli import app\n"
        "sys.argv = ['foramina', 'config', '--help']\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "warnings.warn('Invalid value for VR PN: Planted^Name')\n"
        "logging.getLogger('pydicom').warning('Invalid value for VR PN: Planted^Name')\n"
        "print('structlog' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stderr == ""
    assert ended.stdout.endswith("False\n")  # and nothing heavy was loaded for that


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_traceback_carries_no_local_variables(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(Log(format=form))  # type: ignore[arg-type]
    patient_name = "".join(("Plan", "ted^Name"))
    try:
        raise RuntimeError(len(patient_name))
    except RuntimeError:
        structlog.get_logger("node.test").exception("went wrong")
    written = capsys.readouterr().err
    assert "RuntimeError" in written
    assert "Planted" not in written


def quoting(error: Exception) -> None:
    try:
        raise KeyError("".join(("Plan", "ted^Cause")))
    except KeyError as cause:
        raise error from cause


@pytest.mark.parametrize("form", ["console", "json"])
@pytest.mark.parametrize("name", ["node.test", "pynetdicom.association", "sqlalchemy"])
def test_what_a_library_says_of_an_error_is_withheld(
    form: Literal["console", "json"], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(Log(format=form))
    try:
        quoting(ValueError("".join(("Plan", "ted^Name"))))
    except ValueError as error:
        structlog.get_logger(name).exception("went wrong")
        logging.getLogger(name).exception(error)  # so do libraries
        logging.getLogger(name).error("went wrong", exc_info=True)
    written = capsys.readouterr().err
    assert "Planted" not in written
    assert written.count("ValueError: (message withheld") == 3
    assert written.count("KeyError: (message withheld") == 3
    assert written.count("in quoting") == 6


def test_what_this_node_says_of_an_error_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(Log())
    try:
        quoting(ConfigError("model.bundle is gone"))
    except ConfigError:
        structlog.get_logger("node.test").exception("went wrong")
    written = capsys.readouterr().err
    assert "ConfigError: model.bundle is gone" in written
    assert "Planted" not in written


def test_an_error_that_nobody_caught_is_logged_without_its_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    log.configure(Log(format="json"))
    log.watch_uncaught()
    error = ValueError("".join(("Plan", "ted^Name")))
    thread = threading.Thread(target=quoting, args=(error,), name="filer")
    thread.start()
    thread.join()
    sys.excepthook(ValueError, error, None)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line.get("thread")) for line in lines] == [
        ("thread ended by an error", "filer"),
        ("ended by an error", None),
    ]
    assert "Planted" not in json.dumps(lines)
