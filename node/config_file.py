"""Reading of the configuration file: YAML text becomes a mapping of sections, not yet judged."""

from pathlib import Path
from typing import Any

import yaml

from node.errors import ConfigError


def read(path: Path) -> dict[str, Any]:
    """Give what a YAML file says, by section; an empty file says nothing.

    Raises:
        ConfigError: the file cannot be read, is not UTF-8, is not YAML, writes a key twice, or is
            no mapping of names.
    """
    data = _parsed(path, _text(path))
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: expected a mapping of sections, got {type(data).__name__}")
    for key in data:
        # A leading underscore is how pydantic-settings names its own switches, not a section.
        if not isinstance(key, str) or key.startswith("_"):
            raise ConfigError(
                f"{path}: {key!r} is no name of a section: expected those of the shipped "
                "config.yaml; correct or delete it"
            )
    return data


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"cannot read configuration {path}: {error.strerror}; name another with --config"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} is not UTF-8: byte 0x{error.object[error.start]:02x} at offset {error.start} "
            "cannot be read; save the file as UTF-8"
        ) from error


def _parsed(path: Path, text: str) -> Any:
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    except _RepeatedKeyError as error:
        raise ConfigError(f"{path}: {error}") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2026-13-01
        raise ConfigError(f"{path} is not YAML: {error}") from error
    except RecursionError as error:
        raise ConfigError(
            f"{path} is not YAML of a configuration: expected four levels, got hundreds; start "
            "again from the shipped config.yaml"
        ) from error
    finally:
        loader.dispose()


class _RepeatedKeyError(ValueError):
    """A mapping has a key twice: YAML forbids it, PyYAML would keep the last silently."""


class _Loader(yaml.SafeLoader):
    """The safe loader, refusing repeated keys."""

    def compose_mapping_node(self, anchor: dict[Any, Any]) -> yaml.MappingNode:
        # Composing comes before merge keys (`<<`), which may rightly repeat what they override.
        node = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line, name = key.start_mark.line + 1, (key.tag, key.value)
            if name in lines:
                raise _RepeatedKeyError(
                    f"key {key.value!r} in line {line} is already written in line {lines[name]}: "
                    "expected once; delete one of them"
                )
            lines[name] = line
        return node
