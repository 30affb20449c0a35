"""Decide by metadata which series are processed: named sets of rules, every verdict kept.

A rule asks a DICOM keyword, which every instance must satisfy, or a derived attribute of the whole
series (node.filters.attributes). Every rule is always judged, so that an administrator reads all
reasons at once. Attributes that identify the patient may be asked but never stand in a reason.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.tag import Tag

from node.errors import ConfigError
from node.filters.attributes import ATTRIBUTES
from node.filters.finding import Finding
from node.filters.operators import OPERATORS, expectation, shown
from node.headers import Headers, Value, noun, values
from node.settings import Rule

_BUNDLE_PREFIX = "bundle."
_MAX_SHOWN = 3
_HIDDEN = "(not shown: may identify the patient)"
_HIDDEN_GROUPS = (0x0010, 0x0038, 0x0040)  # patient, visit, procedure and request
_HIDDEN_VRS = ("PN", "LT", "ST", "UT", "UC")
_HIDDEN_KEYWORDS = ("AccessionNumber", "StudyID")
_BULK_VRS = ("OB", "OW", "OB or OW", "OD", "OF", "OL", "OV")


@dataclass(frozen=True, slots=True)
class Decision:
    """What a filter set says of a series, with every failed rule's reason and every verdict."""

    accepted: bool
    reasons: tuple[str, ...]
    verdict: dict[str, Any]
    """JSON: filter_set, accepted, instances, rules [{attribute, operator, expected, received
    [{value, instances}], source, passed, reason}]. Of a multi-frame object, frames are counted."""

    @property
    def summary(self) -> str:
        """Say it in one text: how many rules failed, then every reason; empty when accepted."""
        if len(self.reasons) < 2:
            return "".join(f"{reason}." for reason in self.reasons)
        head = f"{len(self.reasons)} reasons by filter set {self.verdict['filter_set']}"
        return ". ".join((head, *self.reasons)) + "."


@dataclass(frozen=True, slots=True)
class _Received:
    """What the series holds for a rule's attribute: (components, number of instances)."""

    counts: tuple[tuple[tuple[Value, ...], int], ...]
    source: str = ""
    hidden: bool = False


class FilterSet:
    """A named set of rules, checked and resolved against a model bundle's handles.

    Raises:
        ConfigError: a rule names an unknown attribute or bundle key, or a value that its operator
            cannot use; every such rule is named.
    """

    def __init__(self, name: str, rules: Sequence[Rule], handles: Mapping[str, Any]) -> None:
        self.name = name
        self.rules = tuple(_resolved(rule, handles) for rule in rules)
        faults = [
            f"  rule {number} ({rule.attribute} {rule.operator}): {fault}"
            for number, rule in enumerate(rules, 1)
            if (fault := _fault(rule, handles))
        ]
        if not rules:
            faults = ["  no rules: it would accept everything; name at least one"]
        if faults:
            raise ConfigError(f"filter set {name!r} cannot be used:\n" + "\n".join(faults))

    def judge(self, headers: Headers) -> Decision:
        """Judge the headers of all instances of a series by every rule; never raises."""
        judged = [_judge(rule, headers) for rule in self.rules]
        reasons = dict.fromkeys(rule["reason"] for rule in judged if not rule["passed"])
        if not headers:
            reasons = {"the series has no instances": None}
        verdict = {
            "filter_set": self.name,
            "accepted": not reasons,
            "instances": len(headers),
            "rules": judged,
        }
        return Decision(not reasons, tuple(reasons), verdict)


def _resolved(rule: Rule, handles: Mapping[str, Any]) -> Rule:
    """Put what the bundle declares in the place of `bundle.<key>`."""
    key = _bundle_key(rule)
    if key is None or key not in handles:
        return rule
    return rule.model_copy(update={"value": handles[key]})


def _bundle_key(rule: Rule) -> str | None:
    if isinstance(rule.value, str) and rule.value.startswith(_BUNDLE_PREFIX):
        return rule.value.removeprefix(_BUNDLE_PREFIX)
    return None


def _fault(rule: Rule, handles: Mapping[str, Any]) -> str:
    """Say what is wrong with a rule as written; empty: nothing."""
    key = _bundle_key(rule)
    if key is not None and key not in handles:
        return (
            f"the model bundle declares no {key!r} under handles; it declares "
            f"{', '.join(sorted(handles)) or 'nothing'}"
        )
    value = _resolved(rule, handles).value
    wrong = OPERATORS[rule.operator].fault(value)
    if wrong:
        return f"{wrong}, got {value!r}"
    return _attribute_fault(rule) or _choice_fault(rule.attribute, rule.operator, value)


