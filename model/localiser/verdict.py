"""What is told of an answer: points with their certainty, misses with reasons, or an abstention."""

from typing import Final

from model.labels import LABELS, segment, split
from model.landmark import Landmark, Point
from model.localiser import evidence
from model.localiser.answer import Answer, Found
from model.localiser.certainty import CertaintySpec
from model.localiser.chain import ChainSpec

_LEAST_FOUND: Final = 4  # fewer foramina make no chain whose levels could be trusted
_OUTSIDE: Final = 0.5
_LEAST_SACRUM: Final = 0.5  # presence of its upper endplate
_LEAST_PRESENT: Final = 0.2  # below, the fine network sees no foramen: whatever certainty says
_LEAST_LEVEL_MASS: Final = 0.02  # below, the coarse heatmap of this level is elsewhere or flat


def verdict(
    said: Answer, chain: ChainSpec, certainty: CertaintySpec
) -> tuple[tuple[Landmark, ...], str | None]:
    """Decide what to report.

    Args:
        said: what the networks say.
        chain: the costs that its levels were found with.
        certainty: when to answer.

    Returns:
        the ten landmarks in the order of `LABELS`, and why the whole scan was abstained from, or
        None. An abstained scan has no point.
    """
    why = _abstention(said, chain, certainty)
    if why is not None:
        return tuple(Landmark(name, reason=why) for name in LABELS), why
    levels = certainty.levels.probability(evidence.of_scan(said, chain))
    return tuple(_landmark(said, name, levels, certainty) for name in LABELS), None


def _abstention(said: Answer, chain: ChainSpec, certainty: CertaintySpec) -> str | None:
    found = sum(_recognised(one) for one in said.found.values())
    if found < _LEAST_FOUND:
        return (
            f"the levels are unknown: {found or 'no'} of the ten lumbar foramina "
            f"{'was' if found == 1 else 'were'} recognised, at least {_LEAST_FOUND} are needed"
        )
    if said.anchors["S1-endplate"][2] < _LEAST_SACRUM:
        return (
            "the levels are unknown: no sacrum was recognised in the image, and levels are counted "
            "from it"
        )
    levels = certainty.levels.probability(evidence.of_scan(said, chain))
    if levels < certainty.least_levels:
        return (
            "the levels are uncertain, a shift by one level cannot be ruled out (probability of "
            f"right levels {_percent(levels)}, at least {_percent(certainty.least_levels)} is "
            f"needed; {certainty.calibrated_on})"
        )
    return None


def _recognised(one: Found) -> bool:
    """Tell whether both networks see a foramen there.

    The certainty is a smooth function fitted on scans of spines; far from those (noise, a knee)
    it may say anything, so what no network sees is never counted.
    """
    return one.present >= _LEAST_PRESENT and one.level_mass >= _LEAST_LEVEL_MASS


def _landmark(said: Answer, name: str, levels: float, certainty: CertaintySpec) -> Landmark:
    level, side = split(name)
    if name not in said.found:
        if said.presence.get(name, 0.0) < _OUTSIDE:
            reason = f"the {side} foramen of {segment(level)} seems to lie outside the image"
        else:
            reason = f"no image region on the {side} looks like a foramen of {segment(level)}"
        return Landmark(name, reason=reason)
    point = certainty.point.probability(evidence.of_foramen(said, name))
    if point < certainty.least_point:
        reason = (
            f"its place is uncertain (probability {_percent(point)}, at least "
            f"{_percent(certainty.least_point)} is needed; {certainty.calibrated_on})"
        )
        return Landmark(name, reason=reason)
    x, y, z = (float(value) for value in said.found[name].point_mm)
    place: Point = (x, y, z)
    return Landmark(name, point_mm=place, confidence=min(levels * point, 1.0))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
