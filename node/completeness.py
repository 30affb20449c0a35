"""Is a series whole? What is known of it, and what follows: complete, wait, or incomplete.

No evidence proves that a series is whole; some proves that it is not. So silence alone completes a
series, and evidence can only prolong the waiting: proof that images are missing until the hard
limit, a doubt for a while. Where a slice is missing in the middle at the hard limit, nothing may
be reported. Everything is worked out anew at every look, from rows and files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np

from model.frames import VolumeError, concatenation_fault
from node.filters.plane import axes
from node.headers import Headers, first_number, numbers, values
from node.settings import Assembler

POSITIONS: Final = "SlicePosition"
_GAP: Final = 1.5  # times the smallest gap: closer to two steps than to one
_SAME_POSITION_MM: Final = 0.01
_SAME_ORIENTATION: Final = 1e-3  # as model.slices has it
_MOST_IMAGES: Final = 10_000
_SHOWN: Final = 10


class State(StrEnum):
    """What follows from the evidence."""

    COMPLETE = "complete"
    WAIT = "wait"
    INCOMPLETE = "incomplete"


class Weight(StrEnum):
    """What a piece of evidence says about missing images."""

    NONE = "none"  # nothing is known to be missing
    DOUBT = "doubt"  # some may be
    PROOF = "proof"  # some are


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of evidence: what was looked at, what it weighs, and a sentence."""

    rule: str
    weight: Weight
    says: str
    values: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Give plain values for the row."""
        return {"rule": self.rule, "weight": self.weight, "says": self.says, **self.values}


@dataclass(frozen=True, slots=True)
class Received:
    """What the rows know of a series.

    Attributes:
        quiet_s: since anything came, also a repetition.
        unchanged_s: since a new instance came.
        instances: how many are current.
        numbers: their InstanceNumber, as far as known.
        open: how many associations that brought some are still open.
        last_ending: of the association that brought the newest: released, aborted, open, lost
            (this process does not know it); empty: not recorded.
    """

    quiet_s: float
    unchanged_s: float
    instances: int
    numbers: tuple[int, ...] = ()
    open: int = 0
    last_ending: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What follows, and from what.

    Attributes:
        state: complete, wait or incomplete.
        reason: the sentences of the evidence that says that images are missing.
        look_again_s: when to look again, where the series waits.
        evidence: JSON for `Series.evidence`.
    """

    state: State
    reason: str
    look_again_s: float
    evidence: dict[str, Any]


def look(received: Received, headers: Headers, settings: Assembler) -> list[Piece]:
    """Collect what rows and headers say."""
    quiet = Piece(
        "quiet",
        Weight.NONE,
        f"nothing came for {received.quiet_s:.0f} s",
        {
            "quiet_s": round(received.quiet_s, 3),
            "unchanged_s": round(received.unchanged_s, 3),
            "stable_age_s": settings.stable_age_s,
            "instances": received.instances,
        },
    )
    found = (
        _association(received),
        _announced(headers),
        _concatenation(headers),
        _numbers(received.numbers),
        _positions(headers),
    )
    return [quiet, *(piece for piece in found if piece is not None)]


def counted(received: int, expected: int, source: str) -> Piece:
    """Say what a source has, as C-FIND tells; equality proves nothing, for it may receive, too."""
    if expected > received:
        weight, says = Weight.PROOF, f"{source} has {expected} instances, {received} came"
    else:
        weight, says = Weight.NONE, f"{source} has {expected} instances, no more than came"
    return Piece(
        "NumberOfSeriesRelatedInstances",
        weight,
        says,
        {"source": source, "expected": expected, "received": received},
    )


def untold(source: str, why: str) -> Piece:
    """Say that a source could not be asked: that proves nothing."""
    return Piece(
        "NumberOfSeriesRelatedInstances",
        Weight.NONE,
        f"{source} could not be asked: {why}",
        {"source": source},
    )


def conclude(received: Received, pieces: Sequence[Piece], settings: Assembler) -> Outcome:
    """Draw the conclusion from all pieces of evidence."""
    limit_s = max(settings.limit_s, settings.stable_age_s)
    proof = [piece for piece in pieces if piece.weight is Weight.PROOF]
    doubt = [piece for piece in pieces if piece.weight is Weight.DOUBT]
    until_s = settings.stable_age_s
    if doubt:
        until_s = min(max(settings.doubtful_age_s, settings.stable_age_s), limit_s)
    if proof:
        until_s = limit_s
    left_s = until_s - received.unchanged_s
    if (proof or doubt) and left_s > 0:
        state = State.WAIT
    elif any(piece.rule == POSITIONS for piece in proof):
        state = State.INCOMPLETE
    else:
        state = State.COMPLETE
    reason = "; ".join(piece.says for piece in (*proof, *doubt))
    evidence: dict[str, Any] = {
        "state": state,
        "reason": reason,
        "pieces": [piece.to_json() for piece in pieces],
    }
    return Outcome(state, reason, min(max(left_s, 0.0), settings.look_again_s), evidence)


