"""A finished run and its layer, for the tests of what is kept safe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import ScriptedLink, box, emits, features
from geoground_qgis.dock import Dock
from geoground_qgis.saving import Target
from panels import Run, layers
from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from qgis.gui import QgisInterface

Until = Callable[..., None]

X, Y = 404215, 3285110

SEVEN = [
    box(X + 5 * i, Y, 3, number=i, label=f"r{i}", score=s) for i, s in enumerate((0.9, 0.8, 0.7, 0.6, 0.5, 0.4, None))
]


@pytest.fixture
def found(run: Run, dock: Dock, link: ScriptedLink, until: Until) -> QgsVectorLayer:
    """Seven results of a run, under review."""
    link.answers["run"] = emits(features(*SEVEN))
    run()
    until(lambda: dock.review.ranking.total == 7)
    return layers()["tree"]


@pytest.fixture
def gpkg(tmp_path: Path) -> Path:
    """A GeoPackage with two layers of somebody else."""
    path = tmp_path / "town.gpkg"
    for number, name in enumerate(("my_buildings", "roads")):
        layer = QgsVectorLayer("Polygon?crs=EPSG:32617&field=name:string", name, "memory")
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry.fromWkt("POLYGON((0 0, 1 0, 1 1, 0 0))"))
        feature["name"] = "mine"
        layer.dataProvider().addFeature(feature)
        options = QgsVectorFileWriter.SaveVectorOptions()
        options.layerName = name
        actions = QgsVectorFileWriter.ActionOnExistingFile
        options.actionOnExistingFile = (actions.CreateOrOverwriteFile, actions.CreateOrOverwriteLayer)[number]
        QgsVectorFileWriter.writeAsVectorFormatV3(layer, str(path), QgsProject.instance().transformContext(), options)
    return path


@pytest.fixture
def save(dock: Dock, until: Until, iface: QgisInterface) -> Callable[..., str]:
    """Saves and gives the last message."""

    def save(layer: QgsVectorLayer, path: Path, which: str = "all", **more: str) -> str:
        said: list[str] = []
        dock.saving.said.connect(lambda text, _level: said.append(text))
        dock.saving.save_to(layer, Target(path, more.pop("driver", "GPKG"), **more), which)
        until(lambda: not dock.saving.busy and bool(said))
        return said[-1]

    return save


ALL = {f"r{i}" for i in range(7)}
