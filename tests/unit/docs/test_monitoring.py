"""The example dashboard and alert rules ask for what the node has, and fire when they should."""

import itertools
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from node.receiver.tally import Tally
from node.web.site import Site
from storage import deliveries, jobs
from storage.database import Database
from storage.tables import DeliveryState, JobState, SeriesState
from tests import web_pages
from tests.peers import program
from tests.rows import add_job, add_report

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLES = DOCS / "how-to" / "monitoring"
RULES = EXAMPLES / "foramina-alerts.yml"
DASHBOARD = EXAMPLES / "foramina-dashboard.json"
OF_PROMETHEUS = {"up": {"job", "instance"}}
"""What Prometheus knows without asking the node."""
WORDS = {
    "foramina_series": {state.value for state in SeriesState},
    "foramina_series_recent": {state.value for state in SeriesState},
    "foramina_jobs": {state.value for state in JobState},
    "foramina_deliveries": {state.value for state in DeliveryState},
}
"""What the label `state` may say."""

WELL = {
    "up": "1x{n}",
    "foramina_associations": "3x{n}",
    "foramina_c_store_total status=0x0000": "0+1x{n}",
    "foramina_c_store_total status=0xA700": "9x{n}",
    "foramina_c_store_total status=0xC000": "4x{n}",
    "foramina_series state=held": "0x{n}",
    "foramina_series_recent state=accepted": "1x{n}",
    "foramina_series_recent state=rejected": "90x{n}",
    "foramina_jobs state=failed": "7x{n}",
    "foramina_deliveries destination=pacs,state=failed": "2x{n}",
    "foramina_deliveries destination=pacs,state=queued": "0x{n}",
    "foramina_queue_age_seconds queue=jobs": "20x{n}",
    "foramina_queue_age_seconds queue=deliveries": "0x{n}",
    "foramina_job_step_seconds step=read": "1x{n}",
    "foramina_job_step_seconds step=localise": "9x{n}",
    "foramina_disk_free_bytes": "900000000000x{n}",
    "foramina_notices event=destination-down": "0x{n}",
    "foramina_notices event=journal-damaged": "0x{n}",
    "foramina_notices event=instances-aside": "0x{n}",
}
"""A node that is well, with old failures behind it: metric and labels to samples, one a minute."""

TROUBLES: dict[str, tuple[dict[str, str], str]] = {
    "ForaminaDown": ({"up": "1x119 0x{n}"}, "2h3m"),
    "ForaminaRefusesImages": ({"foramina_c_store_total status=0xA700": "9x119 10x{n}"}, "2h1m"),
    "ForaminaRefusesObjects": ({"foramina_c_store_total status=0xC000": "4x119 5x{n}"}, "2h1m"),
    "ForaminaNothingReceived": ({"foramina_c_store_total status=0x0000": "77x{n}"}, "73h"),
    "ForaminaNothingAccepted": ({"foramina_series_recent state=accepted": "0x{n}"}, "2h"),
    "ForaminaAssociationsExhausted": ({"foramina_associations": "3x119 64x{n}"}, "2h5m"),
    "ForaminaSeriesHeld": ({"foramina_series state=held": "0x119 1x{n}"}, "2h"),
    "ForaminaJobsFailed": ({"foramina_jobs state=failed": "7x119 8x{n}"}, "2h1m"),
    "ForaminaJobsWaiting": ({"foramina_queue_age_seconds queue=jobs": "0+60x{n}"}, "36m"),
    "ForaminaJobsSlow": ({"foramina_job_step_seconds step=read": "115x{n}"}, "15m"),
    "ForaminaDeliveriesHeld": (
        {"foramina_deliveries destination=pacs,state=held": "_x119 1x{n}"}, "2h"
    ),
    "ForaminaDeliveriesFailed": (
        {"foramina_deliveries destination=other,state=failed": "_x119 1x{n}"}, "2h"
    ),
    "ForaminaDestinationTakesNothing": (
        {
            "foramina_deliveries destination=pacs,state=queued": "3x{n}",
            "foramina_queue_age_seconds queue=deliveries": "0+60x{n}",
        },
        "36m",
    ),
    "ForaminaDiskLow": ({"foramina_disk_free_bytes": "4000000000x{n}"}, "5m"),
    "ForaminaDiskFillsUp": (
        {"foramina_disk_free_bytes": "900000000000-700000000x{n}"}, "7h"
    ),
    "ForaminaDiskGone": ({"foramina_disk_free_bytes": "900000000000x119 stale _x{n}"}, "2h6m"),
    "ForaminaDestinationSilent": (
        {"foramina_notices event=destination-down": "0x119 1x{n}"}, "2h"
    ),
    "ForaminaInstancesAside": ({"foramina_notices event=instances-aside": "0x119 1x{n}"}, "2h"),
    "ForaminaJournalDamaged": ({"foramina_notices event=journal-damaged": "0x119 1x{n}"}, "2h"),
    "ForaminaDoesNotReceive": ({"foramina_associations": "1x119 stale _x{n}"}, "2h6m"),
}  # fmt: skip
"""By alert: what is otherwise than at a node that is well, and when the alert has to be there."""


