"""The time between attempts to deliver."""

from itertools import pairwise

from node.delivery import delay_s
from node.settings import Delivery

SETTINGS = Delivery(retry_delay_s=10, retry_delay_max_s=3600)


def test_backoff_doubles_up_to_its_limit() -> None:
    delays = [delay_s(attempts, SETTINGS, seed=1) for attempts in range(1, 8)]
    assert 9 <= delays[0] <= 10
    assert all(1.7 <= later / earlier <= 2.3 for earlier, later in pairwise(delays))
    assert 3240 <= delay_s(20, SETTINGS, seed=1) <= 3600
    assert delay_s(5000, SETTINGS, seed=1) <= 3600


def test_backoff_of_two_deliveries_differs_and_repeats() -> None:
    assert delay_s(3, SETTINGS, seed=1) != delay_s(3, SETTINGS, seed=2)
    assert delay_s(3, SETTINGS, seed=1) == delay_s(3, SETTINGS, seed=1)
