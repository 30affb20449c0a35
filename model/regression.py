"""Which hyper-parameters matter: a linear regression of the Dice on them (Table 7.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from model.intervals import Interval


@dataclass(frozen=True, slots=True)
class Weight:
    """One hyper-parameter in the fitted model.

    Attributes:
        name: of the hyper-parameter.
        weight: change of the Dice, in points, when it grows by one standard deviation; None when
            every network had the same value.
        interval: of the weight, at 95 %; None with it.
        p_value: of the t test that the weight is zero; None with it.
    """

    name: str
    weight: float | None
    interval: Interval | None
    p_value: float | None


@dataclass(frozen=True, slots=True)
class Regression:
    """An ordinary least squares fit.

    Attributes:
        weights: one per hyper-parameter, the least p-value first.
        trials: how many networks it rests on.
        mean_dice: their mean Dice, in points: the intercept.
        r_squared: share of the variance that the fit explains.
    """

    weights: tuple[Weight, ...]
    trials: int
    mean_dice: float
    r_squared: float


def fit(parameters: Sequence[Mapping[str, float]], dice: Sequence[float]) -> Regression:
    """Fit the Dice, in points of 100, on standardised hyper-parameters.

    The thesis prints weights of comparable size for a patch of 481 and a learning rate of 0.001,
    so it must have standardised them; each is taken as it is, the learning rate too.

    Args:
        parameters: name to value, one mapping per network, all with the same names.
        dice: 0..1, one per network.

    Raises:
        ValueError: the lengths differ; fewer networks than a fit of the varied hyper-parameters
            needs (their number and two more); or two of them vary only together.
    """
    if len(parameters) != len(dice) or not parameters:
        raise ValueError(
            f"{len(parameters)} networks and {len(dice)} Dice values; expected as many, at least 1"
        )
    names = list(parameters[0])
    values = np.array([[float(one[name]) for name in names] for one in parameters])
    spread = values.std(axis=0)
    varied = [index for index in range(len(names)) if spread[index] > 0]
    if len(dice) < len(varied) + 2:
        raise ValueError(
            f"{len(dice)} finished networks; a regression on {len(varied)} hyper-parameters needs "
            f"at least {len(varied) + 2}"
        )
    standardised = (values[:, varied] - values[:, varied].mean(axis=0)) / spread[varied]
    fitted = _ols(standardised, 100.0 * np.asarray(dice, np.float64))
    bounds = fitted.conf_int(0.05)
    place = {index: row for row, index in enumerate(varied, start=1)}
    weights = [_weight(name, fitted, bounds, place.get(index)) for index, name in enumerate(names)]
    weights.sort(key=lambda one: 2.0 if one.p_value is None else one.p_value)
    return Regression(tuple(weights), len(dice), float(fitted.params[0]), float(fitted.rsquared))


def _ols(values: Any, dice: Any) -> Any:
    from statsmodels.regression.linear_model import OLS  # statsmodels.api takes twice as long

    design = np.column_stack([np.ones(len(values)), values])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise ValueError(
            "two hyper-parameters vary only together, so their weights cannot be told apart; "
            "search more networks"
        )
    return OLS(dice, design).fit()


def _weight(name: str, fitted: Any, bounds: Any, row: int | None) -> Weight:
    if row is None:
        return Weight(name, None, None, None)
    low, high = bounds[row]
    return Weight(name, float(fitted.params[row]), (float(low), float(high)),
                  float(fitted.pvalues[row]))  # fmt: skip


def markdown(regression: Regression, titles: Mapping[str, str]) -> str:
    """Write a regression in the form of Table 7.2.

    Args:
        regression: from `fit`.
        titles: name of a hyper-parameter to what people call it.
    """
    lines = [
        f"{regression.trials} networks, mean Dice {regression.mean_dice:.2f}, "
        f"R² {regression.r_squared:.2f}. A weight is the change of the Dice, in points, per "
        "standard deviation of the hyper-parameter; its interval is at 95 %.",
        "",
        "| name | weight | p-value |",
        "|---|---|---|",
    ]
    for one in regression.weights:
        title = titles.get(one.name, one.name)
        if one.weight is None or one.interval is None or one.p_value is None:
            lines.append(f"| {title} | not varied | |")
            continue
        low, high = one.interval
        lines.append(
            f"| {title} | {one.weight:+.3f} [{low:+.3f}, {high:+.3f}] | {_p(one.p_value)} |"
        )
    return "\n".join(lines) + "\n"


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.0005 else "< 0.001"
