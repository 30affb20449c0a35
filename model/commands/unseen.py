"""What a model is measured on: cases that it did not learn from, and what they are called."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from model.commands import phantoms as drawn
from model.commands.data import recorded

if TYPE_CHECKING:
    from model.index import Part, Reader


def test_cases(source: Path | None, phantoms: int, part: "Part") -> "tuple[list[Reader], str]":
    """Prepare to read what a model is measured on, and tell it in words.

    Args:
        source: index file or folder of cases; None draws phantoms, seeds 30000 and up.
        phantoms: how many to draw.
        part: of an index; a folder has no parts.

    Raises:
        ValueError: there is no case; see `model.index.readers`.
    """
    if source is None:
        last = drawn.TEST_SEED + phantoms - 1
        words = f"{phantoms} phantoms that no training saw (seeds {drawn.TEST_SEED} to {last})"
        return drawn.phantoms(drawn.TEST_SEED, phantoms), words
    from model.index import readers

    found = readers(source, part)
    if not found:
        raise ValueError(f"{source} has no series for {part}; expected at least one")
    if source.is_dir():
        return found, f"the {len(found)} case(s) of the folder {source.absolute().name}"
    return found, f"the {len(found)} {part} case(s) of {source.name}"


def own_test_cases(run: Path, phantoms: int) -> "tuple[list[Reader], str]":
    """Prepare to read what the run of a folder was not trained on, and tell it in words.

    The test part of its index; where it has none, what was held out to validate. A run on
    phantoms gets others.

    Raises:
        ValueError: its data set is gone or has no case left for that.
    """
    record = recorded(run)
    if record is None or record["source"] is None:
        return test_cases(None, phantoms, "test")
    source = Path(record["source"])
    if not source.exists():
        raise ValueError(
            f"{source}, which {run} learned from, is gone; name the test cases by --cases"
        )
    from model.index import readers

    if source.is_file() and readers(source, "test"):
        return test_cases(source, phantoms, "test")
    names = set(record["validation"])
    every = [*readers(source, "train"), *([] if source.is_dir() else readers(source, "validation"))]
    held_out = [reader for reader in every if name_of(reader) in names]
    if not held_out:
        raise ValueError(f"{source} has none of the cases that {run} held out; give --cases")
    words = f"the {len(held_out)} case(s) of {source.name} that only validated the training"
    return held_out, words


def name_of(reader: "Reader") -> str:
    """Give the name that a case will have, without reading it."""
    (what,) = reader.args if isinstance(reader, partial) else (None,)
    return str(getattr(what, "name", ""))
