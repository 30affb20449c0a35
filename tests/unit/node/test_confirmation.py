"""What follows about an object that was stored: a table of cases, without peers and rows."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from node.confirmation import NO_COMMITMENT_S, Means, Step, delay_s, judge
from node.settings import Delivery

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SETTINGS = Delivery()
BOTH, COMMITS, FINDS, NOBODY = (
    Means(commitment=True, find=True), Means(commitment=True, find=False),
    Means(commitment=False, find=True), Means(commitment=False, find=False),
)  # fmt: skip


def delivery(ago: timedelta = timedelta(minutes=5), **values: Any) -> Any:
    fields = {"dimse_status": 0, "losses": 0, "checks": 1, "error": None, **values}
    return SimpleNamespace(stored_at=NOW - ago, **fields)


def item(ago: timedelta = timedelta(minutes=1), **values: Any) -> Any:
    fields = {"holds": None, "failure_reason": None, "judged": False, **values}
    request = SimpleNamespace(asked_at=NOW - ago, accepted_at=fields.pop("accepted_at", NOW))
    return SimpleNamespace(commitment=request, **fields)


@pytest.mark.parametrize(
    ("means", "step"),
    [(BOTH, Step.COMMIT), (COMMITS, Step.COMMIT), (FINDS, Step.FIND), (NOBODY, Step.WAIT)],
)
def test_commitment_comes_first_then_c_find(means: Means, step: Step) -> None:
    assert judge(delivery(), None, means, SETTINGS, NOW).step is step


def test_a_peer_without_means_is_asked_again_each_hour() -> None:
    judgement = judge(delivery(), None, NOBODY, SETTINGS, NOW)
    assert judgement.delay_s == NO_COMMITMENT_S
    assert "no storage commitment" in judgement.why


@pytest.mark.parametrize(
    ("means", "accepted_at", "step"),
    [
        (BOTH, NOW, Step.FIND),
        (COMMITS, NOW, Step.COMMIT),
        (BOTH, None, Step.COMMIT),  # the request did not arrive: it counts for nothing
    ],
)
def test_a_request_without_an_answer(means: Means, accepted_at: Any, step: Step) -> None:
    asked = item(accepted_at=accepted_at)
    assert judge(delivery(), asked, means, SETTINGS, NOW).step is step


def test_a_duplicate_is_looked_for_first() -> None:
    twice = delivery(dimse_status=0x0111)
    assert judge(twice, None, BOTH, SETTINGS, NOW).step is Step.FIND
    assert judge(twice, None, COMMITS, SETTINGS, NOW).step is Step.COMMIT


@pytest.mark.parametrize(
    ("ago", "losses", "step"),
    [
        (timedelta(minutes=59), 0, Step.WAIT),
        (timedelta(minutes=61), 0, Step.LOST),
        (timedelta(minutes=61), 2, Step.LOST),
        (timedelta(minutes=61), 3, Step.FAIL),
    ],
)
def test_what_is_not_there(ago: timedelta, losses: int, step: Step) -> None:
    refused = item(holds=False, failure_reason=0x0112)
    judgement = judge(delivery(ago, losses=losses), refused, BOTH, SETTINGS, NOW)
    assert judgement.step is step
    assert "0x0112 (no such object instance)" in judgement.why


@pytest.mark.parametrize(
    ("reason", "means", "step"),
    [
        (0x0119, BOTH, Step.FAIL),
        (0x0122, BOTH, Step.FIND),
        (0x0122, COMMITS, Step.GIVE_UP),
        (0x0110, BOTH, Step.WAIT),
        (0x0213, BOTH, Step.WAIT),
        (0xFFFF, BOTH, Step.WAIT),
    ],
)
def test_other_reasons(reason: int, means: Means, step: Step) -> None:
    refused = item(holds=False, failure_reason=reason)
    assert judge(delivery(timedelta(days=3)), refused, means, SETTINGS, NOW).step is step


def test_a_refusal_has_its_consequence_once_and_only_for_its_own_storing() -> None:
    judged = item(holds=False, failure_reason=0x0119, judged=True)
    assert judge(delivery(), judged, COMMITS, SETTINGS, NOW).step is Step.COMMIT
    earlier = item(timedelta(hours=1), holds=False, failure_reason=0x0119)
    assert judge(delivery(), earlier, COMMITS, SETTINGS, NOW).step is Step.COMMIT


def test_days_come_to_an_end_and_the_last_reason_stays() -> None:
    old = delivery(timedelta(days=15), error="it said no")
    judgement = judge(old, None, BOTH, SETTINGS, NOW)
    assert judgement.step is Step.GIVE_UP
    assert judgement.why == "not confirmed within 14 days; the last: it said no"


def test_waiting_grows_up_to_its_limit() -> None:
    delays = [delay_s(delivery(checks=number), SETTINGS) for number in (1, 2, 3, 50)]
    assert delays == [10, 20, 40, 3600]
