"""The documentation as a site: it can be built, every link leads somewhere, nothing is loaded."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest
from lxml import html

from tests.viewer.ohif import browser

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it; a link or an anchor that leads nowhere, or a page in no menu, is an error."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [
            Path(sys.executable).with_name("mkdocs"),
            "build", "--strict", "--quiet", "--site-dir", folder,
        ],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return folder


def pages(site: Path) -> Iterator[tuple[Path, html.HtmlElement]]:
    """Give every page that a person reads."""
    for path in sorted(site.rglob("*.html")):
        if path.name != "404.html":
            yield path, html.fromstring(path.read_bytes())


def test_every_link_leads_to_a_file_and_a_place_in_it(site: Path) -> None:
    anchors = {path: set(tree.xpath("//@id | //a/@name")) for path, tree in pages(site)}
    lost = []
    for path, tree in pages(site):
        for link in tree.xpath("//a/@href | //img/@src | //script/@src | //link/@href"):
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = target.is_file() and (
                not parts.fragment or parts.fragment in anchors.get(target, set())
            )
            if not known:
                lost.append(f"{path.relative_to(site)}: {link}")
    assert lost == []
    assert len(anchors) > 40


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    loaded = [
        link
        for _, tree in pages(site)
        for link in tree.xpath("//img/@src | //script/@src | //link[@rel='stylesheet']/@href")
    ]
    assert [link for link in loaded if urlsplit(link).netloc] == []
    assert loaded


class Quiet(SimpleHTTPRequestHandler):
    """A web server that does not tell what it is asked."""

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@contextmanager
def offered(folder: Path) -> Iterator[str]:
    """Offer a folder by HTTP on this host; gives where."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.xdist_group("browser")
def test_a_browser_finds_a_setting_and_asks_no_other_host(site: Path) -> None:
    from playwright.sync_api import TimeoutError, sync_playwright

    program = browser()
    asked: list[str] = []
    with offered(site) as origin, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=program, args=["--disable-dev-shm-usage"]
        )
        page = chromium.new_page(viewport={"width": 1300, "height": 850})
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{origin}/index.html")
        box = page.get_by_role("textbox", name="Search")
        found = page.locator(".md-search-result__item a", has_text="assembler").first
        for _ in range(20):  # what is typed before the index is there is not always looked up
            box.fill("")
            box.press_sequentially("stable_age_s")
            with suppress(TimeoutError):
                found.wait_for(timeout=5000)
                break
        found.click()
        page.wait_for_url("**/settings.html*")
        chromium.close()
    assert [url for url in asked if not url.startswith((origin, "data:", "blob:"))] == []
