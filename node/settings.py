"""The sections of the configuration: what each setting means, and what it may be."""

import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

Operator = Literal[
    "present", "absent", "equals", "not_equals", "one_of", "none_of", "matches", "not_matches",
    "at_least", "at_most", "between",
]  # fmt: skip


def _ae_title(value: str) -> str:
    """Check PS3.5 section 6.2, VR AE: 1..16 characters of the default repertoire, no backslash."""
    if not 1 <= len(value.strip()) <= 16 or not value.isascii() or "\\" in value:
        raise ValueError(f"AE title {value!r}: expected 1 to 16 ASCII characters, no backslash")
    if not value.isprintable():
        raise ValueError(f"AE title {value!r}: contains a control character")
    return value.strip()


_DATABASE_URL: Final = re.compile(
    r"sqlite:///(?!:memory:)[^?]+(\?.*)?"
    r"|postgresql(\+psycopg)?://([^:/]*(:[^@]*)?@)?(\[[^/?]+\]|[^/:?@]+)?(:[0-9]{1,5})?/[^?]+(\?.*)?"
)
"""As SQLAlchemy reads URLs, so that a password may hold any character but @."""


def _database_url(value: str) -> str:
    """Check that a URL names a SQLite file or a PostgreSQL database; empty is the default."""
    if value and not _DATABASE_URL.fullmatch(value):
        # What stands before the host or in the query may be a password.
        shown = re.sub(r"(?s)^(\w[\w+]*://)?.*@", r"\1***@", value).partition("?")[0]
        raise ValueError(
            f"database URL {shown!r}: expected sqlite:///folder/name.sqlite or "
            "postgresql+psycopg://user@host/name; leave it empty for SQLite in storage.folder"
        )
    return value


AETitle = Annotated[str, AfterValidator(_ae_title)]
Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Millimetres = Annotated[float, Field(gt=0, le=1000)]


class Section(BaseModel):
    """A part of the configuration: frozen, and no key that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Node(Section):
    """Where and as whom the node listens."""

    ae_title: AETitle = "FORAMINA"
    host: str = "127.0.0.1"
    port: Port = 11112
    accept_private_sop_classes: tuple[str, ...] = ()
    maximum_associations: Annotated[int, Field(ge=1)] = 64
    maximum_pdu_bytes: Annotated[int, Field(ge=4096)] = 131072
    network_timeout_s: Seconds = 900
    """An idle association of 15 minutes is normal for a scanner."""


class Storage(Section):
    """Where files and rows are kept."""

    folder: Path = Path("var")
    database_url: Annotated[str, AfterValidator(_database_url)] = ""
    """Empty: SQLite in `folder`. PostgreSQL: `postgresql+psycopg://user@host/name`."""

    @property
    def url(self) -> str:
        """Give the database URL in force."""
        return self.database_url or f"sqlite:///{self.folder / 'foramina.sqlite'}"


class Assembler(Section):
    """When a series is complete (docs/reference/completeness.md)."""

    stable_age_s: Seconds = 60
    doubtful_age_s: Seconds = 300
    """Instead of `stable_age_s`, where something hints at missing images."""
    limit_s: Seconds = 3600
    """Instead of `stable_age_s`, where images are known to be missing; then it is decided."""
    look_again_s: Seconds = 60
    """How often a series that waits is looked at, and its source asked."""
    poll_s: Seconds = 1


class Source(Section):
    """A peer that knows how many instances a series has, asked by C-FIND."""

    ae_title: AETitle
    host: str
    port: Annotated[int, Field(ge=1, le=65535)]
    calling_ae_titles: tuple[AETitle, ...] = ()
    """Asked about series that these AE titles sent; empty: about its own."""
    timeout_s: Seconds = 5

    def sends(self, calling_ae_title: str) -> bool:
        """Tell whether this source knows the series that an AE title sent."""
        return calling_ae_title in (self.calling_ae_titles or (self.ae_title,))


class Worker(Section):
    """How jobs are run."""

    processes: Annotated[int, Field(ge=0)] = 1
    """Worker processes that `foramina serve` supervises; 0: start them by hand."""
    lease_s: Seconds = 60
    heartbeat_s: Seconds = 10
    poll_s: Seconds = 1
    max_attempts: Annotated[int, Field(ge=1)] = 3
    retry_delay_s: Seconds = 30
    """Doubles with every attempt, up to `retry_delay_max_s`."""
    retry_delay_max_s: Seconds = 3600

    @model_validator(mode="after")
    def _heartbeat_fits_lease(self) -> Self:
        if self.heartbeat_s * 2 > self.lease_s:
            raise ValueError(
                f"heartbeat_s {self.heartbeat_s} must be at most half of lease_s {self.lease_s}"
            )
        return self


class Model(Section):
    """Which localiser answers, and on which device."""

    bundle: str = "phantom-1"
    """Name of a bundle in `model/bundles`, or a path to a bundle folder."""
    device: Literal["auto", "gpu", "cpu"] = "auto"


class Crops(Section):
    """Sub-volumes around the found foramina, kept beside the report and sent nowhere."""

    enabled: bool = False
    formats: Annotated[tuple[Literal["nifti", "dicom"], ...], Field(min_length=1)] = ("nifti",)
    size_mm: tuple[Millimetres, Millimetres, Millimetres] = (20, 40, 40)
    """Through slices, along rows, along columns."""
    folder: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$")] = "crops"
    """Below `storage.folder`."""

    @field_validator("folder")
    @classmethod
    def _folder_is_free(cls, folder: str) -> str:
        if folder in ("instances", "reports"):
            raise ValueError(f"{folder!r} holds other files of the node; name another folder")
        return folder


class Destination(Section):
    """A peer that receives reports."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    ae_title: AETitle
    host: str
    port: Annotated[int, Field(ge=1, le=65535)]
    calling_ae_titles: tuple[AETitle, ...] = ()
    """Only series sent by these AE titles go here; empty: all. Series that several AE titles
    sent in parts go only where all of them may go."""
    shadow: bool = False
    """Compute and keep the report, send nothing."""
    sop_class: Literal["comprehensive-3d", "comprehensive"] = "comprehensive-3d"
    """Comprehensive 3D SR, or Comprehensive SR for peers that do not take the former."""
    cornerstone_prefix: bool = True
    """Begin tracking identifiers so that OHIF draws arrows with text."""
    extras: tuple[Literal["gsps", "secondary-capture", "seg", "key-objects"], ...] = ()
    """Further objects, for software that does not draw the points of an SR."""
    iocm: bool = False
    """Send a rejection note for what a newer report supersedes."""


