"""OHIF in a headless Chromium, as a radiologist meets it: a study, its series, what is drawn.

The page's own origin is an Orthanc with DICOMweb. OHIF's files are handed to the browser from the
folder where `tools/viewer.sh` put them, so no web server is needed, and requests to any other host
are refused. What is drawn is read from the page's SVG, see `marks.js`.
"""

import mimetypes
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.sr_reading import Key

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route

ROOT = Path(__file__).parents[2]
FETCH = ROOT / "tools" / "viewer.sh"
HERE = Path(__file__).parent
TIMEOUT_S = 240  # software rendering, on a machine that may be busy with other tests
_DICOMWEB_PLUGINS = (
    "/usr/share/orthanc/plugins/libOrthancDicomWeb.so",
    "/usr/local/share/orthanc/plugins/libOrthancDicomWeb.so",
)
_SOFTWARE_RENDERING = (
    "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist", "--disable-dev-shm-usage", "--disable-background-networking",
)  # fmt: skip


def dicomweb_plugin() -> str:
    """Find Orthanc's DICOMweb, or skip the test with what to install."""
    for path in _DICOMWEB_PLUGINS:
        if Path(path).exists():
            return path
    pytest.skip("Orthanc's DICOMweb plugin is missing: apt-get install orthanc-dicomweb")


def build_folder() -> Path:
    """Find OHIF's published build, or skip the test with how to fetch it."""
    match = re.search(r"^version=(\S+)$", FETCH.read_text(), re.MULTILINE)
    assert match, f"{FETCH} names no version"
    folder = ROOT / ".cache" / f"ohif-{match[1]}"
    if not (folder / "index.html").exists():
        pytest.skip(f"OHIF {match[1]} is missing: ./tools/viewer.sh fetches it (needs npm)")
    return folder


def browser() -> str:
    """Find Chromium, or skip the test with what to install."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("chromium is missing: apt-get install chromium")


@dataclass(frozen=True)
class Arrow:
    """An arrow on the screen: its text, and the place in LPS mm that its head points to."""

    text: str
    point_mm: tuple[float, ...] | None


@dataclass
class Ohif:
    """One tab of the browser."""

    page: "Page"
    origin: str
    pictures: Path
    errors: list[str] = field(default_factory=list)

    def open_study(self, study_instance_uid: str) -> None:
        """Open a study; its first series is on the screen then."""
        self.page.goto(
            f"{self.origin}/viewer?StudyInstanceUIDs={study_instance_uid}", wait_until="commit"
        )
        self.wait_for_image()

    def click_series(self, series_instance_uid: str) -> None:
        """Choose a series as a user does, by a double click on it."""
        (found,) = self.page.evaluate("uid => foraminaTests.displaySets(uid)", series_instance_uid)
        self.page.locator(f"#thumbnail-{found}").dblclick()
        self._until(
            lambda: self.page.evaluate("uid => foraminaTests.isChosen(uid)", series_instance_uid),
            bool,
            "the series is chosen",
        )

    def open_report(self, series_instance_uid: str) -> None:
        """Open a report with points: OHIF shows the image of the first, and asks."""
        self.click_series(series_instance_uid)
        self._yes.wait_for()
        self.wait_for_image()

    def load_measurements(self) -> None:
        """Say yes when OHIF offers to make the report's marks measurements of its own."""
        self._yes.click()
        self._until(self.measurements, bool, "a measurement is listed")
        self.wait_for_image()

    @property
    def _yes(self) -> "Locator":
        return self.page.locator('[data-cy="yes-hydrate-btn"]')

    def measurements(self) -> list[str]:
        """List the labels in OHIF's list of measurements."""
        return [
            str(label)
            for label in self.page.evaluate(
                "window.services.measurementService.getMeasurements().map(one => one.label)"
            )
        ]

    def turn_to(self, image: Key) -> None:
        """Turn to an image of the series on the screen."""
        assert self.page.evaluate("image => foraminaTests.turnTo(image)", list(image)), image

    def arrows(self) -> list[Arrow]:
        """Read the arrows with a text on the screen."""
        return [
            Arrow(one["text"], one["point_mm"] and tuple(one["point_mm"]))
            for one in self.page.evaluate("foraminaTests.arrows()")
        ]

    def wait_for_image(self) -> None:
        """Wait until a picture with light and dark is on the screen."""
        self._until(
            lambda: self.page.evaluate("foraminaTests.contrast()"),
            lambda contrast: contrast > 100,
            "an image is drawn",
        )

    def take_picture(self, name: str) -> Path:
        """Keep what is on the screen as an artefact."""
        path = self.pictures / f"{name}.png"
        self.page.screenshot(path=path)
        return path

    def _until(self, read: Callable[[], Any], good: Callable[[Any], bool], what: str) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while not good(read()):
            if time.monotonic() > deadline:
                picture = self.take_picture("failed")
                pytest.fail(f"not in {TIMEOUT_S} s: {what}; see {picture}; page: {self.errors}")
            self.page.wait_for_timeout(200)


@contextmanager
def browsing(origin: str, pictures: Path) -> Iterator[Ohif]:
    """Run a browser with one tab in which OHIF shows what an Orthanc has."""
    from playwright.sync_api import sync_playwright

    pictures.mkdir(parents=True, exist_ok=True)
    folder = build_folder()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=browser(), args=list(_SOFTWARE_RENDERING)
        )
        try:
            page = chromium.new_page(viewport={"width": 1500, "height": 950})
            page.set_default_timeout(TIMEOUT_S * 1000)
            ohif = Ohif(page, origin, pictures)
            page.add_init_script(path=HERE / "marks.js")
            page.route("**/*", lambda route: _answer(route, origin, folder))
            page.on("pageerror", lambda error: ohif.errors.append(str(error)[:300]))
            tour = page.get_by_text("Skip all")
            page.add_locator_handler(tour, tour.first.click)
            yield ohif
        finally:
            chromium.close()


def _answer(route: "Route", origin: str, folder: Path) -> None:
    """Give Orthanc the DICOMweb requests, OHIF's files from their folder, and nothing else."""
    url = route.request.url
    if url.startswith(("blob:", "data:", f"{origin}/dicom-web")):
        route.continue_()
    elif not url.startswith(f"{origin}/"):
        route.abort()
    else:
        path = urlsplit(url).path.lstrip("/")
        file = HERE / "app-config.js" if path == "app-config.js" else folder / path
        if not file.is_file():
            file = folder / "index.html"  # a route of the application
        route.fulfill(path=file, content_type=_content_type(file))


def _content_type(file: Path) -> str:
    known = {".wasm": "application/wasm", ".js": "text/javascript"}
    guessed = mimetypes.guess_type(file.name)[0]
    return known.get(file.suffix) or guessed or "application/octet-stream"
