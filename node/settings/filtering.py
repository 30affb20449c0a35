"""The section `filter_sets`: what a rule asks, and by which operator."""

from typing import Any, Literal, Self

from pydantic import model_validator

from node.settings.section import Section

Operator = Literal[
    "present", "absent", "equals", "not_equals", "one_of", "none_of", "matches", "not_matches",
    "at_least", "at_most", "between",
]  # fmt: skip


class Rule(Section):
    """One condition of a filter set.

    `attribute` is a DICOM keyword or a derived attribute (docs/reference/filters.md). `value` is a
    literal or `bundle.<key>`: what the model bundle declares under `handles`.
    """

    attribute: str
    """A DICOM keyword, of which every instance must satisfy the rule, or a derived attribute."""
    operator: Operator
    """How the attribute is compared with the value."""
    value: Any = None
    """A literal, or `bundle.<key>`: what the model bundle declares that it can handle."""
    optional: bool = False
    """True: a missing attribute passes; only a value that is there is judged."""
    reason: str = ""
    """What an administrator reads first when the rule fails; what was received follows."""

    @model_validator(mode="after")
    def _value_fits_operator(self) -> Self:
        wants_none = self.operator in ("present", "absent")
        if wants_none != (self.value is None):
            raise ValueError(
                f"rule on {self.attribute}: operator {self.operator} takes "
                + ("no value" if wants_none else "a value")
            )
        return self
