"""The administrator's page in a real browser: by mouse, by keyboard alone, judged by axe-core.

Pictures of every page are kept in `artefacts/browser`.
"""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid

from model.phantom import write_case
from tests.black_box import BlackBox
from tests.peers import free_port, program
from tests.viewer.ohif import browser
from tests.web_pages import HASH, PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.usefixtures("restored_logging"),
    pytest.mark.xdist_group("browser"),
    pytest.mark.timeout(600),
]

PICTURES = Path(__file__).parents[2] / "artefacts" / "browser"
TIMEOUT_S = 60  # the machine may be busy with other tests
TABS = 80
"""More presses of the tabulator than any page wants."""
FOCUSED = """() => {
  const it = document.activeElement;
  const shown = (it.getAttribute("aria-label") || it.innerText || it.value || "").trim();
  return [it.tagName.toLowerCase(), it.name || "", shown];
}"""
OUTLINE = "() => getComputedStyle(document.activeElement).outlineStyle"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def write_stir(folder: Path, seed: int) -> str:
    """Draw a series that the rules reject and the model could answer; gives its UID."""
    write_case(folder, seed=seed)
    (folder / "truth.json").unlink()
    uid = generate_uid()
    for path in (folder / "dicom").iterdir():
        image = dcmread(path)
        image.SeriesInstanceUID = uid
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.SeriesDescription = "SAG STIR <b>"
        image.InversionTime = 150
        image.save_as(path)
    return str(uid)


class Site:
    """The page of a node that has rejected two series."""

    def __init__(self, box: BlackBox, port: int, rejected: list[str]) -> None:
        self.box = box
        self.origin = f"http://127.0.0.1:{port}"
        self.rejected = rejected

    def number(self, series_instance_uid: str) -> int:
        """Give the number of a series, as it stands in addresses."""
        return int(self.box.series(series_instance_uid)["id"])


