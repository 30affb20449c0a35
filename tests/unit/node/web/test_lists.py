"""Lists: filters, pages, CSV and JSON; nothing that was received can act in them."""

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from node.web import lists
from node.web.site import Site
from storage.database import Database, now
from storage.listing import ActionListing, page
from storage.tables import SeriesState
from tests import web_pages
from tests.rows import add_series

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def many(site: Site) -> None:
    """120 series, the last received last; every third rejected."""
    with site.database.begin() as session:
        start = now(session) - timedelta(hours=5)
        for number in range(1, 121):
            state = SeriesState.REJECTED if number % 3 == 0 else SeriesState.ACCEPTED
            row = add_series(session, number, state=state)
            row.first_received_at = start + timedelta(minutes=number // 2)  # two at a time
            row.patient_id = f"P{number}"
            row.calling_ae_title = "MR1" if number % 2 else "MR2"


@pytest.mark.usefixtures("many")
def test_json_pages_give_every_row_once_newest_first(client: TestClient) -> None:
    seen, after = [], ""
    while True:
        found = client.get("/series.json", params={"limit": 50, "after": after}).json()
        seen += [row["id"] for row in found["rows"]]
        if found["next"] is None:
            break
        after = found["next"]
    assert seen == list(range(120, 0, -1))


@pytest.mark.usefixtures("many")
def test_the_page_leads_to_older_rows_with_the_same_filter(client: TestClient) -> None:
    shown = client.get("/series", params={"sender": "MR1"})
    assert shown.text.count('name="id"') == lists.ROWS
    link = shown.text.split('<a href="/series?sender=MR1&amp;after=')[1].split('"')[0]
    older = client.get(f"/series?sender=MR1&after={link}")
    assert older.text.count('name="id"') == 10
    assert "That is all." in older.text
    assert "Back to the newest" in older.text


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"search": " P7 "}, [7]),
        ({"search": "1.2.3.9"}, [9]),
        ({"search": "P7", "state": "rejected"}, []),
        ({"state": "rejected", "sender": "MR2", "limit": "2"}, [120, 114]),
        ({"since": "2999-01-01"}, []),
        ({"until": "1999-01-01"}, []),
    ],
)
def test_filters_are_joined(client: TestClient, query: dict[str, str], expected: list[int]) -> None:
    found = client.get("/series.json", params=query).json()
    assert [row["id"] for row in found["rows"]] == expected


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"state": "nonsense"}, "receiving, complete"),
        ({"since": "yesterday"}, "2026-01-31"),
        ({"until": "9999-12-31"}, "expected a day"),
        ({"after": "x"}, "begin at its start"),
        ({"after": "9" * 40 + "-1"}, "begin at its start"),
        ({"after": "1-" + "0" * 19 + "9" * 20}, "begin at its start"),
    ],
)
def test_a_question_that_makes_no_sense_is_answered_so(
    client: TestClient, query: dict[str, str], word: str
) -> None:
    answer = client.get("/series", params=query)
    assert answer.status_code == 400
    assert word in answer.text


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1000000", "9" * 50, "0" * 8 + "1" + "0" * 9])
def test_nobody_gets_a_million_rows_at_once(client: TestClient, limit: str) -> None:
    answer = client.get("/series.json", params={"limit": limit})
    assert (answer.status_code, "1 to 1000" in answer.json()["error"]) == (400, True)


@pytest.mark.usefixtures("many")
def test_csv_has_every_row_that_matches(client: TestClient, site: Site) -> None:
    answer = client.get("/series.csv", params={"state": "rejected"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert "series.csv" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [int(row["id"]) for row in rows] == list(range(120, 0, -3))
    assert rows[0]["patient_id"] == "P120"
    with site.database.read() as session:
        last = page(session, ActionListing(), 1).rows[0]
    assert (last.person, last.action, last.detail) == ("admin", "export", "series.csv")


def test_what_was_received_is_shown_and_does_nothing(client: TestClient, site: Site) -> None:
    with site.database.begin() as session:
        row = add_series(session, 1)
        row.patient_id = row.series_description = row.reason = HOSTILE
        row.accession_number = '=HYPERLINK("http://evil.example")'
    for path in ("/series", "/series/1"):
        text = client.get(path).text
        assert HOSTILE not in text
        assert "&lt;script&gt;" in text
    (found,) = csv.DictReader(io.StringIO(client.get("/series.csv").text))
    assert found["accession_number"].startswith("'=")
    assert client.get("/series.json").json()["rows"][0]["patient_id"] == HOSTILE


@pytest.mark.parametrize("name", ["series", "jobs", "deliveries", "actions", "notices"])
def test_every_list_comes_in_three_forms_even_when_empty(client: TestClient, name: str) -> None:
    assert client.get(f"/{name}").status_code == 200
    assert "rows" in client.get(f"/{name}.json").json()
    assert client.get(f"/{name}.csv").text.startswith("id,")


@pytest.mark.parametrize(
    "path",
    ["/series?search=%00P1", "/series?sender=A%00", "/series/uid/1.2%003", "/actions?person=%00",
     "/deliveries?destination=%00"],
)  # fmt: skip
def test_a_nul_is_no_fault_of_the_database(
    postgres_database: Database, tmp_path: Path, path: str
) -> None:
    config = web_pages.configured(tmp_path, postgres_database)
    with web_pages.browser(web_pages.build_site(config, postgres_database)) as client:
        web_pages.log_in(client)
        assert client.get(path).status_code == (404 if "uid" in path else 200)
        form = {"series_instance_uid": "\0", "filter_set": "default"}
        assert web_pages.send(client, "/rules", **form).status_code == 400


def test_days_are_those_of_this_host() -> None:
    wanted = {"since": "2026-03-01", "until": "2026-03-01"}
    begin, end = lists.moment(wanted, "since"), lists.moment(wanted, "until", days=1)
    assert begin is not None
    assert end is not None
    assert (begin.hour, begin.tzinfo is not None) == (0, True)
    assert end - begin == timedelta(days=1)
