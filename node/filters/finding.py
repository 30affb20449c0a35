"""What a derived attribute found, and by what it was told."""

from collections.abc import Sequence
from dataclasses import dataclass

from node.headers import Value


@dataclass(frozen=True, slots=True)
class Finding:
    """A value computed from the headers of a series.

    `value` is None when it cannot be told; a tuple when it has several components (rows, columns)
    or when the instances disagree. `source` says by what it was told, or why it cannot be told; it
    carries attribute keywords, numbers and the words that were recognised, never free text.
    """

    value: Value | tuple[Value, ...] | None
    source: str = ""

    @property
    def values(self) -> tuple[Value, ...]:
        """Give the components, none when the value cannot be told."""
        if self.value is None:
            return ()
        return self.value if isinstance(self.value, tuple) else (self.value,)


def agreed(found: Sequence[Value | None], source: str) -> Finding:
    """Join what single instances say: one value when they agree, else all of them, sorted."""
    known = sorted({value for value in found if value is not None}, key=str)
    if not known:
        return Finding(None, source)
    return Finding(known[0] if len(known) == 1 else tuple(known), source)
