"""``--like``: what resembles a few examples is found, and other things are not."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
import shapely

import geogrounding as gg
from geogrounding.errors import AreaError, InputError, SettingsError
from tests.f1 import f1


@pytest.fixture(scope="module")
def trees(example_scene: Path) -> gpd.GeoDataFrame:
    found = gg.ground(example_scene, "tree")
    assert len(found) > 15
    return found.sort_values("score", ascending=False)


def test_six_crowns_find_the_others(example_scene: Path, trees: gpd.GeoDataFrame, tmp_path: Path) -> None:
    trees.head(6)[["geometry"]].to_file(tmp_path / "six.gpkg")
    found = gg.ground(example_scene, "crowns like these", like=tmp_path / "six.gpkg")
    assert set(found["query"]) == {"crowns like these"}
    assert f1(found, trees, iou=0.4) > 0.4


def test_examples_of_another_raster_find_the_same(example_scene: Path, trees: gpd.GeoDataFrame, tmp_path: Path) -> None:
    """The other raster is a copy: what is found does not depend on where the examples come from."""
    trees.head(6)[["geometry"]].to_file(tmp_path / "six.gpkg")
    copy = tmp_path / "copy.tif"
    copy.write_bytes(example_scene.read_bytes())
    here = gg.ground(example_scene, "x", like=tmp_path / "six.gpkg")
    there = gg.ground(example_scene, "x", like=tmp_path / "six.gpkg", like_scene=copy)
    assert here.geometry.geom_equals(there.geometry).all()
    assert here["score"].tolist() == there["score"].tolist()


def test_examples_that_lie_elsewhere_are_an_error(example_scene: Path, tmp_path: Path) -> None:
    gpd.GeoDataFrame(geometry=[shapely.box(10, 50, 10.1, 50.1)], crs="EPSG:4326").to_file(tmp_path / "far.gpkg")
    with pytest.raises(AreaError, match="inside"):
        gg.ground(example_scene, "far", like=tmp_path / "far.gpkg")
    with pytest.raises(InputError):
        gg.ground(example_scene, "gone", like=tmp_path / "gone.gpkg")


def test_options_of_examples_need_examples(example_scene: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--like"):
        gg.ground(example_scene, "tree", unlike=tmp_path / "x.gpkg")


def test_a_model_that_cannot_look_says_so(example_scene: Path, trees: gpd.GeoDataFrame, tmp_path: Path) -> None:
    trees.head(3)[["geometry"]].to_file(tmp_path / "three.gpkg")
    with pytest.raises(SettingsError, match="examples"):
        gg.ground(example_scene, "x", model="null", like=tmp_path / "three.gpkg")
