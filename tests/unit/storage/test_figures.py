"""The numbers of the overview and of the metrics."""

from datetime import timedelta

from storage import deliveries, figures, jobs
from storage.database import Database
from storage.tables import DeliveryState, SeriesState
from tests.rows import add_job, add_report, add_series


def test_an_empty_node_has_zeros(database: Database) -> None:
    with database.read() as session:
        found = figures.figures(session)
    assert set(found.series) == set(SeriesState)
    assert sum(found.series.values()) + sum(found.jobs.values()) == 0
    assert (found.job_age_s, found.delivery_age_s, found.step_s) == (0, 0, {})
    assert found.delivered(*DeliveryState) == 0


def test_what_stands_where(database: Database) -> None:
    with database.begin() as session:
        old = add_series(session, 1, state=SeriesState.REJECTED)
        old.first_received_at -= timedelta(hours=25)
        add_series(session, 2, state=SeriesState.REJECTED)
        made = add_report(session, 3)
        deliveries.enqueue(session, made, "pacs")
        deliveries.enqueue(session, made, "archive", DeliveryState.STORED)
        waiting = add_job(session, 4)
        waiting.created_at -= timedelta(minutes=10)
    with database.read() as session:
        found = figures.figures(session)
    assert (found.series["rejected"], found.recent["rejected"]) == (2, 1)
    assert found.series["accepted"] == 2
    assert found.jobs["queued"] == 2
    assert found.deliveries == {"pacs": {"queued": 1}, "archive": {"stored": 1}}
    assert found.delivered(DeliveryState.STORED, DeliveryState.COMMITTED) == 1
    assert 600 <= found.job_age_s < 900
    assert found.delivery_age_s < 300


def test_steps_are_averaged_over_jobs_that_succeeded(database: Database) -> None:
    with database.begin() as session:
        for number, seconds in enumerate(({"read": 1.0}, {"read": 3.0, "predict": 5.0}), 1):
            add_job(session, number)
            job = jobs.claim(session, "worker", 60)
            assert job is not None
            jobs.succeed(session, job.id, job.fencing_token, seconds)
    with database.read() as session:
        assert figures.figures(session).step_s == {"read": 2.0, "predict": 5.0}
