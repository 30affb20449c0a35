"""What goes wrong is a page with a sentence: never a stack trace, never a lost action."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from node.web import overview
from node.web.site import Site
from storage import actions, jobs
from storage.actions import Person
from storage.database import Database
from tests import web_pages
from tests.rows import add_job


@pytest.mark.parametrize(
    "path",
    ["/series/7", "/jobs/7", "/reports/7", "/reports/7/slices/0.png", "/series/uid/1.2", "/none",
     "/series/99999999999999999999", f"/series/{'9' * 5000}", f"/reports/1/slices/{'9' * 5000}.png",
     "/static/../app.py", "/static/none.js"],
)  # fmt: skip
def test_what_does_not_exist_is_a_404(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "Traceback" not in answer.text


def test_a_database_without_tables_is_a_503(client: TestClient, site: Site) -> None:
    with site.database.begin() as session:
        session.execute(text("ALTER TABLE series RENAME TO elsewhere"))
    answer = client.get("/series")
    assert answer.status_code == 503
    assert "database does not answer" in answer.text
    assert "SELECT" not in answer.text
    assert client.get("/series.json").json()["error"]


def test_a_locked_database_loses_no_action(tmp_path: Path, sqlite_database: Database) -> None:
    url = sqlite_database.url.render_as_string(hide_password=False)
    hurried = Database(url, busy_timeout_s=0.2)
    site = web_pages.build_site(web_pages.configured(tmp_path, hurried), hurried)
    with sqlite_database.begin() as session:
        add_job(session)
    with web_pages.browser(site) as client:
        web_pages.log_in(client)
        token = web_pages.token_of(client.get("/jobs").text)
        form = {"id": "1", "action": "cancel", "form_token": token}
        with sqlite_database.begin() as session:
            session.execute(text("SELECT 1"))  # begins the transaction, and locks
            assert client.get("/jobs").status_code == 200  # readers wait for nobody
            assert client.post("/jobs", data=form).status_code == 503
        assert client.post("/jobs", data=form).status_code == 200
    with sqlite_database.read() as session:
        assert jobs.counts(session)["cancelled"] == 1
    hurried.close()


def test_what_was_done_before_the_database_went_away_is_said(
    client: TestClient, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.database.begin() as session:
        for number in (1, 2, 3):
            add_job(session, number)
    cancel = actions.cancel_job

    def away_at_two(session: Session, person: Person, job_id: int, why: str = "") -> str:
        if job_id == 2:
            raise OperationalError("UPDATE jobs", {}, Exception("database is locked"))
        return cancel(session, person, job_id, why)

    monkeypatch.setattr(actions, "cancel_job", away_at_two)
    answer = web_pages.send(client, "/jobs", id=[1, 2, 3], action="cancel")
    assert (answer.status_code, "1 of 3 done" in answer.text) == (200, True)
    assert "database did not answer" in answer.text
    assert "not tried" in answer.text
    with site.database.read() as session:
        counts = jobs.counts(session)
    assert (counts["cancelled"], counts["queued"]) == (1, 2)


def test_the_unexpected_shows_nothing_of_the_inside(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_site: Site) -> None:
        raise RuntimeError("the secret of the inside")

    monkeypatch.setattr(overview, "disk", broken)
    answer = client.get("/")
    assert answer.status_code == 500
    assert "inside" not in answer.text
    assert "content-security-policy" in answer.headers
