"""Which layers are read as files, which are exported, and what an export is."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from geoground_qgis import rasters
from geoground_qgis.rasters import Export, LayerError, clear_cache, describe_source
from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer, QgsRectangle
from qgis.PyQt.QtGui import QColor, QImage

WGS84 = QgsCoordinateReferenceSystem("EPSG:4326")
HALF = 20037508.342789244


def never() -> bool:
    return False


@pytest.fixture
def tiles(tmp_path: Path) -> QgsRasterLayer:
    """XYZ tiles, as web maps have them: each in a colour of its own."""
    for zoom in range(3):
        for x in range(2**zoom):
            for y in range(2**zoom):
                image = QImage(256, 256, QImage.Format.Format_RGB32)
                image.fill(QColor(60 * x, 60 * y, 200))
                folder = tmp_path / "tiles" / str(zoom) / str(x)
                folder.mkdir(parents=True, exist_ok=True)
                image.save(str(folder / f"{y}.png"))
    address = f"file://{tmp_path}/tiles/{{z}}/{{x}}/{{y}}.png".replace("{", "%7B").replace("}", "%7D")
    layer = QgsRasterLayer(f"type=xyz&url={address}&zmin=0&zmax=2", "tiles", "wms")
    assert layer.isValid()
    return layer


def test_a_file_is_read_where_it_lies(raster: QgsRasterLayer, scene: Path) -> None:
    source = describe_source(raster)
    assert source.path == str(scene)
    assert source.whole
    assert source.pixels == 0


def test_an_extent_is_cut_to_the_layer(raster: QgsRasterLayer) -> None:
    wide = raster.extent().buffered(1000)
    assert describe_source(raster, wide).whole
    part = QgsRectangle(
        raster.extent().xMinimum() - 10, raster.extent().yMinimum(), raster.extent().xMinimum() + 7, 9e9
    )
    source = describe_source(raster, part)
    assert not source.whole
    assert source.extent.width() == pytest.approx(7)


@pytest.mark.parametrize("extent", [QgsRectangle(0, 0, 1, 1), QgsRectangle()])
def test_an_extent_beside_the_layer_is_refused(raster: QgsRasterLayer, extent: QgsRectangle) -> None:
    with pytest.raises(LayerError, match="beside"):
        describe_source(raster, extent)


def test_no_layer_and_no_crs_are_refused(raster: QgsRasterLayer) -> None:
    with pytest.raises(LayerError, match="Choose"):
        describe_source(None)
    with pytest.raises(LayerError, match="Choose"):
        describe_source(QgsRasterLayer("/nowhere.tif", "x"))
    raster.setCrs(QgsCoordinateReferenceSystem())
    with pytest.raises(LayerError, match="Layer Properties"):
        describe_source(raster)


def test_a_crs_set_by_hand_means_an_export_with_that_crs(raster: QgsRasterLayer, tmp_path: Path) -> None:
    other = QgsCoordinateReferenceSystem("EPSG:32618")
    raster.setCrs(other)
    source = describe_source(raster)
    assert source.path is None
    assert source.export_px == (400, 400)
    export = Export(source, tmp_path)
    exported = QgsRasterLayer(str(export.run(lambda share: None, never)), "exported")
    assert exported.crs() == other
    assert (exported.width(), exported.height(), exported.bandCount()) == (400, 400, 3)
    point = raster.extent().center()
    assert exported.dataProvider().sample(point, 1) == raster.dataProvider().sample(point, 1)
    export.discard()
    assert list(tmp_path.glob(f"{export.path.stem}*")) == []


def test_a_virtual_raster_is_exported(scene: Path, tmp_path: Path) -> None:
    from osgeo import gdal

    gdal.BuildVRT(str(tmp_path / "mosaic.vrt"), [str(scene)]).FlushCache()
    layer = QgsRasterLayer(str(tmp_path / "mosaic.vrt"), "mosaic")
    source = describe_source(layer, QgsRectangle(404220, 3285110, 404230, 3285115))
    assert source.path is None
    assert source.export_px == (100, 50)
    exported = QgsRasterLayer(str(Export(source, tmp_path).run(lambda share: None, never)), "exported")
    assert (exported.width(), exported.height()) == (100, 50)
    assert exported.extent().xMinimum() == pytest.approx(404220, abs=1e-6)


def test_xyz_tiles_are_exported_at_the_resolution_asked_for(tiles: QgsRasterLayer, tmp_path: Path) -> None:
    extent = QgsRectangle(-HALF / 2, -HALF / 2, HALF / 2, HALF / 2)
    source = describe_source(tiles, extent, resolution_m=HALF / 300)
    assert source.path is None
    assert source.export_px == (300, 300)
    shares: list[float] = []
    exported = QgsRasterLayer(str(Export(source, tmp_path).run(shares.append, never)), "exported")
    assert exported.isValid()
    assert exported.crs().authid() == "EPSG:3857"
    assert exported.bandCount() >= 3
    assert exported.dataProvider().sample(exported.extent().center(), 3)[0] == 200


def test_a_metre_of_web_mercator_is_a_metre_of_ground(tiles: QgsRasterLayer) -> None:
    north = QgsRectangle(0, 8_399_737.9, 1000, 8_400_737.9)  # 60° north, where it stretches by two
    columns, _ = describe_source(tiles, north, resolution_m=1).export_px
    assert columns == pytest.approx(1000 * math.cos(math.radians(60)), rel=0.01)


def test_a_huge_export_is_refused_and_a_large_one_is_announced(tiles: QgsRasterLayer) -> None:
    with pytest.raises(LayerError, match="smaller extent"):
        describe_source(tiles, resolution_m=1)
    source = describe_source(tiles, QgsRectangle(0, 0, 6000, 6000), resolution_m=1)
    assert rasters.WARN_PIXELS < source.pixels < rasters.MOST_PIXELS


def test_a_cancelled_export_leaves_no_file(tiles: QgsRasterLayer, tmp_path: Path) -> None:
    export = Export(describe_source(tiles, QgsRectangle(0, 0, 6000, 6000), resolution_m=1), tmp_path / "cache")
    (tmp_path / "cache").mkdir()
    export.cancel()
    with pytest.raises(LayerError, match="cancelled"):
        export.run(lambda share: None, never)
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_cache_is_emptied(raster: QgsRasterLayer) -> None:
    raster.setCrs(WGS84)
    path = Export(describe_source(raster)).run(lambda share: None, never)
    size = path.stat().st_size
    assert clear_cache() >= size
    assert not path.exists()
    QgsProject.instance().clear()
