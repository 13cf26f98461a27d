"""The panel with a real ``geoground serve`` in place of an engine of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from conftest import ENGINE, ROOT
from geoground_qgis import server_layers, settings
from geoground_qgis.diagnostics import diagnostics
from geoground_qgis.dock import Dock
from geoground_qgis.engine.service import Service, read_events, split_link
from geoground_qgis.engine_link import EngineError, Link, service_of
from geoground_qgis.options_page import OptionsPage
from geoground_qgis.server_menu import ServerDialog
from geoground_qgis.unfinished import unfinished
from panels import Run, layers
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QSize

pytestmark = pytest.mark.skipif(not ENGINE.is_file(), reason="no engine: make .venv first")
Until = Callable[..., None]
TOKEN = "a-token-of-the-tests"
RECTANGLES = [(10, 10, 30, 30), (100, 20, 140, 40), (50, 100, 90, 130), (200, 150, 220, 190)]
"""Of the scene, in its pixels: x0, y0, x1, y1; a pixel is half a metre, the corner is at 500,000 E 4,600,000 N."""
SLOW_S = 120.0


@dataclass
class Server:
    """``geoground serve`` with models of the tests."""

    folder: Path
    port: int
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def gate(self) -> Path:
        return self.folder / "gate"

    def start(self) -> None:
        environment = {**os.environ, "GEOGROUND_TEST_GATE": str(self.gate), "OMP_NUM_THREADS": "1"}
        for name in [n for n in environment if n.startswith(("PYTHON", "QT_", "QGIS_"))]:
            del environment[name]
        self.process = subprocess.Popen(
            [str(ENGINE), "-m", "tests.engines.service", str(self.folder), str(self.port), "0"],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout.readline().startswith("http")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def get(self, path: str) -> Any:
        return Service(self.address, TOKEN).json("GET", path)

    def job(self) -> dict[str, Any]:
        """The newest one."""
        return dict(self.get("/jobs?limit=1")["jobs"][0])


def write_scene(path: Path) -> None:
    code = (
        f"from pathlib import Path; from tests.blobs import write_scene; write_scene(Path({str(path)!r}), {RECTANGLES})"
    )
    subprocess.run([str(ENGINE), "-c", code, str(path)], cwd=ROOT, check=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("service")
    (folder / "scenes").mkdir()
    write_scene(folder / "scenes" / "harbour.tif")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = Server(folder, port)
    started.start()
    yield started
    started.gate.unlink(missing_ok=True)
    started.kill()


@pytest.fixture
def link(server: Server) -> Iterator[Link]:
    settings.save(settings.Settings(engine=server.address, token=TOKEN, keep_results=False))
    link = Link()
    yield link
    link.close()


@pytest.fixture
def own(tmp_path: Path) -> QgsRasterLayer:
    """A raster of this computer."""
    write_scene(tmp_path / "mine.tif")
    layer = QgsRasterLayer(str(tmp_path / "mine.tif"), "mine")
    QgsProject.instance().addMapLayer(layer)
    return layer


@pytest.fixture
def dock(iface: QgisInterface, link: Link, own: QgsRasterLayer) -> Iterator[Dock]:
    dock = Dock(iface, link)
    dock.show()
    dock.ask.layer.setLayer(own)
    yield dock
    dock.close_everything()
    dock.deleteLater()


def corners(layer: QgsVectorLayer) -> list[tuple[float, ...]]:
    boxes = [feature.geometry().boundingBox() for feature in layer.getFeatures()]
    return sorted((b.xMinimum(), b.yMinimum(), b.xMaximum(), b.yMaximum()) for b in boxes)


def expected() -> list[tuple[float, ...]]:
    boxes = [tuple(value / 2 for value in rectangle) for rectangle in RECTANGLES]
    return sorted((500_000 + x0, 4_600_000 - y1, 500_000 + x1, 4_600_000 - y0) for x0, y0, x1, y1 in boxes)


def test_the_test_button_describes_the_server(link: Link) -> None:
    found = link.probe(settings.load())
    assert found["geogrounding"]
    assert found["crs"]["id"] == "EPSG:32633"
    assert "builtin" in [model["name"] for model in found["models"]]


def test_a_pasted_link_is_taken_apart_and_the_token_is_never_shown(link: Link, server: Server) -> None:
    page = OptionsPage(link)
    page.engine.lineEdit().setText(f"{server.address}/?token=secret-token-of-mine")
    chosen = page.chosen()
    assert (chosen.engine, chosen.token) == (server.address, "secret-token-of-mine")
    text = diagnostics(link, chosen)
    assert "secret-token-of-mine" not in text
    assert server.address in text
    page.deleteLater()


@pytest.mark.parametrize(
    ("engine", "token", "said"),
    [
        ("http://127.0.0.1:9", TOKEN, "cannot be reached"),
        ("http://", TOKEN, "no address"),
        ("http://host:port", TOKEN, "no address"),
        ("{address}", "wrong", "refuses the token"),
        ("{address}", "w\u00f6", "no token has"),
        ("{address}/elsewhere", TOKEN, "Not Found"),
    ],
)
def test_what_cannot_work_is_said(server: Server, engine: str, token: str, said: str) -> None:
    chosen = settings.Settings(engine=engine.format(address=server.address), token=token)
    with pytest.raises(EngineError, match=said) as caught:
        Link().probe(chosen)
    assert said == "Not Found" or caught.value.hint


def test_a_file_is_sent_once_and_its_results_lie_where_its_pixels_are(dock: Dock, server: Server, until: Until) -> None:
    dock.ask.question.setPlainText("ship")
    until(lambda: "sends the raster" in dock.ask.estimate.text())
    run = Run(dock, until)
    assert run("ship") == "done"
    assert corners(layers()["ship"]) == [pytest.approx(box, abs=1e-6) for box in expected()]
    assert layers()["ship"].crs().authid() == "EPSG:32633"
    until(lambda: "chip" in dock.ask.estimate.text())
    uploads = [scene["name"] for scene in server.get("/scenes")["scenes"] if scene["uploaded"]]
    assert run("boat") == "done"
    assert [scene["name"] for scene in server.get("/scenes")["scenes"] if scene["uploaded"]] == uploads
    assert all(feature["model"] for feature in layers()["ship"].getFeatures())


def test_an_area_and_a_plan_reach_the_server(dock: Dock, link: Link, until: Until, own: QgsRasterLayer) -> None:
    events: list[dict[str, Any]] = []
    path = own.source()
    params = {"source": path, "expressions": ["ship"], "bbox": [500_000, 4_599_975, 500_075, 4_600_000]}
    link.call("run", params, on_event=events.append)
    final = [f for e in events if e["event"] == "features" and e["stage"] == "final" for f in e["features"]]
    assert len(final) == 2
    plan = link.call("plan_query", {"query": "the largest ship"})
    assert plan["words"]
    result = link.call("run", {"source": path, "expressions": ["odd"], "plans": {"odd": json.dumps(plan["plan"])}})
    assert result["features"] == 1


def test_results_come_live_and_a_cancelled_job_ends_at_the_server(dock: Dock, server: Server, until: Until) -> None:
    server.gate.touch()
    dock.ask.set_models(["gated"], "gated")
    run = Run(dock, until)
    run.start("ship")
    until(lambda: dock.asking.writer is not None and dock.asking.writer.count > 0, SLOW_S)
    assert server.job()["status"] == "running"
    whole = [QgsRectangle(*box).buffered(0.01) for box in expected()]
    live = [QgsRectangle(*box) for box in corners(layers()["ship"])]  # cut where chips end
    assert all(any(one.contains(box) for one in whole) for box in live)
    dock.ask.cancel_button.click()
    until(lambda: run.outcomes)
    assert run.outcomes.pop() == "cancelled"
    assert server.job()["status"] == "dismissed"
    assert unfinished() == []
    server.gate.unlink()


def test_a_run_survives_a_restart_of_the_server(dock: Dock, server: Server, until: Until) -> None:
    server.gate.touch()
    dock.ask.set_models(["gated"], "gated")
    run = Run(dock, until)
    run.start("ship")
    until(lambda: dock.asking.writer is not None and dock.asking.writer.count > 0, SLOW_S)
    server.kill()
    server.gate.unlink()
    server.start()
    until(lambda: run.outcomes and dock.asking.writer.idle, SLOW_S)
    assert run.outcomes.pop() == "done"
    assert len(corners(layers()["ship"])) == len(RECTANGLES)


def test_a_run_that_qgis_left_is_followed_again(
    link: Link, server: Server, own: QgsRasterLayer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """QGIS died in mid-run: the job went on, and ``resume`` takes its results."""
    output = tmp_path / "found.gpkg"
    params = {"source": own.source(), "expressions": ["ship"], "output": str(output), "model": "gated"}
    server.gate.touch()

    class Died(BaseException):
        pass

    def die(event: dict[str, Any]) -> None:
        if event["event"] == "features":
            raise Died

    real = Service.json
    with monkeypatch.context() as patch:  # no one is there to cancel the job
        patch.setattr(Service, "json", lambda me, how, *a, **k: None if how == "DELETE" else real(me, how, *a, **k))
        with pytest.raises(Died):
            link.call("run", params, on_event=die)
    job = server.job()
    assert job["status"] == "running"
    server.gate.unlink()
    assert link.call("run", {**params, "resume": True})["features"] == len(RECTANGLES)
    assert server.job()["jobID"] == job["jobID"]


def test_a_failure_is_said_with_its_reason(dock: Dock, until: Until) -> None:
    dock.ask.set_models(["dying"], "dying")
    run = Run(dock, until)
    assert run("ship") == "failed"
    assert "SIGKILL" in dock.asking.last_message


def test_a_raster_of_the_server_is_shown_and_asked(dock: Dock, server: Server, until: Until) -> None:
    assert dock.ask.server_rasters.isVisibleTo(dock.ask)
    dialog = ServerDialog(dock)
    until(lambda: dialog.list.count() > 0)
    dialog.filter.setText("harb")
    rows = [row for row in range(dialog.list.count()) if not dialog.list.item(row).isHidden()]
    dialog.list.setCurrentRow(rows[0])
    dialog.accept()
    until(lambda: bool(dialog.described))
    layer = server_layers.add(dialog.described, dialog.address, QgsProject.instance(), dock.ask._canvas)
    dock.ask.layer.setLayer(layer)
    lonlat = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem("EPSG:32633"), QgsCoordinateReferenceSystem("EPSG:3857"), QgsProject.instance()
    )
    box = lonlat.transformBoundingBox(QgsRectangle(500_000, 4_599_900, 500_150, 4_600_000))
    map_settings = QgsMapSettings()
    map_settings.setLayers([layer])
    map_settings.setDestinationCrs(layer.crs())
    map_settings.setExtent(box)
    map_settings.setOutputSize(QSize(300, 200))
    job = QgsMapRendererParallelJob(map_settings)
    job.start()
    until(lambda: not job.isActive())
    image = job.renderedImage()
    assert image.pixelColor(20, 20).name() != image.pixelColor(60, 60).name()  # a rectangle, and the ground beside it
    run = Run(dock, until)
    assert run("ship") == "done"
    found = layers()["ship"]
    assert found.crs().authid() == "EPSG:3857"
    there = sorted(
        tuple(round(v) for v in (b.xMinimum(), b.yMinimum()))
        for b in (QgsGeometry(f.geometry()) for f in found.getFeatures())
        for b in [_in_utm(b)]
    )
    assert there == sorted((round(box[0]), round(box[1])) for box in expected())
    settings.save(settings.Settings(engine=str(ENGINE)))
    assert server_layers.scene_of(layer) is None  # another engine gets an export of what is drawn
    dialog.deleteLater()


def _in_utm(shape: QgsGeometry) -> QgsRectangle:
    shape.transform(
        QgsCoordinateTransform(
            QgsCoordinateReferenceSystem("EPSG:3857"), QgsCoordinateReferenceSystem("EPSG:32633"), QgsProject.instance()
        )
    )
    return shape.boundingBox()


def test_the_server_teaches_from_examples_of_this_project(link: Link, own: QgsRasterLayer, tmp_path: Path) -> None:
    path = tmp_path / "labels.geojson"
    layer = QgsVectorLayer("Polygon?crs=EPSG:32633", "labels", "memory")
    for west, south, east, north in expected():
        feature = QgsFeature()
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(west, south, east, north)))
        layer.dataProvider().addFeature(feature)
    from geoground_qgis.examples import ExampleFile

    made = ExampleFile(layer, folder=tmp_path)
    path = made.run(lambda _share: None, lambda: False)
    events: list[dict[str, Any]] = []
    training = {"scene": own.source(), "labels": str(path), "expression": "barge", "steps": 3, "partial": True}
    request = {"method": "sft", "output": str(tmp_path / "my barges"), "settings": training}
    result = link.call("train", request, on_event=events.append)
    assert result["model"] == "my-barges"
    assert [event["step"] for event in events if event["event"] == "training"] == [1, 2, 3]
    assert "my-barges" in [model["name"] for model in link.call("models", {})["models"]]
    with pytest.raises(EngineError, match="there already"):
        link.call("train", request)


def test_what_a_server_does_not_do_is_said(link: Link, own: QgsRasterLayer, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="does not do this") as caught:
        link.call("export", {"layer": "x"})
    assert caught.value.hint
    with pytest.raises(EngineError, match="not drawn by the server") as caught:
        link.call("redraw", {"masks": "x"})
    assert caught.value.hint
    whole = Path(own.source()).read_bytes()
    (tmp_path / "broken.tif").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EngineError, match="cut off") as caught:
        link.call("run", {"source": str(tmp_path / "broken.tif"), "expressions": ["ship"]})
    assert str(caught.value)
    (tmp_path / "image.ecw").write_bytes(b"x")
    with pytest.raises(EngineError, match=r"image\.ecw"):
        link.call("run", {"source": str(tmp_path / "image.ecw"), "expressions": ["ship"]})


def test_only_tiles_of_the_server_carry_the_token(dock: Dock, server: Server) -> None:
    from qgis.PyQt.QtCore import QUrl
    from qgis.PyQt.QtNetwork import QNetworkRequest

    for address, sent in (
        (f"{server.address}/scenes/x/tiles/WebMercatorQuad/1/0/0", True),
        (f"{server.address}/jobs", False),
        ("http://127.0.0.1:1/scenes/x", False),
        (f"{server.address}.evil.example/scenes/x", False),
    ):
        request = QNetworkRequest(QUrl(address))
        dock._tiles.prepare(request)
        assert bool(request.rawHeader(b"Authorization")) == sent, address


def test_links_and_events_are_read() -> None:
    assert split_link(" http://host:8000/?token=abc ") == ("http://host:8000", "abc")
    assert split_link("https://maps.example.org/geo/") == ("https://maps.example.org/geo", "")
    lines = [b": waits\n", b"\n", b"id: 7\n", b"event: status\r\n", b'data: {"state":\n', b'data: "running"}\n', b"\n"]
    assert list(read_events(iter(lines))) == [(7, "status", {"state": "running"})]
    assert service_of(settings.Settings(engine="http://host:8000/?token=abc")).address == "http://host:8000"
