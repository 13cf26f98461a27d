"""The panel with an engine that does what the test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fakes import ScriptedLink, box
from geogrounding.dock import Dock
from qgis.core import QgsProject, QgsRasterLayer
from qgis.gui import QgisInterface

from geogrounding import results, settings


@pytest.fixture
def dock(iface: QgisInterface, link: ScriptedLink, raster: QgsRasterLayer) -> Iterator[Dock]:
    settings.save(settings.Settings(engine="good"))
    dock = Dock(iface, link)
    yield dock
    dock.close_everything()
    dock.deleteLater()


def test_a_question_gives_a_group_with_a_styled_layer(
    dock: Dock, link: ScriptedLink, until: Callable[..., None], raster: QgsRasterLayer
) -> None:
    def answer(params, tell, cancelled):
        tell({"event": "progress", "done": 1, "total": 2, "found": 1})
        tell(box(404220, 3285110, 5, id=1))
        tell(box(404230, 3285110, 5, id=2, query="car"))
        return {"chips": 2}

    link.answers["ground"] = answer
    dock.ask.question.setPlainText("tree\ncar\ntree\n\n")
    outcomes = []
    dock.asking.finished.connect(outcomes.append)
    dock.ask.run_button.click()
    until(lambda: outcomes and dock.asking.writer.idle)
    assert outcomes == ["done"]
    groups = {group.name(): group for group in QgsProject.instance().layerTreeRoot().findGroups()}
    assert set(groups) == {"tree", "car"}
    for group in groups.values():
        layer = group.findLayers()[0].layer()
        assert layer.featureCount() == 1
        assert layer.crs() == raster.crs()
        assert results.is_result(layer)
        assert layer.renderer().type() == "RuleRenderer"
    kind, params = link.requests[-2] if link.requests[-1][0] == "plan" else link.requests[-1]
    assert kind == "ground"
    assert params["expressions"] == ["tree", "car"]
    assert "bbox" not in params
    assert settings.history()[:2] == ["tree", "car"]
