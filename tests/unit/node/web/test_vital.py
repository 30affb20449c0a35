"""Signs of life: alive, ready, and numbers that Prometheus can read."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text
from starlette.testclient import TestClient

from node import health
from node.config import Config
from node.web import overview, readiness
from node.web.peers import PeerStates
from node.web.site import Site
from storage import deliveries, jobs
from tests.rows import add_job, add_report

DOCUMENTED = Path(__file__).parents[4] / "docs" / "reference" / "web.md"


def numbers(client: TestClient) -> dict[tuple[str, ...], float]:
    """Read the metrics: name and labels to value."""
    found = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            found[(sample.name, *sample.labels.values())] = sample.value
    return found


def test_alive_without_a_login_and_without_a_database(visitor: TestClient, site: Site) -> None:
    with site.database.begin() as session:
        session.execute(text("DROP TABLE jobs"))
    assert visitor.get("/healthz").text == "ok\n"


def test_not_ready_while_nobody_listens(visitor: TestClient) -> None:
    answer = visitor.get("/readyz")
    assert answer.status_code == 503
    checks = answer.json()["checks"]
    assert (checks["dicom"]["ok"], checks["database"]["ok"]) == (False, True)


def test_whoever_asks_often_does_not_make_the_node_ask_often(
    visitor: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def checks(config: Config) -> list[health.Check]:
        asked.append(config)
        return [health.Check("dicom", True, "answers")]

    moment = [1000.0]
    monkeypatch.setattr(readiness.health, "checks", checks)
    monkeypatch.setattr(readiness.time, "monotonic", lambda: moment[0])
    assert [visitor.get("/readyz").status_code for _ in range(3)] == [200, 200, 200]
    assert len(asked) == 1
    moment[0] += 6
    visitor.get("/readyz")
    assert len(asked) == 2


def test_metrics_count_what_is_in_the_database(visitor: TestClient, site: Site) -> None:
    with site.database.begin() as session:
        deliveries.enqueue(session, add_report(session, 1), "pacs")
        job = jobs.claim(session, "worker", 60)
        assert job is not None
        jobs.succeed(session, job.id, job.fencing_token, {"read": 1.5})
        add_job(session, 2)
    found = numbers(visitor)
    assert found["foramina_series", "accepted"] == 2
    assert found["foramina_series_recent", "accepted"] == 2
    assert found["foramina_series", "rejected"] == 0
    assert found["foramina_jobs", "queued"] == 1
    assert found["foramina_jobs", "succeeded"] == 1
    assert found["foramina_deliveries", "pacs", "queued"] == 1
    assert found["foramina_job_step_seconds", "read"] == 1.5
    assert 0 <= found["foramina_queue_age_seconds", "jobs"] < 300
    assert found["foramina_disk_free_bytes",] > 0
    written = DOCUMENTED.read_text()
    assert [name for name, *_ in found if f"`{name}`" not in written] == []


def test_metrics_without_a_database_are_a_503(visitor: TestClient, site: Site) -> None:
    with site.database.begin() as session:
        session.execute(text("DROP TABLE jobs"))
    assert visitor.get("/metrics").status_code == 503


def test_the_overview_shows_the_figures_and_what_is_wrong(
    client: TestClient, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.database.begin() as session:
        add_job(session)
    text_ = client.get("/").text
    assert "<b>1</b> series accepted" in text_
    assert "<b>1</b> jobs queued" in text_
    assert 'href="/deliveries?state=held"' in text_
    assert 'href="/notices?state=raised"' in text_
    assert "phantom-1" in text_
    monkeypatch.setattr(overview, "disk", lambda _site: {"error": "Stale file handle"})
    assert "Stale file handle" in client.get("/").text


def test_destinations_that_do_not_answer_are_down(
    client: TestClient, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = client.get("/peers").text
    assert '<span class="badge down">' in answer
    asked = []
    monkeypatch.setattr(PeerStates, "_state", lambda _self, peer: asked.append(peer))
    client.get("/peers")
    assert asked == []  # the answer of a moment ago still holds
    assert site.reachable == {"pacs"}
