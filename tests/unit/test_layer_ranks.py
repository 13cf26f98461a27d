"""Ranks by place over a vector layer, far from the origin of its CRS."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from click.testing import CliRunner
from geogrounding_cli.main import geoground
from shapely.geometry import box


@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:3857", "EPSG:4326"])
@pytest.mark.parametrize("side", ["northernmost", "southernmost", "easternmost", "westernmost"])
def test_a_difference_of_metres_decides_wherever_the_origin_is(tmp_path: Path, crs: str, side: str) -> None:
    rng = np.random.default_rng(1)
    x, y = 500_000 + rng.uniform(0, 300, 20), 7_500_000 + rng.uniform(0, 300, 20)
    layer = gpd.GeoDataFrame(
        {"label": ["tree"] * 20}, geometry=[box(a, b, a + 4, b + 4) for a, b in zip(x, y, strict=True)]
    )
    layer.set_crs("EPSG:32633").to_crs(crs).to_file(tmp_path / "trees.gpkg")
    answer = tmp_path / "answer.json"
    result = CliRunner().invoke(
        geoground, ["ask", str(tmp_path / "trees.gpkg"), f"the {side} tree", "--json", str(answer), "-q"]
    )
    assert result.exit_code == 0, result.output
    wanted = {
        "northernmost": y.argmax(),
        "southernmost": y.argmin(),
        "easternmost": x.argmax(),
        "westernmost": x.argmin(),
    }
    assert json.loads(answer.read_text())["features"] == [int(wanted[side]) + 1]
