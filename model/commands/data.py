"""What a run learns from: read, checked and divided before its first step, and told apart later."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model.commands import phantoms as drawn
from model.commands.progress import Report

if TYPE_CHECKING:
    from model.dataset import TrainingVolume
    from model.index import Reader
    from model.preprocess import PreprocessSpec

_VALIDATION_PHANTOMS: Final = 8
_HOLD_OUT: Final = 10  # every tenth patient, where the data set has no part for validation
_RECORD: Final = "data.json"
_WORTH_A_POOL: Final = 16  # cases; two processes need about two seconds to start


@dataclass(frozen=True, eq=False, slots=True)
class Ready:
    """One series, prepared for training."""

    name: str
    patient: str
    volume: "TrainingVolume"


@dataclass(frozen=True, eq=False, slots=True)
class Data:
    """What a run learns from and what validates it.

    Attributes:
        source: index file or folder of cases, absolute; None: phantoms.
        training: in the order in which a run with fewer cases takes them.
        validation: series of other patients.
    """

    source: Path | None
    training: tuple[Ready, ...]
    validation: tuple[Ready, ...]

    @property
    def parts(self) -> tuple[tuple[Ready, ...], tuple[Ready, ...]]:
        """Give what is learned from, and what validates."""
        return self.training, self.validation

    def in_words(self, used: int | None = None) -> str:
        """Tell what is learned from, for the model card."""
        count = min(used or len(self.training), len(self.training))
        if self.source is None:
            last = drawn.TRAINING_SEED + count - 1
            return f"{count} synthetic phantoms (seeds {drawn.TRAINING_SEED} to {last})"
        return f"{count} case(s) of {self.source.name}"

    def record(self) -> dict[str, Any]:
        """Give what tells this data apart from other data, as values that `json` can write."""
        return {
            "source": None if self.source is None else str(self.source),
            "training": [one.name for one in self.training],
            "validation": [one.name for one in self.validation],
            "digest": _digest((*self.training, *self.validation)),
        }


def read(
    source: Path | None, phantoms: int, spec: "PreprocessSpec", seed: int, report: Report
) -> Data:
    """Read and prepare all that a run learns from; whatever is wrong with it is said here.

    An index says what validates; where it has no part for that, and in a folder of cases, every
    tenth patient does.

    Args:
        source: index file or folder of cases; None draws phantoms, seeds 10000 and up.
        phantoms: how many to draw; 8 others validate.
        spec: how to prepare them.
        seed: of the order of the training cases.
        report: told about progress.

    Raises:
        ValueError: the message names the file; see `model.cases` and `model.index.readers`. Or
            there are fewer than two patients.
        OSError: a file cannot be read from the disk.
    """
    if source is None:
        training = _prepared(
            drawn.phantoms(drawn.TRAINING_SEED, phantoms), spec, "drawing phantoms", report
        )
        held_out = _prepared(
            drawn.phantoms(drawn.VALIDATION_SEED, _VALIDATION_PHANTOMS),
            spec,
            "drawing phantoms",
            report,
        )
        return Data(None, tuple(training), tuple(held_out))
    from model.index import readers

    source = source.absolute()
    wanted = readers(source, "train")
    checked = [] if source.is_dir() else readers(source, "validation")
    found = _prepared([*wanted, *checked], spec, "reading cases", report)
    training, held_out = found[: len(wanted)], found[len(wanted) :]
    if not held_out:
        training, held_out = _divided(training, source)
    order = np.random.default_rng(seed).permutation(len(training))
    return Data(source, tuple(training[number] for number in order), tuple(held_out))


def claim(folder: Path, data: Data) -> None:
    """Write down in a run folder what it learns from, or check it against what is there.

    Raises:
        ValueError: the folder's run learned from other data.
    """
    from model.json_file import write_json

    old, new = recorded(folder), data.record()
    if old is None:
        write_json(folder / _RECORD, new)
    elif old["digest"] != new["digest"]:
        was = old["source"] or "phantoms"
        raise ValueError(
            f"{folder} holds a run on other data ({len(old['training'])} cases of {was}; cases, "
            "marks or their division changed); continue it with its own data or give another folder"
        )


def recorded(folder: Path) -> dict[str, Any] | None:
    """Read what the run of a folder learns from; None where it is not written down."""
    path = folder / _RECORD
    if not path.is_file():
        return None
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


def _prepared(
    sources: "Sequence[Reader]", spec: "PreprocessSpec", what: str, report: Report
) -> list[Ready]:
    """Read and prepare every case, in worker processes where there are many."""
    from model.workers import each

    ready = []
    processes = 2 if len(sources) >= _WORTH_A_POOL else 1
    for one in each(_prepare, [(source, spec) for source in sources], processes):
        ready.append(one)
        report(what, len(ready), len(sources))
    return ready


def _prepare(job: "tuple[Reader, PreprocessSpec]") -> Ready:
    from model.dataset import training_volume

    source, spec = job
    case = source()
    return Ready(case.name, case.patient or case.name, training_volume(case, spec))


def _divided(found: Sequence[Ready], source: Path) -> tuple[list[Ready], list[Ready]]:
    """Hold out every tenth patient."""
    patients = list(dict.fromkeys(one.patient for one in found))
    if len(patients) < 2:
        raise ValueError(
            f"{source} holds {len(found)} case(s) of {len(patients)} patient(s); expected at least "
            "2 patients, one to learn from and one to validate: where the numbers of the patients "
            "were removed, `foramina model index build --patients folder` tells them apart"
        )
    held_out = set(patients[::_HOLD_OUT])
    return (
        [one for one in found if one.patient not in held_out],
        [one for one in found if one.patient in held_out],
    )


def _digest(cases: Iterable[Ready]) -> str:
    """Hash names, shapes and marks; not the pixels, whose last bits differ between computers."""
    total = hashlib.sha256()
    for one in cases:
        marks = (np.round(one.volume.marks, 2) + 0.0).tolist()  # + 0.0: no negative zero
        total.update(json.dumps([one.name, one.volume.pixels.shape, marks]).encode())
    return total.hexdigest()
