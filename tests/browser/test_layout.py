"""Where the parts of the web map lie, in wide and narrow windows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import User

MakeUser = Callable[..., User]


def test_what_is_corrected_lies_clear_of_the_cards(user: MakeUser) -> None:
    person = user()
    page = person.open()
    person.choose("harbour.tif")
    person.run("ship")
    person.results()
    lowest = page.evaluate(
        "(() => { const south = (f) => Math.min(...f.geometry.coordinates[0].map((c) => c[1]));"
        "const [f] = [...geoground.results.features.values()].sort((a, b) => south(a) - south(b));"
        "return [f.id, ...f.geometry.coordinates[0][0]]; })()"
    )
    page.evaluate("geoground.view.map.jumpTo({zoom: geoground.view.map.getZoom() + 1})")
    for edge in (20, -20):  # under the questions, and where the text about correcting comes
        box = page.locator("#map").bounding_box()
        assert box is not None
        page.evaluate("([id]) => geoground.results.select(id)", lowest[:1])
        wanted = edge if edge > 0 else box["height"] + edge
        x, y = person.point(*lowest[1:])
        page.evaluate(
            "(by) => geoground.view.map.panBy(by, {duration: 0})", [x - box["x"] - 300, y - box["y"] - wanted]
        )
        page.locator("#edit").click()
        expect(page.locator("#drawing-done")).to_be_visible()
        person.until("!geoground.view.map.isMoving()")
        top, low = page.locator("#ask").bounding_box(), page.locator("#drawing").bounding_box()
        assert top is not None
        assert low is not None
        assert top["y"] + top["height"] < person.point(*lowest[1:])[1] < low["y"]
        page.locator("#drawing-stop").click()


@pytest.mark.parametrize("width", [820, 1024, 1280])
def test_the_map_keeps_its_place_beside_any_panels(user: MakeUser, width: int) -> None:
    person = user()
    page = person.open()
    page.set_viewport_size({"width": width, "height": 800})
    person.choose("harbour.tif")
    person.run("ship")
    person.results()
    for panel in ("left", "right", "left", "right"):
        page.locator(f"#{panel}-toggle").click()
        beside = 0.0  # panels lie over a narrow map, and beside a wide one
        for other in ("left", "right"):
            box = page.locator(f"#{other}").bounding_box()
            beside += box["width"] if box and width > 860 else 0
        area, field = page.locator("#map").bounding_box(), page.locator("#query").bounding_box()
        assert area is not None
        assert field is not None
        assert abs(area["width"] - (width - beside)) < 2
        assert field["width"] > 80
        canvas, holder = "geoground.view.map.getCanvas().clientWidth", "document.getElementById('map').clientWidth"
        person.until(f"Math.abs({canvas} - {holder}) < 2")
