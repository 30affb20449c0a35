"""A series with its whole history, and what a person does with it."""

from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from node.web.acts import MOST
from node.web.site import Site
from storage import jobs, series
from storage.instances import InstanceStore
from storage.listing import ActionFilter, ActionListing, page
from storage.tables import SeriesState
from tests import factories, web_pages
from tests.rows import add_series

VERDICT = {
    "filter_set": "default",
    "accepted": False,
    "instances": 15,
    "rules": [
        {"attribute": "Plane", "operator": "equals", "expected": "sagittal", "source": "geometry",
         "received": [{"value": "axial", "instances": 15}], "passed": False,
         "reason": "Plane is axial"},
    ],
}  # fmt: skip


@pytest.fixture
def rejected(site: Site) -> int:
    """A series that the filters rejected; its id."""
    with site.database.begin() as session:
        row = add_series(session, 1, state=SeriesState.COMPLETE)
        series.record(session, row, "received", "from MR1")
        series.reject(session, row, "Plane is axial.", VERDICT)
        return row.id


def test_a_series_tells_why(client: TestClient, rejected: int) -> None:
    text = client.get(f"/series/{rejected}").text
    for words in ("Plane is axial.", "from MR1", "rejected", "Plane equals sagittal", "1.2.3.1"):
        assert words in text, words
    assert "Process anyway" in text
    answer = client.get("/series/uid/1.2.3.1")
    assert answer.headers["location"] == f"/series/{rejected}"


def test_the_evidence_is_a_table_and_no_dictionary(client: TestClient, site: Site) -> None:
    pieces = [
        {"rule": "quiet", "weight": "none", "says": "nothing came for 60 s", "quiet_s": 60.1},
        {"rule": "announced", "weight": "proof", "says": "15 of 20 came", "announced": 20},
    ]
    with site.database.begin() as session:
        row = add_series(session, 1)
        series.wait(session, row, {"state": "wait", "reason": "5 more", "pieces": pieces}, 60)
    text = client.get(f"/series/{row.id}").text
    for words in ("5 more", "<td>15 of 20 came</td>", "proved", "quiet s 60.1", "none known"):
        assert words in text, words
    assert "&#39;rule&#39;" not in text


def test_process_anyway_queues_a_job_and_keeps_who_wanted_it(
    client: TestClient, site: Site, rejected: int
) -> None:
    answer = web_pages.send(client, "/series", id=rejected, action="process-anyway")
    assert answer.status_code == 200
    assert "1 of 1 done" in answer.text
    with site.database.read() as session:
        row = series.get(session, rejected)
        assert row is not None
        assert row.state == SeriesState.ACCEPTED
        assert row.verdict == VERDICT
        last = series.events(session, rejected)[-1]
        assert (last.kind, "by admin" in last.detail) == ("accepted", True)
        (job,) = jobs.by_series(session, rejected)
        assert (job.state, "by admin" in (job.reason or "")) == ("queued", True)
        (action,) = page(session, ActionListing(ActionFilter(subject="series")), 9).rows
        assert (action.person, action.action, action.subject_id) == (
            "admin", "process anyway", rejected,
        )  # fmt: skip
    assert "process anyway" in client.get(f"/series/{rejected}").text


def test_in_bulk_each_row_has_its_own_outcome(
    client: TestClient, site: Site, rejected: int
) -> None:
    with site.database.begin() as session:
        add_series(session, 2, state=SeriesState.RECEIVING)
    answer = web_pages.send(client, "/series", id=[rejected, 2, 77], action="process-anyway")
    assert "1 of 3 done" in answer.text
    assert "it is receiving" in answer.text
    assert "there is no such series" in answer.text
    with site.database.read() as session:
        found = page(session, ActionListing(ActionFilter(subject="series")), 9).rows
        assert [(row.subject_id, row.done) for row in found] == [
            (77, False), (2, False), (rejected, True),
        ]  # fmt: skip


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "delete", "id": "1"},
        {"action": "process-anyway"},
        {"action": "process-anyway", "id": "x"},
        {"action": "process-anyway", "id": "9" * 12},
        {"action": "process-anyway", "id": [str(each) for each in range(MOST + 1)]},
    ],
)
def test_a_form_that_makes_no_sense_is_a_400(
    client: TestClient, fields: dict[str, str | list[str]]
) -> None:
    assert web_pages.send(client, "/series", **fields).status_code == 400


def test_a_conflict_is_decided_by_hand(client: TestClient, site: Site, tmp_path: Path) -> None:
    found = web_pages.store_series(site.database, tmp_path / "storage")
    other = np.full((64, 64), 7)
    InstanceStore(site.database, tmp_path / "storage").store(
        factories.make_incoming(1, pixels=other)
    )
    assert "Keep the newest version" in client.get(f"/series/{found.id}").text
    answer = web_pages.send(client, "/series", id=found.id, action="keep-newest")
    assert "1 conflicts decided" in answer.text
    again = web_pages.send(client, "/series", id=found.id, action="keep-newest")
    assert "no instance of it has two versions" in again.text
    assert "chosen by admin" in client.get(f"/series/{found.id}").text
