"""Qualitative evaluations of a report: row 12 of TID 1500, what a reader must know in words.

The outcome, what was not located and why, what is known of the numbering of the levels, and the
statements that stand in every report, so that "nothing found" and "not run" are never confused.
"""

from typing import Final

from highdicom import sr
from highdicom.sr import CodedConcept, ContentSequence, RelationshipTypeValues
from pydicom.sr.codedict import codes

from model import labels
from model.landmark import Prediction
from node.identity import MANUFACTURER
from node.report import codes as words
from node.report.answer import Answer, Located
from node.report.elements import plain
from node.report.variant import Variant

_CONTAINS: Final = RelationshipTypeValues.CONTAINS


def of_answer(answer: Answer, variant: Variant, supersedes: bool) -> sr.ContainerContentItem:
    """Make the evaluations of a localisation.

    Args:
        answer: what was found.
        variant: in which form its points are given.
        supersedes: whether the report takes the place of an earlier one.
    """
    prediction = answer.prediction
    items = [*algorithm(prediction), _code(words.OUTCOME, _outcome(prediction))]
    if prediction.abstained is not None:
        items.append(_text(words.OUTCOME, f"Abstained: {prediction.abstained}"))
    items.extend(_numbering(prediction))
    for mark in prediction.missed:
        site, spoken = words.foramen_site(mark.label), labels.spoken(mark.label)
        items.append(_code(site, words.NOT_LOCATED))
        items.append(_text(site, f"{spoken} not located: {mark.reason}"))
    if not (variant.three_dimensional and answer.source.frame_of_reference_uid):
        items.extend(_certainty(one) for one in answer.located)  # else a NUM beside SCOORD3D
    notes = [*_left_out(answer, variant), *_superseding(prediction, supersedes), *words.STATEMENTS]
    items.extend(_text(codes.DCM.Comment, note) for note in notes)
    return _container(items)


def of_withdrawal(reason: str) -> sr.ContainerContentItem:
    """Make the evaluations of a report that withdraws an earlier one; nothing was localised."""
    return _container(
        [
            _code(words.OUTCOME, words.WITHDRAWN),
            _text(words.OUTCOME, f"{words.WITHDRAWAL} Reason: {reason}"),
            *(_text(codes.DCM.Comment, statement) for statement in words.STATEMENTS),
        ]
    )


def algorithm(prediction: Prediction) -> sr.AlgorithmIdentification:
    """Name the model bundle (TID 4019), its hash behind its version."""
    return sr.AlgorithmIdentification(
        name=plain(prediction.bundle),
        version=plain(f"{prediction.bundle_version}+{prediction.bundle_digest[:12]}"),
        manufacturer=MANUFACTURER,
        family=words.ARTIFICIAL_INTELLIGENCE,
    )


def certainty_percent(one: Located) -> float:
    """Give the certainty of a located foramen in percent."""
    return round(100 * (one.landmark.confidence or 0.0), 1)


def _outcome(prediction: Prediction) -> CodedConcept:
    if prediction.abstained is not None:
        return words.ABSTAINED
    if not prediction.found:
        return words.NONE_LOCATED
    return words.PARTLY_LOCATED if prediction.missed else words.ALL_LOCATED


def _numbering(prediction: Prediction) -> list[sr.CodeContentItem | sr.TextContentItem]:
    """Say how sure the levels are, for the scan as a whole."""
    if prediction.abstained is not None:
        value, words_of_it = words.NUMBERING_UNCERTAIN, prediction.abstained
    elif prediction.found:
        value, words_of_it = words.NUMBERING_ANSWERED, words.NUMBERING_SAID
    else:
        value, words_of_it = words.NUMBERING_NOT_JUDGED, "no foramen was located"
    return [_code(words.NUMBERING, value), _text(words.NUMBERING, words_of_it)]


def _certainty(one: Located) -> sr.TextContentItem:
    spoken = labels.spoken(one.landmark.label)
    return _text(codes.DCM.CertaintyOfFinding, f"{spoken}: {certainty_percent(one):.1f} %")


def _left_out(answer: Answer, variant: Variant) -> list[str]:
    """Say which coordinates the groups lack, and why."""
    if not answer.located:
        return []
    square = all(one.placed.slice.square for one in answer.located)
    frame = bool(answer.source.frame_of_reference_uid)
    if square:
        return [] if frame else [words.NO_FRAME_OF_REFERENCE]
    if not variant.three_dimensional:
        return [words.NOT_SQUARE_FLAT]
    return [words.NOT_SQUARE if frame else words.NO_COORDINATES]


def _superseding(prediction: Prediction, supersedes: bool) -> list[str]:
    if not supersedes:
        return []
    return [words.REPLACES if prediction.found else words.WITHDRAWAL]


def _container(
    items: list[sr.CodeContentItem | sr.TextContentItem],
) -> sr.ContainerContentItem:
    container = sr.ContainerContentItem(words.QUALITATIVE_EVALUATIONS, relationship_type=_CONTAINS)
    container.ContentSequence = ContentSequence(items)
    return container


def _code(name: CodedConcept, value: CodedConcept) -> sr.CodeContentItem:
    return sr.CodeContentItem(name, value, _CONTAINS)


def _text(name: CodedConcept, value: str) -> sr.TextContentItem:
    return sr.TextContentItem(name, plain(value), _CONTAINS)
