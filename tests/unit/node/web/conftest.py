"""A site on an empty database, with a browser in front of it, logged in or not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from node.web.site import Site
from storage.database import Database
from tests import web_pages


@pytest.fixture
def site(sqlite_database: Database, tmp_path: Path) -> Site:
    folder = tmp_path / "storage"
    folder.mkdir()
    return web_pages.build_site(web_pages.configured(folder, sqlite_database), sqlite_database)


@pytest.fixture
def visitor(site: Site) -> Iterator[TestClient]:
    """A browser that is not logged in."""
    with web_pages.browser(site) as client:
        yield client


@pytest.fixture
def client(visitor: TestClient) -> TestClient:
    """A browser that is logged in as `admin`."""
    assert web_pages.log_in(visitor).status_code == 303
    return visitor