class Delivery(Section):
    """How reports are sent and re-sent."""

    poll_s: Seconds = 1
    timeout_s: Seconds = 30
    retry_delay_s: Seconds = 10
    """Doubles with every attempt, up to `retry_delay_max_s`."""
    retry_delay_max_s: Seconds = 3600
    max_attempts: Annotated[int, Field(ge=1)] = 100
    reports_per_series_per_day: Annotated[int, Field(ge=1)] = 10
    """More reports than this for one series within 24 hours are held and alarmed."""


class Web(Section):
    """The administrator's web page."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Port = 8112
    password_file: Path | None = None
    """Lines of `name:hash`, written by `foramina web password`."""
    password_hash: SecretStr = SecretStr("")
    """One such line, meant for the environment; without a name it is that of `admin`."""
    session_s: Seconds = 28800
    idle_s: Seconds = 3600
    behind_tls: bool = False
    """A reverse proxy in front speaks TLS: cookies are sent over nothing else."""
    open_metrics: bool = False
    """Answer `/metrics` to everyone; otherwise to this host and to who is logged in."""


class Rule(Section):
    """One condition of a filter set.

    `attribute` is a DICOM keyword or a derived attribute (docs/reference/filters.md). `value` is a
    literal or `bundle.<key>`: what the model bundle declares under `handles`.
    """

    attribute: str
    operator: Operator
    value: Any = None
    optional: bool = False
    """True: a missing attribute passes; only a value that is there is judged."""
    reason: str = ""
    """What an administrator reads first when the rule fails; what was received follows."""

    @model_validator(mode="after")
    def _value_fits_operator(self) -> Self:
        wants_none = self.operator in ("present", "absent")
        if wants_none != (self.value is None):
            raise ValueError(
                f"rule on {self.attribute}: operator {self.operator} takes "
                + ("no value" if wants_none else "a value")
            )
        return self


class Log(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"
