"""Layers and rasters from which no samples can be cut are refused with a hint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely

from geogrounding.errors import AreaError, InputError, MissingCRSError, OutputError, SettingsError, UnsafeSceneError
from tests import rasters
from tests.unit.training_layers import cut, layer, scene


def test_a_layer_without_crs_is_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="crs"):
        labels = layer(tmp_path, [(10, 10, 30, 30)], crs=None, file="labels.shp")
    with pytest.raises(InputError, match=r"labels\.shp has no coordinate system"):
        cut(tmp_path, scene(tmp_path), labels)


def test_a_raster_without_crs_is_refused(tmp_path: Path) -> None:
    raster = rasters.write(tmp_path / "scene.tif", rasters.noise((3, 64, 64)), crs=None, transform=None)
    with pytest.raises(MissingCRSError):
        cut(tmp_path, raster, layer(tmp_path, [(10, 10, 30, 30)]))


def test_a_layer_elsewhere_is_reported_with_its_direction(tmp_path: Path) -> None:
    with pytest.raises(AreaError, match=r"labels\.gpkg touches scene\.tif: the layer lies 300 px to the right"):
        cut(tmp_path, scene(tmp_path), layer(tmp_path, [(500, 10, 530, 30)]))


def test_a_field_that_is_not_there_is_reported_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no field 'name'") as caught:
        cut(tmp_path, scene(tmp_path), layer(tmp_path, [(10, 10, 30, 30)]), expression_field="name")
    assert "Its fields: what" in caught.value.hint


def test_a_field_of_numbers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds numbers, not words"):
        cut(tmp_path, scene(tmp_path), layer(tmp_path, [(10, 10, 30, 30)], [3]), expression_field="what")


def test_points_and_empty_layers_are_refused(tmp_path: Path) -> None:
    point = gpd.GeoDataFrame(geometry=[shapely.Point(400_010, 4_999_990)], crs="EPSG:32633")
    point.to_file(tmp_path / "p.gpkg", engine="pyogrio")
    with pytest.raises(InputError, match=r"holds no labelled polygon \(1 with not a polygon"):
        cut(tmp_path, scene(tmp_path), tmp_path / "p.gpkg")


def test_one_of_several_layers_must_be_named(tmp_path: Path) -> None:
    labels = layer(tmp_path, [(10, 10, 30, 30)])
    gpd.read_file(labels).to_file(labels, layer="second", engine="pyogrio")
    with pytest.raises(InputError, match="has 2 layers: labels, second") as caught:
        cut(tmp_path, scene(tmp_path), labels)
    assert "--labels-layer" in caught.value.hint
    with pytest.raises(InputError, match="has no layer 'third'") as caught:
        cut(tmp_path, scene(tmp_path), labels, labels_layer="third")
    assert "labels, second" in caught.value.hint
    assert cut(tmp_path, scene(tmp_path), labels, labels_layer="second").is_file()


@pytest.mark.parametrize("content", [b"", b"no layer", b'{"type": "FeatureCollection", "features": ['])
def test_a_file_that_is_no_layer_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "labels.geojson").write_bytes(content)
    with pytest.raises(InputError, match=r"labels\.geojson"):
        cut(tmp_path, scene(tmp_path), tmp_path / "labels.geojson")


def test_a_layer_that_points_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.vrt").write_text("<OGRVRTDataSource><OGRVRTLayer name='x'/></OGRVRTDataSource>")
    with pytest.raises(UnsafeSceneError, match="points at other data"):
        cut(tmp_path, scene(tmp_path), tmp_path / "a.vrt")
    with pytest.raises(InputError, match=r"gone\.gpkg cannot be read: it does not exist"):
        cut(tmp_path, scene(tmp_path), tmp_path / "gone.gpkg")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    raster, labels = scene(tmp_path), layer(tmp_path, [(10, 10, 30, 30)])
    first = cut(tmp_path, raster, labels).read_text()
    with pytest.raises(OutputError, match="exists"):
        cut(tmp_path, raster, labels, seed=3)
    assert (tmp_path / "cut" / "train.jsonl").read_text() == first
    assert not list(tmp_path.glob(".*partial*"))


@pytest.mark.parametrize(
    "options",
    [
        {"expression": None},
        {"expression_field": "what", "expression": "ship"},
        {"least_visible": 0},
        {"least_visible": 1.5},
        {"negatives": -1},
        {"negatives": float("nan")},
        {"max_chips": 0},
        {"tile_size_px": 8},
        {"scales": ()},
    ],
)
def test_options_are_checked(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        cut(tmp_path, scene(tmp_path), layer(tmp_path, [(10, 10, 30, 30)]), **options)
    assert not (tmp_path / "cut").exists()
