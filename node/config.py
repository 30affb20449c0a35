"""Configuration: one frozen tree read from `config.yaml`, overridden by the environment.

The environment wins over the file: `FORAMINA_NODE__PORT=11113` sets `node.port`. Unknown keys are
refused, so a typing error cannot silently fall back on a default.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from node import config_file
from node.audit.settings import Audit
from node.errors import ConfigError
from node.notices.settings import Notifications
from node.settings import (
    AskedPeer,
    Assembler,
    Crops,
    Delivery,
    Destination,
    Log,
    Model,
    Node,
    PeerTls,
    Receiver,
    Retention,
    Rule,
    Source,
    Storage,
    Tls,
    Web,
    Worker,
)
from storage.identifiers import validated_uid


class Config(BaseSettings):
    """The whole configuration, frozen."""

    model_config = SettingsConfigDict(
        env_prefix="FORAMINA_", env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    node: Node = Node()
    tls: Tls = Tls()
    receiver: Receiver = Receiver()
    storage: Storage = Storage()
    retention: Retention = Retention()
    assembler: Assembler = Assembler()
    sources: tuple[Source, ...] = ()
    worker: Worker = Worker()
    model: Model = Model()
    crops: Crops = Crops()
    delivery: Delivery = Delivery()
    destinations: tuple[Destination, ...] = ()
    filter_set: str = "default"
    """Name of the filter set in force, one of `filter_sets`."""
    filter_sets: dict[str, tuple[Rule, ...]] = Field(default_factory=dict)
    log: Log = Log()
    web: Web = Web()
    notifications: Notifications = Notifications()
    audit: Audit = Audit()

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
            for name, peer in (
                ("", destination),
                (".query", destination.query),
                (".commitment_peer", destination.commitment_peer),
            ):
                if peer is not None and _is_itself(peer, self.node):
                    raise ValueError(
                        f"destinations: {destination.name}{name} is this node itself "
                        f"({self.node.ae_title} on {peer.host}:{peer.port}): expected the PACS "
                        "that receives reports; correct its ae_title, host and port, or delete it"
                    )
        return self


_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_EVERY_INTERFACE: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104  (read, not bound)


def _is_itself(peer: Destination | AskedPeer, node: Node) -> bool:
    host, listening = peer.host.lower(), node.host.lower()
    own = host == listening or (host in _LOOPBACK and listening in _LOOPBACK | _EVERY_INTERFACE)
    return own and (peer.ae_title, peer.port) == (node.ae_title, node.port)


def load(path: Path) -> Config:
    """Read and check a configuration file; relative folders count from the file's own folder.

    Raises:
        ConfigError: the file cannot be read, is not YAML, or breaks a rule, or a variable of the
            environment does; the message names every offending key or variable.
    """
    data = config_file.read(path)
    _check_no_secrets(path, data)
    config = _judged(path, data)
    base = path.resolve().parent
    folder = base / config.storage.folder
    _check_folder(path, folder)
    own = _placed(config.tls, base)
    return config.model_copy(
        update={
            "storage": config.storage.model_copy(update={"folder": folder}),
            "web": _placed(config.web, base),
            "notifications": _notified(config.notifications, base),
            "audit": config.audit.model_copy(update={"syslog": _placed(config.audit.syslog, base)}),
            "tls": own,
            "sources": tuple(_with_tls(source, own, base) for source in config.sources),
            "destinations": tuple(_with_tls(entry, own, base) for entry in config.destinations),
        }
    )


_Placed = TypeVar("_Placed", bound=BaseModel)


def _placed(section: _Placed, base: Path) -> _Placed:
    """Let the relative names of files in a section count from a folder."""
    named = {name: getattr(section, name) for name in type(section).model_fields}
    files = {name: base / value for name, value in named.items() if isinstance(value, Path)}
    return section.model_copy(update=files)


def _notified(section: Notifications, base: Path) -> Notifications:
    update = {"email": _placed(section.email, base), "webhook": _placed(section.webhook, base)}
    return _placed(section, base).model_copy(update=update)


def _with_tls(section: _Placed, own: Tls, base: Path) -> _Placed:
    """Complete the `tls` of a peer, and of its further addresses, with the node's certificate."""
    update: dict[str, object] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, PeerTls):
            update[name] = _completed(_placed(value, base), own)
        elif isinstance(value, AskedPeer):
            update[name] = _with_tls(value, own, base)
    return section.model_copy(update=update)


def _completed(peer: PeerTls, own: Tls) -> PeerTls:
    if peer.certificate_file is not None or own.certificate_file is None:
        return peer
    names = ("certificate_file", "key_file", "key_password", "key_password_file")
    return peer.model_copy(update={name: getattr(own, name) for name in names})


def _check_no_secrets(path: Path, data: Any, place: str = "") -> None:
    """Refuse the password of a key in the file, which is copied, shown and kept under version."""
    if isinstance(data, dict):
        entries = [(str(key), value) for key, value in data.items()]
    elif isinstance(data, list):
        entries = [(str(number), value) for number, value in enumerate(data)]
    else:
        return
    for key, value in entries:
        if key == "key_password" and value:
            raise ConfigError(
                f"{path} cannot be used:\n  {place}{key}: a password does not belong into this "
                "file; set FORAMINA_TLS__KEY_PASSWORD in the environment, or name a file with it "
                "in key_password_file"
            )
        _check_no_secrets(path, value, f"{place}{key}.")


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
