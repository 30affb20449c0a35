"""Logs carry no patient data."""

import json
import logging
import warnings

import pytest
import structlog

from node import log
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
