"""Configuration: one frozen tree read from `config.yaml`, overridden by the environment.

The environment wins over the file: `FORAMINA_NODE__PORT=11113` sets `node.port`. Unknown keys are
refused, so a typing error cannot silently fall back on a default.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Final, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from node import config_file
from node.errors import ConfigError
from node.settings import (
    Assembler,
    Crops,
    Delivery,
    Destination,
    Log,
    Model,
    Node,
    Rule,
    Source,
    Storage,
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
