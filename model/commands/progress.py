"""How a command tells its caller how far it is."""

from typing import Protocol


class Report(Protocol):
    """Called with what is being done, how many are done, of how many, and a word on it."""

    def __call__(self, what: str, done: int, total: int, detail: str = "") -> None:
        """Take the report."""


def silent(what: str, done: int, total: int, detail: str = "") -> None:
    """Report to nobody."""
    del what, done, total, detail
