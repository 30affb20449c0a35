"""Which destinations a report may go to."""

from node.routing import destinations_for
from node.settings import Destination


def destination(name: str, *callers: str) -> Destination:
    return Destination(
        name=name, ae_title=name.upper(), host="pacs", port=104, calling_ae_titles=callers
    )


CLINICAL = destination("clinical", "MR1", "MR2")
RESEARCH = destination("research", "ANON")
OPEN = destination("open")
ALL = (CLINICAL, RESEARCH, OPEN)


def names(*callers: str) -> list[str]:
    return [found.name for found in destinations_for(callers, ALL)]


def test_a_destination_without_callers_takes_everything() -> None:
    assert names("ANYBODY") == ["open"]


def test_anonymised_copies_do_not_reach_the_clinical_pacs() -> None:
    assert names("ANON") == ["research", "open"]


def test_a_series_sent_by_two_peers_goes_only_where_both_may_go() -> None:
    assert names("MR1", "MR2") == ["clinical", "open"]
    assert names("MR1", "ANON") == ["open"]
