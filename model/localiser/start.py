"""Where a training begins when not at random: weights of a finished run, or of a bundle."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from model import bundle as bundles
from model import run as run_folder
from model.json_file import read_json
from model.localiser import record
from model.localiser.method import TwoStageMethod
from model.localiser.spec import CoarseSpec, FineSpec
from model.localiser.training import finished


@dataclass(frozen=True, slots=True)
class Start:
    """Weights to begin with.

    Attributes:
        weights: file of them, as Keras writes them.
        data: what they learned from, in words.
        subjects: file names of the subjects that they learned from.
        digest: SHA-256 of the file.
    """

    weights: Path
    data: str
    subjects: tuple[str, ...]
    digest: str


def find(origin: str | Path, network: CoarseSpec | FineSpec) -> Start:
    """Find the weights for a network in a run folder, a bundle folder, or a shipped bundle.

    Raises:
        ValueError: there are none, or they belong to another network.
    """
    if (Path(origin) / run_folder.SPEC).is_file():
        weights, run = finished(Path(origin), type(network))
        found, data, subjects = run.network, run.data, record.subjects(Path(origin))
    else:
        weights, found, data, subjects = _of_bundle(origin, network)
    if found != network:
        raise ValueError(f"{origin} holds another network, {found}; expected {network}")
    return Start(weights, data, tuple(subjects), hashlib.sha256(weights.read_bytes()).hexdigest())


def _of_bundle(
    origin: str | Path, network: CoarseSpec | FineSpec
) -> tuple[Path, CoarseSpec | FineSpec, str, list[str]]:
    bundle = bundles.load(origin)
    method = bundle.method
    if not isinstance(method, TwoStageMethod):
        raise ValueError(
            f"bundle {bundle.name} has none of the two networks of `foramina model localiser`"
        )
    training = read_json(bundle.folder / bundles.CONTENT).get("training", {})
    found: CoarseSpec | FineSpec
    if isinstance(network, CoarseSpec):
        weights, found, trained = method.coarse_weights, method.coarse, training.get("coarse", {})
    else:
        weights, found, trained = method.fine_weights, method.fine, training.get("fine", {})
    return bundle.folder / weights, found, trained.get("data", ""), trained.get("subjects", [])
