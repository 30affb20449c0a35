"""Test-time augmentation: ask the networks about changed inputs, undo the change, average.

Probabilities are averaged, not logits: where the answers disagree, the mean heatmap has two
peaks, and the doubt can be seen.
"""

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from model.localiser.answer import Coarse, Fine, Networks, Pixels
from model.localiser.method import TtaSpec
from model.localiser.spec import CoarseSpec

_TINY: Final = 1e-12
_PLAIN: Final = (0, 0)

Shift = tuple[int, int]


def averaged(networks: Networks, spec: TtaSpec) -> Networks:
    """Give networks that average their answers over the changes that a specification asks for."""
    coarse, fine = networks.coarse, networks.fine
    if spec.flip or spec.shifts:
        coarse = _coarse(coarse, networks.coarse_spec, spec)
    if spec.fine_shifts:
        fine = _fine(fine, spec.fine_shifts)
    return dataclasses.replace(networks, coarse=coarse, fine=fine)


def mirrored(points: Sequence[str]) -> npt.NDArray[np.intp]:
    """Give, for each point, the place of its mirror image among the points."""
    swap = {"left": "right", "right": "left"}
    names = list(points)
    found = []
    for name in names:
        stem, _, side = name.rpartition("-")
        found.append(names.index(f"{stem}-{swap[side]}" if side in swap else name))
    return np.array(found)


def _coarse(ask: Coarse, spec: CoarseSpec, tta: TtaSpec) -> Coarse:
    swapped = mirrored(spec.points)

    def asked(inputs: Pixels, flip: bool, shift: Shift) -> tuple[Pixels, Pixels]:
        changed = inputs[:, ::-1] if flip else inputs
        moved = np.roll(changed, np.multiply(shift, spec.stride), axis=(2, 3))
        logits, presence = ask(np.ascontiguousarray(moved))
        logits = np.roll(logits, np.negative(shift), axis=(2, 3))
        if flip:
            maps, anything = logits[:, ::-1, ..., :-1], logits[:, ::-1, ..., -1:]
            logits = np.concatenate([maps[..., swapped], anything], axis=-1)
            presence = presence[:, swapped]
        return logits, presence

    def average(inputs: Pixels) -> tuple[Pixels, Pixels]:
        flips = (False, True) if tta.flip else (False,)
        changes = [(flip, shift) for shift in (_PLAIN, *tta.shifts) for flip in flips]
        answers = [asked(inputs, flip, shift) for flip, shift in changes]
        maps = [_shares(logits[..., :-1], (1, 2, 3)) for logits, _ in answers]
        sure = [_sigmoid(logits[..., -1:]) for logits, _ in answers]
        presence = [_sigmoid(one) for _, one in answers]
        logits = np.concatenate([_log(maps), _logit(sure)], axis=-1)
        return logits.astype(np.float32), _logit(presence).astype(np.float32)

    return average


def _fine(ask: Fine, shifts: Sequence[Shift]) -> Fine:
    def average(inputs: Pixels) -> tuple[Pixels, Pixels]:
        maps, presence = [], []
        for shift in (_PLAIN, *shifts):
            moved = np.ascontiguousarray(np.roll(inputs, shift, axis=(2, 3)))
            logits, present = ask(moved)
            maps.append(_shares(np.roll(logits, np.negative(shift), axis=(2, 3)), (1, 2, 3)))
            presence.append(_sigmoid(present))
        return _log(maps).astype(np.float32), _logit(presence).astype(np.float32)

    return average


def _shares(logits: Pixels, axes: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Give the distribution over the cells that the logits stand for."""
    wide = logits.astype(np.float64)
    raised = np.exp(wide - wide.max(axis=axes, keepdims=True))
    return np.asarray(raised / raised.sum(axis=axes, keepdims=True))


def _sigmoid(logits: Pixels) -> npt.NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits.astype(np.float64), -50, 50))))


def _log(shares: Sequence[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    return np.asarray(np.log(np.mean(shares, axis=0) + _TINY))


def _logit(probabilities: Sequence[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    mean = np.clip(np.mean(probabilities, axis=0), _TINY, 1 - _TINY)
    return np.asarray(np.log(mean / (1 - mean)))
