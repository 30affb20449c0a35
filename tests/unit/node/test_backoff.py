"""How long to wait before trying again."""

from node.backoff import backoff_s


def test_it_doubles_up_to_its_limit() -> None:
    assert [backoff_s(n, 10, 60) for n in (1, 2, 3, 4, 5000)] == [10, 20, 40, 60, 60]