def _association(received: Received) -> Piece | None:
    if received.open:
        weight, says = (
            Weight.DOUBT,
            f"associations that brought images and are open: {received.open}",
        )
    elif received.last_ending in ("aborted", "lost"):
        weight, says = Weight.DOUBT, "the last association that brought images broke off"
    elif received.last_ending:
        weight, says = Weight.NONE, f"the last association was {received.last_ending}"
    else:
        return None
    values = {"open": received.open, "last_ending": received.last_ending}
    return Piece("association", weight, says, values)


def _announced(headers: Headers) -> Piece | None:
    """Compare what an acquisition says it has with what came of it (PS3.3 section C.7.6.1)."""
    told: dict[str, int] = {}
    came: dict[str, int] = {}
    for header in headers:
        acquisition = "\\".join(str(value) for value in values(header, "AcquisitionNumber"))
        came[acquisition] = came.get(acquisition, 0) + 1
        number = first_number(header, "ImagesInAcquisition") or 0
        if 1 <= number <= _MOST_IMAGES:
            told[acquisition] = max(told.get(acquisition, 0), int(number))
    if not told:
        return None
    short = {name: (came[name], count) for name, count in told.items() if came[name] < count}
    said = "; ".join(
        f"{got} of {count} images of acquisition {name or 'without number'} came"
        for name, (got, count) in list(short.items())[:_SHOWN]
    )
    return Piece(
        "ImagesInAcquisition",
        Weight.PROOF if short else Weight.NONE,
        said or "all images that their acquisitions announce came",
        {"expected": sum(told.values()), "received": sum(came[name] for name in told)},
    )


def _concatenation(headers: Headers) -> Piece | None:
    if not any("ConcatenationUID" in header for header in headers):
        return None
    try:
        fault = concatenation_fault(headers)
    except VolumeError as error:
        fault = str(error)
    weight = Weight.PROOF if fault else Weight.NONE
    return Piece("ConcatenationUID", weight, fault or "every concatenation is whole", {})


def _numbers(found: Sequence[int]) -> Piece | None:
    """Look for gaps between InstanceNumbers; other numberings than by one say nothing."""
    distinct = set(found)
    if len(distinct) < 2 or len(distinct) < len(found):
        return None
    absent = max(distinct) - min(distinct) + 1 - len(distinct)
    if absent > len(distinct):
        return None
    missing = [n for n in range(min(distinct), max(distinct)) if n not in distinct][:_SHOWN]
    said = ", ".join(map(str, missing))
    return Piece(
        "InstanceNumber",
        Weight.DOUBT if absent else Weight.NONE,
        f"InstanceNumber {said} did not come" if absent else "InstanceNumber has no gap",
        {"absent": missing, "least": min(distinct), "most": max(distinct)},
    )


def _positions(headers: Headers) -> Piece | None:
    """Look for places between slices of one stack where another one fits."""
    gaps = _gaps_mm(headers)
    if len(gaps) < 2:
        return None
    step = float(gaps.min())
    missing = int(np.rint(gaps[gaps >= _GAP * step] / step - 1).sum())
    return Piece(
        POSITIONS,
        Weight.PROOF if missing else Weight.NONE,
        f"slices missing between the first and the last: {missing} (gaps of up to "
        f"{gaps.max():.2f} mm, others of {step:.2f} mm)"
        if missing
        else f"slices lie {step:.2f} to {gaps.max():.2f} mm apart without a gap",
        {"missing": missing, "gap_mm": round(float(gaps.max()), 3), "step_mm": round(step, 3)},
    )


def _gaps_mm(headers: Headers) -> "np.typing.NDArray[np.float64]":
    """Give the gaps between slice positions; none where the images are not one stack."""
    nothing = np.zeros(0)
    directions = [axes(header) for header in headers]
    positions = [numbers(header, "ImagePositionPatient", 3) for header in headers]
    if not directions or None in positions or any(one is None for one in directions):
        return nothing
    turned = np.abs(np.array(directions) - directions[0]).max()
    if turned > _SAME_ORIENTATION:
        return nothing
    offsets = np.sort(np.array(positions, np.float64) @ np.array(directions[0])[2])
    gaps = np.diff(offsets)
    return np.asarray(gaps[gaps >= _SAME_POSITION_MM], np.float64)
