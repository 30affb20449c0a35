"""A model bundle: weights, and beside them everything that decides how they are used.

A bundle is a folder with `bundle.json`, the weights and `MODEL_CARD.md`. Its method says which
networks answer, and how. Reading one needs no TensorFlow, so that filters, command line and web
page can say what a bundle handles.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from model import json_file
from model.localiser.method import TwoStageMethod
from model.patch import PatchMethod

FORMAT: Final = 2
CONTENT: Final = "bundle.json"
CARD: Final = "MODEL_CARD.md"
SHIPPED: Final = Path(__file__).parent / "bundles"

Method = PatchMethod | TwoStageMethod
"""How a bundle finds foramina; `kind` tells which."""


class BundleError(ValueError):
    """A bundle is missing or cannot be used; the message says what was expected."""


class Content(BaseModel):
    """The form of bundle.json; unknown keys are refused, also within the method.

    Attributes:
        format: of this file.
        name: how the bundle is called, for example `phantom-1`.
        version: of its content, for example `1.0.0`.
        method: what it does with a series.
        handles: which series it is made for, read by the filter set `default`.
        training: where its weights come from, for people.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[2]
    name: str
    version: str
    method: Annotated[Method, Field(discriminator="kind")]
    handles: dict[str, Any]
    training: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class ModelBundle:
    """One bundle.

    Attributes:
        name: how it is called, for example `phantom-1`.
        version: of its content, for example `1.0.0`.
        folder: where its files lie.
        method: what it does with a series; its `files` lie in the folder.
        handles: which series it is made for, read by the filter set `default`.
        digest: SHA-256 over the names and contents of all files of the folder, hexadecimal.
        model_card: text of MODEL_CARD.md.
    """

    name: str
    version: str
    folder: Path
    method: Method
    handles: dict[str, Any]
    digest: str
    model_card: str


def load(name_or_path: str | Path) -> ModelBundle:
    """Read a shipped bundle by name, or any bundle by its folder.

    Raises:
        BundleError: there is none, or its content is not what this version reads.
    """
    folder = _folder(name_or_path)
    path = folder / CONTENT
    try:
        data = json_file.read_json(path)
        card = (folder / CARD).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise BundleError(f"the model bundle {folder} cannot be read: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise BundleError(
            f"{path}: expected an object with format {FORMAT}; make a bundle of another version "
            "again with `foramina model bundle`"
        )
    try:
        content = json_file.parse(path, Content, data)
    except ValueError as error:
        raise BundleError(str(error)) from error
    for name in content.method.files:
        if Path(name).name != name or not (folder / name).is_file():
            raise BundleError(f"{path}: expected the weights {name!r} beside it")
    return ModelBundle(
        content.name, content.version, folder, content.method, content.handles,
        digest=digest(folder), model_card=card,
    )  # fmt: skip


def names() -> list[str]:
    """List the bundles that are shipped with the package."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{CONTENT}"))


def digest(folder: Path) -> str:
    """Hash the relative names, sizes and contents of all files of a folder."""
    total = hashlib.sha256()
    files = (path for path in folder.rglob("*") if path.is_file())
    for path in sorted(files, key=lambda file: file.relative_to(folder).as_posix()):
        content = path.read_bytes()
        total.update(f"{path.relative_to(folder).as_posix()}\n{len(content)}\n".encode())
        total.update(content)
    return total.hexdigest()


def _folder(name_or_path: str | Path) -> Path:
    shipped = SHIPPED / name_or_path
    is_name = Path(name_or_path).name == str(name_or_path)
    if is_name and (shipped / CONTENT).is_file():
        return shipped
    folder = Path(name_or_path)
    if (folder / CONTENT).is_file():
        return folder
    raise BundleError(
        f"no model bundle {str(name_or_path)!r}: expected the name of a shipped one "
        f"({', '.join(names()) or 'there is none'}) or a folder with a {CONTENT}"
    )
