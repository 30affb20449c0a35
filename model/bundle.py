"""A model bundle: weights, and beside them everything that decides how they are used.

A bundle is a folder with `bundle.json`, the weights and `MODEL_CARD.md`. Reading one needs no
TensorFlow, so that filters, command line and web page can say what a bundle handles.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from model.localise import LocaliseSpec
from model.networks.spec import NetworkSpec
from model.preprocess import PreprocessSpec

FORMAT: Final = 1
SHIPPED: Final = Path(__file__).parent / "bundles"

_Spec = TypeVar("_Spec", NetworkSpec, PreprocessSpec, LocaliseSpec)


class BundleError(ValueError):
    """A bundle is missing or cannot be used; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class ModelBundle:
    """One bundle.

    Attributes:
        name: how it is called, for example `phantom-1`.
        version: of its content, for example `1.0.0`.
        folder: where its files lie.
        weights: path of the network's weights.
        network: what the weights belong to.
        preprocess: what the network must see.
        localise: how its answer becomes points.
        handles: which series it is made for, read by the filter set `default`.
        digest: SHA-256 over the names and contents of all files of the folder, hexadecimal.
        model_card: text of MODEL_CARD.md.
    """

    name: str
    version: str
    folder: Path
    weights: Path
    network: NetworkSpec
    preprocess: PreprocessSpec
    localise: LocaliseSpec
    handles: dict[str, Any]
    digest: str
    model_card: str


def load(name_or_path: str | Path) -> ModelBundle:
    """Read a shipped bundle by name, or any bundle by its folder.

    Raises:
        BundleError: there is none, or its content is not what this version reads.
    """
    folder = _folder(name_or_path)
    path = folder / "bundle.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise BundleError(f"the model bundle {folder} cannot be read: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise BundleError(f"{path}: expected an object with format {FORMAT}")
    try:
        weights = folder / str(data["weights"])
        network = _spec(path, NetworkSpec, data["network"])
        preprocess = _spec(path, PreprocessSpec, data["preprocess"])
        localise = _spec(path, LocaliseSpec, data["localise"])
        name, version, handles = str(data["name"]), str(data["version"]), data["handles"]
    except KeyError as error:
        raise BundleError(f"{path}: {error} is missing") from error
    if weights.parent != folder or not weights.is_file():
        raise BundleError(f"{path}: expected the weights {data['weights']!r} beside it")
    return ModelBundle(
        name, version, folder, weights, network, preprocess, localise, handles,
        digest=digest(folder), model_card=card,
    )  # fmt: skip


def names() -> list[str]:
    """List the bundles that are shipped with the package."""
    return sorted(path.parent.name for path in SHIPPED.glob("*/bundle.json"))


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
    if is_name and (shipped / "bundle.json").is_file():
        return shipped
    folder = Path(name_or_path)
    if (folder / "bundle.json").is_file():
        return folder
    raise BundleError(
        f"no model bundle {str(name_or_path)!r}: expected the name of a shipped one "
        f"({', '.join(names()) or 'there is none'}) or a folder with a bundle.json"
    )


def _spec(path: Path, kind: type[_Spec], values: dict[str, Any]) -> _Spec:
    """Make a specification from its saved values; unknown keys are refused."""
    make: Callable[..., _Spec] = kind
    known = {field.name for field in dataclasses.fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise BundleError(f"{path}: {kind.__name__} has no {', '.join(unknown)}")
    listed = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
    try:
        return make(**listed)
    except (TypeError, ValueError) as error:
        raise BundleError(f"{path}: {kind.__name__}: {error}") from error
