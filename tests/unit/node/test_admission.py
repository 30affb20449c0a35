"""Who may call, and what the others are told (PS3.8 table 9-21)."""

from typing import Any

import pytest

from node.admission import LIMIT_EXCEEDED, Admission
from node.settings import Node

ALLOW = [
    {"ae_title": "MR1", "hosts": ["10.20.0.5"]},
    {"ae_title": "PACS", "hosts": ["10.20.1.0/24", "2001:db8:20::/64"]},
    {"hosts": ["10.30.0.0/16"]},
]
ANYWHERE = [{"ae_title": "MR2"}]


def admission(allow: list[dict[str, Any]], **settings: Any) -> Admission:
    return Admission(Node.model_validate({"allow": allow, **settings}))


def test_without_a_list_everybody_may_call() -> None:
    everybody = admission([])
    assert everybody.admits_host("192.0.2.1")
    assert everybody.refusal("ANY", "WHATEVER", "192.0.2.1") is None
    assert everybody.refusal("", "", "no address") is None


@pytest.mark.parametrize(
    ("calling_ae_title", "host"),
    [
        ("MR1", "10.20.0.5"),
        ("MR1", "::ffff:10.20.0.5"),  # a socket that listens on IPv6 names IPv4 peers so
        (" MR1 ", "10.20.0.5"),
        ("PACS", "10.20.1.77"),
        ("PACS", "2001:db8:20::9"),
        ("ANY", "10.30.9.9"),
        ("FORAMINA", "127.0.0.1"),
        ("FORAMINA", "::1"),
        ("FORAMINA", "10.20.0.9"),
    ],
)
def test_who_is_on_the_list_is_welcome(calling_ae_title: str, host: str) -> None:
    node = admission(ALLOW, host="10.20.0.9")
    assert node.admits_host(host)
    assert node.refusal(calling_ae_title, "WHATEVER", host) is None


@pytest.mark.parametrize(
    ("calling_ae_title", "host", "known", "reason"),
    [
        ("MR1", "10.20.0.6", False, "not from this host"),
        ("MR1", "10.20.1.77", True, "not from this host"),
        ("MR9", "10.20.0.5", True, "not from this host"),
        ("MR1", "fe80::1%eth0", False, "not from this host"),
        ("FORAMINA", "10.20.0.5", True, "not from this host"),
        ("MR1", "no address", False, "not from this host"),
    ],
)
def test_who_is_not_is_rejected(calling_ae_title: str, host: str, known: bool, reason: str) -> None:
    node = admission(ALLOW)
    assert node.admits_host(host) is known
    refusal = node.refusal(calling_ae_title, "FORAMINA", host)
    assert refusal is not None
    # rejected-permanent, service-user, calling-AE-title-not-recognized
    assert (refusal.result, refusal.source, refusal.diagnostic) == (1, 1, 3)
    assert reason in refusal.reason


def test_an_ae_title_may_be_allowed_from_everywhere() -> None:
    node = admission(ANYWHERE)
    assert node.admits_host("192.0.2.1")
    assert node.refusal("MR2", "FORAMINA", "192.0.2.1") is None
    refusal = node.refusal("MR1", "FORAMINA", "192.0.2.1")
    assert refusal is not None
    assert refusal.reason == "node.allow has no such calling AE title"


def test_the_called_ae_title_is_checked_on_demand() -> None:
    node = admission([], check_called_ae_title=True)
    assert node.refusal("ANY", "FORAMINA ", "192.0.2.1") is None
    refusal = node.refusal("ANY", "OTHER", "192.0.2.1")
    assert refusal is not None
    # rejected-permanent, service-user, called-AE-title-not-recognized
    assert (refusal.result, refusal.source, refusal.diagnostic) == (1, 1, 7)


def test_too_many_associations_are_rejected_for_the_moment() -> None:
    limit = LIMIT_EXCEEDED
    assert (limit.result, limit.source, limit.diagnostic) == (2, 3, 2)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({}, "expected ae_title, hosts, or both"),
        ({"hosts": ["10.20.0.5/8"]}, "not a valid IPv4 or IPv6 network"),
        ({"hosts": ["scanner.example"]}, "not a valid IPv4 or IPv6 network"),
        ({"ae_title": "A_VERY_LONG_AE_TITLE"}, "expected 1 to 16"),
    ],
)
def test_an_entry_that_says_nothing_is_refused(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        admission([entry])
