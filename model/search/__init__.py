"""Random search over the hyper-parameters of Table A.1, resumable (thesis section 7.4.2).

Each trial is a run folder of its own. Trial n of a seed always has the same values, so a search
that was killed goes on where it was: the trial in hand is drawn again, and its training continues
from its last checkpoint.
"""

from model.search.loop import read_trials, search
from model.search.objective import Objective, dice_curve, trainer, validation_dice
from model.search.report import markdown, write_results
from model.search.spec import NAMES, SearchSpace, SearchSpec, train_spec
from model.search.trial import Trial, TrialError, Watch

__all__ = [
    "NAMES",
    "Objective",
    "SearchSpace",
    "SearchSpec",
    "Trial",
    "TrialError",
    "Watch",
    "dice_curve",
    "markdown",
    "read_trials",
    "search",
    "train_spec",
    "trainer",
    "validation_dice",
    "write_results",
]
