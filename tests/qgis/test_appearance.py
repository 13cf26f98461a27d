"""What is shown is what is asked: bands and limits of the renderer reach the engine, and the rest is exported as drawn.

The oracle is QGIS's own drawing: what the engine gets, or the exported file, must give the colours of the map.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import ScriptedLink, box, emits, features
from geoground_qgis.appearance import Appearance
from geoground_qgis.dock import Dock
from geoground_qgis.rasters import Export, Source, describe_source
from osgeo import gdal, osr
from panels import Run, layers
from qgis.core import (
    QgsColorRampShader,
    QgsContrastEnhancement,
    QgsCoordinateReferenceSystem,
    QgsMultiBandColorRenderer,
    QgsPalettedRasterRenderer,
    QgsProject,
    QgsRasterLayer,
    QgsRasterShader,
    QgsSingleBandGrayRenderer,
    QgsSingleBandPseudoColorRenderer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor, QImage

Until = Callable[..., None]
SIDE = 40


def write(path: Path, values: np.ndarray, driver: str = "GTiff", **more: Any) -> Path:
    """A raster of (bands, SIDE, SIDE) values in UTM."""
    kinds = {"uint8": gdal.GDT_Byte, "uint16": gdal.GDT_UInt16, "float32": gdal.GDT_Float32}
    memory = gdal.GetDriverByName("MEM").Create("", SIDE, SIDE, len(values), kinds[str(values.dtype)])
    memory.SetGeoTransform((404_211.9, 0.1, 0, 3_285_142.9, 0, -0.1))
    system = osr.SpatialReference()
    system.ImportFromEPSG(32617)
    memory.SetProjection(system.ExportToWkt())
    for number, band in enumerate(values, start=1):
        memory.GetRasterBand(number).WriteArray(band)
        memory.GetRasterBand(number).SetColorInterpretation(gdal.GCI_Undefined)
    if "palette" in more:
        table = gdal.ColorTable()
        for value, colour in enumerate(more.pop("palette")):
            table.SetColorEntry(value, colour)
        memory.GetRasterBand(1).SetColorTable(table)
        memory.GetRasterBand(1).SetColorInterpretation(gdal.GCI_PaletteIndex)
    gdal.GetDriverByName(driver).CreateCopy(str(path), memory, options=more.pop("options", []))
    return path


@pytest.fixture
def ramps() -> np.ndarray:
    """Four bands of 16 bits, each another ramp."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype("uint16")
    return np.stack([x * 10 + 100, y * 20 + 50, (x + y) * 7 + 300, np.full_like(x, 900) - x * 3])


def drawn(layer: QgsRasterLayer) -> np.ndarray:
    """The layer as QGIS draws it, one pixel a pixel: (rows, columns, RGB)."""
    image = layer.previewAsImage(QSize(SIDE, SIDE), QColor("black")).convertToFormat(QImage.Format.Format_RGB888)
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    rows = np.frombuffer(bits, np.uint8).reshape(SIDE, image.bytesPerLine())[:, : SIDE * 3]
    return rows.reshape(SIDE, SIDE, 3).copy()


def asked(source: Source, path: str) -> np.ndarray:
    """What the engine makes of a request: its bands, stretched by its limits, as docs/input.md says."""
    params = source.appearance.params() if not source.appearance.rendered else {}
    data = gdal.Open(path)
    bands = params.get("bands") or list(range(1, min(3, data.RasterCount) + 1))
    values = np.stack([data.GetRasterBand(band).ReadAsArray() for band in bands]).astype(float)
    stretch = params.get("stretch", "none")
    if stretch != "none":
        numbers = [float(number) for number in str(stretch).split(",")]
        low, high = (np.array(numbers[start::2])[:, None, None] for start in (0, 1))
        values = (values - low) / (high - low) * 255
    values = np.clip(values, 0, 255)
    values = np.repeat(values, 3, axis=0) if len(values) == 1 else values
    return values.transpose(1, 2, 0)


def seen(layer: QgsRasterLayer, tmp_path: Path) -> np.ndarray:
    """What the engine sees when the panel asks about a layer."""
    source = describe_source(layer)
    path = source.path or str(Export(source, tmp_path).run(lambda _share: None, lambda: False))
    return asked(source, path)


