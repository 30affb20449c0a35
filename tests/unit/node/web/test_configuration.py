"""The configuration is shown whole, and no secret with it."""

from pathlib import Path

from starlette.testclient import TestClient

from node.config import Config
from node.settings import Web
from node.web import configuration
from storage.database import Database
from tests import web_pages


def test_every_section_is_shown_without_secrets(client: TestClient) -> None:
    text = client.get("/configuration").text
    for section in Config.model_fields:
        assert f"<summary>{section}</summary>" in text, section
    assert "argon2" not in text
    assert "password_hash: &#39;********&#39;" in text


def test_secrets_are_masked_wherever_they_stand(tmp_path: Path, sqlite_database: Database) -> None:
    config = web_pages.configured(tmp_path, sqlite_database)
    url = "postgresql+psycopg://user:hunter2@db/foramina"
    storage = config.storage.model_copy(update={"database_url": url})
    shown = configuration.shown(config.model_copy(update={"storage": storage}))
    assert "hunter2" not in str(shown)
    assert "user:***@db/foramina" in shown["storage"]["database_url"]
    assert configuration._masked("x", {"smtp_password": "a", "list": [{"api_token": "b"}]}) == {
        "smtp_password": "********",
        "list": [{"api_token": "********"}],
    }
    assert configuration._masked("worker", {"poll_s": 1, "password": ""}) == {
        "poll_s": 1, "password": "",
    }  # fmt: skip


def test_every_setting_of_the_page_is_documented() -> None:
    written = (Path(__file__).parents[4] / "docs" / "reference" / "web.md").read_text()
    assert [name for name in Web.model_fields if f"`web.{name}`" not in written] == []
