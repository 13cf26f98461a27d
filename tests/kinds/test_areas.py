"""Areas of interest and extents as users have them: overlapping parts, several layers, the texts of other programs."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from geogrounding.errors import AreaError, UnsafeSceneError
from geogrounding.execution.area import resolve_area
from geogrounding.geometry.extent import parse_extent
from geogrounding.raster.scene import Scene
from tests.blobs import write_scene
from tests.kinds.doors import command, go, polygons

BLOB = (140, 90, 160, 110)
A, B = shapely.box(500050, 4599925, 500100, 4599975), shapely.box(500060, 4599930, 500095, 4599970)


@pytest.fixture
def scene_path(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "scene.tif", [BLOB])


def layer(path: Path, *shapes: shapely.Geometry, name: str | None = None) -> Path:
    gpd.GeoDataFrame({"n": range(len(shapes))}, geometry=list(shapes), crs=32633).to_file(path, layer=name)
    return path


STAR = shapely.Polygon([(500050, 4599925), (500100, 4599975), (500050, 4599975), (500100, 4599925)])
HOLED = shapely.box(500040, 4599920, 500110, 4599980).difference(shapely.box(500045, 4599925, 500050, 4599930))


@pytest.mark.parametrize(
    "shapes",
    [
        [shapely.MultiPolygon([A, B])],
        [shapely.MultiPolygon([B, A])],
        [shapely.MultiPolygon([A, shapely.affinity.translate(A, 10, 5)])],
        [A, B],
        [shapely.GeometryCollection([A, shapely.Point(500000, 4599999)])],
        [shapely.MultiPolygon([HOLED, B])],
        [shapely.Polygon([*A.exterior.coords[:-1], *A.exterior.coords[:2]])],
    ],
    ids=["inside", "around", "partly", "features", "collection", "holed", "twice around"],
)
def test_parts_that_overlap_are_united(tmp_path: Path, scene_path: Path, shapes: list[shapely.Geometry]) -> None:
    aoi = layer(tmp_path / "aoi.gpkg", *shapes)
    go(scene_path, tmp_path / "out.gpkg", aoi=aoi)
    assert len(polygons(tmp_path / "out.gpkg")) == 1
    with Scene.open(scene_path) as scene:
        shape = resolve_area(scene, aoi=aoi).shape_scene_px
    assert shape is not None
    assert shape.area == pytest.approx(shapely.union_all([s.buffer(0) for s in shapes]).area * 4, rel=0.35)


def test_a_bow_tie_keeps_both_wings(tmp_path: Path, scene_path: Path) -> None:
    with Scene.open(scene_path) as scene:
        shape = resolve_area(scene, aoi=layer(tmp_path / "aoi.gpkg", STAR)).shape_scene_px
    assert shape is not None
    assert shape.area == pytest.approx(STAR.buffer(0).area * 4 + STAR.convex_hull.area, rel=0.5)


@pytest.mark.parametrize("first", ["other", "points"])
def test_one_of_several_layers_is_named(tmp_path: Path, scene_path: Path, first: str) -> None:
    path = tmp_path / "two.gpkg"
    shape = shapely.box(500000, 4599900, 500150, 4600000)
    layer(path, shape if first == "other" else shape.centroid, name=first)
    layer(path, A, name="study_area")
    refused = command("info", scene_path, "--aoi", path)
    assert refused.exit_code == 3
    assert first in refused.stderr
    assert "study_area" in refused.stderr
    assert "--aoi-layer" in refused.stderr
    for options in (["--aoi", path, "--aoi-layer", "study_area"], ["--aoi", f"{path}|layername=study_area"]):
        chosen = command("info", scene_path, "--json", *options)
        assert chosen.exit_code == 0, chosen.output
        assert '"area_shape": true' in chosen.output
    missing = command("info", scene_path, "--aoi", path, "--aoi-layer", "nowhere")
    assert missing.exit_code == 3
    assert "study_area" in missing.stderr
    assert command("info", scene_path, "--aoi-layer", "study_area").exit_code == 2


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("<OGRVRTDataSource><OGRVRTLayer><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>",
         UnsafeSceneError),
        (f"<!--{'x' * 5000}--><OGRVRTDataSource/>", UnsafeSceneError),
        ("<OGRWFSDataSource><URL>http://localhost:1/</URL></OGRWFSDataSource>", UnsafeSceneError),
        ("not a layer", AreaError),
        ("", AreaError),
    ],
)  # fmt: skip
def test_files_that_point_elsewhere_are_refused(
    tmp_path: Path, scene_path: Path, text: str, error: type[Exception]
) -> None:
    for name in ("aoi.vrt", "aoi.gpkg", "aoi.geojson"):
        (tmp_path / name).write_text(text)
        with Scene.open(scene_path) as scene, pytest.raises(error):
            resolve_area(scene, aoi=tmp_path / name)


def test_points_and_empty_layers_are_refused(tmp_path: Path, scene_path: Path) -> None:
    with Scene.open(scene_path) as scene:
        for name, shapes in (
            ("points.gpkg", [A.centroid]),
            ("lines.gpkg", [shapely.LineString(A.exterior.coords)]),
            ("empty.gpkg", []),
        ):
            with pytest.raises(AreaError, match="holds no polygon"):
                resolve_area(scene, aoi=layer(tmp_path / name, *shapes))
        with pytest.raises(AreaError, match="does not exist"):
            resolve_area(scene, aoi=tmp_path / "missing.gpkg")


BOX = (500010.0, 4599920.0, 500140.0, 4599990.0)


@pytest.mark.parametrize(
    ("text", "crs"),
    [
        ("500010,4599920,500140,4599990", None),
        ("500010 4599920 500140 4599990", None),
        ("500010; 4599920; 500140; 4599990", None),
        ("[500010, 4599920, 500140, 4599990]", None),
        ("500010,500140,4599920,4599990 [EPSG:32633]", "EPSG:32633"),
        ("500010.000,500140.000,4599920.000,4599990.000 [EPSG:32633]", "EPSG:32633"),
        ("-te 500010 4599920 500140 4599990", None),
        ("-projwin 500010 4599990 500140 4599920", None),
        ("BOX(500010 4599920,500140 4599990)", None),
        ("BOX3D(500010 4599920 0,500140 4599990 0)", None),
        ("POLYGON((500010 4599920, 500140 4599920, 500140 4599990, 500010 4599990, 500010 4599920))", None),
        ("SRID=32633;POLYGON((500010 4599920,500140 4599920,500140 4599990,500010 4599990,500010 4599920))",
         "EPSG:32633"),
        ("ENVELOPE(500010, 500140, 4599990, 4599920)", None),
        ("BoundingBox(left=500010.0, bottom=4599920.0, right=500140.0, top=4599990.0)", None),
        ("xmin=500010 xmax=500140 ymin=4599920 ymax=4599990", None),
        ("<QgsRectangle: 500010 4599920, 500140 4599990>", None),
        ("500010.0,4599920.0 : 500140.0,4599990.0", None),
        ("5.0001e5,4.59992e6,5.0014e5,4.59999e6", None),
    ],
)  # fmt: skip
def test_extents_in_the_forms_of_other_programs(scene_path: Path, text: str, crs: str | None) -> None:
    extent = parse_extent(text)
    assert extent.bounds == BOX
    assert extent.crs == crs
    shown = command("info", scene_path, "--json", f"--bbox={text}")
    assert shown.exit_code == 0, shown.output
    assert '"area_scene_px": [\n      20,\n      20,\n      280,\n      160\n    ]' in shown.output


def test_geojson_and_qgis_extents_carry_their_crs() -> None:
    assert parse_extent('{"type": "Feature", "bbox": [1, 2, 3, 4], "geometry": null}').crs == "EPSG:4326"
    polygon = '{"type":"Polygon","coordinates":[[[1,2],[3,2],[3,4],[1,4],[1,2]]]}'
    assert parse_extent(polygon).bounds == (1, 2, 3, 4)
    assert parse_extent('{"bbox": [170, -17, 0, -170, -15, 50]}').bounds == (170, -17, -170, -15)


@pytest.mark.parametrize(
    "text", ["", "1,2,3", "1,2,3,4,5", "here", "1,2,3,nan", "POLYGON((0 0,1 0,0 1,0 0))", "{", "BOX(1 2)", "[[1,2]]x"]
)  # fmt: skip
def test_what_is_no_extent_is_refused(text: str) -> None:
    with pytest.raises(AreaError):
        parse_extent(text)


def test_two_contradicting_crs_are_refused(scene_path: Path) -> None:
    text = "500010,500140,4599920,4599990 [EPSG:32633]"
    assert command("info", scene_path, "--bbox", text, "--bbox-crs", "epsg:32633").exit_code == 0
    refused = command("info", scene_path, "--bbox", text, "--bbox-crs", "EPSG:4326")
    assert refused.exit_code == 2
    assert "--bbox-crs" in refused.stderr


@pytest.mark.parametrize(
    ("text", "order"),
    [("500010,500140,4599920,4599990", "QGIS"), ("4599920,500010,4599990,500140", "latitude first")],
)
def test_another_order_of_the_numbers_is_named(scene_path: Path, text: str, order: str) -> None:
    refused = command("info", scene_path, "--bbox", text)
    assert refused.exit_code == 3
    assert order in refused.stderr


def test_a_box_mostly_outside_is_named(scene_path: Path) -> None:
    shown = command("info", scene_path, "--bbox", "500100,4599900,500900,4600000")
    assert shown.exit_code == 0
    assert "most of the bounding box lies outside" in shown.output
    inside = command("info", scene_path, "--bbox", "500100,4599900,500160,4600000")
    assert "outside" not in inside.output


def area_scene(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "place.tif", ())


INSIDE = shapely.box(500005, 4599975, 500025, 4599995)


def declared_wrongly(path: Path) -> Path:
    """A file of metres whose CRS is said, or understood, to be longitude and latitude."""
    if path.suffix == ".geojson":
        geometry = json.dumps(shapely.geometry.mapping(INSIDE))
        path.write_text(f'{{"type":"Feature","properties":{{}},"geometry":{geometry}}}')
    else:
        gpd.GeoDataFrame(geometry=[INSIDE], crs=4326).to_file(path)
    return path


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (["--bbox", "15.00006,41.5513,15.0003,41.5516"], "add --bbox-crs EPSG:4326"),
        (["--bbox", "500005,4599975,500025,4599995", "--bbox-crs", "EPSG:25831"], "drop --bbox-crs"),
        (["--aoi", "areas.geojson"], "declare that CRS"),
        (["--aoi", "areas.gpkg"], "declare that CRS"),
        (["--bbox", "1,2,3,4"], "shows the extent"),
    ],
)
def test_an_area_in_another_crs_than_meant_says_which(tmp_path: Path, options: list[str], hint: str) -> None:
    options = [str(declared_wrongly(tmp_path / o)) if o.startswith("areas") else o for o in options]
    refused = command("info", area_scene(tmp_path), *options)
    assert refused.exit_code == 3, refused.output
    assert hint in refused.stderr


@pytest.mark.parametrize("suffix", [".shp", ".csv"])
def test_an_area_without_a_crs_is_taken_in_that_of_the_scene_and_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"areas{suffix}"
    if suffix == ".csv":
        path.write_text(f'id,WKT\n1,"{INSIDE.wkt}"\n')
    else:
        gpd.GeoDataFrame({"n": [1]}, geometry=[INSIDE], crs=32633).to_file(path)
        path.with_suffix(".prj").unlink()
    facts = json.loads(command("info", area_scene(tmp_path), "--aoi", path, "--json").output)
    assert facts["grid"]["area_scene_px"] == [10, 10, 50, 50]
    assert facts["notices"] == [f"{path.name} has no coordinate system; that of the scene is taken"]
