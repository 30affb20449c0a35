"""Signs of life for machines: `/healthz`, `/readyz`, and the numbers of `/metrics`.

Prometheus text format. What is counted is read from the database when it is asked for, so that the
numbers survive a restart and are those of the whole node, not of one process; what the receiving
processes count is read from the file that they share, and begins anew with the node.
"""

import shutil
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

import node
from node.notices.event import Event
from node.receiver.tally import Tally
from node.web.site import Site, site_of
from storage.figures import STEP_JOBS, Figures


def healthz(_request: Request) -> Response:
    """Say that this process answers, and nothing else."""
    return PlainTextResponse("ok\n")


def readyz(request: Request) -> Response:
    """Say whether the node can do its work: port, database and disk; 503 when one cannot."""
    answers = site_of(request).readiness.checks()
    well = all(check.ok for check in answers)
    checks = {check.name: {"ok": check.ok, "detail": check.detail} for check in answers}
    return JSONResponse({"ready": well, "checks": checks}, 200 if well else 503)


def metrics(request: Request) -> Response:
    """Give every metric."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(NodeCollector(site_of(request)))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


def routes() -> list[Route]:
    """List the routes."""
    return [
        Route("/healthz", healthz, name="healthz"),
        Route("/readyz", readyz, name="readyz"),
        Route("/metrics", metrics, name="metrics"),
    ]


class NodeCollector(Collector):
    """Reads the numbers of a node."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def describe(self) -> Iterator[Metric]:
        """Name nothing beforehand: registering must not ask the database."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Read and give all."""
        found = self._site.counts.get()
        yield _of_build(self._site)
        yield from _of_states(found)
        yield from _of_queues(found)
        yield _of_notices(found)
        yield from _of_disk(self._site)
        yield from _of_receiving(self._site)


def _of_build(site: Site) -> Metric:
    info = GaugeMetricFamily(
        "foramina_build_info",
        "Always 1; the version of the software and of its model.",
        labels=("version", "bundle", "bundle_version"),
    )
    info.add_metric((node.__version__, site.bundle.name, str(site.bundle.version)), 1)
    return info


def _of_states(found: Figures) -> Iterator[Metric]:
    series = GaugeMetricFamily("foramina_series", "Series by state.", labels=("state",))
    recent = GaugeMetricFamily(
        "foramina_series_recent",
        "Series by state whose first instance came within 24 hours.",
        labels=("state",),
    )
    jobs = GaugeMetricFamily("foramina_jobs", "Jobs by state.", labels=("state",))
    deliveries = GaugeMetricFamily(
        "foramina_deliveries",
        "Deliveries by destination and state.",
        labels=("destination", "state"),
    )
    for family, counts in ((series, found.series), (recent, found.recent), (jobs, found.jobs)):
        for state, count in counts.items():
            family.add_metric((state,), count)
    for destination, counts in sorted(found.deliveries.items()):
        for state, count in sorted(counts.items()):
            deliveries.add_metric((destination, state), count)
    yield from (series, recent, jobs, deliveries)


def _of_queues(found: Figures) -> Iterator[Metric]:
    age = GaugeMetricFamily(
        "foramina_queue_age_seconds",
        "Age of the oldest job or delivery that waits; 0: none does.",
        labels=("queue",),
    )
    age.add_metric(("jobs",), found.job_age_s)
    age.add_metric(("deliveries",), found.delivery_age_s)
    steps = GaugeMetricFamily(
        "foramina_job_step_seconds",
        f"Mean seconds per step over the last {STEP_JOBS} jobs that succeeded.",
        labels=("step",),
    )
    for step, seconds in sorted(found.step_s.items()):
        steps.add_metric((step,), seconds)
    yield from (age, steps)


def _of_notices(found: Figures) -> Metric:
    notices = GaugeMetricFamily(
        "foramina_notices",
        "Notices that were raised and are not over; none is raised without a channel.",
        labels=("event",),
    )
    for event in Event:
        notices.add_metric((event.value,), found.notices.get(event.value, 0))
    return notices


def _of_disk(site: Site) -> Iterator[Metric]:
    try:
        usage = shutil.disk_usage(site.config.storage.folder)
    except OSError:
        return  # a metric that is missing is what an alert on it sees
    yield GaugeMetricFamily(
        "foramina_disk_free_bytes", "Free bytes on the disk of the storage folder.", usage.free
    )
    yield GaugeMetricFamily(
        "foramina_disk_total_bytes", "Size of the disk of the storage folder.", usage.total
    )


def _of_receiving(site: Site) -> Iterator[Metric]:
    try:
        tally = Tally.open(site.config.storage.folder)
    except (OSError, ValueError):
        return  # nobody receives here, or has yet
    stored = CounterMetricFamily(
        "foramina_c_store",
        "C-STORE responses by status, since the node started.",
        labels=("status",),
    )
    for code, count in tally.responses.items():
        stored.add_metric((f"0x{code:04X}",), count)
    yield stored
    yield GaugeMetricFamily(
        "foramina_associations", "Associations that are open.", tally.open_associations
    )
    tally.close()
