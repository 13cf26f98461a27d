"""Every format: what is written is what is read back, twice the same bytes, and nothing else beside it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sqlite3
import time
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from pyproj import CRS

from geogrounding.errors import OutputError
from geogrounding.io.destination import EXTENSIONS, sidecar_path
from geogrounding.io.tables import BATCH
from geogrounding.io.write_layer import check_output, to_geodataframe, write_layer
from geogrounding.vector.feature import Feature
from tests.unit.features import UTM, some_features


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder of its own: nothing else may lie beside a layer."""
    made = tmp_path / "out"
    made.mkdir()
    return made


COLUMNS = ["id", "query", "label", "score", "reasoning", "model", "chip", "source", "outline", "area_m2"]
TEXT = (".geojson", ".geojsonl")
formats = pytest.mark.parametrize("extension", EXTENSIONS)


def read(path: Path) -> gpd.GeoDataFrame:
    frame = gpd.read_parquet(path) if path.suffix == ".parquet" else gpd.read_file(path)
    return frame.sort_values("id").reset_index(drop=True)


def write(path: Path, features: list[Feature], **settings: Any) -> int:
    chosen: dict[str, Any] = {"crs": UTM, "metadata": {"run": "é"}} | settings
    return write_layer(path, iter(features), **chosen)


def values(frame: gpd.GeoDataFrame, name: str) -> list[object]:
    return [None if value != value else value for value in frame[name].tolist()]


@formats
def test_all_attributes_and_shapes_come_back(folder: Path, extension: str) -> None:
    path, features = folder / f"ships{extension}", some_features(50)
    assert write(path, features) == 50
    frame = read(path)
    for name in COLUMNS:
        assert values(frame, name) == [getattr(feature, name) for feature in features]
    expected = to_geodataframe(features, UTM)
    if extension in TEXT:
        assert frame.crs.equals(CRS.from_epsg(4326), ignore_axis_order=True)
        apart = frame.to_crs(UTM).geometry.hausdorff_distance(expected.geometry)
        assert apart.max() < 0.01
    else:
        assert frame.crs == UTM
        assert frame.geometry.geom_equals_exact(expected.geometry, 0.0).all()
    assert frame.geometry.exterior.is_ccw.all()
    assert sorted(file.name for file in folder.iterdir()) == [path.name, f"{path.name}.run.json"]


