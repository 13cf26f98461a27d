"""The engine looks for what resembles examples, with the real built-in model, as the library does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest

import geogrounding as gg
from qgis_plugin.geoground_qgis.engine import EngineClient, EngineError, command_for
from tests.engines.start import engine

SCENE = Path(__file__).resolve().parents[2] / "examples" / "data" / "OSBS_029.tif"


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three of the trees that the model finds by their name."""
    found = gg.ground(SCENE, "tree").nlargest(3, "score")
    path = tmp_path_factory.mktemp("like") / "three.gpkg"
    gpd.GeoDataFrame(geometry=found.geometry, crs=found.crs).to_file(path)
    return path


def test_like_is_the_same_in_the_engine_and_in_the_library(examples: Path) -> None:
    events: list[dict[str, Any]] = []
    params = {"source": str(SCENE), "expressions": ["it"], "like": str(examples)}
    import sys

    client = EngineClient(command_for(sys.executable, ["--idle-minutes", "5"]))
    try:
        plan = client.call("plan", params)
        client.call("run", params, on_event=events.append)
    finally:
        client.close()
    final = [f for e in events if e.get("stage") == "final" for f in e["features"]]
    expected = gg.ground(SCENE, "it", like=examples)
    assert len(final) == len(expected) > 0
    assert [f["properties"]["score"] for f in final] == pytest.approx(list(expected["score"]), abs=1e-3)
    assert plan["chips"] == next(e["chips"] for e in events if e["event"] == "plan")  # the scale of the examples
    assert plan["seconds"] > 0


def test_a_model_that_cannot_look_says_so(examples: Path) -> None:
    with engine() as client:
        params = {"source": str(SCENE), "expressions": ["it"], "like": str(examples), "model": "null"}
        with pytest.raises(EngineError, match="cannot look for what resembles examples"):
            client.call("run", params)
