"""Outlines of a real ``geoground serve`` are drawn again in the panel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from geoground_qgis import results
from geoground_qgis.dock import Dock
from geoground_qgis.engine_link import EngineError, Link
from panels import Run, layers
from test_service import RECTANGLES, SLOW_S, Server, dock, link, own, pytestmark, server  # noqa: F401 - fixtures

Until = Callable[..., None]


def test_they_are_drawn_again_by_the_server(dock: Dock, server: Server, until: Until) -> None:  # noqa: F811
    dock.ask.outline.setCurrentIndex(dock.ask.outline.findData("mask"))
    run = Run(dock, until)
    run.start("ship")
    until(lambda: run.outcomes and dock.asking.writer.idle, SLOW_S)
    assert run.outcomes == ["done"]
    layer = layers()["ship"]
    review = dock.review
    review.show_layer(layer)
    until(lambda: review.ranking.total == len(RECTANGLES) and review.shape_box.isEnabled())
    before = {one["id"]: one.geometry().boundingBox() for one in layer.getFeatures()}
    kept = min(layer.getFeatures(), key=lambda one: one["id"])
    layer.dataProvider().changeAttributeValues({kept.id(): {layer.fields().indexOf("outline"): results.DRAWN}})
    drawn: list[bool] = []
    dock.shaping.drawn.connect(lambda: drawn.append(True))
    acts = (
        lambda: review.outline.setCurrentIndex(review.outline.findData("regular")),
        lambda: review.simplify.setValue(20),
        lambda: review.outline.setCurrentIndex(review.outline.findData("mask")),
    )
    for act in acts:
        drawn.clear()
        act()
        until(lambda: bool(drawn), SLOW_S)
        kinds = {one["id"]: one["outline"] for one in layer.getFeatures()}
        assert kinds.pop(kept["id"]) == results.DRAWN
        assert set(kinds.values()) <= {"regular", "mask"}
    for one in layer.getFeatures():  # in their places, in the CRS of the raster
        bounds = one.geometry().boundingBox()
        assert bounds.xMinimum() == pytest.approx(before[one["id"]].xMinimum(), abs=1.1)
        assert bounds.yMaximum() == pytest.approx(before[one["id"]].yMaximum(), abs=1.1)


def test_masks_of_elsewhere_are_named(dock: Dock, server: Server, link: Link, until: Until, tmp_path: Path) -> None:  # noqa: F811
    del dock
    (tmp_path / "local.masks").write_bytes(b"\x1f\x8b\x08")
    with pytest.raises(EngineError, match="not drawn by the server"):
        link.call("redraw", {"masks": str(tmp_path / "local.masks"), "outline": "mask", "ids": None})
    (tmp_path / "other.masks").write_text('{"service": "http://other:1", "job": "x", "crs": ""}')
    with pytest.raises(EngineError, match="another server"):
        link.call("redraw", {"masks": str(tmp_path / "other.masks"), "outline": "mask", "ids": None})
    (tmp_path / "gone.masks").write_text(f'{{"service": "{server.address}", "job": "none", "crs": ""}}')
    with pytest.raises(EngineError):
        link.call("redraw", {"masks": str(tmp_path / "gone.masks"), "outline": "mask", "ids": None})
