"""A hundred thousand results: loading, slider, chart, accept all and undo never stop the interface for long."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from geoground_qgis import results
from geoground_qgis.dock import Dock
from panels import layers
from pulse import LIMIT_S, Pulse
from qgis.core import QgsFeature, QgsGeometry, QgsProject, QgsRectangle, QgsVectorFileWriter, QgsVectorLayer

Until = Callable[..., None]
COUNT = int(os.environ.get("GEOGROUND_MANY", "100000"))


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GeoPackage with so many results, every tenth rejected."""
    layer = results.memory_layer("many")
    features = []
    for number in range(COUNT):
        feature = QgsFeature(layer.fields())
        x, y = 404_000 + 3 * (number % 400), 3_285_000 + 3 * (number // 400)
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(x, y, x + 2, y + 2)))
        verdict = results.REJECTED if number % 10 == 0 else ""
        score = (number * 7919 % 1000) / 1000
        feature.setAttributes([number, "tree", "tree", score, "", "m", "0/0/0", "s", "box", 4.0, "", verdict])
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    path = tmp_path_factory.mktemp("many") / "many.gpkg"
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.layerName = "tree"
    QgsVectorFileWriter.writeAsVectorFormatV3(layer, str(path), QgsProject.instance().transformContext(), options)
    return path


@pytest.fixture
def many(big: Path, dock: Dock) -> Iterator[QgsVectorLayer]:
    layer = QgsVectorLayer(f"{big}|layername=tree", "tree", "ogr")
    results.apply_style(layer)
    QgsProject.instance().addMapLayer(layer)
    return layer


def test_the_interface_never_waits_for_a_hundred_thousand(many: QgsVectorLayer, dock: Dock, until: Until) -> None:
    review = dock.review
    longest: dict[str, tuple[float, str]] = {}
    pulse = Pulse()

    def measure(name: str, act: Callable[[], object], done: Callable[[], bool]) -> None:
        pulse.restart()
        act()
        begun = pulse.beats
        until(lambda: done() and pulse.beats > begun + 1, 240)
        longest[name] = pulse.longest, pulse.where

    measure("loading", lambda: review.show_layer(many), lambda: review.ranking.total == COUNT)
    for percent in (10, 40, 80, 0):
        measure(f"slider {percent}", lambda p=percent: review.slider.setValue(p), lambda: True)
    measure("sizes", lambda: review.smallest.setValue(3), lambda: True)
    many.selectAll()
    measure("accept all", review.accept.click, lambda: review.ranking.counts()["accepted"] == COUNT)
    assert {f["review"] for f in many.getFeatures()} == {"accepted"}
    measure("undo", review.undo_button.click, lambda: review.ranking.counts()["accepted"] == 0)
    assert review.ranking.counts()["rejected"] == COUNT // 10
    pulse.close()
    print({name: round(seconds, 3) for name, (seconds, _where) in longest.items()})
    slow = {name: (round(seconds, 3), where) for name, (seconds, where) in longest.items() if seconds > LIMIT_S}
    assert not slow, slow
    assert layers() == {}