def expressions() -> list[str]:
    """Give every query of the rules and of the dashboard."""
    rules = [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [rule["expr"] for rule in rules] + [
        target["expr"] for panel in panels for target in panel["targets"]
    ]


def selectors() -> set[tuple[str, str]]:
    """Give every metric that is asked for, with the matchers of its labels."""
    found = itertools.chain.from_iterable(
        re.findall(r"\b(foramina_\w+|up)\b(?:\{([^}]*)\})?", text) for text in expressions()
    )
    return set(found)


@pytest.fixture
def exported(sqlite_database: Database, tmp_path: Path) -> dict[str, set[str]]:
    """Scrape a node that has received, worked and sent: metrics with the names of their labels."""
    folder = tmp_path / "storage"
    folder.mkdir()
    site: Site = web_pages.build_site(
        web_pages.configured(folder, sqlite_database), sqlite_database
    )
    with site.database.begin() as session:
        deliveries.enqueue(session, add_report(session, 1), "pacs")
        job = jobs.claim(session, "worker", 60)
        assert job is not None
        jobs.succeed(session, job.id, job.fencing_token, {"read": 1.5})
        add_job(session, 2)
    Tally.create(folder, 1).close()
    with web_pages.browser(site) as visitor:
        return scraped(visitor)


def scraped(visitor: TestClient) -> dict[str, set[str]]:
    """Read what a node exports."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(visitor.get("/metrics").text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_every_metric_and_label_that_is_asked_for_is_one_of_the_node(
    exported: dict[str, set[str]],
) -> None:
    known = {name: {*labels, "job", "instance"} for name, labels in exported.items()}
    known |= OF_PROMETHEUS
    asked = selectors()
    assert {name for name, _ in asked} <= set(known)
    for name, matchers in asked:
        labels = dict(re.findall(r'(\w+)\s*[!=]=?~?\s*"([^"]*)"', matchers))
        assert set(labels) <= known[name], f"{name}{{{matchers}}}"
        states = set(labels.get("state", "").split("|")) - {""}
        assert states <= WORDS.get(name, set()), f"{name}{{{matchers}}}"


def test_the_dashboard_shows_every_metric(exported: dict[str, set[str]]) -> None:
    text = DASHBOARD.read_text()
    assert [name for name in exported if name not in text] == []


def test_the_reference_has_every_metric_and_no_other(exported: dict[str, set[str]]) -> None:
    page = (DOCS / "reference" / "web.md").read_text()
    assert set(re.findall(r"`(foramina_\w+)`", page)) == set(exported)


def test_the_guide_has_every_alert() -> None:
    named = re.findall(
        r"^\| `(Foramina\w+)` \|", (DOCS / "how-to" / "monitor.md").read_text(), re.M
    )
    rules = [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]
    assert named == [rule["alert"] for rule in rules]


def test_panels_have_numbers_and_places_of_their_own() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) == 23


def promtool(*arguments: object) -> str:
    """Run promtool to its end, and fail with what it says."""
    command = [program("promtool", "prometheus"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_takes_the_rules_and_the_configuration(tmp_path: Path) -> None:
    promtool("check", "rules", RULES)
    promtool("check", "config", EXAMPLES / "prometheus.yml")


def test_promtool_takes_every_query_of_the_dashboard(tmp_path: Path) -> None:
    rules = [
        {"record": f"query_{number}", "expr": text.replace("$instance", ".*")}
        for number, text in enumerate(expressions())
    ]
    path = tmp_path / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", path)


def judge(folder: Path, series: dict[str, str], at: str, firing: set[str]) -> None:
    """Let promtool play series to the rules, and compare which alerts fire at a time.

    Args:
        folder: for the file of the test.
        series: samples, one a minute, by metric and labels, as in `WELL`.
        at: how long after the first sample.
        firing: the alerts that must fire then, and no others.
    """
    test: dict[str, Any] = {
        "interval": "1m",
        "input_series": [
            {"series": _selector(name), "values": values.format(n=5000)}
            for name, values in series.items()
        ],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": at,
                "exp_samples": [
                    {"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(firing)
                ],
            }
        ],
    }
    path = folder / "test.yml"
    path.write_text(
        yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]})
    )
    promtool("test", "rules", path)


def _selector(name: str) -> str:
    metric, _, labels = name.partition(" ")
    pairs = ["job=foramina", "instance=n", *filter(None, labels.split(","))]
    written = ", ".join(
        f'{key}="{value}"' for key, _, value in (one.partition("=") for one in pairs)
    )
    return f"{metric}{{{written}}}"


def test_every_alert_has_a_trouble_that_it_is_tested_with() -> None:
    rules = [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]
    assert {rule["alert"] for rule in rules} == {*TROUBLES, "ForaminaNotWatched"}


@pytest.mark.parametrize("at", ["1h", "2h", "80h"])
def test_nothing_fires_at_a_node_that_is_well(tmp_path: Path, at: str) -> None:
    judge(tmp_path, WELL, at, set())


@pytest.mark.parametrize("alert", TROUBLES)
def test_the_alert_fires_and_no_other(tmp_path: Path, alert: str) -> None:
    changed, at = TROUBLES[alert]
    judge(tmp_path, {**WELL, **changed}, at, {alert})


def test_a_prometheus_that_asks_no_node_says_so(tmp_path: Path) -> None:
    judge(tmp_path, {"other": "1x{n}"}, "10m", {"ForaminaNotWatched"})
