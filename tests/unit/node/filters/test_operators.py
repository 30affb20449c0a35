"""What operators hold for, and the values that rules may give them."""

from pathlib import Path
from typing import Any, get_args

import pytest

from node.filters.operators import OPERATORS, expectation, shown
from node.settings import Operator

REFERENCE = Path(__file__).parents[4] / "docs" / "reference" / "filters.md"


def test_every_operator_of_a_rule_is_known() -> None:
    assert set(OPERATORS) == set(get_args(Operator))


@pytest.mark.parametrize("operator", OPERATORS)
def test_documented(operator: str) -> None:
    assert f"| `{operator}` |" in REFERENCE.read_text()


@pytest.mark.parametrize(
    ("operator", "received", "expected", "holds"),
    [
        ("present", ("x",), None, True),
        ("present", (), None, False),
        ("absent", (), None, True),
        ("absent", ("x",), None, False),
        ("equals", ("MR",), "mr", True),
        ("equals", ("MR",), "M", False),
        ("equals", ("4",), 4, True),
        ("equals", (4.0,), 4, True),
        ("equals", (4,), "4", True),
        ("equals", ("four",), 4, False),
        ("equals", (True,), True, True),
        ("equals", (True,), 1, False),
        ("equals", (1,), True, False),
        ("equals", ("true",), True, False),
        ("equals", ("A", "A"), "A", True),
        ("equals", ("A", "B"), "A", False),
        ("equals", ("A", "B"), ["A", "B"], True),
        ("equals", ("B", "A"), ["A", "B"], False),
        ("equals", ("A",), ["A", "B"], False),
        ("not_equals", ("A",), "B", True),
        ("not_equals", ("A", "B"), "B", False),
        ("not_equals", ("A", "B"), ["A", "B"], False),
        ("not_equals", ("A",), ["A", "B"], True),
        ("one_of", ("HFS",), ["HFS", "FFS"], True),
        ("one_of", ("HFP",), ["HFS", "FFS"], False),
        ("one_of", ("HFS", "HFP"), ["HFS", "FFS"], False),
        ("none_of", ("HFP",), ["HFS", "FFS"], True),
        ("none_of", ("HFP", "HFS"), ["HFS", "FFS"], False),
        ("matches", ("t1_TSE_sag",), "tse", True),
        ("matches", ("ORIGINAL", "PRIMARY"), r"^original\\primary$", True),
        ("matches", ("t1",), "^t2", False),
        ("not_matches", ("t1",), "^t2", True),
        ("not_matches", ("T2",), "^t2", False),
        ("at_least", (500, 501), 500, True),
        ("at_least", (500, 499), 500, False),
        ("at_least", ("abc",), 500, False),
        ("at_most", (20.0,), 20, True),
        ("at_most", (20.1,), 20, False),
        ("between", ("3",), [3, 4], True),
        ("between", (4,), [3, 4], True),
        ("between", (4.01,), [3, 4], False),
        ("between", (0.5, 1.5), [0.2, 1.3], False),
        ("between", ("nan",), [3, 4], False),
        ("between", (True,), [0, 4], False),
    ],
)
def test_holds(operator: str, received: tuple[Any, ...], expected: Any, holds: bool) -> None:
    assert OPERATORS[operator].holds(received, expected) is holds


@pytest.mark.parametrize(
    ("operator", "value", "fault"),
    [
        ("equals", {"a": 1}, "expected a value or a list of values"),
        ("equals", [], "expected a value or a list of values"),
        ("one_of", "HFS", "expected a list of values"),
        ("none_of", [["a"]], "expected a list of values"),
        ("matches", 3, "expected a regular expression as text"),
        ("matches", "t1(", "invalid regular expression"),
        ("not_matches", "*", "invalid regular expression"),
        ("at_least", "3", "expected a number"),
        ("at_most", True, "expected a number"),
        ("between", [4, 3], "expected two numbers, low and high"),
        ("between", [3], "expected two numbers"),
        ("between", ["3", "4"], "expected two numbers"),
        ("between", 3, "expected two numbers"),
    ],
)
def test_faults(operator: str, value: Any, fault: str) -> None:
    assert OPERATORS[operator].fault(value).startswith(fault)


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("present", None),
        ("equals", False),
        ("not_equals", ["A", "B"]),
        ("one_of", ["HFS"]),
        ("matches", "^t1.*sag"),
        ("at_least", 500),
        ("at_most", 0.5),
        ("between", [3, 3]),
    ],
)
def test_no_fault(operator: str, value: Any) -> None:
    assert OPERATORS[operator].fault(value) == ""


@pytest.mark.parametrize(
    ("operator", "value", "words"),
    [
        ("between", [3, 4.5], "between 3 and 4.5"),
        ("one_of", ["HFS", "FFS"], "one of HFS, FFS"),
        ("one_of", ["T1"], "T1"),
        ("equals", False, "false"),
        ("at_most", 20, "at most 20"),
        ("not_equals", "CT", "anything but CT"),
        ("matches", "{3}", "a match of the pattern {3}"),
    ],
)
def test_expectations_in_words(operator: str, value: Any, words: str) -> None:
    assert expectation(operator, value) == words


def test_values_as_people_read_them() -> None:
    assert shown((0.7000000001, 0.5)) == "0.7, 0.5"
    assert shown(True) == "true"
    assert shown(None) == "missing"