@pytest.fixture(scope="module")
def site(black_box: Callable[..., BlackBox], tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Start a node whose only destination is down, and send it three series that it rejects.

    One of them is processed anyway, so that there is a result whichever test comes first.
    """
    program("storescu", "dcmtk")
    browser()  # skips before anything is started
    port, folder = free_port(), tmp_path_factory.mktemp("series")
    rejected = [write_stir(folder / str(seed), seed) for seed in (41, 42, 43)]
    box = black_box(
        web={"port": port, "password_hash": f"ann:{HASH}"},
        model={"bundle": "phantom-1", "device": "cpu"},
        destinations=[
            {"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": free_port()}
        ],
    )
    box.wait(lambda: box.logged("web page ready"), "the page answers")
    box.send(folder)
    for uid in rejected:
        box.wait(lambda uid=uid: box.series(uid)["state"] == "rejected", "it is rejected")
    box.ask("series", "process-anyway", rejected[-1])
    box.wait(lambda: box.ask("deliveries", "list"), "there is a result")
    return Site(box, port, rejected)


@pytest.fixture(scope="module")
def chromium() -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright

    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=browser(), args=["--disable-dev-shm-usage"]
        )
        yield started
        started.close()


@pytest.fixture
def page(chromium: "Browser", site: Site) -> "Iterator[Page]":
    """Open a tab that is not logged in; what scripts and the security policy say are faults."""
    context = chromium.new_context(base_url=site.origin, viewport={"width": 1400, "height": 900})
    tab = context.new_page()
    tab.set_default_timeout(TIMEOUT_S * 1000)
    faults: list[str] = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    tab.on(
        "request", lambda asked: faults.append(asked.url) if _is_foreign(asked.url, site) else None
    )
    yield tab
    context.close()
    assert [fault for fault in faults if "404" not in fault] == []


def _is_foreign(url: str, site: Site) -> bool:
    return not url.startswith((f"{site.origin}/", "data:"))


def log_in(page: "Page") -> None:
    page.goto("/login")
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Overview").wait_for()


def picture(page: "Page", name: str) -> None:
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def reload_until(page: "Page", words: str) -> None:
    """Load the page again and again until it says something."""
    for _ in range(TIMEOUT_S * 2):
        if page.get_by_text(words).count():
            return
        page.wait_for_timeout(500)
        page.reload()
    pytest.fail(f"not in {TIMEOUT_S} s: {words!r} on {page.url}\n{page.inner_text('main')}")


def tab_to(page: "Page", shown: str, kind: str = "") -> None:
    """Press the tabulator until something is focused; it has to be seen that it is."""
    met: list[Any] = []
    for _ in range(TABS):
        page.keyboard.press("Tab")
        tag, name, text = page.evaluate(FOCUSED)
        met.append((tag, name, text))
        if shown in (name, text) and kind in ("", tag):
            assert page.evaluate(OUTLINE) != "none", f"nobody sees that {met[-1]} is focused"
            return
    pytest.fail(f"the keyboard does not reach {shown!r}, only {met}")


def test_why_was_it_rejected_process_it_anyway_see_the_markers_take_the_list(
    page: "Page", site: Site, tmp_path: Path
) -> None:
    log_in(page)
    page.get_by_role("link", name="Series", exact=True).click()
    page.get_by_label("State").select_option("rejected")
    page.get_by_role("button", name="Find").click()
    assert "SAG STIR <b>" in page.inner_text("#rows")
    page.locator("#rows a").last.click()

    page.get_by_role("heading", name="rejected").wait_for()
    assert "Weighting is STIR" in page.inner_text("p.message")
    picture(page, "why")
    page.get_by_role("button", name="Process anyway").click()
    page.get_by_role("heading", name="1 of 1 done").wait_for()
    page.get_by_role("link", name="See it").click()

    reload_until(page, "10 of 10")
    page.get_by_role("link", name="Result").first.click()
    page.get_by_role("heading", name="10 of 10 foramina located").wait_for()
    markers = page.locator("svg .mark circle")
    assert markers.count() == 10
    assert all(markers.nth(number).bounding_box() for number in range(10))
    sources = [each.get_attribute("href") for each in page.locator("svg image").all()]
    assert sources
    for source in sources:
        answer = page.request.get(site.origin + str(source))
        assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    picture(page, "markers")

    page.get_by_role("link", name="Series", exact=True).click()
    with page.expect_download() as loading:
        page.get_by_role("link", name="CSV").click()
    loading.value.save_as(tmp_path / "series.csv")
    with (tmp_path / "series.csv").open(newline="") as file:
        states = {row["series_instance_uid"]: row["state"] for row in csv.DictReader(file)}
    assert sorted(states) == sorted(site.rejected)
    assert [state for state in states.values() if state == "accepted"][1:], "one, and this one"


def test_the_keyboard_alone_is_enough(page: "Page", site: Site) -> None:
    page.goto("/login")
    page.keyboard.type("ann")  # the first field has the focus
    tab_to(page, "password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Overview").wait_for()

    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED)[2] == "Skip to the content"
    picture(page, "skip-link")
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")

    page.goto("/")
    tab_to(page, "Series")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Series").wait_for()
    tab_to(page, "state", "select")
    page.keyboard.type("rejected")
    tab_to(page, "Find", "button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/series?*state=rejected*")
    number = page.locator("#rows input").first.get_attribute("value")
    tab_to(page, f"choose series {number}")
    page.keyboard.press("Space")
    picture(page, "keyboard")
    tab_to(page, "Process anyway", "button")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="1 of 1 done").wait_for()
    assert site.box.ask("jobs", "list")[0]["series_id"] == int(str(number))

    tab_to(page, "Log out", "button")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Log in").wait_for()


def violations(page: "Page") -> list[str]:
    """Let axe-core judge the page: what it finds, with the elements that it means."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"runOnly": RULES}).response
    assert found["passes"], "axe-core has looked at nothing"
    return [
        f"{rule['id']}: {rule['help']}: {[node['html'][:200] for node in rule['nodes'][:3]]}"
        for rule in found["violations"]
    ]


def test_every_page_has_contrast_names_and_structure(page: "Page", site: Site) -> None:
    """Also with a narrow window, and where there is nothing to see."""
    page.goto("/login")
    found = {"/login": violations(page)}
    picture(page, "login")
    log_in(page)
    number = site.number(site.rejected[0])
    paths = (
        "/", "/series", f"/series/{number}", "/series?state=held", "/jobs", "/jobs/1",
        "/deliveries", "/notices", "/reports/1", "/rules", "/configuration", "/actions",
        "/series/999999",
    )  # fmt: skip
    for path in paths:
        page.goto(path)
        page.wait_for_load_state("networkidle")
        found[path] = violations(page)
        picture(page, path.strip("/").replace("/", "-").replace("?", "-") or "overview")
    page.set_viewport_size({"width": 400, "height": 800})
    for path in ("/", "/series", f"/series/{number}"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        found[f"{path} (narrow)"] = violations(page)
        picture(page, "narrow-" + (path.strip("/").replace("/", "-") or "overview"))
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


def test_axe_sees_what_is_wrong(page: "Page") -> None:
    page.goto("/login")
    page.evaluate("document.querySelector('h1').style.color = '#eee'")
    page.evaluate("document.querySelector('html').removeAttribute('lang')")
    assert {each.partition(":")[0] for each in violations(page)} == {
        "color-contrast", "html-has-lang",
    }  # fmt: skip
