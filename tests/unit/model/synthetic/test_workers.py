"""Work shared between processes: in order, and errors come through."""

import math

import pytest

from model.synthetic.workers import each


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_order_and_errors_come_through(processes: int) -> None:
    results = each(math.sqrt, [9.0, 4.0, -1.0], processes)
    assert next(results) == 3.0
    assert next(results) == 2.0
    with pytest.raises(ValueError, match=r"math domain error|nonnegative"):
        next(results)


def test_one_item_needs_no_process() -> None:
    assert list(each(lambda item: item + 1, [1], 2)) == [2]  # a lambda cannot be sent
