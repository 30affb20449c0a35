"""Messages: several notices become one text for people, and one JSON object for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import structlog
from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    TemplateError,
)
from jinja2.sandbox import SandboxedEnvironment

import node
from storage.states import Phase

logger = structlog.get_logger(__name__)

_SHOWN: Final = 50  # notices spelled out in one text; JSON holds all


@dataclass(frozen=True, slots=True)
class Item:
    """One notice as a message tells it."""

    id: int
    event: str
    phase: str
    began_at: datetime
    over_at: datetime | None
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """What one channel is given: `subject` and `text` for people, `payload` for programs."""

    subject: str
    text: str
    payload: dict[str, Any]


class Templates:
    """Renders messages; a template of one's own takes the place of that of the same name."""

    def __init__(self, folder: Path | None = None, link: str = "") -> None:
        self._environments = [("shipped", _environment(None))]
        if folder:
            self._environments.insert(0, ("own", _environment(folder)))
        self._link = link

    def message(self, items: Sequence[Item], ae_title: str) -> Message:
        """Write one message of all items; a template that cannot be used is replaced, and logged.

        What a wrong template would do is worse than what the shipped one says: no message at all.
        """
        values = {
            "items": items[:_SHOWN],
            "more": len(items) - len(items[:_SHOWN]),
            "total": len(items),
            "node": ae_title,
            "link": self._link,
        }
        for name, environment in self._environments:
            try:
                subject, text = self._render(environment, values)
                break
            except (TemplateError, OSError, ValueError, TypeError, ArithmeticError) as error:
                logger.error("templates of notices not usable", which=name, reason=str(error))
        else:
            subject, text = _plainly(items, ae_title)
        return Message(subject, text, _payload(items, ae_title, subject, text, self._link))

    def line(self, item: Item) -> str:
        """Give one notice in one line; its event's name where no template can be used."""
        for _name, environment in self._environments:
            try:
                template = environment.get_template(f"events/{item.event}.subject.txt")
                return " ".join(template.render(item=item, link=self._link).split())
            except (TemplateError, OSError, ValueError, TypeError, ArithmeticError):
                continue
        return item.event

    @staticmethod
    def _render(environment: Environment, values: dict[str, Any]) -> tuple[str, str]:
        subject = " ".join(environment.get_template("subject.txt").render(values).split())
        return subject[:200], environment.get_template("message.txt").render(values).strip() + "\n"


def _environment(folder: Path | None) -> Environment:
    shipped = PackageLoader("node.notices", "templates")
    loader = ChoiceLoader([FileSystemLoader(folder), shipped]) if folder else shipped
    environment = SandboxedEnvironment(
        loader=loader,
        autoescape=False,  # plain text, for people
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["when"] = lambda at: at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    environment.filters["lasting"] = _lasting
    environment.filters["gib"] = lambda count: f"{count / 2**30:.1f} GiB"
    return environment


def _plainly(items: Sequence[Item], ae_title: str) -> tuple[str, str]:
    """Say what can be said without any template."""
    lines = [f"{item.phase}: {item.event} since {item.began_at.isoformat()}" for item in items]
    return f"[{ae_title}] {lines[0]}"[:200], "\n".join(lines) + "\n"


def _lasting(seconds: float) -> str:
    """Write a time span as people say it: 90 -> 1.5 minutes."""
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"


def _payload(
    items: Sequence[Item], ae_title: str, subject: str, text: str, link: str
) -> dict[str, Any]:
    """Give what programs read; `text` and `subject` serve chats that show one of them."""
    return {
        "product": "foramina",
        "version": node.__version__,
        "node": ae_title,
        "subject": subject,
        "text": text,
        "notices": [
            {
                "id": item.id,
                "event": item.event,
                "phase": item.phase,
                "began_at": item.began_at.isoformat(),
                "over_at": item.over_at.isoformat() if item.over_at else None,
                "facts": item.facts,
                "link": _address(link, item.facts),
            }
            for item in items
        ],
    }


def _address(link: str, facts: dict[str, Any]) -> str | None:
    path = facts.get("path")
    return f"{link}{path}" if link and path else None


def trial(at: datetime) -> Item:
    """Give the item of a test message."""
    return Item(0, "test", Phase.RAISED, at, None, {})