def limits(low: float, high: float, layer: QgsRasterLayer, band: int) -> QgsContrastEnhancement:
    enhancement = QgsContrastEnhancement(layer.dataProvider().dataType(band))
    enhancement.setContrastEnhancementAlgorithm(
        QgsContrastEnhancement.ContrastEnhancementAlgorithm.StretchToMinimumMaximum
    )
    enhancement.setMinimumValue(low)
    enhancement.setMaximumValue(high)
    return enhancement


def colour(layer: QgsRasterLayer, bands: tuple[int, int, int], pairs: list[tuple[float, float]] | None = None) -> None:
    renderer = QgsMultiBandColorRenderer(layer.dataProvider(), *bands)
    if pairs:
        renderer.setRedContrastEnhancement(limits(*pairs[0], layer, bands[0]))
        renderer.setGreenContrastEnhancement(limits(*pairs[1], layer, bands[1]))
        renderer.setBlueContrastEnhancement(limits(*pairs[2], layer, bands[2]))
    layer.setRenderer(renderer)


def four_three_two(layer: QgsRasterLayer) -> None:
    colour(layer, (4, 3, 2), [(700, 900), (300, 800), (0, 900)])


def same_limits(layer: QgsRasterLayer) -> None:
    colour(layer, (2, 1, 3), [(100, 700)] * 3)


def grey(layer: QgsRasterLayer) -> None:
    renderer = QgsSingleBandGrayRenderer(layer.dataProvider(), 2)
    renderer.setContrastEnhancement(limits(60, 700, layer, 2))
    layer.setRenderer(renderer)


def white_to_black(layer: QgsRasterLayer) -> None:
    grey(layer)
    layer.renderer().setGradient(QgsSingleBandGrayRenderer.Gradient.WhiteToBlack)


def ramp(layer: QgsRasterLayer) -> None:
    function = QgsColorRampShader(100, 500)
    function.setColorRampItemList(
        [QgsColorRampShader.ColorRampItem(100, QColor("red")), QgsColorRampShader.ColorRampItem(500, QColor("blue"))]
    )
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(function)
    layer.setRenderer(QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, shader))


def brightened(layer: QgsRasterLayer) -> None:
    four_three_two(layer)
    layer.brightnessFilter().setBrightness(80)


def desaturated(layer: QgsRasterLayer) -> None:
    four_three_two(layer)
    layer.hueSaturationFilter().setSaturation(-80)


PLAIN = [four_three_two, same_limits, grey]
STYLED = [white_to_black, ramp, brightened, desaturated]


