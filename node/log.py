"""Logging: structured lines on standard error, without patient data.

Every line is an event with fields. Fields that carry patient data are dropped whoever passes
them, and the libraries that log whole data sets are kept above the level at which they do.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

from node.settings import Log

PATIENT_FIELDS: Final = frozenset(
    {
        "accession_number",
        "other_patient_ids",
        "patient_address",
        "patient_age",
        "patient_birth_date",
        "patient_id",
        "patient_name",
        "patient_sex",
        "referring_physician_name",
    }
)
"""Keywords, in snake case, of attributes that identify a patient (PS3.15 table E.1-1)."""

_TALKATIVE: Final = ("pynetdicom", "highdicom", "sqlalchemy.engine", "alembic", "matplotlib", "PIL")
_QUOTING: Final = ("pydicom", "py.warnings")  # their warnings quote the values they are about


def without_patient_data(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Drop the fields of `PATIENT_FIELDS` from a log event (a structlog processor)."""
    for field in PATIENT_FIELDS & event.keys():
        del event[field]
    return event


def configure(settings: Log) -> None:
    """Send structlog's and the standard library's lines to standard error in one format."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_patient_data,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.format == "json"
        # The default formatter prints local variables, and with them data sets.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ]
            if settings.format == "json"
            else [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name in _TALKATIVE:  # at lower levels these print data sets and statements with values
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    for name in _QUOTING:
        logging.getLogger(name).setLevel(logging.ERROR)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
