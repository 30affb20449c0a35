"""Jobs: what one shows, retry and cancel."""

from starlette.testclient import TestClient

from node.web.site import Site
from storage import jobs
from tests import web_pages
from tests.rows import add_job


def finish(site: Site) -> int:
    """Add a job that failed for good; its id."""
    with site.database.begin() as session:
        add_job(session, max_attempts=1)
        job = jobs.claim(session, "worker 1", 60)
        assert job is not None
        jobs.fail(session, job.id, job.fencing_token, "the <disk> is full", retry=False, delay_s=0)
        return job.id


def test_a_job_tells_what_happened(client: TestClient, site: Site) -> None:
    job_id = finish(site)
    text = client.get(f"/jobs/{job_id}").text
    for words in ("the &lt;disk&gt; is full", "by worker 1, attempt 1/1", "Retry"):
        assert words in text, words
    assert "the &lt;disk&gt; is full" in client.get("/jobs?state=failed").text
    assert f'href="/jobs/{job_id}"' not in client.get("/jobs?state=queued").text


def test_retry_then_cancel_with_a_reason(client: TestClient, site: Site) -> None:
    job_id = finish(site)
    assert "is queued" in web_pages.send(client, "/jobs", id=job_id, action="retry").text
    refused = web_pages.send(client, "/jobs", id=job_id, action="retry")
    assert "0 of 1 done" in refused.text
    assert "only a failed" in refused.text
    web_pages.send(client, "/jobs", id=job_id, action="cancel", why="sent twice")
    with site.database.read() as session:
        job = jobs.get(session, job_id)
        assert job is not None
        assert (job.state, job.error) == ("cancelled", "cancelled by admin: sent twice")
        told = [event.detail for event in jobs.events(session, job_id)]
        assert "retried by admin" in told
    text = client.get(f"/jobs/{job_id}").text
    assert "refused" in text
    assert "sent twice" in text
