"""From evidence to probabilities, and from probabilities to answering or abstaining.

Two logistic models, fitted on synthetic scans only: that the levels are right, and that a point
lies within 5 mm of its foramen's centre.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.affine import FloatArray


@dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic model of standardised evidence.

    Attributes:
        names: of the evidence.
        mean: what is subtracted.
        scale: what it is divided by.
        weight: of each, after that.
        offset: of the sum.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weight: tuple[float, ...]
    offset: float

    def probability(self, evidence: FloatArray) -> float:
        """Give the probability for one row of evidence."""
        standard = (evidence - np.array(self.mean)) / np.array(self.scale)
        total = float(np.dot(standard, self.weight)) + self.offset
        return float(1.0 / (1.0 + np.exp(-np.clip(total, -40.0, 40.0))))


@dataclass(frozen=True, slots=True)
class CertaintySpec:
    """When to answer.

    Attributes:
        levels: that the levels of a scan are right.
        least_levels: below this probability the whole scan is abstained from.
        point: that a point is right.
        least_point: below this probability the foramen is missed.
        calibrated_on: what the models were fitted on, in words shown to people.
    """

    levels: Logistic
    least_levels: float
    point: Logistic
    least_point: float
    calibrated_on: str


def fit(names: Sequence[str], evidence: FloatArray, right: npt.NDArray[np.bool_]) -> Logistic:
    """Fit a logistic model; where nothing was ever wrong, say so with one imagined failure.

    Args:
        names: of the columns.
        evidence: (case, column).
        right: (case,).
    """
    from sklearn.linear_model import LogisticRegression

    mean, scale = evidence.mean(axis=0), np.maximum(evidence.std(axis=0), 1e-6)
    standard = (evidence - mean) / scale
    if right.all() or not right.any():
        worst = standard.min(axis=0, keepdims=True)
        standard = np.concatenate([standard, worst])
        right = np.append(right, not right[0])
    model = LogisticRegression(C=0.3, max_iter=2000).fit(standard, right)
    return Logistic(
        tuple(names),
        tuple(float(value) for value in mean),
        tuple(float(value) for value in scale),
        tuple(float(value) for value in model.coef_[0]),
        float(model.intercept_[0]),
    )


def threshold(
    probability: FloatArray, right: npt.NDArray[np.bool_], most_wrong: float, least_kept: float
) -> float:
    """Choose the lowest threshold at which at most a share of the answered is wrong.

    Args:
        probability: (case,).
        right: (case,).
        most_wrong: accepted share of wrong ones among the answered; an upper bound by the rule
            (wrong + 1) / (answered + 1), the split-conformal one.
        least_kept: never abstain from more than the rest.
    """
    order = np.argsort(-probability)
    wrong = np.cumsum(~right[order])
    answered = np.arange(1, len(order) + 1)
    good = (wrong + 1) / (answered + 1) <= most_wrong
    keep = int(np.flatnonzero(good)[-1]) + 1 if good.any() else 0
    keep = max(keep, int(np.ceil(least_kept * len(order))))
    return float(probability[order[keep - 1]]) if keep else 1.0
