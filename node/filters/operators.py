"""The operators of filter rules: what they demand, and how they say it.

A multi-valued attribute (PixelSpacing, ImageType) is judged component by component: the condition
must hold for all. Text compares without case; numbers compare as numbers, whether the header
carries them as text (VR DS, IS) or binary.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from node.headers import Value, number

Values = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class OperatorSpec:
    """One operator: the test, the words for what it expects, and the check of its value."""

    holds: Callable[[Values, Any], bool]
    """Judges values that are present."""
    expects: str
    """Words for an administrator; `{value}` is what the rule says."""
    fault: Callable[[Any], str]
    """What is wrong with a rule's value; empty: nothing."""


def same(received: Value, expected: Value) -> bool:
    """Compare one component: truth with truth, numbers as numbers, text without case."""
    if isinstance(expected, bool) or isinstance(received, bool):
        return received is expected
    if isinstance(expected, int | float):
        return number(received) == expected
    return str(received).strip().casefold() == expected.strip().casefold()


def _equals(received: Values, expected: Any) -> bool:
    if isinstance(expected, list | tuple):
        pairs = zip(received, expected, strict=False)
        return len(received) == len(expected) and all(same(one, other) for one, other in pairs)
    return all(same(component, expected) for component in received)


def _not_equals(received: Values, expected: Any) -> bool:
    if isinstance(expected, list | tuple):
        return not _equals(received, expected)
    return not any(same(component, expected) for component in received)


def _one_of(received: Values, expected: Any) -> bool:
    return all(any(same(component, choice) for choice in expected) for component in received)


def _none_of(received: Values, expected: Any) -> bool:
    return not any(same(component, choice) for component in received for choice in expected)


def _matches(received: Values, expected: Any) -> bool:
    text = "\\".join(str(component) for component in received)
    return re.search(expected, text, re.IGNORECASE) is not None


def _not_matches(received: Values, expected: Any) -> bool:
    return not _matches(received, expected)


def _within(received: Values, low: float | None, high: float | None) -> bool:
    parsed = [number(component) for component in received]
    return all(
        value is not None and (low is None or value >= low) and (high is None or value <= high)
        for value in parsed
    )


def _at_least(received: Values, expected: Any) -> bool:
    return _within(received, expected, None)


def _at_most(received: Values, expected: Any) -> bool:
    return _within(received, None, expected)


def _between(received: Values, expected: Any) -> bool:
    return _within(received, *expected)


def _present(received: Values, _expected: Any) -> bool:
    return bool(received)


def _absent(received: Values, _expected: Any) -> bool:
    return not received


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _is_number(value: Any) -> bool:
    return _is_scalar(value) and not isinstance(value, str | bool)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(map(_is_scalar, value))


def _no_fault(_value: Any) -> str:
    return ""


def _scalar_fault(value: Any) -> str:
    return "" if _is_scalar(value) or _is_list(value) else "expected a value or a list of values"


def _list_fault(value: Any) -> str:
    return "" if _is_list(value) else "expected a list of values, such as [HFS, FFS]"


def _number_fault(value: Any) -> str:
    return "" if _is_number(value) else "expected a number"


def _range_fault(value: Any) -> str:
    fits = _is_list(value) and len(value) == 2 and all(map(_is_number, value))
    return "" if fits and value[0] <= value[1] else "expected two numbers, low and high: [3, 4]"


def _pattern_fault(value: Any) -> str:
    if not isinstance(value, str):
        return "expected a regular expression as text"
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError) as error:
        return f"invalid regular expression: {error}"
    return ""


OPERATORS: Final[Mapping[str, OperatorSpec]] = MappingProxyType(
    {
        "present": OperatorSpec(_present, "present", _no_fault),
        "absent": OperatorSpec(_absent, "absent", _no_fault),
        "equals": OperatorSpec(_equals, "{value}", _scalar_fault),
        "not_equals": OperatorSpec(_not_equals, "anything but {value}", _scalar_fault),
        "one_of": OperatorSpec(_one_of, "one of {value}", _list_fault),
        "none_of": OperatorSpec(_none_of, "none of {value}", _list_fault),
        "matches": OperatorSpec(_matches, "a match of the pattern {value}", _pattern_fault),
        "not_matches": OperatorSpec(
            _not_matches, "no match of the pattern {value}", _pattern_fault
        ),
        "at_least": OperatorSpec(_at_least, "at least {value}", _number_fault),
        "at_most": OperatorSpec(_at_most, "at most {value}", _number_fault),
        "between": OperatorSpec(_between, "between {value}", _range_fault),
    }
)


def shown(value: Value | Values | None) -> str:
    """Write a value as people read it: numbers short, texts bare, components with a comma."""
    if isinstance(value, list | tuple):
        return ", ".join(shown(part) for part in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "missing" if value is None else str(value)


def expectation(operator: str, value: Any) -> str:
    """Say what a rule expects: `between 3 and 4`, `one of HFS, FFS`."""
    said = " and ".join(map(shown, value)) if operator == "between" else shown(value)
    if operator == "one_of" and len(value) == 1:
        return said
    return OPERATORS[operator].expects.format(value=said)
