"""The examples run as a user would run them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import geopandas as gpd
import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.py") if path.stem != "to_postgis")
"""That one needs a server: see tests/fault/test_postgis.py."""


def run(example: Path, *arguments: str) -> str:
    with tempfile.TemporaryDirectory() as cache:
        result = subprocess.run(
            [sys.executable, str(example), *arguments],
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "GEOGROUNDING_CACHE": cache},
        )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs_with_the_model_that_finds_nothing(example: Path) -> None:
    assert run(example, "--model", "null")


def test_one_scene_finds_trees() -> None:
    words = run(ROOT / "examples" / "one_scene.py").split()
    assert int(words[0]) > 0
    assert "UTM zone 17N" in " ".join(words)


def test_stream_stops_after_the_first() -> None:
    assert run(ROOT / "examples" / "stream.py", "--first", "1").endswith("1 shown\n")


def test_many_scenes_writes_one_layer(tmp_path: Path) -> None:
    output = tmp_path / "all.gpkg"
    scene = str(ROOT / "examples" / "data" / "OSBS_029.tif")
    shown = run(ROOT / "examples" / "many_scenes.py", scene, str(tmp_path / "none.tif"), "--output", str(output))
    assert "none.tif: " in shown
    layer = gpd.read_file(output)
    assert len(layer) > 0
    assert layer.crs.to_epsg() == 4326


def test_export_result_writes_what_other_programs_read(tmp_path: Path) -> None:
    shown = run(ROOT / "examples" / "export_result.py", "--folder", str(tmp_path))
    assert {"coco.json", "yolo", "found.shp", "points.gpkg"} <= set(shown.splitlines())
    assert len(gpd.read_file(tmp_path / "found.shp")) == len(gpd.read_file(tmp_path / "points.gpkg")) > 0
