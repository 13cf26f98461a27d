"""How QGIS draws a raster layer, in the terms of the engine: what is shown is what is asked.

A layer that is drawn from one or three bands with linear stretches is described by those bands and limits. Anything
else (a palette changed by hand, colour ramps, hillshades, brightness, transparency) is exported as it is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from qgis.core import (
    Qgis,
    QgsContrastEnhancement,
    QgsMultiBandColorRenderer,
    QgsPalettedRasterRenderer,
    QgsRaster,
    QgsRasterLayer,
    QgsSingleBandGrayRenderer,
)

from .messages import tr


@dataclass(frozen=True)
class Appearance:
    """What the engine needs to see what the map shows."""

    bands: tuple[int, ...] = ()
    """Bands that become red, green, blue, or the one that becomes grey, counted from 1; empty: as the file says."""
    stretch: str = ""
    """Limits as the engine reads them; empty: as the engine decides."""
    rendered: bool = False
    """Only an export of the drawn colours shows what the map shows."""

    def params(self) -> dict[str, object]:
        """The part of a request that says how the raster is drawn."""
        found: dict[str, object] = {}
        if self.bands:
            found["bands"] = list(self.bands)
        if self.stretch:
            found["stretch"] = self.stretch
        return found

    def text(self) -> str:
        """For people: which bands are asked, with which limits."""
        if self.rendered:
            return tr("As it is drawn on the map.")
        if not self.bands:
            return ""
        text = tr("Bands {bands}").format(bands="-".join(map(str, self.bands)))
        if self.stretch not in ("", "none"):
            numbers = [_short(float(number)) for number in self.stretch.split(",")]
            pairs = [f"{low}–{high}" for low, high in zip(numbers[0::2], numbers[1::2])]
            text += ", " + tr("values {limits}").format(limits=", ".join(pairs))
        return text + "."


def _short(number: float) -> str:
    """Whole from 1,000 on, else four digits; never with an exponent."""
    return f"{number:.0f}" if abs(number) >= 1_000 else f"{Decimal(f'{number:.4g}'):f}"


COLOUR = getattr(Qgis, "RasterColorInterpretation", QgsRaster)
"""The kinds of bands; QGIS 3.30 moved the enum."""
AS_IT_IS = Appearance()
RENDERED = Appearance(rendered=True)


def appearance_of(layer: QgsRasterLayer) -> Appearance:
    """How a layer of files is drawn; layers of map servers come drawn, so that there is nothing to say."""
    provider, renderer = layer.dataProvider(), layer.renderer()
    if provider is None or renderer is None or provider.name() != "gdal":
        return AS_IT_IS
    alpha = _file_alpha(layer)
    if _filtered(layer) or _has_own_transparency(layer) or max(renderer.alphaBand(), 0) != alpha:
        return RENDERED
    if isinstance(renderer, QgsMultiBandColorRenderer):
        bands = (renderer.redBand(), renderer.greenBand(), renderer.blueBand())
        limits = [
            renderer.redContrastEnhancement(),
            renderer.greenContrastEnhancement(),
            renderer.blueContrastEnhancement(),
        ]
        shown = _linear(layer, bands, limits)
        if shown.stretch == "none" and _are_colours(layer, bands):
            return AS_IT_IS
        # Bands that are chosen say nothing about the band that makes pixels transparent.
        return RENDERED if alpha else shown
    if isinstance(renderer, QgsSingleBandGrayRenderer):
        if renderer.gradient() != QgsSingleBandGrayRenderer.Gradient.BlackToWhite:
            return RENDERED
        band = getattr(renderer, "inputBand", renderer.grayBand)()  # QGIS 3.38 gave it this name
        return RENDERED if alpha else _linear(layer, (band,), [renderer.contrastEnhancement()])
    if isinstance(renderer, QgsPalettedRasterRenderer) and _is_file_palette(layer, renderer):
        return AS_IT_IS
    return RENDERED


def _linear(
    layer: QgsRasterLayer, bands: tuple[int, ...], enhancements: list[QgsContrastEnhancement | None]
) -> Appearance:
    """Bands with linear limits, or ``RENDERED`` where a band is left out or clipped in another way."""
    if any(not 1 <= band <= layer.bandCount() for band in bands):
        return RENDERED
    kinds = QgsContrastEnhancement.ContrastEnhancementAlgorithm
    algorithms = {kinds.NoEnhancement if one is None else one.contrastEnhancementAlgorithm() for one in enhancements}
    if algorithms == {kinds.NoEnhancement}:
        return Appearance(bands, "none")
    if algorithms != {kinds.StretchToMinimumMaximum}:
        return RENDERED
    pairs = [(one.minimumValue(), one.maximumValue()) for one in enhancements if one is not None]
    if any(not low < high for low, high in pairs):
        return RENDERED
    pairs = pairs[:1] if len(set(pairs)) == 1 else pairs
    return Appearance(bands, ",".join(f"{number!r}" for pair in pairs for number in pair))


def _file_alpha(layer: QgsRasterLayer) -> int:
    """The band that the file itself calls alpha; 0 where there is none."""
    return next(
        (
            band
            for band in range(1, layer.bandCount() + 1)
            if layer.dataProvider().colorInterpretation(band) == COLOUR.AlphaBand
        ),
        0,
    )


def _are_colours(layer: QgsRasterLayer, bands: tuple[int, ...]) -> bool:
    """Whether bands of bytes are those that the file calls red, green and blue: the engine takes them by itself."""
    provider = layer.dataProvider()
    wanted = (COLOUR.RedBand, COLOUR.GreenBand, COLOUR.BlueBand)
    return all(
        provider.colorInterpretation(band) == kind and provider.dataType(band) == Qgis.DataType.Byte
        for band, kind in zip(bands, wanted)
    )


def _filtered(layer: QgsRasterLayer) -> bool:
    """Whether brightness, contrast, gamma, saturation or colours of the layer were changed."""
    light, colour = layer.brightnessFilter(), layer.hueSaturationFilter()
    if light is not None and (light.brightness() or light.contrast() or getattr(light, "gamma", lambda: 1.0)() != 1.0):
        return True
    if colour is None:
        return False
    inverted = getattr(colour, "invertColors", lambda: False)()
    grey = colour.grayscaleMode() != type(colour).GrayscaleMode.GrayscaleOff
    return bool(colour.saturation() or colour.colorizeOn() or grey or inverted)


def _has_own_transparency(layer: QgsRasterLayer) -> bool:
    """Whether values were made transparent by hand, or a value of the file that means no data is shown."""
    provider, renderer = layer.dataProvider(), layer.renderer()
    transparency = renderer.rasterTransparency()
    if transparency is not None and (
        transparency.transparentSingleValuePixelList() or transparency.transparentThreeValuePixelList()
    ):
        return True
    return any(
        provider.userNoDataValues(band)
        or (provider.sourceHasNoDataValue(band) and not provider.useSourceNoDataValue(band))
        for band in range(1, layer.bandCount() + 1)
    )


def _is_file_palette(layer: QgsRasterLayer, renderer: QgsPalettedRasterRenderer) -> bool:
    """Whether the colours drawn are those that the file itself states, which the engine reads."""
    if layer.bandCount() != 1 or layer.dataProvider().dataType(1) != Qgis.DataType.Byte:
        return False
    table = {int(item.value): item.color.name() for item in layer.dataProvider().colorTable(1)}
    shown = {int(one.value): one.color.name() for one in renderer.classes()}
    return bool(table) and all(table.get(value) == name for value, name in shown.items()) and len(shown) == len(table)
