"""Areas of map services as scenes, from servers that draw a known image: outlines lie where the image has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
from pyproj import Transformer

from geogrounding.errors import AreaError, SettingsError
from geogrounding.sources.locate import locate_source
from tests.blobs import BlobModel
from tests.kinds.doors import command
from tests.maps import PLACE, Drawing, Maps, Rectangle, capabilities, encode, matrix, own_world
from tests.web import Answer, Web

SIZE = 0.0012
"""Side of the area, degrees of longitude; about 80 m."""
BBOX = f"{PLACE[0] - SIZE / 2},{PLACE[1] - SIZE / 3},{PLACE[0] + SIZE / 2},{PLACE[1] + SIZE / 3}"

AREA = ("--bbox", BBOX, "--bbox-crs", "EPSG:4326", "--resolution", "0.5")


@pytest.fixture(autouse=True)
def _world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own_world(monkeypatch, tmp_path, BlobModel(tile_size_px=128))


def image(crs: str, side: float) -> Drawing:
    """Three squares of a side around the place, in units of the CRS; none touches another."""
    x, y = Transformer.from_crs(4326, crs, always_xy=True).transform(*PLACE)
    corners = [(x - 3 * side, y - side), (x + side, y + side / 2), (x + 2 * side, y - 2 * side)]
    return Drawing(crs, [(left, bottom, left + side, bottom + side) for left, bottom in corners])


def run(source: object, *more: object) -> list[Rectangle]:
    """What a run finds, in the CRS of the map."""
    result = command("run", source, "bright", "-o", "found.gpkg", "--overwrite", *AREA, *more)
    assert result.exit_code == 0, result.output
    return sorted(polygon.bounds for polygon in pyogrio.read_dataframe("found.gpkg").geometry)


def same(found: list[Rectangle], drawn: Drawing, pixel: float) -> None:
    """Each square was found, to a pixel."""
    assert len(found) == len(drawn.rectangles)
    assert np.abs(np.array(found) - np.array(sorted(drawn.rectangles))).max() < 1.5 * pixel


MERCATOR_PIXEL = 0.5 / np.cos(np.radians(PLACE[1]))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_xyz_tiles(web: Web, kind: str) -> None:
    maps = Maps(image("EPSG:3857", 20.0), kind=kind)
    base = maps.attach(web)
    same(run(f"{base}/xyz/{{z}}/{{x}}/{{y}}.png"), maps.image, MERCATOR_PIXEL)
    assert {name.partition("/")[0] for name in maps.asked} == {"18"}  # 0.36 m here; 17 has 0.73
    assert len(maps.asked) == len(set(maps.asked)) == 4
    with rasterio.open(next(Path("cache/areas").glob("*.tif"))) as raster:
        assert raster.crs.to_epsg() == 3857


def test_tiles_are_asked_for_once(web: Web) -> None:
    """A second run, and one of an area that overlaps, ask only for what is new; the layer has the same bytes."""
    maps = Maps(image("EPSG:3857", 20.0))
    uri = f"type=xyz&url={maps.attach(web)}/xyz/%7Bz%7D/%7Bx%7D/%7By%7D.png&zmin=0&zmax=19"
    first = run(uri)
    asked = len(maps.asked)
    before = Path("found.gpkg.run.json").read_text()
    assert run(uri) == first
    assert Path("found.gpkg.run.json").read_text() == before
    assert len(maps.asked) == asked
    west, south, east, north = (float(part) for part in BBOX.split(","))
    source = locate_source(
        uri, allow_remote=True, bbox=(west, south, east + 2 * SIZE, north), bbox_crs="EPSG:4326", resolution_m=0.5
    )
    assert asked < len(maps.asked) <= 3 * asked
    assert len(maps.asked) == len(set(maps.asked))
    assert source.name == "127.0.0.1"


def test_quadkeys_subdomains_and_large_tiles(web: Web) -> None:
    maps = Maps(image("EPSG:3857", 20.0), tile_px=512)
    base = maps.attach(web)
    same(run(f"type=xyz&url={base}/xyz/{{z}}/{{x}}/{{y}}.png&zmax=19&tilePixelRatio=2"), maps.image, MERCATOR_PIXEL)
    assert {name.partition("/")[0] for name in maps.asked} == {"17"}
    from geogrounding.sources.map_services import read_service

    service = read_service("type=xyz&url=http://127.0.0.1/{s}/{q}/{z}.png&zmin=3&zmax=3")
    # the quadkey of Microsoft's documentation of its tile system: level 3, column 3, row 5 is 213
    assert service.address(service.levels[0], 3, 5) == "http://127.0.0.1/c/213/3.png"


@pytest.mark.parametrize(
    ("crs", "version", "side", "pixel"),
    [
        ("EPSG:25833", "1.1.1", 12.0, 0.5),
        ("EPSG:4326", "1.1.1", 1.2e-4, 7.4e-6),
        ("EPSG:4326", "1.3.0", 1.2e-4, 7.4e-6),
        ("EPSG:3857", "1.3.0", 20.0, MERCATOR_PIXEL),
    ],
)
def test_wms(web: Web, crs: str, version: str, side: float, pixel: float) -> None:
    maps = Maps(image(crs, side))
    base = maps.attach(web)
    same(run(f"crs={crs}&format=image/png&layers=ortho&styles=&version={version}&url={base}/wms"), maps.image, pixel)
    assert 1 <= len(maps.asked) <= 4


@pytest.mark.parametrize("origin", ["top", "bottom"])
def test_a_tms_file(web: Web, origin: str) -> None:
    maps = Maps(image("EPSG:3857", 20.0))
    kind = "xyz" if origin == "top" else "tms"
    Path("map.xml").write_text(
        f'<GDAL_WMS><Service name="TMS"><ServerUrl>{maps.attach(web)}/{kind}/${{z}}/${{x}}/${{y}}.png</ServerUrl>'
        "</Service><DataWindow><UpperLeftX>-20037508.34</UpperLeftX><UpperLeftY>20037508.34</UpperLeftY>"
        "<LowerRightX>20037508.34</LowerRightX><LowerRightY>-20037508.34</LowerRightY><TileLevel>18</TileLevel>"
        f"<TileCountX>1</TileCountX><TileCountY>1</TileCountY><YOrigin>{origin}</YOrigin></DataWindow>"
        "<Projection>EPSG:3857</Projection><BlockSizeX>256</BlockSizeX><BlockSizeY>256</BlockSizeY></GDAL_WMS>"
    )
    same(run("map.xml", "--allow-remote"), maps.image, MERCATOR_PIXEL)
    result = command("run", "--source-xml", "map.xml", "bright", "-o", "again.gpkg", *AREA, "--allow-remote")
    assert result.exit_code == 0, result.output
    same(
        sorted(polygon.bounds for polygon in pyogrio.read_dataframe("again.gpkg").geometry),
        maps.image,
        MERCATOR_PIXEL,
    )


def test_a_wms_file(web: Web) -> None:
    maps = Maps(image("EPSG:25833", 12.0))
    Path("map.xml").write_text(
        f'<GDAL_WMS><Service name="WMS"><Version>1.1.1</Version><ServerUrl>{maps.attach(web)}/wms?</ServerUrl>'
        "<SRS>EPSG:25833</SRS><ImageFormat>image/png</ImageFormat><Layers>ortho</Layers></Service></GDAL_WMS>"
    )
    same(run("map.xml", "--allow-remote"), maps.image, 0.5)


@pytest.mark.parametrize("template", [True, False])
def test_wmts_in_a_national_grid(web: Web, template: bool) -> None:
    """Two matrices of 1.4 and 0.28 m; tiles by a template, or by parameters."""
    maps = Maps(image("EPSG:25833", 12.0))
    left, top = 300_000.0, 5_900_000.0

    def tile(side: float, column: int, row: int) -> Answer:
        maps.asked.append(f"{side}")
        wide = 256 * side
        return maps.answer(
            (left + column * wide, top - (row + 1) * wide, left + (column + 1) * wide, top - row * wide), 256, 256
        )

    sides = {"far": 1.4, "near": 0.28}

    def rest(_web: Web, path: str, *_: object) -> Answer:
        style, grid, name, row, column = path.split("/")[2:]
        assert (style, grid) == ("plain", "national")
        return tile(sides[name], int(column), int(row))

    def by_parameters(_web: Web, _path: str, query: dict[str, list[str]], _body: bytes) -> Answer:
        assert (query["LAYER"], query["STYLE"], query["FORMAT"]) == (["ortho"], ["plain"], ["image/png"])
        return tile(sides[query["TILEMATRIX"][0]], int(query["TILECOL"][0]), int(query["TILEROW"][0]))

    place = "/rest/{style}/{TileMatrixSet}/{TileMatrix}/{TileRow}/{TileCol}"
    resource = f'<ResourceURL format="image/png" resourceType="tile" template="{web.base}{place}"/>'
    matrices = matrix("far", 5000.0, f"{left} {top}", 600, 600) + matrix("near", 1000.0, f"{left} {top}", 9000, 9000)
    document = capabilities(web.base, "national", "urn:ogc:def:crs:EPSG::25833", matrices, resource if template else "")
    web.routes |= {"/caps": lambda *_: (200, {}, document), "/kvp": by_parameters}
    web.below["/rest/"] = rest
    uri = f"crs=EPSG:25833&format=image/png&layers=ortho&styles=plain&tileMatrixSet=national&url={web.base}/caps"
    same(run(uri), maps.image, 0.5)
    assert set(maps.asked) == {"0.28"}


def test_wmts_with_latitude_first(web: Web) -> None:
    maps = Maps(image("EPSG:4326", 1.2e-4))
    degree = 1000 * 0.00028 / 6378137.0 * 180 / np.pi
    wide = 256 * degree

    def tile(_web: Web, _path: str, query: dict[str, list[str]], _body: bytes) -> Answer:
        column, row = int(query["TILECOL"][0]), int(query["TILEROW"][0])
        west, north = -180 + column * wide, 90 - row * wide
        return maps.answer((west, north - wide, west + wide, north), 256, 256)

    document = capabilities(
        web.base, "world", "urn:ogc:def:crs:EPSG::4326", matrix("0", 1000.0, "90.0 -180.0", 10**6, 10**6)
    )
    web.routes |= {"/caps": lambda *_: (200, {}, document), "/kvp": tile}
    same(run(f"layers=ortho&tileMatrixSet=world&url={web.base}/caps"), maps.image, 7.4e-6)


def notes(uri: str) -> str:
    """What a run says, without line breaks."""
    result = command("run", uri, "bright", "-o", "f.gpkg", "--overwrite", *AREA)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_places_where_the_map_has_nothing(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """404 and transparent tiles: no data there, which is said also where tiles are kept; no black image."""
    maps = Maps(image("EPSG:3857", 20.0))
    uri = f"{maps.attach(web)}/xyz/{{z}}/{{x}}/{{y}}.png"
    assert "tiles" not in notes(uri)
    first, second, *_ = sorted(maps.asked)
    clear = encode(np.zeros((256, 256, 4), np.uint8))
    maps.instead = {first: (404, {}, b"none"), second: (200, {"Content-Type": "image/png"}, clear)}
    monkeypatch.setenv("GEOGROUNDING_CACHE", "other")
    assert "the map has nothing at 2 of 4 tiles" in notes(uri)
    with rasterio.open(next(Path("other/areas").glob("*.tif"))) as raster:
        assert (raster.read(4) > 0).mean() == 0.5
    count = len(maps.asked)
    assert "the map has nothing at 2 of 4 tiles" in notes(uri)
    assert len(maps.asked) == count


def test_one_drawing_again_and_again_is_no_imagery(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server shows where it has nothing at this zoom; water of one colour is imagery."""
    maps = Maps(image("EPSG:3857", 20.0))
    uri = f"{maps.attach(web)}/xyz/{{z}}/{{x}}/{{y}}.png"
    notes(uri)
    names = sorted(maps.asked)
    words = np.random.default_rng(1).integers(0, 100, (256, 256, 3), np.uint8)
    for number, (drawing, expected) in enumerate([(words, "3 of 4 tiles are one image"), (words * 0 + 70, "")]):
        maps.instead = {name: (200, {"Content-Type": "image/png"}, encode(drawing)) for name in names[:3]}
        monkeypatch.setenv("GEOGROUNDING_CACHE", f"other-{number}")
        said = notes(uri)
        assert expected in said
        assert ("again and again" in said) == bool(expected)


def test_a_map_needs_an_area_a_crs_and_a_resolution() -> None:
    uri = "https://example.test/{z}/{x}/{y}.png"
    box = (13.0, 52.0, 13.01, 52.01)
    with pytest.raises(SettingsError, match="needs an area"):
        locate_source(uri, allow_remote=True)
    with pytest.raises(SettingsError, match="coordinate system"):
        locate_source(uri, allow_remote=True, bbox=box)
    with pytest.raises(SettingsError, match="several resolutions"):
        locate_source(uri, allow_remote=True, bbox=box, bbox_crs="EPSG:4326")
    with pytest.raises(AreaError, match="tiles of the map"):
        locate_source(uri, allow_remote=True, bbox=(13, 52, 14, 53), bbox_crs="EPSG:4326", resolution_m=0.1)
    with pytest.raises(AreaError, match="antimeridian"):
        locate_source(uri, allow_remote=True, bbox=(179, 52, -179, 53), bbox_crs="EPSG:4326", resolution_m=9)
