"""Logging: structured lines on standard error, without patient data.

Every line is an event with fields. Fields that carry patient data are dropped whoever passes
them, and the libraries that log whole data sets are kept above the level at which they do.
"""

import logging
import sys
import threading
import traceback
from collections.abc import Iterator, MutableMapping
from types import TracebackType
from typing import Any, Final

import structlog

from node.discretion import keep_quiet
from node.errors import ForaminaError
from node.settings import Log

logger = structlog.get_logger(__name__)

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
_TOLD_ELSEWHERE: Final = (
    "pynetdicom.dimse", "pynetdicom.dul", "pynetdicom.fsm", "pynetdicom.pdu",
    "pynetdicom.pdu_items", "pynetdicom.pdu_primitives", "pynetdicom.presentation",
    "pynetdicom.transport", "pynetdicom.utils",
)  # fmt: skip
"""What these say of a peer that breaks the protocol is told in one line by `node.receiver`, and of
one that is called by `node.association`; they add tracebacks, and quote what came."""


def without_patient_data(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Drop the fields of `PATIENT_FIELDS` from a log event (a structlog processor)."""
    for field in PATIENT_FIELDS & event.keys():
        del event[field]
    return event


def without_messages(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Put an exception as frames and kinds; its message only where this node wrote it.

    A library may quote the value that it could not work with (a structlog processor).
    """
    record = event.get("_record")
    if isinstance(record, logging.LogRecord) and isinstance(record.msg, BaseException):
        event["event"] = type(record.msg).__name__
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["exception"] = "\n".join(_told(error))
    return event


def _told(error: BaseException) -> Iterator[str]:
    """Give the lines of a traceback, the cause first, without messages and variables."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _told(cause)
        yield "which led to:"
    yield "".join(traceback.format_tb(error.__traceback__)).rstrip()
    yield f"{type(error).__name__}: {_message(error)}"


def _message(error: BaseException) -> str:
    if isinstance(error, ForaminaError):
        return str(error)
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return "(message withheld: it may quote patient data)"


def watch_uncaught() -> None:
    """Log, in the same form, what no code caught: Python would print its message."""

    def of_thread(caught: threading.ExceptHookArgs) -> None:
        if caught.exc_value is not None and not isinstance(caught.exc_value, SystemExit):
            name = caught.thread.name if caught.thread is not None else ""
            logger.critical("thread ended by an error", thread=name, exc_info=caught.exc_value)

    def of_process(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            logger.critical("ended by an error", exc_info=error)
        else:
            sys.__excepthook__(kind, error, trace)

    threading.excepthook = of_thread
    sys.excepthook = of_process


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
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                without_messages,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name in _TALKATIVE:  # at lower levels these print data sets and statements with values
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _TOLD_ELSEWHERE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    keep_quiet()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
