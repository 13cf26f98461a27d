"""The tour of docs/service.md in a real browser, with models that find bright rectangles."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import expect

from tests.browser.conftest import HOSTILE_NAME, User, fill_with_roofs
from tests.engines.service import Running, service

MakeUser = Callable[..., User]


@pytest.fixture(autouse=True)
def _open_gate(running: Running) -> None:
    running.gate.unlink(missing_ok=True)


def violations(person: User) -> list[str]:
    """What axe finds on the page as it is."""
    found = Axe().run(person.page).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


def test_ask_watch_review_and_download(user: MakeUser, running: Running, tmp_path: Path) -> None:
    person = user()
    page = person.open()
    assert violations(person) == []
    person.choose("harbour.tif")
    page.locator("#query").fill("ship")
    expect(page.locator("#estimate")).to_contain_text("chips")
    running.gate.touch()
    person.run("ship", "gated")
    expect(page.locator("#running-text")).to_contain_text("found so far")
    assert person.drawn("live-line") >= 1
    expect(page.get_by_role("list").locator(".state-running")).to_have_count(1)
    running.gate.unlink()
    person.results()
    expect(page.locator("#counts")).to_have_text("4 features, 4 shown · 0 accepted · 0 rejected")
    assert person.drawn("result-line") == 4
    assert violations(person) == []

    page.locator("#result-title").click()  # away from the field, where keys are text
    page.keyboard.press("j")
    expect(page.locator("#detail dl")).to_contain_text("0.92")
    expect(page.locator("#detail .reasoning")).to_contain_text("bright")
    page.keyboard.press("a")
    expect(page.locator("#counts")).to_contain_text("1 accepted · 0 rejected")
    page.keyboard.press("r")
    expect(page.locator("#counts")).to_contain_text("1 accepted · 1 rejected")
    page.keyboard.press("z")
    expect(page.locator("#counts")).to_contain_text("1 accepted · 0 rejected")

    page.locator("#score").fill("0.85")
    expect(page.locator("#counts")).to_contain_text("3 shown")
    page.locator("#score").fill("0")
    page.locator("#area-to").fill("150")
    page.locator("#area-to").press("Tab")
    expect(page.locator("#counts")).to_contain_text("1 shown")

    with page.expect_download() as download:
        page.get_by_role("link", name="GeoJSON").click()
    download.value.save_as(tmp_path / "accepted.geojson")
    assert download.value.suggested_filename == "harbour-ship.geojson"
    (kept,) = json.loads((tmp_path / "accepted.geojson").read_text())["features"]
    assert kept["properties"]["area_m2"] == pytest.approx(300, rel=0.01)  # 40 x 30 pixels of half a metre

    page.locator("#theme").click()
    assert violations(person) == []


def test_a_polygon_is_drawn_corrected_deleted_and_brought_back(user: MakeUser) -> None:
    person = user()
    page = person.open()
    person.choose("harbour.tif")
    person.run("ship")
    person.results()
    first = page.evaluate("[...geoground.results.features.values()].find((f) => f.id === 1).geometry.coordinates[0]")
    (west, south), (east, north) = (tuple(f(c[i] for c in first[:-1]) for i in (0, 1)) for f in (min, max))

    page.locator("#add").click()
    step = east - west
    for lon, lat in ((east + step, south), (east + 2 * step, south), (east + 2 * step, north), (east + step, south)):
        page.mouse.click(*person.point(lon, lat))
    expect(page.locator("#counts")).to_contain_text("5 features, 5 shown · 1 accepted")
    expect(page.locator("#detail")).to_contain_text("Drawn by hand")
    page.locator("#undo").click()
    expect(page.locator("#counts")).to_contain_text("4 features")

    page.mouse.click(*person.point((west + east) / 2, (south + north) / 2))
    expect(page.locator("#detail h4")).to_have_text("ship")
    expect(page.locator("#detail dl")).to_contain_text("100 m²")
    page.locator("#edit").click()
    page.keyboard.press("Escape")  # ends correcting; what is selected stays
    expect(page.locator("#drawing")).to_be_hidden()
    expect(page.locator("#accept")).to_be_enabled()
    page.locator("#edit").click()
    expect(page.locator("#drawing-done")).to_be_visible()
    page.mouse.move(*person.point(east, north))
    page.mouse.down()
    page.mouse.move(*person.point(east + step / 2, north), steps=4)
    page.mouse.up()
    page.keyboard.press("Enter")
    expect(page.locator("#detail")).to_contain_text("Corrected by hand")
    expect(page.locator("#detail dl")).to_contain_text("125 m²")
    page.locator("#delete").click()
    expect(page.locator("#counts")).to_contain_text("3 features")
    page.locator("#undo").click()
    page.locator("#undo").click()
    expect(page.locator("#counts")).to_contain_text("4 features")
    expect(page.locator("#detail dl")).to_contain_text("100 m²")

    page.locator("#result-title").click()
    page.keyboard.press("Escape")
    page.locator("#draw-area").click()
    middle = ((west + east) / 2, (south + north) / 2)
    for lon, lat in (middle, (east + step, south), (east + step, north), middle):
        page.mouse.click(*person.point(lon, lat))
    expect(page.locator("#draw-area")).to_have_attribute("aria-pressed", "true")
    person.until("geoground.view.picking")
    assert page.evaluate("geoground.results.selected") is None  # the click that closed the area selects nothing


def test_the_view_stays_where_a_user_looks(user: MakeUser) -> None:
    person = user()
    page = person.open()
    person.choose("harbour.tif")
    box = page.locator("#map").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    before = page.evaluate("geoground.view.map.getZoom()")
    page.mouse.wheel(0, -400)
    person.until(f"geoground.view.map.getZoom() > {before + 0.5} && !geoground.view.map.isMoving()")
    place = page.evaluate("[geoground.view.map.getZoom(), geoground.view.map.getCenter().toArray()]")
    person.run("ship")
    person.results()
    assert page.evaluate("[geoground.view.map.getZoom(), geoground.view.map.getCenter().toArray()]") == place


def test_only_a_drawn_area_is_looked_at_with_several_questions(user: MakeUser) -> None:
    person = user()
    page = person.open()
    person.choose("harbour.tif")
    page.locator("#query").fill("ship")
    page.locator("#add-question").click()
    west, south, east, north = page.evaluate("geoground.view.map.getSource('scene').bounds")
    page.locator("#draw-area").click()
    middle = (west + east) / 2
    for lon, lat in ((west, south), (middle, south), (middle, north), (west, north), (west, south)):
        page.mouse.click(*person.point(lon, lat))
    expect(page.locator("#draw-area")).to_have_attribute("aria-pressed", "true")
    assert person.drawn("drawn-line") >= 1
    person.run("boat")
    person.results()
    expect(page.locator("#counts")).to_contain_text("6 features")  # three rectangles of four, twice
    expect(page.locator("#queries li")).to_have_text(["ship (3)", "boat (3)"])
    page.get_by_role("checkbox", name="boat (3)").uncheck()
    expect(page.locator("#counts")).to_contain_text("3 shown")
    page.locator("#query").fill("how many ships are there?")
    expect(page.locator("#run")).to_have_text("Run")  # a question to be answered knows no area
    for question in ("ship", "boat"):
        page.get_by_role("button", name=f"Take out {question}").click()
    page.locator("#draw-area").click()
    expect(page.locator("#run")).to_have_text("Ask")
    page.locator("#run").click()
    expect(page.locator("#answer")).to_contain_text("four ships")


def test_cancelled_reloaded_in_mid_run_and_seen_by_a_second_user(user: MakeUser, running: Running) -> None:
    running.gate.touch()
    ann, ben = user(), user()
    page = ann.open()
    ann.choose("harbour.tif")
    ann.run("ship", "gated")
    assert ann.drawn("live-line") >= 1
    page.reload()
    ann.ready()
    assert ann.drawn("live-line") >= 1
    other = ben.open(page.url.removeprefix(ann.address))
    assert ben.drawn("live-line") >= 1
    expect(other.locator("#jobs")).to_contain_text("other user")
    ben.choose("harbour.tif")
    ben.run("boat")
    expect(other.locator("#running-text")).to_contain_text("Waiting for 1 other job")
    page.locator("#cancel").click()
    expect(page.locator("#estimate")).to_have_text("Cancelled.")
    ben.results()
    expect(other.locator("#counts")).to_contain_text("4 features")
    other.goto(other.url)
    other.reload()
    ben.results()
    expect(other.locator("#result-title")).to_have_text("boat")


def test_the_page_goes_on_after_the_service_was_killed(user: MakeUser, scene_folder: Path) -> None:
    with service(scene_folder) as own:
        person = user(own)
        page = person.open()
        person.choose("harbour.tif")
        own.gate.touch()
        person.run("ship", "gated")
        assert person.drawn("live-line") >= 1
        own.kill()
        expect(page.locator("#running-text")).to_contain_text("service is away")
        own.gate.unlink()
        own.start()
        person.results()
        expect(page.locator("#counts")).to_contain_text("4 features")


def test_texts_of_files_and_models_are_shown_as_text(user: MakeUser) -> None:
    person = user()
    page = person.open()
    person.choose(HOSTILE_NAME)
    person.run("<script>alert(2)</script>", "hostile")
    person.results()
    page.locator("#next").click()
    expect(page.locator("#detail h4")).to_contain_text("<script>alert(1)</script>")
    expect(page.locator("#detail .reasoning")).to_contain_text("OR 1=1 --")
    expect(page.locator("#result-title")).to_have_text("<script>alert(2)</script>")
    assert page.locator("img, script:not([src])").count() == 0


def test_many_features_are_vector_tiles_and_a_tablet_is_wide_enough(user: MakeUser) -> None:
    person = user()
    page = person.open()
    page.set_viewport_size({"width": 820, "height": 1180})
    person.choose("many.tif")
    person.run("ship")
    person.results()
    expect(page.locator("#counts")).to_contain_text("96 features")
    assert page.evaluate("geoground.view.map.getSource('result').type") == "vector"
    assert page.evaluate("document.documentElement.scrollWidth") <= 820
    page.locator("#next").click()
    page.locator("#accept").click()
    expect(page.locator("#counts")).to_contain_text("1 accepted")
    drawn = "new Set(geoground.view.map.queryRenderedFeatures({layers: ['result-line']}).map((f) => f.id)).size"
    person.until(f"{drawn} > 0")
    page.locator("#area-to").fill("8")  # each has 9 square metres
    page.locator("#area-to").press("Tab")
    expect(page.locator("#counts")).to_contain_text("96 features, 0 shown")
    person.until(f"{drawn} === 0")
    page.locator("#accept-shown").click()
    expect(page.locator("#counts")).to_contain_text("0 shown · 1 accepted")
    page.locator("#area-to").fill("10")
    page.locator("#area-to").press("Tab")
    expect(page.locator("#counts")).to_contain_text("96 shown")
    person.until(f"{drawn} > 0")
    page.locator("#show").select_option("accepted")
    expect(page.locator("#counts")).to_contain_text("1 shown")
    person.until(f"{drawn} <= 1")
    page.locator("#show").select_option("all")
    page.locator("#score").fill("0.99")
    expect(page.locator("#counts")).to_contain_text("0 shown")
    page.locator("#score").fill("0")
    expect(page.locator("#counts")).to_contain_text("96 shown")
    page.locator("#accept-shown").click()
    expect(page.locator("#counts")).to_contain_text("96 accepted")
    assert violations(person) == []


def test_crowded_features_are_a_image_until_one_zooms_in(user: MakeUser, running: Running) -> None:
    person = user()
    page = person.open()
    person.choose("many.tif")
    person.run("ship")
    person.results()
    job = page.url.split("#job=")[1]
    middle = fill_with_roofs(running.folder / "state" / "jobs" / job / "features.sqlite")
    images: list[int] = []
    page.on("response", lambda answer: images.append(answer.status) if "/map/tiles/" in answer.url else None)
    page.reload()
    person.ready()
    person.results()
    expect(page.locator("#counts")).to_contain_text("3,600 features, 3,600 shown")
    expect(page.locator("#crowded")).to_be_visible()
    drawn = "geoground.view.map.queryRenderedFeatures({layers: ['result-line']}).length"
    look = "geoground.view.map.jumpTo({center: [%s, %s], zoom: %s})"
    page.evaluate(look % (*middle, 14))
    person.until(f"geoground.view.map.loaded() && {drawn} === 0")
    assert 200 in images
    page.mouse.click(*person.point(*middle))
    expect(page.locator("#detail dl")).to_contain_text("Question")
    assert page.evaluate("geoground.results.selected") == 1_831  # the one in the middle
    page.locator("#reject").click()
    expect(page.locator("#counts")).to_contain_text("1 rejected")
    page.keyboard.press("Escape")
    page.evaluate(look % (*middle, 18))
    person.until(f"geoground.view.map.loaded() && {drawn} > 0")
    page.mouse.click(*person.point(*middle))
    expect(page.locator("#detail dl")).to_contain_text("rejected")
    page.locator("#score").fill("0.99")
    expect(page.locator("#counts")).to_contain_text(" 0 shown")
    page.evaluate(look % (*middle, 14))
    page.mouse.click(*person.point(*middle))
    expect(page.locator("#detail")).to_contain_text("Click a polygon")
    assert violations(person) == []


def test_a_model_is_taught_from_what_was_accepted(user: MakeUser, running: Running) -> None:
    person = user()
    page = person.open()
    person.choose("harbour.tif")
    person.run("ship")
    person.results()
    page.locator("#teach-name").fill("my-ships")
    page.locator("#teach-run").click()
    expect(page.locator("#problem")).to_contain_text("too few examples")
    page.locator("#accept-shown").click()
    expect(page.locator("#counts")).to_contain_text("4 accepted")
    page.locator("#teach-run").click()
    expect(page.locator("#teaching-text")).to_contain_text("Ready")
    assert (page.locator("#curve polyline").get_attribute("points") or "").count(",") == 3
    expect(page.locator("#model")).to_have_value("my-ships")
    labels = json.loads((running.folder / "state/models/my-ships/labels.geojson").read_text())
    assert len(labels["features"]) == 4


def test_the_first_polygons_are_there_within_the_second_batch(user: MakeUser, running: Running) -> None:
    person = user()
    page = person.open()
    person.choose("harbour.tif")
    person.run("ship", "gated")  # the model is loaded then
    person.results()
    running.gate.touch()  # it answers one batch, and waits
    person.run("boat", "gated")
    assert person.drawn("live-line") >= 1
    expect(page.locator("#running-text")).to_contain_text("found so far")
    running.gate.unlink()
    person.results()


def test_all_that_look_like_a_marked_example_are_asked_for(user: MakeUser, running: Running) -> None:
    person = user()
    page = person.open()
    person.choose("harbour.tif")
    west, south, east, north = page.evaluate("geoground.view.map.getSource('scene').bounds")
    page.locator("#draw-example").click()
    page.mouse.click(*person.point(west + (east - west) * 0.02, north - (north - south) * 0.04))
    page.mouse.click(*person.point(west + (east - west) * 0.11, north - (north - south) * 0.16))
    expect(page.locator("#draw-example")).to_contain_text("1 example")
    page.locator("#run").click()
    expect(page.locator("#problem")).to_contain_text("example")  # the test model cannot look for examples, and says so
    with running.client() as client:
        job = client.get("/jobs?limit=1").json()["jobs"][0]["jobID"]
        inputs = client.get(f"/jobs/{job}").json()["inputs"]
    assert inputs["like"][0]["type"] == "Polygon"
    assert person.drawn("drawn-line") >= 1
