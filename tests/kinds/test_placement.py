"""What places a raster: a CRS or transform in several places, control points, RPCs, codes, operations, other bodies."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from pyproj import CRS, Geod, Transformer
from rasterio.control import GroundControlPoint
from rasterio.rpc import RPC

from geogrounding.errors import MissingCRSError, OutputError
from geogrounding.geometry.operation import find_operation
from geogrounding.raster.scene import Scene
from tests.blobs import UTM, BlobModel, write_scene
from tests.kinds.doors import command, go, polygons

BLOBS = ((20, 20, 40, 40), (180, 50, 200, 70), (250, 150, 280, 170))
WORLD = "0.5\n0\n0\n-0.5\n500000.25\n4599999.75\n"
SITE = (
    'LOCAL_CS["Quarry grid",LOCAL_DATUM["Peg 7",0],UNIT["metre",1],AXIS["E",EAST],AXIS["N",NORTH]]',
    Affine(0.5, 0, 1000, 0, -0.5, 2000),
)
MOON = ("IAU_2015:30100", Affine(1e-5, 0, 10, 0, -1e-5, 10))
MARS = (
    'GEOGCRS["Mars (2015) - Sphere / Ocentric",DATUM["Mars (2015) - Sphere",ELLIPSOID["Mars (2015) - Sphere",3396190,0,'
    'LENGTHUNIT["metre",1]]],PRIMEM["Reference Meridian",0],CS[ellipsoidal,2],AXIS["latitude",north],'
    'AXIS["longitude",east],ANGLEUNIT["degree",0.0174532925199433]]',
    Affine(1e-5, 0, 137.4, 0, -1e-5, -4.5),
)


def bare(path: Path, **profile: Any) -> Path:
    """A scene without a CRS or transform in the file."""
    write_scene(path, BLOBS, crs=None, transform=None, **profile)  # type: ignore[arg-type]
    return path


def points(transform: Affine) -> list[GroundControlPoint]:
    corners = [(0, 0), (300, 0), (0, 200), (300, 200)]
    return [GroundControlPoint(row=y, col=x, x=(transform @ (x, y))[0], y=(transform @ (x, y))[1]) for x, y in corners]


@pytest.mark.parametrize("name", ["scene.prj", "scene.tif.prj"])
@pytest.mark.parametrize("dialect", ["WKT1_ESRI", "WKT1_GDAL", "WKT2"])
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_world_file_and_a_prj_file(tmp_path: Path, name: str, dialect: str) -> None:
    path = bare(tmp_path / "scene.tif")
    (tmp_path / "scene.tfw").write_text(WORLD)
    (tmp_path / name).write_text(rasterio.crs.CRS.from_epsg(32633).to_wkt(version=dialect))
    with Scene.open(path) as scene:
        assert scene.crs is not None
        assert scene.crs.to_epsg() == 32633
        assert scene.transform.almost_equals(UTM)
        assert name in scene.notices[0]


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_an_image_with_a_world_file_and_a_prj_file(tmp_path: Path) -> None:
    with rasterio.open(tmp_path / "a.png", "w", driver="PNG", width=30, height=20, count=3, dtype="uint8") as out:
        out.write(np.full((3, 20, 30), 7, np.uint8))
    (tmp_path / "a.pgw").write_text(WORLD)
    with pytest.raises(MissingCRSError):
        Scene.open(tmp_path / "a.png")
    (tmp_path / "a.prj").write_text(rasterio.crs.CRS.from_epsg(25832).to_wkt(version="WKT1_ESRI"))
    with Scene.open(tmp_path / "a.png") as scene:
        assert scene.crs is not None
        assert scene.crs.to_epsg() == 25832


@pytest.mark.parametrize("inside", ["transform", "points"])
def test_a_world_file_that_contradicts_the_file_is_named(tmp_path: Path, inside: str) -> None:
    path = tmp_path / "scene.tif"
    if inside == "transform":
        write_scene(path, BLOBS)
    else:
        write_scene(path, BLOBS, gcps=points(UTM), transform=None)  # type: ignore[arg-type]
    (tmp_path / "scene.tfw").write_text(WORLD)
    with Scene.open(path) as scene:
        assert scene.notices == ()
        assert scene.transform.almost_equals(UTM, precision=1e-6)
    (tmp_path / "scene.tfw").write_text(WORLD.replace("500000.25", "500100.25"))
    with Scene.open(path) as scene:
        (notice,) = scene.notices
        assert "200 pixels apart" in notice
        used = "scene.tfw" if inside == "points" else "the file itself"
        assert used in notice
        assert scene.transform.c == (500_100 if inside == "points" else 500_000)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("crs_in", ["points", "pam", "prj"])
def test_control_points_with_their_crs_anywhere(tmp_path: Path, crs_in: str) -> None:
    path = tmp_path / "scene.tif"
    write_scene(path, BLOBS, crs="EPSG:32633", gcps=points(UTM), transform=None)  # type: ignore[arg-type]
    if crs_in != "points":
        aux = "".join(
            f'<GCP Id="{i}" Pixel="{p.col}" Line="{p.row}" X="{p.x}" Y="{p.y}"/>' for i, p in enumerate(points(UTM))
        )
        path.unlink()
        bare(path)
        projection = ' Projection="EPSG:32633"' if crs_in == "pam" else ""
        Path(f"{path}.aux.xml").write_text(f"<PAMDataset><GCPList{projection}>{aux}</GCPList></PAMDataset>")
    if crs_in == "prj":
        (tmp_path / "scene.prj").write_text(rasterio.crs.CRS.from_epsg(32633).to_wkt(version="WKT1_ESRI"))
    with Scene.open(path) as scene:
        assert scene.warped
        assert scene.crs is not None
        assert scene.crs.to_epsg() == 32633
    go(path, tmp_path / "out.gpkg")
    truth = [shapely.box(*(UTM @ (x0, y1)), *(UTM @ (x1, y0))) for x0, y0, x1, y1 in BLOBS]
    for found, wanted in zip(sorted(polygons(tmp_path / "out.gpkg"), key=lambda p: p.bounds), truth, strict=True):
        assert found.intersection(wanted).area / found.union(wanted).area > 0.9


def rational() -> RPC:
    one = [1.0] + [0.0] * 19
    return RPC(
        height_off=100, height_scale=500, lat_off=45, lat_scale=0.003, line_off=100, line_scale=100, long_off=9,
        long_scale=0.004, samp_off=150, samp_scale=150, line_num_coeff=[0, 0, -1.0] + [0.0] * 17, line_den_coeff=one,
        samp_num_coeff=[0, 1.0] + [0.0] * 18, samp_den_coeff=one, err_bias=0, err_rand=0,
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("with_crs", [False, True])
@pytest.mark.parametrize("where", ["inside", "beside"])
def test_rational_polynomials_are_named(tmp_path: Path, with_crs: bool, where: str) -> None:
    path = bare(tmp_path / "rpc.tif")
    with rasterio.open(path, "r+") as file:
        if where == "inside":
            file.rpcs = rational()
        if with_crs:
            file.crs = "EPSG:4326"
    if where == "beside":
        values = rational().to_gdal()
        lines = [f"{key}: {value}" for key, value in values.items() if "COEFF" not in key]
        for key in ("LINE_NUM_COEFF", "LINE_DEN_COEFF", "SAMP_NUM_COEFF", "SAMP_DEN_COEFF"):
            lines += [f"{key}_{i}: {value}" for i, value in enumerate(values[key].split(), 1)]
        (tmp_path / "rpc_RPC.TXT").write_text("\n".join(lines))
    refused = command("run", path, "x", "-o", tmp_path / "out.gpkg", "--model", "null")
    assert refused.exit_code == 3
    for word in ("RPC", "gdalwarp -rpc", "RPC_DEM"):
        assert word in refused.stderr
    assert "a_srs" not in refused.stderr
    shown = command("info", path)
    assert shown.exit_code == 0
    assert "gdalwarp -rpc" in shown.output
    (notice,) = json.loads(command("info", path, "--json").output)["notices"]
    assert "RPC" in notice
    assert "a_srs" not in notice


OTHER_BODIES = {"site": SITE, "moon": MOON, "mars": MARS}


@pytest.mark.parametrize("place", OTHER_BODIES)
@pytest.mark.parametrize("output", ["out.geojson", "out.geojsonl", "out.gpkg"])
def test_no_way_to_the_earth_is_refused_before_the_first_chip(tmp_path: Path, place: str, output: str) -> None:
    crs, transform = OTHER_BODIES[place]
    path = write_scene(tmp_path / "scene.tif", BLOBS, crs=crs, transform=transform)
    model = BlobModel()
    dst_crs = "EPSG:4326" if output.endswith("gpkg") else None
    with pytest.raises(OutputError, match="cannot be transformed") as caught:
        go(path, tmp_path / output, model=model, dst_crs=dst_crs)
    assert ".gpkg" in caught.value.hint
    assert "--dst-crs" in caught.value.hint
    assert not model.batches
    # The way out that the hint names.
    go(path, tmp_path / "own.gpkg")
    assert len(polygons(tmp_path / "own.gpkg")) == len(BLOBS)


@pytest.mark.parametrize("code", ["EPSG:5572", "EPSG:5570", "EPSG:2192", "EPSG:3121"])
def test_a_deprecated_code_keeps_its_own_parameters(tmp_path: Path, code: str) -> None:
    """GDAL reads the code that replaced it, unless it is asked not to: EPSG:5572 then lies 7,000 km away."""
    assert os.environ["OSR_USE_NON_DEPRECATED"] == "NO"
    crs = CRS.from_user_input(code)
    west, south, east, north = crs.area_of_use.bounds if crs.area_of_use else (0, 0, 0, 0)
    there = Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    x, y = there.transform((west + east) / 2, (south + north) / 2)
    path = write_scene(tmp_path / "old.tif", BLOBS, crs=code, transform=Affine(0.5, 0, x, 0, -0.5, y))
    with Scene.open(path) as scene:
        assert scene.crs is not None
        lonlat = Transformer.from_crs(scene.crs, scene.crs.geodetic_crs, always_xy=True).transform(x, y)
        assert lonlat == pytest.approx(((west + east) / 2, (south + north) / 2), abs=1e-6)
        assert scene.ground_resolution_m == pytest.approx(0.5, rel=0.01)


def test_a_code_is_named_only_where_it_is_certain(tmp_path: Path) -> None:
    airy = "+proj=tmerc +lat_0=49 +lon_0=-2 +k=0.9996012717 +x_0=400000 +y_0=-100000 +ellps=airy"
    path = write_scene(tmp_path / "airy.tif", BLOBS, crs=airy)
    go(path, tmp_path / "out.gpkg")
    assert "27700" not in (tmp_path / "out.gpkg.run.json").read_text()
    facts = json.loads(command("info", path, "--json").output)
    assert facts["crs"]["id"] is None
    proj = write_scene(tmp_path / "proj.tif", BLOBS, crs="+proj=utm +zone=33 +ellps=WGS84 +units=m")
    assert len(str(json.loads(command("info", proj, "--json").output)["crs"])) < 200


BALLPARK = [
    ("EPSG:2379", Affine(0.5, 0, 500_000, 0, -0.5, 3_400_000)),
    ("EPSG:2443", Affine(0.5, 0, 0, 0, -0.5, 0)),
    ("+proj=tmerc +lat_0=49 +lon_0=-2 +k=0.9996 +x_0=400000 +y_0=-100000 +ellps=airy", UTM),
]


@pytest.mark.parametrize(("crs", "transform"), BALLPARK[::2])
def test_a_ballpark_operation_is_named(tmp_path: Path, crs: str, transform: Affine) -> None:
    path = write_scene(tmp_path / "scene.tif", BLOBS, crs=crs, transform=transform)
    report = go(path, tmp_path / "out.geojson")
    (notice,) = report.notices
    assert "100 m" in notice
    side_car = json.loads((tmp_path / "out.geojson.run.json").read_text())
    assert side_car["transformation"]["ballpark"] is True
    run = command("run", path, "x", "-o", tmp_path / "null.geojson", "--model", "null")
    assert "ballpark" in run.stderr
    assert go(path, tmp_path / "own.gpkg").notices == ()


@pytest.mark.parametrize(("code", "accuracy"), [("EPSG:32633", 0.0), ("EPSG:25833", 1.0), ("EPSG:3857", 0.0)])
def test_the_operation_stands_in_the_side_car(tmp_path: Path, code: str, accuracy: float) -> None:
    path = write_scene(tmp_path / "scene.tif", BLOBS, crs=code)
    assert go(path, tmp_path / "out.geojson").notices == ()
    described = json.loads((tmp_path / "out.geojson.run.json").read_text())["transformation"]
    assert described["accuracy_m"] == accuracy
    assert described["name"]


SEAM = Affine(0.5, 0, 540_408.4, 0, -0.5, 4_806_362.6)


def test_a_scene_across_a_datum_seam_is_not_torn(tmp_path: Path) -> None:
    """PROJ parts neighbouring points of NAD27 / UTM 18N near 43.41 N by 18 m when it chooses point by point."""
    boxes = [(130, 80, 170, 120), (20, 20, 60, 60), (230, 140, 270, 180)]
    path = write_scene(tmp_path / "ny.tif", boxes, crs="EPSG:26718", transform=SEAM)
    go(path, tmp_path / "out.geojson")
    geod = Geod(ellps="GRS80")
    found = polygons(tmp_path / "out.geojson")
    assert len(found) == 3
    for shape in found:
        assert abs(geod.geometry_area_perimeter(shape)[0]) == pytest.approx(400, rel=0.01)
        assert len(shape.exterior.coords) == 5


@pytest.mark.parametrize("size", [100.0, 5_000.0, 60_000.0])
@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("EPSG:26718", (540_400, 4_806_312)),
        ("EPSG:27700", (400_000, 300_000)),
        ("EPSG:28992", (155_000, 463_000)),
        ("EPSG:2326", (836_000, 819_000)),
    ],
)
def test_one_operation_is_smooth_over_the_extent(code: str, place: tuple[float, float], size: float) -> None:
    x, y = place
    extent = (x - size, y - size, x + size, y + size)
    operation = find_operation(CRS(code), CRS(4326), extent)
    assert not operation.ballpark
    xs = np.linspace(extent[0], extent[2], 40)
    lon, lat = operation.forward(np.repeat(xs, 40), np.tile(np.linspace(extent[1], extent[3], 40), 40))
    assert np.isfinite(lon).all()
    # Second differences along a line: a seam would be a jump of some 1e-5 degrees.
    bends = np.abs(np.diff(lat.reshape(40, 40), n=2, axis=1)).max()
    assert bends < 2e-6 + 1e-7 * (size / 1000) ** 2
    back = operation.backward(lon, lat)
    assert np.abs(back[0] - np.repeat(xs, 40)).max() < 0.01
