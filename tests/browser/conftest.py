"""A service with test models, and pages of Debian's Chromium that must not fetch anything from elsewhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pyproj import CRS, Transformer

from geogrounding.service.layers import Layer
from tests.blobs import write_scene
from tests.engines.service import TOKEN, Running, service

RECTANGLES = [(10, 10, 30, 30), (100, 20, 140, 40), (50, 100, 90, 130), (200, 150, 220, 190)]
HOSTILE_NAME = "<img src=x onerror=alert(1)>.tif"
PATIENCE_MS = int(os.environ.get("GEOGROUND_PATIENCE_MS", "60000"))
ARGUMENTS = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert path, "Chromium is not installed: make test-browser installs it"
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE_MS)
        started = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("service")
    (folder / "scenes").mkdir()
    write_scene(folder / "scenes" / "harbour.tif", RECTANGLES)
    write_scene(folder / "scenes" / HOSTILE_NAME, RECTANGLES[:2])
    many = [(x, y, x + 6, y + 6) for x in range(4, 290, 24) for y in range(4, 190, 24)]
    write_scene(folder / "scenes" / "many.tif", many)
    with service(folder) as started:
        yield started


def fill_with_roofs(path: Path) -> tuple[float, float]:
    """Put 60 x 60 squares of 4 m in place of the features of a job; longitude and latitude of number 1,831."""
    layer = Layer(path)
    layer.begin(CRS.from_epsg(32633))
    made = []
    for number in range(3_600):
        x, y = 499_400 + number % 60 * 8, 4_600_000 - number // 60 * 8
        ring = [[x, y], [x + 4, y], [x + 4, y - 4], [x, y - 4], [x, y]]
        properties = {"query": "ship", "label": "ship", "score": number / 4_000, "area_m2": 16.0}
        made.append(
            {"id": number + 1, "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": properties}
        )
    layer.add(made)
    to_lonlat = Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)
    lon, lat = to_lonlat.transform(499_400 + 30 * 8 + 2, 4_600_000 - 30 * 8 - 2)
    return float(lon), float(lat)


@dataclass
class User:
    """One person with a browser."""

    page: Page
    address: str
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> Page:
        self.page.goto(f"{self.address}/?token={TOKEN}")
        self.ready()
        if path != "/":
            self.page.goto(self.address + path)
            self.page.reload()  # a new fragment alone loads nothing
            self.ready()
        return self.page

    def ready(self) -> None:
        self.page.wait_for_selector("body[data-ready]", timeout=PATIENCE_MS)

    def choose(self, scene: str) -> None:
        self.page.get_by_role("button", name=scene, exact=True).click()
        self.until("geoground.view.map.getSource('scene') && geoground.view.map.areTilesLoaded()")

    def run(self, query: str, model: str = "builtin") -> None:
        self.page.locator("#model").select_option(model)
        self.page.locator("#query").fill(query)
        self.page.locator("#run").click()

    def results(self) -> None:
        expect(self.page.locator("#right")).to_be_visible()
        expect(self.page.locator("#running")).to_be_hidden()

    def until(self, condition: str) -> None:
        """Look at a condition in every frame; the page's policy forbids what ``wait_for_function`` does."""
        self.page.evaluate(
            "() => new Promise((resolve, reject) => {"
            f"setTimeout(() => reject(new Error('waited in vain')), {PATIENCE_MS});"
            f"const look = () => (({condition}) ? resolve(true) : requestAnimationFrame(look)); look(); }})"
        )

    def drawn(self, layer: str) -> int:
        """Different features that the map draws in a layer, once it has come to rest."""
        self.until(
            f"geoground.view.map.getLayer('{layer}') && geoground.view.map.loaded() && "
            f"geoground.view.map.queryRenderedFeatures({{layers: ['{layer}']}}).length > 0"
        )
        ids = "geoground.view.map.queryRenderedFeatures({layers: ['%s']}).map((f) => JSON.stringify(f.geometry))"
        return len(set(self.page.evaluate(ids % layer)))

    def point(self, lon: float, lat: float) -> tuple[float, float]:
        """Where a place is on the screen."""
        at = self.page.evaluate(f"geoground.view.map.project([{lon}, {lat}])")
        box = self.page.locator("#map").bounding_box()
        assert box is not None
        return box["x"] + at["x"], box["y"] + at["y"]


@pytest.fixture
def user(browser: Browser, running: Running) -> Iterator[Callable[..., User]]:
    """Makes users; at the end none of their pages may have asked another host, or met an error."""
    made: list[User] = []

    def make(service: Running = running, **options: Any) -> User:
        context = browser.new_context(viewport={"width": 1280, "height": 800}, **options)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        person = User(page, service.address)

        def on_request(request: Any) -> None:
            if not request.url.startswith((person.address, "blob:", "data:")):
                person.foreign.append(request.url)

        def on_dialog(dialog: Any) -> None:
            person.errors.append(f"dialog: {dialog.message}")
            dialog.accept()

        page.on("request", on_request)
        page.on("pageerror", lambda error: person.errors.append(str(error)))
        page.on("dialog", on_dialog)
        page.on(
            "console",
            lambda message: person.errors.append(message.text) if "Content Security Policy" in message.text else None,
        )
        made.append(person)
        return person

    yield make
    for person in made:
        person.page.context.close()
        assert person.foreign == []
        assert person.errors == []


@pytest.fixture
def scene_folder(tmp_path: Path) -> Path:
    """A folder for a service of one test's own."""
    (tmp_path / "scenes").mkdir()
    write_scene(tmp_path / "scenes" / "harbour.tif", RECTANGLES)
    return tmp_path
