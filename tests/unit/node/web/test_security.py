"""What browsers are told, and what requests are too large."""

import functools
import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

import node.web.app
from node.web.security import BodyLimit, TooLargeError
from node.web.site import Site
from tests import web_pages

TEMPLATES = sorted((Path(node.web.app.__file__).parent / "templates").glob("*.html"))


@pytest.mark.parametrize("path", ["/login", "/series", "/no/such/page", "/static/style.css"])
def test_every_answer_tells_the_browser_what_it_may_do(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == ("max-age=3600" if "static" in path else "no-store")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_need_no_exception_from_the_policy(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:|\|\s*safe", text)
    assert not re.search(r"""(src|href)=["'](https?:)?//""", text)
    for form in re.findall(r'<form method="post".*?</form>', text, re.DOTALL):
        assert 'name="form_token"' in form


def test_static_files_are_all_there(client: TestClient) -> None:
    for name in re.findall(r'"(/static/[^"]+)"', TEMPLATES[0].with_name("base.html").read_text()):
        assert client.get(name).status_code == 200, name


def test_a_body_that_is_too_long_is_not_read_to_its_end() -> None:
    async def read(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    inner = Starlette(routes=[Route("/", read, methods=["POST"])])
    with TestClient(BodyLimit(inner, limit=100)) as client:
        assert client.post("/", content=b"x" * 100).text == "100"
        with pytest.raises(TooLargeError):
            client.post("/", content=b"x" * 101)
        with pytest.raises(TooLargeError):
            client.post("/", content=iter([b"x" * 60] * 2))  # chunked: no length is announced


def test_who_sends_too_much_is_told_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node.web.app, "BodyLimit", functools.partial(BodyLimit, limit=1000))
    with web_pages.browser(site) as client:
        web_pages.log_in(client)
        answer = client.post("/rules", files={"files": ("a.dcm", b"x" * 2000)})
        assert answer.status_code == 413
        assert "nothing was done" in answer.text


def test_who_is_not_logged_in_cannot_fill_the_memory(client: TestClient) -> None:
    answer = client.post("/login", data={"password": "x" * (1 << 20)})
    assert answer.status_code == 413
    assert "More than 1 MiB" in answer.text


def test_an_origin_that_is_no_url_is_another_site(client: TestClient) -> None:
    assert client.post("/login", headers={"origin": "http://[bad"}).status_code == 403
