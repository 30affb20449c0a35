"""Without a login everything is closed; other sites cannot act through a browser that has one."""

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from node.web.app import build
from node.web.site import Site
from storage import jobs
from tests import web_pages
from tests.rows import add_job

OPEN = {"/login", "/healthz", "/readyz", "/metrics"}


def closed(site: Site, method: str) -> list[str]:
    """Every path of the application that wants a login."""
    found = []
    for route in build(site).routes:
        if isinstance(route, Route) and method in (route.methods or ()) and route.path not in OPEN:
            path = route.path
            for name in ("series_id", "job_id", "report_id", "number"):
                path = path.replace(f"{{{name}:int}}", "1")
            found.append(path.replace("{uid}", "1.2.3"))
    return found


def test_every_page_wants_a_login(visitor: TestClient, site: Site) -> None:
    paths = closed(site, "GET")
    assert len(paths) > 15
    for path in paths:
        answer = visitor.get(path)
        assert answer.status_code in (303, 401), path
        if answer.status_code == 303:
            assert answer.headers["location"].startswith("/login?next="), path


def test_every_form_wants_a_login_and_its_token(visitor: TestClient, site: Site) -> None:
    paths = closed(site, "POST")
    assert len(paths) >= 5
    for path in paths:
        answer = visitor.post(path, data={"id": "1", "action": "cancel"})
        assert (answer.status_code, "nothing was done" in answer.text) == (401, True), path
    web_pages.log_in(visitor)
    for path in paths:
        for stale in ({}, {"form_token": "old"}, {"form_token": "ü"}):
            answer = visitor.post(path, data={"id": "1", "action": "cancel", **stale})
            assert (answer.status_code, "out of date" in answer.text) == (403, True), path


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_another_site_cannot_act(client: TestClient, site: Site, headers: dict[str, str]) -> None:
    with site.database.begin() as session:
        add_job(session)
    form = {"id": "1", "action": "cancel"}
    form["form_token"] = web_pages.token_of(client.get("/jobs").text)
    assert client.post("/jobs", data=form, headers=headers).status_code == 403
    with site.database.read() as session:
        assert jobs.counts(session)["queued"] == 1
    same = {"Origin": "http://node.test"}
    assert client.post("/jobs", data=form, headers=same).status_code == 200
    with site.database.read() as session:
        assert jobs.counts(session)["cancelled"] == 1


def test_a_part_of_a_page_sends_the_whole_page_to_the_login(visitor: TestClient) -> None:
    answer = visitor.get("/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login")


def test_metrics_are_for_this_host_and_for_who_is_logged_in(site: Site) -> None:
    with web_pages.browser(site) as local:
        assert local.get("/metrics").status_code == 200
        passed_on = local.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"})
        assert passed_on.status_code == 401
    with web_pages.browser(site, host="192.0.2.1") as remote:
        assert remote.get("/metrics").status_code == 401
        web_pages.log_in(remote)
        assert remote.get("/metrics").status_code == 200
