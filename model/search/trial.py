"""One trial of a search: what became of it, and how long it may take."""

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    import optuna

_SAVE_EVERY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial of a search.

    Attributes:
        number: from 0.
        state: `done`, `failed` for a reason of its own, or `running` (or interrupted).
        parameters: name in `NAMES` to value.
        dice: 0..1, of the volumes that were not trained on; None until done.
        steps: optimisation steps so far.
        seconds: training time so far.
        reason: why it failed.
    """

    number: int
    state: Literal["done", "failed", "running"]
    parameters: dict[str, float]
    dice: float | None
    steps: int
    seconds: float
    reason: str = ""


class TrialError(Exception):
    """A trial cannot be trained with its hyper-parameters; the search goes on."""


class OutOfTimeError(Exception):
    """The time of a trial is used up; raised by `Watch.tick`, caught by the objective."""


class Watch:
    """Counts the training time of one trial over all its starts, and keeps it in the study.

    A start counts from its first step: building a network is no training.
    """

    def __init__(self, trial: "optuna.Trial", seconds: float | None, spent_s: float) -> None:
        """Make a watch that stands still until the first step.

        Args:
            trial: where the count is kept.
            seconds: what the trial may use in all; None is no limit.
            spent_s: what earlier starts used.
        """
        self.seconds, self.spent_s = seconds, spent_s
        self._trial, self._step = trial, 0
        self._now_s: float | None = None
        self._saved_s = -math.inf

    def tick(self, step: int) -> None:
        """Take note of a finished step.

        Raises:
            OutOfTimeError: the time is used up.
        """
        now_s = time.monotonic()
        if self._now_s is not None:
            self.spent_s += now_s - self._now_s
        self._now_s, self._step = now_s, step
        over = self.seconds is not None and self.spent_s >= self.seconds
        if over or now_s - self._saved_s >= _SAVE_EVERY_S:
            self._saved_s = now_s
            self.save()
        if over:
            raise OutOfTimeError

    def save(self) -> None:
        """Write time and step into the study."""
        self._trial.set_user_attr("step", self._step)
        self._trial.set_user_attr("seconds", round(self.spent_s, 2))