@pytest.mark.parametrize("style", PLAIN + STYLED, ids=lambda style: style.__name__)
@pytest.mark.parametrize("driver", ["GTiff", "VRT", "GPKG"])
def test_the_engine_sees_what_the_map_shows(
    tmp_path: Path, ramps: np.ndarray, style: Callable[[QgsRasterLayer], None], driver: str
) -> None:
    path = write(tmp_path / "a.tif", ramps)
    if driver == "VRT":
        path = Path(gdal.BuildVRT(str(tmp_path / "a.vrt"), str(path)).GetDescription())
    elif driver == "GPKG":  # holds bytes only
        path = write(tmp_path / "a.gpkg", (ramps // 4).astype("uint8"), "GPKG", options=["TILE_FORMAT=PNG"])
    layer = QgsRasterLayer(str(path), "scene")
    assert layer.isValid()
    style(layer)
    source = describe_source(layer)
    assert (source.path is None) == (driver != "GTiff" or style in STYLED)
    difference = np.abs(seen(layer, tmp_path) - drawn(layer))
    assert difference.max() <= 1.5, f"{style.__name__}: {difference.max()}"
    assert drawn(layer).std() > 10  # there is something to see


@pytest.mark.parametrize("driver", ["GTiff", "VRT"])
@pytest.mark.parametrize("changed", [False, True])
def test_palettes_are_seen_in_their_colours(tmp_path: Path, driver: str, changed: bool) -> None:
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    palette = [(200, 30, 30, 255), (30, 200, 30, 255), (30, 30, 200, 255)]
    path = write(tmp_path / "p.tif", ((x + y) % 3).astype("uint8")[None], palette=palette)
    if driver == "VRT":
        path = Path(gdal.BuildVRT(str(tmp_path / "p.vrt"), str(path)).GetDescription())
    layer = QgsRasterLayer(str(path), "classes")
    if changed:
        classes = [QgsPalettedRasterRenderer.Class(n, QColor(90 * n, 250 - 90 * n, 10)) for n in range(3)]
        layer.setRenderer(QgsPalettedRasterRenderer(layer.dataProvider(), 1, classes))
    source = describe_source(layer)
    if driver == "GTiff" and not changed:
        assert source.path is not None  # the engine reads the palette of the file
        assert source.appearance.params() == {}
        return
    assert np.abs(seen(layer, tmp_path) - drawn(layer)).max() <= 1


def test_ordinary_colour_is_asked_as_it_always_was(raster: QgsRasterLayer) -> None:
    source = describe_source(raster)
    assert source.path is not None
    assert source.appearance.params() == {}
    assert source.appearance.text() == ""


@pytest.mark.parametrize(("name", "driver"), [("a.gpkg", "GPKG"), ("a.mbtiles", "MBTiles"), ("a.asc", "AAIGrid")])
def test_formats_that_the_engine_does_not_read_are_exported(
    tmp_path: Path, ramps: np.ndarray, name: str, driver: str
) -> None:
    values = (ramps[:3] // 4).astype("uint8") if driver != "AAIGrid" else ramps[:1].astype("float32")
    if driver == "MBTiles":
        source = write(tmp_path / "m.tif", values)
        mercator = str(tmp_path / "m3857.tif")
        gdal.Warp(mercator, str(source), dstSRS="EPSG:3857")
        gdal.Translate(str(tmp_path / name), mercator, format="MBTiles")
    else:
        write(tmp_path / name, values, driver)
    layer = QgsRasterLayer(str(tmp_path / name), "scene")
    assert layer.isValid()
    if not layer.crs().isValid():
        layer.setCrs(QgsCoordinateReferenceSystem("EPSG:32617"))
    source = describe_source(layer)
    assert source.path is None
    exported = Export(source, tmp_path).run(lambda _share: None, lambda: False)
    assert gdal.Open(str(exported)).RasterXSize == source.export_px[0]


def test_bands_and_limits_are_sent_and_named(
    tmp_path: Path, ramps: np.ndarray, run: Run, dock: Dock, link: ScriptedLink, until: Until
) -> None:
    layer = QgsRasterLayer(str(write(tmp_path / "a.tif", ramps)), "four bands")
    four_three_two(layer)
    QgsProject.instance().addMapLayer(layer)
    dock.ask.layer.setLayer(layer)
    link.answers["run"] = emits(features(box(404_212, 3_285_140, 1)))
    run()
    (params,) = link.asked("run")
    assert params["bands"] == [4, 3, 2]
    assert params["stretch"] == "700.0,900.0,300.0,800.0,0.0,900.0"
    until(lambda: "Bands 4-3-2" in dock.ask.estimate.text())
    assert "values 700–900, 300–800, 0–900." in dock.ask.estimate.text()
    assert link.asked("plan")[-1]["bands"] == [4, 3, 2]


@pytest.mark.parametrize(
    ("stretch", "said"),
    [
        ("526,3340,726,3447,726,3447", "values 526–3340, 726–3447, 726–3447."),  # a pair for each band
        ("0,65535", "values 0–65535."),
        ("-12.34567,0.00001234", "values -12.35–0.00001234."),
        ("1e5,2.5e9", "values 100000–2500000000."),
    ],
)
def test_limits_are_numbers_that_people_read(stretch: str, said: str) -> None:
    assert said in Appearance((1, 2, 3), stretch).text()


def test_the_source_of_an_exported_raster_is_its_layer(
    tmp_path: Path, ramps: np.ndarray, run: Run, dock: Dock, link: ScriptedLink
) -> None:
    layer = QgsRasterLayer(str(write(tmp_path / "a.tif", ramps)), "styled by hand")
    ramp(layer)
    QgsProject.instance().addMapLayer(layer)
    dock.ask.layer.setLayer(layer)
    link.answers["run"] = emits(features(box(404_212, 3_285_140, 1, source="8ee1.tif")))
    run()
    (params,) = link.asked("run")
    assert "bands" not in params
    assert [feature["source"] for feature in layers()["tree"].getFeatures()] == ["styled by hand"]
