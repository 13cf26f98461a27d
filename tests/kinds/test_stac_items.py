"""STAC items of the kinds that catalogues hold: which of their rasters become red, green, blue, and where they lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray

from geogrounding.errors import InputError, MissingCRSError, SceneError
from geogrounding.raster.bands import COLOURS
from geogrounding.raster.scene import Scene
from geogrounding.sources.assets import choose_assets
from geogrounding.sources.items import parse_item
from geogrounding.sources.locate import expand, locate_source
from tests.kinds.doors import go, polygons
from tests.rasters import NORTH_UP, noise, write
from tests.web import item_of

TIFF = "image/tiff; application=geotiff; profile=cloud-optimized"


def saved(folder: Path, item: dict[str, Any]) -> str:
    path = folder / "item.json"
    path.write_text(json.dumps(item))
    return str(path)


def scene_of(source: str, **options: Any) -> Scene:
    return Scene.open(locate_source(source, allow_remote=False, **options))


def names(bands: list[str], *, version: str) -> dict[str, Any]:
    """Common names as the two versions have them."""
    if version == "1.0.0":
        return {"eo:bands": [{"name": f"b{i}", "common_name": name} for i, name in enumerate(bands)]}
    return {"bands": [{"name": f"b{i}", "eo:common_name": name} for i, name in enumerate(bands)]}


def code(version: str) -> dict[str, Any]:
    return {"proj:epsg": 32633} if version == "1.0.0" else {"proj:code": "EPSG:32633"}


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_one_asset_with_its_bands_in_another_order(tmp_path: Path, version: str) -> None:
    values = noise((4, 64, 64))
    write(tmp_path / "image.tif", values, photometric="rgb")  # the file itself says red, green, blue, alpha
    asset = {
        "href": "./image.tif",
        "type": TIFF,
        "roles": ["data"],
        **names(["nir", "red", "green", "blue"], version=version),
    }
    with scene_of(saved(tmp_path, item_of("one", {"image": asset}, version=version))) as scene:
        assert scene.bands == (2, 3, 4)
        assert scene.plan.alpha is None
        assert scene.name == "one"
        assert np.array_equal(scene.read()[0], np.moveaxis(values[1:], 0, -1))


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_bands_in_files_of_their_own(tmp_path: Path, version: str) -> None:
    """With scale and offset, one at half the resolution, in a folder above; JPEG 2000 copies are left aside."""
    folder = tmp_path / "items"
    folder.mkdir()
    assets: dict[str, Any] = {}
    values: dict[str, NDArray[Any]] = {}
    for band, colour in (("B02", "blue"), ("B03", "green"), ("B04", "red"), ("B08", "nir")):
        side, size = (128, 1.0) if colour == "blue" else (256, 0.5)
        values[colour] = noise((1, side, side), "uint16", seed=side + len(colour), low=1, high=9000)
        transform = Affine(size, 0, 400_000, 0, -size, 5_000_000)
        write(tmp_path / f"{band}.tif", values[colour], transform=transform, overviews=(2,))
        described = names([colour], version=version)
        key = next(iter(described))
        if version == "1.0.0":
            described["raster:bands"] = [{"scale": 0.0001, "offset": -0.1, "nodata": 0}]
        else:
            described[key][0] |= {"raster:scale": 0.0001, "raster:offset": -0.1, "nodata": 0}
        assets[band] = {"href": f"../{band}.tif", "type": TIFF, "roles": ["data"], **described}
        assets[f"{band}-jp2"] = assets[band] | {"href": f"../{band}.jp2", "type": "image/jp2"}
    assets["thumbnail"] = {
        "href": "../no.tif",
        "type": TIFF,
        "roles": ["thumbnail"],
        **names(["red", "green", "blue"], version=version),
    }
    with scene_of(saved(folder, item_of("apart", assets, version=version, **code(version)))) as scene:
        raw, valid = scene.read_raw()
        assert scene.plan.names == ("red", "green", "blue")
        assert scene.crs is not None
        assert scene.crs.to_epsg() == 32633
        assert (scene.width, scene.height, scene.transform) == (256, 256, NORTH_UP)
        assert valid is None or valid.all()
        for place, colour in enumerate(("red", "green")):
            assert np.allclose(raw[place], values[colour][0] * 0.0001 - 0.1, atol=1e-6)
        # the coarser band is interpolated; in the middle between pixels the mean of their neighbours is near
        assert abs(raw[2].mean() - (values["blue"].mean() * 0.0001 - 0.1)) < 0.005
        assert scene.overview_factors == (2.0,)


def test_a_result_lies_where_the_bands_lie(tmp_path: Path) -> None:
    """A bright square of three files, found through the whole run, and the same as in one file."""
    values = np.ones((3, 128, 128), np.uint8)
    values[:, 40:60, 30:50] = 250
    assets = {}
    for band, colour in enumerate(("red", "green", "blue")):
        write(tmp_path / f"{colour}.tif", values[band : band + 1])
        assets[colour] = {"href": f"{colour}.tif", "type": TIFF}
    write(tmp_path / "all.tif", values, photometric="rgb")
    go(Path(saved(tmp_path, item_of("apart", assets))), tmp_path / "apart.gpkg")
    go(tmp_path / "all.tif", tmp_path / "all.gpkg")
    found, expected = polygons(tmp_path / "apart.gpkg"), polygons(tmp_path / "all.gpkg")
    assert len(found) == len(expected) == 1
    assert found[0].equals(expected[0])
    assert found[0].bounds == (400_015.0, 4_999_970.0, 400_025.0, 4_999_980.0)


def test_keys_with_the_numbers_of_a_sensor(tmp_path: Path) -> None:
    assets = {f"B{n:02}": {"href": f"{n}.tif", "type": TIFF} for n in range(1, 13)}
    choice = choose_assets(parse_item(item_of("s2", assets, platform="sentinel-2a"), "item.json"))
    assert [band.asset.key for band in choice.bands] == ["B04", "B03", "B02"]


def test_a_visual_asset_comes_first() -> None:
    assets = {
        "red": {"href": "r.tif", "type": TIFF, **names(["red"], version="1.0.0")},
        "green": {"href": "g.tif", "type": TIFF, **names(["green"], version="1.0.0")},
        "blue": {"href": "b.tif", "type": TIFF, **names(["blue"], version="1.0.0")},
        "visual": {"href": "v.tif", "type": TIFF, "roles": ["visual", "overview"]},
        "overview": {"href": "o.tif", "type": TIFF, "roles": ["overview"], **names(list(COLOURS), version="1.0.0")},
    }  # fmt: skip
    item = parse_item(item_of("both", assets), "item.json")
    whole = choose_assets(item).whole
    assert whole is not None
    assert whole.key == "visual"
    assert [band.colour for band in choose_assets(item, ("red", "green", "blue")).bands] == ["red", "green", "blue"]
    with pytest.raises(InputError, match="no raster 'swir'"):
        choose_assets(item, ("swir",))


def test_the_item_says_what_the_file_does_not(tmp_path: Path) -> None:
    """A raster without CRS and nodata: both are those of the item."""
    values = noise((1, 64, 64))
    values[0, :10] = 0
    write(tmp_path / "pan.tif", values, crs=None, transform=None)
    asset = {
        "href": "pan.tif", "type": TIFF, "roles": ["data"], "nodata": 0, "proj:code": "EPSG:32633",
        "proj:transform": [0.5, 0, 400_000, 0, -0.5, 5_000_000],
    }  # fmt: skip
    with scene_of(saved(tmp_path, item_of("pan", {"pan": asset}, version="1.1.0"))) as scene:
        assert scene.transform == NORTH_UP
        assert scene.crs is not None
        assert scene.crs.to_epsg() == 32633
        raw, valid = scene.read_raw()
        assert np.array_equal(raw, values)
        assert valid is not None
        assert np.array_equal(valid, values[0] != 0)


def test_what_cannot_be_used(tmp_path: Path) -> None:
    write(tmp_path / "plain.tif", noise((1, 32, 32)), crs=None, transform=None)
    plain = {"href": "plain.tif", "type": TIFF}
    with pytest.raises(MissingCRSError):
        scene_of(saved(tmp_path, item_of("no-crs", {"pan": plain})))
    with pytest.raises(InputError, match="has no asset that is a raster"):
        scene_of(saved(tmp_path, item_of("no-raster", {"text": {"href": "x.txt", "type": "text/plain"}})))
    with pytest.raises(InputError, match="nothing says which assets"):
        scene_of(saved(tmp_path, item_of("two", {"vv": plain, "vh": plain})))
    write(tmp_path / "a.tif", noise((1, 32, 32)))
    write(tmp_path / "b.tif", noise((1, 32, 32)), crs="EPSG:32634")
    mixed = {
        colour: {"href": f"{name}.tif", "type": TIFF} for colour, name in (("red", "a"), ("green", "b"), ("blue", "a"))
    }
    with pytest.raises(SceneError, match="different coordinate systems"):
        scene_of(saved(tmp_path, item_of("mixed", mixed)))


def test_collections_and_tables(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet
    from stac_geoparquet.arrow import parse_stac_items_to_arrow

    for name in ("a", "b"):
        write(tmp_path / f"{name}.tif", noise((3, 32, 32)), photometric="rgb")
    items = [
        item_of(name, {"visual": {"href": f"{name}.tif", "type": TIFF, "roles": ["visual"]}}) for name in ("a", "b")
    ]
    collection, table = tmp_path / "items.json", tmp_path / "items.parquet"
    collection.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    pyarrow.parquet.write_table(pa.Table.from_batches(parse_stac_items_to_arrow(items).read_all().to_batches()), table)
    for source in (collection, table):
        scenes = expand(["x.tif", str(source)])
        assert scenes == ["x.tif", f"{source}#a", f"{source}#b"]
        with scene_of(scenes[2]) as scene, rasterio.open(tmp_path / "b.tif") as expected:
            assert scene.name == "b"
            assert np.array_equal(scene.read()[0], np.moveaxis(expected.read(), 0, -1))
    with pytest.raises(InputError, match="holds 2 items"):
        scene_of(str(collection))
    with pytest.raises(InputError, match="no item 'c'"):
        scene_of(f"{table}#c")


def test_resuming_goes_by_the_files(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", noise((3, 32, 32)), photometric="rgb")
    item = item_of("a", {"visual": {"href": "a.tif", "type": TIFF, "roles": ["visual"], "nodata": 7}})
    source = saved(tmp_path, item)
    with scene_of(source) as first, scene_of(source) as again:
        assert first.fingerprint == again.fingerprint
        before = first.fingerprint
    write(tmp_path / "a.tif", noise((3, 32, 32), seed=1), photometric="rgb")
    with scene_of(source) as changed:
        assert changed.fingerprint != before
