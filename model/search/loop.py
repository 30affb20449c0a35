"""The search itself: Optuna draws, SQLite remembers, a killed search goes on where it was."""

import contextlib
import fcntl
import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from model.search.objective import Objective
from model.search.spec import NAMES, SearchSpec, train_spec
from model.search.trial import Trial, TrialError, Watch

if TYPE_CHECKING:
    import optuna

_STUDY: Final = "search"
_STARTS: Final = 3  # that many starts without a step between them end a trial


def search(
    spec: SearchSpec,
    objective: Objective,
    folder: Path,
    report: Callable[[list[Trial]], None] | None = None,
) -> list[Trial]:
    """Run the trials that are not done; the same call continues a search that was stopped.

    The folder receives `search.json` (the specification), `study.sqlite3` (Optuna's) and
    `trials/NNN/` (run folders).

    Args:
        spec: what to search; a greater `trials` extends an old search.
        objective: trains one trial, see `trainer`.
        folder: made when missing.
        report: called after each trial with all that were begun, for example to write results.

    Returns:
        all trials, by number.

    Raises:
        ValueError: the folder holds another search, or another process searches in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        _claim(folder, spec)
        with _study(folder) as study:
            for number in range(spec.trials):
                if not _settled(study, number):
                    _run(study, spec, objective, folder, number)
                    if report is not None:
                        report(list(_trials(study).values()))
            return list(_trials(study).values())


def read_trials(folder: Path) -> list[Trial]:
    """Read the trials of a search folder, by number; also while the search runs.

    Raises:
        ValueError: the folder holds no search.
    """
    if not (folder / "study.sqlite3").is_file():
        raise ValueError(f"{folder} holds no search; expected what `foramina model search` writes")
    with _study(folder) as study:
        return list(_trials(study).values())


def _run(
    study: "optuna.Study", spec: SearchSpec, objective: Objective, folder: Path, number: int
) -> None:
    """Draw one trial and train it; write down how it ended."""
    import optuna

    earlier = _attempts(study, number)
    seed = np.random.SeedSequence([spec.seed, number]).generate_state(1)[0]
    study.sampler = optuna.samplers.RandomSampler(seed=int(seed))
    trial = study.ask()
    trial.set_user_attr("number", number)
    parameters = {
        name: trial.suggest_categorical(name, getattr(spec.space, name)) for name in NAMES
    }
    try:
        _check_starts(earlier)
        spent_s = max((one.user_attrs.get("seconds", 0.0) for one in earlier), default=0.0)
        watch = Watch(trial, spec.seconds, spent_s)
        run = folder / "trials" / f"{number:03d}"
        dice = objective(train_spec(spec.base, parameters), run, watch)
        if not math.isfinite(dice):
            raise TrialError(f"the Dice is {dice}: the training diverged")
    except TrialError as error:
        trial.set_user_attr("reason", str(error))
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return
    watch.save()
    study.tell(trial, dice)


def _check_starts(earlier: "Sequence[optuna.trial.FrozenTrial]") -> None:
    """Give a trial up that ends the process again and again at the same step."""
    steps = [one.user_attrs.get("step", 0) for one in earlier[-_STARTS:]]
    if len(steps) == _STARTS and len(set(steps)) == 1:
        raise TrialError(
            f"it was started {_STARTS} times and did not get past step {steps[0]}; "
            "most likely the memory does not suffice"
        )


def _settled(study: "optuna.Study", number: int) -> bool:
    """Tell whether a trial is done or has failed; an interrupted one is neither."""
    import optuna

    attempts = _attempts(study, number)
    for one in attempts:
        if one.state == optuna.trial.TrialState.RUNNING:  # its process was killed
            study.tell(one.number, state=optuna.trial.TrialState.FAIL)
    done = optuna.trial.TrialState.COMPLETE
    return any(one.state == done or "reason" in one.user_attrs for one in attempts)


def _attempts(study: "optuna.Study", number: int) -> "list[optuna.trial.FrozenTrial]":
    """List the starts of a trial, the first one first: each is a trial of Optuna's."""
    return [one for one in study.trials if one.user_attrs.get("number") == number]


def _trials(study: "optuna.Study") -> dict[int, Trial]:
    """Give every trial by its number, as its last start left it."""
    last = {one.user_attrs["number"]: one for one in study.trials if "number" in one.user_attrs}
    return {number: _trial(number, last[number]) for number in sorted(last)}


def _trial(number: int, one: "optuna.trial.FrozenTrial") -> Trial:
    import optuna

    reason = one.user_attrs.get("reason", "")
    done = one.state == optuna.trial.TrialState.COMPLETE
    return Trial(
        number=number,
        state="done" if done else "failed" if reason else "running",
        parameters=dict(one.params),
        dice=one.value if done else None,
        steps=one.user_attrs.get("step", 0),
        seconds=one.user_attrs.get("seconds", 0.0),
        reason=reason,
    )


@contextlib.contextmanager
def _study(folder: Path) -> "Iterator[optuna.Study]":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder.absolute()}/study.sqlite3")
    try:
        yield optuna.create_study(
            study_name=_STUDY, storage=storage, direction="maximize", load_if_exists=True
        )
    finally:
        storage.remove_session()
        storage.engine.dispose()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the system takes it back from a process that was killed."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(
                f"another process searches in {folder}; wait for it or give another folder"
            ) from error
        yield


def _claim(folder: Path, spec: SearchSpec) -> None:
    """Write the specification into the folder, or check it against the one that is there."""
    path, new = folder / "search.json", spec.to_json()
    if path.exists():
        old = json.loads(path.read_text(encoding="utf-8"))
        changed = sorted(
            name for name in {*old, *new} - {"trials"} if old.get(name) != new.get(name)
        )
        if changed:
            raise ValueError(
                f"{folder} holds a search with other settings ({', '.join(changed)}); "
                "continue it with its own settings or give another folder"
            )
    path.write_text(json.dumps(new, indent=2) + "\n", encoding="utf-8")
