"""Phantoms as cases: enough to see that everything works, no more."""

from functools import partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from model.cases import Case
    from model.index import Reader

TRAINING_SEED: Final = 10_000
VALIDATION_SEED: Final = 20_000
TEST_SEED: Final = 30_000


def phantoms(first_seed: int, count: int) -> "list[Reader]":
    """Prepare to draw phantoms, one for each seed from the first one on."""
    return [partial(_phantom, seed) for seed in range(first_seed, first_seed + count)]


def _phantom(seed: int) -> "Case":
    from model import volume
    from model.cases import Case
    from model.phantom import drawing, series

    drawn = drawing.draw(seed)
    pixels = volume.from_datasets(series.datasets(drawn))
    return Case(series.case_name(seed), pixels, drawn.points, drawn.marks)