@formats
def test_the_description_of_the_run_stands_beside_the_layer(folder: Path, extension: str) -> None:
    path = folder / f"ships{extension}"
    write(path, some_features(3), metadata={"settings": {"overlap": 64}, "failed": ["0/1/2"]})
    about = json.loads(sidecar_path(path).read_text(encoding="utf-8"))
    assert about["settings"] == {"overlap": 64}
    assert about["failed"] == ["0/1/2"]
    assert about["layer"]["features"] == 3
    assert about["layer"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_description_travels_inside_where_the_format_can(folder: Path) -> None:
    package, parquet = folder / "ships.gpkg", folder / "ships.parquet"
    write(package, some_features(2))
    write(parquet, some_features(2))
    inside = pyogrio.read_info(package)["layer_metadata"]["geogrounding"]
    assert json.loads(inside)["run"] == "é"
    assert json.loads(pq.read_metadata(parquet).metadata[b"geogrounding"])["run"] == "é"


@formats
def test_the_same_input_gives_the_same_bytes(folder: Path, extension: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path, digests = folder / f"ships{extension}", set()
    for moment in (1_700_000_000.0, 1_800_000_000.0):
        monkeypatch.setattr(time, "time", lambda moment=moment: moment)
        write(path, some_features(40), overwrite=True)
        digests.add((path.read_bytes(), sidecar_path(path).read_bytes()))
    assert len(digests) == 1
    if extension == ".gpkg":  # GDAL reads the clock by itself: look for a time in the file
        with sqlite3.connect(path) as database:
            times = [*database.execute("select last_change from gpkg_contents")]
            times += database.execute("select timestamp from gpkg_metadata_reference")
        assert {row[0] for row in times} == {"1970-01-01T00:00:00.000Z"}


@formats
def test_an_empty_layer_is_valid(folder: Path, extension: str) -> None:
    path = folder / f"none{extension}"
    assert write(path, []) == 0
    if extension == ".geojson":
        assert json.loads(path.read_text()) == {"type": "FeatureCollection", "features": []}
    elif extension == ".geojsonl":
        assert path.read_bytes() == b""
    else:
        frame = read(path)
        assert len(frame) == 0
        assert [*frame.columns] == [*COLUMNS, "geometry"]
        assert frame.crs == UTM


def test_geojson_is_rfc_7946(folder: Path) -> None:
    path = folder / "ships.geojson"
    write(path, some_features(5))
    layer = json.loads(path.read_text(encoding="utf-8"))
    assert set(layer) == {"type", "features"}  # no crs, no name
    for number, feature in enumerate(layer["features"], 1):
        assert set(feature) == {"type", "id", "properties", "geometry"}
        assert feature["id"] == feature["properties"]["id"] == number
        for x, y in feature["geometry"]["coordinates"][0]:
            assert (round(x, 7), round(y, 7)) == (x, y)


def test_geojsonl_is_one_feature_a_line(folder: Path) -> None:
    path = folder / "ships.geojsonl"
    write(path, [replace(feature, reasoning="two\nlines\u2028three") for feature in some_features(5)])
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines.pop() == ""
    assert [json.loads(line)["properties"]["reasoning"] for line in lines] == ["two\nlines\u2028three"] * 5


def test_package_row_ids_are_the_ids(folder: Path) -> None:
    path = folder / "ships.gpkg"
    write(path, some_features(5))
    with sqlite3.connect(path) as database:
        assert all(fid == number for fid, number in database.execute("select fid, id from ships"))


def test_geoparquet_metadata(folder: Path) -> None:
    path = folder / "ships.parquet"
    write(path, some_features(5))
    geo = json.loads(pq.read_metadata(path).metadata[b"geo"])
    column = geo["columns"]["geometry"]
    assert geo["version"] == "1.1.0"
    assert column["encoding"] == "WKB"
    assert column["geometry_types"] == ["Polygon"]
    assert CRS.from_json_dict(column["crs"]) == UTM
    assert column["bbox"] == pytest.approx(to_geodataframe(some_features(5), UTM).total_bounds.tolist())


@pytest.mark.parametrize("extension", [".gpkg", ".fgb", ".parquet"])
def test_another_crs(folder: Path, extension: str) -> None:
    path, features = folder / f"ships{extension}", some_features(20)
    write(path, features, dst_crs="EPSG:3035")
    frame = read(path)
    assert frame.crs.to_epsg() == 3035
    expected = to_geodataframe(features, UTM).to_crs(3035)
    assert frame.geometry.hausdorff_distance(expected.geometry).max() < 0.01
    assert frame.geometry.exterior.is_ccw.all()


@pytest.mark.parametrize("extension", [".gpkg", ".fgb", ".parquet"])
def test_a_geographic_crs_is_cut_at_180_degrees(folder: Path, extension: str) -> None:
    (feature,) = some_features(1)
    across = replace(feature, geometry_crs=shapely.box(-3_000, 2_000_000, 3_000, 2_006_000))
    crs = CRS.from_proj4("+proj=tmerc +lon_0=180 +datum=WGS84")
    path = folder / f"ships{extension}"
    write(
        path,
        [across, replace(feature, id=2, geometry_crs=shapely.box(9_000, 0, 9_100, 90))],
        crs=crs,
        dst_crs="EPSG:4326",
    )
    frame = read(path)
    assert frame.geom_type.tolist() == ["MultiPolygon", "Polygon"]
    assert all(part.bounds[2] - part.bounds[0] < 1 for part in frame.geometry[0].geoms)


@formats
def test_pixel_coordinates_have_no_crs(folder: Path, extension: str) -> None:
    path = folder / f"ships{extension}"
    features = [replace(f, geometry_crs=shapely.box(10, 20, 30.5, 45)) for f in some_features(2, crs=None)]
    write(path, features, crs=None, pixel_coordinates=True)
    frame = read(path)
    assert [shape.bounds for shape in frame.geometry] == [(10, 20, 30.5, 45)] * 2
    if extension not in TEXT:  # GDAL says WGS84 of any GeoJSON
        assert frame.crs is None
    assert "pixels" in json.loads(sidecar_path(path).read_text())["coordinates"]
    with pytest.raises(OutputError, match="pixel coordinates"):
        write(path, features, crs=None, pixel_coordinates=True, dst_crs="EPSG:4326", overwrite=True)


@pytest.mark.parametrize("extension", TEXT)
def test_geojson_in_another_crs_is_refused(folder: Path, extension: str) -> None:
    path = folder / f"ships{extension}"
    with pytest.raises(OutputError, match="always WGS84") as raised:
        write(path, some_features(1), dst_crs="EPSG:3857")
    assert "gpkg" in raised.value.hint
    assert write(path, some_features(1), dst_crs="EPSG:4326") == 1


def test_an_unknown_crs_and_a_missing_one(folder: Path) -> None:
    with pytest.raises(OutputError, match="not a known CRS"):
        write(folder / "ships.gpkg", some_features(1), dst_crs="EPSG:999999")
    with pytest.raises(OutputError, match="no CRS"):
        write(folder / "ships.gpkg", some_features(1), crs=None)
    assert [*folder.iterdir()] == []


@pytest.mark.parametrize(
    ("extension", "options"),
    [
        (".geojson", {"coordinate_precision": "3"}),
        (".gpkg", {"SPATIAL_INDEX": "NO", "VERSION": "1.2"}),
        (".fgb", {"SPATIAL_INDEX": "NO"}),
        (".parquet", {"COMPRESSION": "gzip", "COMPRESSION_LEVEL": "9", "ROW_GROUP_SIZE": "10"}),
    ],
)
def test_creation_options(folder: Path, extension: str, options: dict[str, str]) -> None:
    plain, chosen = folder / f"plain{extension}", folder / f"ships{extension}"
    write(plain, some_features(30))
    assert write(chosen, some_features(30), creation_options=options) == 30
    assert len(read(chosen)) == 30
    assert chosen.read_bytes() != plain.read_bytes()


@pytest.mark.parametrize(
    ("extension", "option", "value"),
    [
        (".geojson", "RFC7946", "NO"),
        (".geojson", "COORDINATE_PRECISION", "many"),
        (".geojsonl", "RS", "YES"),
        (".gpkg", "SPACIAL_INDEX", "NO"),
        (".gpkg", "SPATIAL_INDEX", "PERHAPS"),
        (".gpkg", "VERSION", "9"),
        (".gpkg", "TILE_FORMAT", "PNG"),
        (".fgb", "TEMPORARY_DIR", "elsewhere"),
        (".parquet", "COMPRESSION", "zip"),
        (".parquet", "ROW_GROUP_SIZE", "0"),
    ],
)
def test_wrong_creation_options_are_named(folder: Path, extension: str, option: str, value: str) -> None:
    with pytest.raises(OutputError, match=option) as raised:
        write(folder / f"ships{extension}", some_features(1), creation_options={option: value})
    assert raised.value.hint
    assert [*folder.iterdir()] == []


def test_check_output(folder: Path) -> None:
    there = folder / "there.gpkg"
    there.write_bytes(b"precious")
    check_output(folder / "new.geojson")
    check_output(there, overwrite=True)
    for path, said in [
        (there, "exists already"),
        (folder / "ships.shp", "extension"),
        (folder / "ships", "extension"),
        (folder / "missing" / "ships.gpkg", "does not exist"),
        (folder / "nul\0.gpkg", "NUL"),
        (folder / f"{'a' * 245}.gpkg", "too long"),
    ]:
        with pytest.raises(OutputError, match=said) as raised:
            check_output(path)
        assert raised.value.hint
    (folder / "folder.gpkg").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        check_output(folder / "folder.gpkg", overwrite=True)


def test_a_file_that_appeared_during_the_run_is_not_replaced(folder: Path) -> None:
    path = folder / "ships.gpkg"
    path.write_bytes(b"precious")
    with pytest.raises(OutputError, match="exists already"):
        write(path, some_features(1))
    assert path.read_bytes() == b"precious"


class Tracked(Feature):
    """A feature that can be watched while it lives."""

    __slots__ = ("__weakref__",)


@formats
def test_features_are_let_go_on_the_way_to_disk(folder: Path, extension: str) -> None:
    model = some_features(1)[0]
    fields = {field.name: getattr(model, field.name) for field in dataclasses.fields(model)}
    alive: weakref.WeakSet[Tracked] = weakref.WeakSet()
    most = 0

    def many(count: int) -> Iterator[Feature]:
        nonlocal most
        for i in range(count):
            feature = Tracked(**(fields | {"id": i + 1}))
            alive.add(feature)
            most = max(most, len(alive))
            yield feature

    assert write_layer(folder / f"many{extension}", many(3 * BATCH), crs=UTM, metadata={}) == 3 * BATCH
    assert most <= 2 * BATCH + 2


def test_to_geodataframe() -> None:
    features = some_features(4)
    frame = to_geodataframe(iter(features), UTM)
    assert [*frame.columns] == [*COLUMNS, "geometry"]
    assert frame.crs == UTM
    assert frame["id"].dtype == np.int64
    assert frame["score"].dtype == frame["area_m2"].dtype == np.float64
    assert frame["score"].isna().tolist() == [True, False, True, False]
    empty = to_geodataframe([], UTM)
    assert [*empty.columns] == [*COLUMNS, "geometry"]
    assert empty.crs == UTM
    assert to_geodataframe([], None).crs is None