def _attribute_fault(rule: Rule) -> str:
    """Say why the attribute cannot be asked: unknown, no header, or a sequence."""
    if rule.attribute in ATTRIBUTES:
        return ""
    tag = tag_for_keyword(rule.attribute)
    if tag is None or not rule.attribute:
        return (
            "expected a DICOM keyword such as SliceThickness, or a derived attribute: "
            + ", ".join(ATTRIBUTES)
        )
    vr = dictionary_VR(tag)
    if vr in _BULK_VRS or Tag(tag).group == 0x0002:
        return "filters read the data set without pixels, bulk data and file meta information"
    if vr == "SQ" and rule.operator not in ("present", "absent"):
        return "a sequence can only be present or absent"
    return ""


def _choice_fault(attribute: str, operator: str, value: Any) -> str:
    """Say which compared values the derived attribute can never take."""
    choices = ATTRIBUTES[attribute].choices if attribute in ATTRIBUTES else None
    if choices is None or operator not in ("equals", "not_equals", "one_of", "none_of"):
        return ""
    compared = value if isinstance(value, list | tuple) else [value]
    unknown = [choice for choice in compared if not _is_choice(choice, choices)]
    if not unknown:
        return ""
    return f"{shown(tuple(unknown))} is never its value; expected {shown(choices)}"


def _is_choice(value: Value, choices: tuple[Value, ...]) -> bool:
    return any(type(choice) is type(value) and choice == value for choice in choices)


def _judge(rule: Rule, headers: Headers) -> dict[str, Any]:
    """Judge one rule; gives its JSON verdict."""
    received = _received(rule.attribute, headers)
    failing = tuple(count for count in received.counts if not _holds(rule, count[0]))
    return {
        "attribute": rule.attribute,
        "operator": rule.operator,
        "expected": list(rule.value) if isinstance(rule.value, tuple) else rule.value,
        "received": [
            {"value": _json_value(components, received.hidden), "instances": instances}
            for components, instances in received.counts[:20]
        ],
        "source": received.source,
        "passed": not failing,
        "reason": _reason(rule, received, failing, headers) if failing else "",
    }


def _received(attribute: str, headers: Headers) -> _Received:
    derived = ATTRIBUTES.get(attribute)
    if derived is not None:
        finding: Finding = derived.compute(headers)
        return _Received(((finding.values, len(headers)),), finding.source)
    counted = Counter(values(header, attribute) for header in headers)
    return _Received(tuple(counted.most_common()), hidden=_identifies(attribute))


def _holds(rule: Rule, components: tuple[Value, ...]) -> bool:
    """Tell whether components satisfy the rule; none satisfy `absent` and optional rules."""
    if not components and rule.operator not in ("present", "absent"):
        return rule.optional
    return OPERATORS[rule.operator].holds(components, rule.value)


def _reason(
    rule: Rule,
    received: _Received,
    failing: tuple[tuple[tuple[Value, ...], int], ...],
    headers: Headers,
) -> str:
    """Say why the rule failed: what was received, in how many instances, what was expected."""
    if rule.attribute in ATTRIBUTES:
        components = failing[0][0]
        what = f"is {shown(components)}" if components else "cannot be told"
        what += f" ({received.source})" if received.source else ""
    else:
        what = _counted(failing, headers, received.hidden)
    missing = all(not components for components, _ in failing)
    expected = "" if missing else f"; expected {expectation(rule.operator, rule.value)}"
    said = f"{rule.attribute} {what}{expected}"
    return f"{rule.reason}: {said}" if rule.reason else said


def _counted(
    failing: tuple[tuple[tuple[Value, ...], int], ...], headers: Headers, hidden: bool
) -> str:
    """Write `is 5 in 14 and missing in 1 of 15 instances`."""
    said = []
    for components, count in failing[:_MAX_SHOWN]:
        value = "missing" if not components else _HIDDEN if hidden else shown(components)
        said.append(f"{value} in {count}")
    rest = len(failing) - _MAX_SHOWN
    more = f" and {rest} other values" if rest > 0 else ""
    return f"is {', '.join(said)} of {len(headers)} {noun(headers)}{more}"


def _json_value(components: tuple[Value, ...], hidden: bool) -> Value | list[Value] | None:
    if not components:
        return None
    if hidden:
        return _HIDDEN
    return components[0] if len(components) == 1 else list(components)


def _identifies(keyword: str) -> bool:
    """Tell whether an attribute's value may identify the patient (PS3.15 annex E, the gist)."""
    tag = Tag(tag_for_keyword(keyword) or 0)
    return (
        tag.group in _HIDDEN_GROUPS
        or keyword in _HIDDEN_KEYWORDS
        or dictionary_VR(tag) in _HIDDEN_VRS
    )
