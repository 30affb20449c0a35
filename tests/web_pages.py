"""The web page as a browser sees it: forms are fetched, filled in and sent with their tokens."""

import re
from pathlib import Path
from typing import Any

import httpx2
from argon2 import PasswordHasher
from starlette.testclient import TestClient

from model import bundle as bundles
from model.labels import LABELS
from model.landmark import Landmark, Prediction
from node.app import filter_set
from node.config import Config
from node.settings import Rule
from node.web.app import build
from node.web.counts import Counts
from node.web.site import Site
from storage import jobs, reports
from storage.database import Database
from storage.instances import InstanceStore
from storage.tables import Job, Report, Series
from tests import factories
from tests.peers import free_port
from tests.rows import new_report

PASSWORD = "correct horse battery"  # noqa: S105  # of nobody
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""Quickly made, so that tests need not wait; as good as any other for what is tested."""
RULES = (
    Rule(attribute="Modality", operator="equals", value="MR", reason="only MR is processed"),
    Rule(attribute="SliceThickness", operator="at_most", value=5),
)


def configured(folder: Path, database: Database, **sections: Any) -> Config:
    """Make the configuration of a node that listens nowhere."""
    url = database.url.render_as_string(hide_password=False)
    return Config.model_validate(
        {
            "node": {"port": free_port()},
            "storage": {"folder": folder, "database_url": url},
            "destinations": [
                {"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": free_port()}
            ],
            "filter_sets": {"default": RULES},
            "web": {"password_hash": HASH},
            **sections,
        }
    )


def build_site(config: Config, database: Database) -> Site:
    """Make what the pages share."""
    bundle = bundles.load("phantom-1")
    site = Site(config, database, bundle, {"default": filter_set(config, bundle)})
    site.counts = Counts(database, patience_s=60)  # the machine of the tests may be busy
    return site


def browser(site: Site, host: str = "127.0.0.1", url: str = "http://node.test") -> TestClient:
    """Start a browser that follows no redirection and runs no script."""
    return TestClient(
        build(site),
        base_url=url,
        client=(host, 50000),
        follow_redirects=False,
        raise_server_exceptions=False,
    )


def token_of(page: str) -> str:
    """Take the token out of a page's form."""
    found = re.search(r'name="form_token" value="([^"]+)"', page)
    assert found, page
    return found[1]


def log_in(client: TestClient, name: str = "admin", password: str = PASSWORD) -> httpx2.Response:
    """Fill in the login form, and send it."""
    form = {"name": name, "password": password, "next": "/series"}
    return client.post("/login", data={**form, "form_token": token_of(client.get("/login").text)})


def send(client: TestClient, path: str, **fields: Any) -> httpx2.Response:
    """Send the form of a page of the same path."""
    return client.post(path, data={**fields, "form_token": token_of(client.get(path).text)})


def point(number: int = 3, row: int = 30, column: int = 20) -> tuple[float, float, float]:
    """Give, in mm, a pixel's centre on slice `number` of `tests.factories`."""
    return (-30 + 4.4 * number, -100 + 0.5 * column, 120 - 0.5 * row)


def prediction() -> Prediction:
    """Find one foramen, and miss nine."""
    missed = [Landmark(label, reason="not <b>imaged</b>") for label in LABELS[1:]]
    return Prediction(
        landmarks=(Landmark(LABELS[0], point(), 0.87), *missed),
        bundle="phantom-1",
        bundle_version="1",
        bundle_digest="0" * 64,
    )


def store_series(database: Database, folder: Path, **attributes: Any) -> Series:
    """Receive five slices of a series."""
    store = InstanceStore(database, folder)
    for number in range(1, 6):
        store.store(factories.make_incoming(number, size=64, **attributes))
    with database.read() as session:
        found = session.get(Series, 1)
    assert found is not None
    return found


def add_result(database: Database, series: Series) -> Report:
    """Add a job of the series with what it found."""
    with database.begin() as session:
        row = session.get_one(Series, series.id)
        job: Job = jobs.enqueue(session, row, 3)
        return reports.add(session, job, new_report(prediction=prediction().to_json(), located=1))
