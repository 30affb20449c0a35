"""Configuration: one frozen tree read from `config.yaml`, overridden by the environment.

The environment wins over the file: `FORAMINA_NODE__PORT=11113` sets `node.port`. Unknown keys are
refused, so a typing error cannot silently fall back on a default.
"""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from node import config_file
from node.errors import ConfigError
from storage.identifiers import validated_uid

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


class Config(BaseSettings):
    """The whole configuration, frozen."""

    model_config = SettingsConfigDict(
        env_prefix="FORAMINA_", env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    node: Node = Node()
    storage: Storage = Storage()
    assembler: Assembler = Assembler()
    sources: tuple[Source, ...] = ()
    worker: Worker = Worker()
    model: Model = Model()
    crops: Crops = Crops()
    delivery: Delivery = Delivery()
    destinations: tuple[Destination, ...] = ()
    filter_set: str = "default"
    filter_sets: dict[str, tuple[Rule, ...]] = Field(default_factory=dict)
    log: Log = Log()
    web: Web = Web()

    @property
    def report_digest(self) -> str:
        """Give the SHA-256, in hexadecimal, of the settings that shape a report's content.

        It enters the report's SOP Instance UID: another setting, another object.
        """
        shaping = {"bundle": self.model.bundle}
        return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, whose values arrive as init arguments."""
        return env_settings, init_settings

    @field_validator("node")
    @classmethod
    def _private_sop_classes_are_uids(cls, node: Node) -> Node:
        for uid in node.accept_private_sop_classes:
            try:
                validated_uid(uid)
            except ValueError as error:
                raise ValueError(f"accept_private_sop_classes: {error}") from error
            if "." not in uid:
                raise ValueError(
                    f"accept_private_sop_classes: UID {uid!r}: expected components of digits "
                    "joined by dots, such as 1.2.840; correct or delete it"
                )
        return node

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        names = [destination.name for destination in self.destinations]
        if len(names) != len(set(names)):
            raise ValueError(f"destinations: names must differ, got {', '.join(names)}")
        if not self.filter_sets:
            raise ValueError(
                f"filter_set: {self.filter_set!r} is not among filter_sets (none); copy "
                "filter_sets from the shipped config.yaml"
            )
        if self.filter_set not in self.filter_sets:
            raise ValueError(
                f"filter_set: {self.filter_set!r} is not among filter_sets "
                f"({', '.join(self.filter_sets)}); name one of these, or write it there"
            )
        return self

    @model_validator(mode="after")
    def _reports_leave_the_node(self) -> Self:
        for destination in self.destinations:
            if _is_itself(destination, self.node):
                raise ValueError(
                    f"destinations: {destination.name} is this node itself ({self.node.ae_title} "
                    f"on {destination.host}:{destination.port}): expected the PACS that receives "
                    "reports; correct its ae_title, host and port, or delete it"
                )
        return self


_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_EVERY_INTERFACE: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104  (read, not bound)


def _is_itself(destination: Destination, node: Node) -> bool:
    host, listening = destination.host.lower(), node.host.lower()
    own = host == listening or (host in _LOOPBACK and listening in _LOOPBACK | _EVERY_INTERFACE)
    return own and (destination.ae_title, destination.port) == (node.ae_title, node.port)


def load(path: Path) -> Config:
    """Read and check a configuration file; relative folders count from the file's own folder.

    Raises:
        ConfigError: the file cannot be read, is not YAML, or breaks a rule, or a variable of the
            environment does; the message names every offending key or variable.
    """
    config = _judged(path, config_file.read(path))
    folder = path.resolve().parent / config.storage.folder
    _check_folder(path, folder)
    return config.model_copy(
        update={
            "storage": config.storage.model_copy(update={"folder": folder}),
            "web": _placed(config.web, path.resolve().parent),
        }
    )


def _placed(web: Web, folder: Path) -> Web:
    if web.password_file is None:
        return web
    return web.model_copy(update={"password_file": folder / web.password_file})


def _judged(path: Path, data: dict[str, Any]) -> Config:
    try:
        return Config(**data)
    except SettingsError as error:
        # The value is not shown: a section given as one variable may hold a password.
        raise ConfigError(
            f"environment: {', '.join(_undecodable_variables())} cannot be read: expected JSON, "
            "such as FORAMINA_DESTINATIONS='[]' or FORAMINA_NODE='{\"port\": 104}'; correct or "
            "unset it"
        ) from error
    except ValidationError as error:
        lines = [
            f"  {'.'.join(str(part) for part in issue['loc']) or '(whole file)'}: {issue['msg']}"
            for issue in error.errors()
        ]
        raise ConfigError(f"{path} cannot be used:\n" + "\n".join(lines)) from error


def _undecodable_variables() -> list[str]:
    """Name the variables at fault, which pydantic-settings does not, by trying each alone."""
    source = EnvSettingsSource(Config)
    found = []
    for name, value in os.environ.items():
        source.env_vars = {name.lower(): value}
        try:
            source()
        except SettingsError:
            found.append(name)
    return found


def _check_folder(path: Path, folder: Path) -> None:
    """Refuse a storage folder that cannot come to be, because a file has its name or a parent's."""
    there = next(place for place in (folder, *folder.parents) if os.path.exists(place))
    if not os.path.isdir(there):
        raise ConfigError(
            f"{path} cannot be used:\n  storage.folder: {there} is a file: expected a folder, or "
            "a name that is free; name another folder"
        )
