"""What the plugin opens by GDAL's Python neither depends on nor changes whether GDAL raises exceptions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from geoground_qgis import gdal_files
from geoground_qgis.saving import Target, rows_in
from osgeo import gdal

TREE = '{"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [1, 2]}}'
LOOKED_AT = """
import importlib.util, pathlib, sys
spec = importlib.util.spec_from_file_location("gdal_files", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
assert module.opened(sys.argv[2], 0) is not None
assert module.opened("/nowhere.tif", 0) is None
vectors = module.opened(sys.argv[4], 4)
assert module.layer_of(vectors).GetFeatureCount() == module.layer_of(vectors, "trees").GetFeatureCount() == 1
assert module.layer_of(vectors, "none") is module.layer_of(vectors, 7) is module.layer_of(None) is None
assert module.created(pathlib.Path(sys.argv[3]), 4, 4, 3, []).RasterCount == 3
assert module.created(pathlib.Path("/nowhere/new.tif"), 4, 4, 3, []) is None
"""


@pytest.fixture(params=[True, False])
def exceptions(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether another plugin made GDAL raise exceptions."""
    before = gdal.GetUseExceptions()
    (gdal.UseExceptions if request.param else gdal.DontUseExceptions)()
    yield request.param
    (gdal.UseExceptions if before else gdal.DontUseExceptions)()


def test_what_cannot_be_opened_is_none_and_the_setting_stays(exceptions: bool, scene: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.gpkg"
    damaged.write_bytes(b"SQLite format 3\0 and no more")
    assert rows_in(Target(damaged, "GPKG", "trees")) == -1
    assert rows_in(Target(tmp_path / "none.gpkg", "GPKG", "trees")) == -1
    assert gdal_files.opened(scene, gdal.OF_RASTER) is not None
    assert bool(gdal.GetUseExceptions()) == exceptions


def test_gdal_warns_of_nothing(scene: Path, tmp_path: Path) -> None:
    trees = tmp_path / "trees.geojson"
    trees.write_text('{"type": "FeatureCollection", "name": "trees", "features": [' + TREE + "]}")
    ran = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            LOOKED_AT,
            gdal_files.__file__,
            str(scene),
            str(tmp_path / "new.tif"),
            str(trees),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
