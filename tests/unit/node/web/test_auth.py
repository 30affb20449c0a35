"""Logging in and out: right and wrong passwords, waiting, cookies, and what is kept of it."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from node.web import auth
from node.web.site import Site
from storage.database import Database
from storage.listing import ActionListing, page
from tests import web_pages


def acts(site: Site) -> list[tuple[str, str, bool]]:
    """What is kept of what people did, oldest first."""
    with site.database.read() as session:
        rows = page(session, ActionListing(), 100).rows
    return [(row.person, row.action, row.done) for row in reversed(rows)]


def test_a_right_password_leads_where_one_wanted_to_go(visitor: TestClient, site: Site) -> None:
    answer = web_pages.log_in(visitor)
    assert (answer.status_code, answer.headers["location"]) == (303, "/series")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("foramina=")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert visitor.get("/series").status_code == 200
    assert acts(site) == [("admin", "log in", True)]


@pytest.mark.parametrize(
    ("name", "password"),
    [("admin", "wrong"), ("nobody", web_pages.PASSWORD), ("", ""), ("admin", "x" * 5000)],
)
def test_a_wrong_login_is_refused_and_kept_without_the_name(
    visitor: TestClient, site: Site, name: str, password: str
) -> None:
    answer = web_pages.log_in(visitor, name, password)
    assert answer.status_code == 403
    assert "wrong" in answer.text
    assert site.cookie not in answer.headers.get("set-cookie", "")
    assert visitor.get("/series").status_code == 303
    assert acts(site) == [("", "log in", False)]


def test_who_guesses_has_to_wait_even_with_the_right_password(visitor: TestClient) -> None:
    for _ in range(5):
        assert web_pages.log_in(visitor, "admin", "a guess").status_code == 403
    answer = web_pages.log_in(visitor)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 31
    assert visitor.get("/series").status_code == 303


def test_a_logout_ends_the_login_here_too(client: TestClient, site: Site) -> None:
    stolen = client.cookies[site.cookie]
    token = web_pages.token_of(client.get("/").text)
    assert client.post("/logout", data={"form_token": token}).headers["location"] == "/login"
    client.cookies.set(site.cookie, stolen)
    assert client.get("/series").status_code == 303


def test_behind_tls_cookies_go_over_nothing_else(sqlite_database: Database, tmp_path: Path) -> None:
    settings = {"password_hash": web_pages.HASH, "behind_tls": True}
    config = web_pages.configured(tmp_path, sqlite_database, web=settings)
    site = web_pages.build_site(config, sqlite_database)
    with web_pages.browser(site, url="https://node.test") as client:
        cookie = web_pages.log_in(client).headers["set-cookie"]
        assert cookie.startswith("__Host-foramina=")
        assert "Secure" in cookie
        assert client.get("/series").status_code == 200


@pytest.mark.parametrize("web", [{}, {"password_file": "/no/such/file"}])
def test_without_usable_passwords_the_page_says_so(
    web: dict[str, str], sqlite_database: Database, tmp_path: Path
) -> None:
    config = web_pages.configured(tmp_path, sqlite_database, web=web)
    site = web_pages.build_site(config, sqlite_database)
    with web_pages.browser(site) as client:
        shown = client.get("/login").text
        assert ("foramina web password" in shown) == (not web)
        assert ("cannot be read" in shown) == bool(web)
        assert "/no/such" not in shown
        assert web_pages.log_in(client).status_code == 403


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("/series?state=held", "/series?state=held"),
        ("//evil.example/", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
        ("", "/"),
    ],
)
def test_a_login_leads_nowhere_else(wanted: str, given: str) -> None:
    assert auth._safe(wanted) == given
