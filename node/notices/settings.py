"""The section `notifications` of the configuration."""

from email.headerregistry import Address
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from node.notices.event import Event
from node.settings import Seconds, Section


def _mailbox(value: str) -> str:
    """Check RFC 5322 section 3.4.1: one address, without a name beside it."""
    try:
        parsed = Address(addr_spec=value)
    except (ValueError, IndexError) as error:
        raise ValueError(f"e-mail address {value!r}: expected such as ann@example.org") from error
    if not parsed.domain or not value.isprintable():
        raise ValueError(f"e-mail address {value!r}: expected a domain, as in ann@example.org")
    return value


def _web_address(value: SecretStr) -> SecretStr:
    """Check that a URL is one of HTTP; it is not shown, because many hold a token."""
    text = value.get_secret_value()
    parts = urlsplit(text)
    if text and (parts.scheme not in ("https", "http") or not parts.hostname):
        raise ValueError("webhook URL (not shown): expected https://host/path")
    return value


Mailbox = Annotated[str, AfterValidator(_mailbox)]


class Email(Section):
    """Notices by e-mail."""

    host: str = ""
    """The mail server; empty: no e-mail."""
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    """Its port: 587 for starttls, 465 for tls."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """none only on this host: nothing is encrypted then."""
    ca_file: Path | None = None
    """Certificates of authorities in PEM; None: those of this system."""
    username: str = ""
    """Login at the server; empty: none."""
    password: SecretStr = SecretStr("")
    """Best in the environment: FORAMINA_NOTIFICATIONS__EMAIL__PASSWORD."""
    sender: Mailbox = "foramina@localhost.localdomain"
    """Who the messages are from."""
    to: tuple[Mailbox, ...] = ()
    """Who gets them."""
    timeout_s: Seconds = 30
    """Of each answer of the server."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.host and not self.to:
            raise ValueError("to: expected at least one address, as host is set")
        if self.username and self.security == "none":
            raise ValueError(
                "security: none would send the password in clear; take starttls or tls"
            )
        return self


class Webhook(Section):
    """Notices by HTTP POST of JSON."""

    url: Annotated[SecretStr, AfterValidator(_web_address)] = SecretStr("")
    """Empty: none. Best in the environment when it holds a token."""
    secret: SecretStr = SecretStr("")
    """Key of the signature; FORAMINA_NOTIFICATIONS__WEBHOOK__SECRET. Empty: no signature."""
    ca_file: Path | None = None
    """Certificates of authorities in PEM; null: those of this system."""
    timeout_s: Seconds = 10
    """Of the answer."""


class Notifications(Section):
    """Who is told of what, and how (docs/how-to/be-notified.md)."""

    events: tuple[Event, ...] = tuple(Event)
    """Which are told."""
    poll_s: Seconds = 30
    """How often the node looks for what people have to know."""
    window_s: Seconds = 300
    """At most one message per channel in so long; what comes meanwhile goes into the next."""
    settle_s: Seconds = 120
    """What comes back within so long was never over."""
    remind_s: Seconds = 86400
    """What goes on is told again after so long."""
    destination_down_s: Seconds = 600
    """A destination that does not answer C-ECHO for so long is told."""
    jobs_waiting_s: Seconds = 1800
    """A job that could have been run for so long is told."""
    free_bytes: Annotated[int, Field(ge=0)] = 5368709120
    """Told when less is free on the disk of the storage folder; 0: never."""
    patient_data: bool = False
    """Messages hold PatientID, and sentences of peers, which may hold anything."""
    link: str = ""
    """Where people open the web page; put before paths in messages."""
    templates: Path | None = None
    """Folder with templates that replace those of the same name."""
    retry_delay_s: Seconds = 60
    """Doubles with every attempt, up to `retry_delay_max_s`."""
    retry_delay_max_s: Seconds = 3600
    """The longest delay between two attempts."""
    give_up_s: Seconds = 259200
    """What a channel did not take for so long is given up."""
    email: Email = Email()
    webhook: Webhook = Webhook()

    @field_validator("link")
    @classmethod
    def _link_is_one(cls, link: str) -> str:
        if link and urlsplit(link).scheme not in ("https", "http"):
            raise ValueError(f"link {link!r}: expected such as https://foramina.example.org")
        return link.rstrip("/")

    @property
    def channels(self) -> tuple[str, ...]:
        """Name the channels that are configured."""
        wanted = {"email": bool(self.email.host), "webhook": bool(self.webhook.url)}
        return tuple(name for name, there in wanted.items() if there)
