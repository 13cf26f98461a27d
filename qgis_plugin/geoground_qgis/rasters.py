"""From a raster layer to a file that the engine can open.

A file in a format that the engine reads is used as it is, with the bands and limits that QGIS draws it with. Everything
else is exported for the area to a temporary GeoTIFF, after a warning about its size: WMS, XYZ, WCS, GeoPackage rasters,
MBTiles, virtual layers, files whose CRS was set by hand, layers in colours that no bands and limits describe.
"""

from __future__ import annotations

import math
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from osgeo import gdal
from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsPalettedRasterRenderer,
    QgsPointXY,
    QgsProject,
    QgsRasterBlockFeedback,
    QgsRasterFileWriter,
    QgsRasterLayer,
    QgsRasterPipe,
    QgsRectangle,
    QgsUnitTypes,
)

from . import server_layers, settings
from .appearance import AS_IT_IS, RENDERED, Appearance, appearance_of
from .gdal_files import created, opened
from .messages import tr

WARN_PIXELS = 25_000_000
"""Larger exports are asked about first (75 MB of colour)."""
MOST_PIXELS = 400_000_000
"""Larger exports are refused: a map server would send them for hours."""
DEFAULT_RESOLUTION_M = 0.5
"""Ground resolution of exports from sources that have none of their own, such as XYZ tiles."""
READ_BY_ENGINE = frozenset(
    {"GTiff", "JP2OpenJPEG", "JP2ECW", "JP2KAK", "HFA", "ENVI", "NITF", "PNG", "JPEG", "WEBP", "BMP"}
)
"""Drivers of GDAL for the formats that the engine opens; it looks at the first bytes, as GDAL does."""
RGBA = 4
"""Bands of what a map server sends, the last of them alpha."""
METRES_PER_DEGREE = 111_320.0


class LayerError(ValueError):
    """A layer cannot be used; the text says why and what to do, for the user."""


class OutsideError(LayerError):
    """The area lies beside the layer."""


@dataclass(frozen=True)
class Source:
    """What the engine will look at."""

    name: str
    """Name of the layer, for people."""
    crs: QgsCoordinateReferenceSystem
    extent: QgsRectangle
    """In ``crs``, inside the layer."""
    whole: bool
    """Whether the extent is the whole layer."""
    path: str | None
    """The file, or None when an export is needed."""
    layer: QgsRasterLayer
    export_px: tuple[int, int] = (0, 0)
    """Columns and rows of the export."""
    appearance: Appearance = AS_IT_IS
    """How the layer is drawn."""

    @property
    def pixels(self) -> int:
        """Pixels to be exported; 0 for a file."""
        return self.export_px[0] * self.export_px[1]


def describe_source(
    layer: QgsRasterLayer | None,
    extent: QgsRectangle | None = None,
    extent_crs: QgsCoordinateReferenceSystem | None = None,
    *,
    resolution_m: float = 0.0,
    as_drawn: bool = False,
) -> Source:
    """What a run over this layer and extent (None: all of it) would read; nothing is read yet.

    ``as_drawn`` is for requests that take neither bands nor limits: what these describe is exported as well.

    Raises:
        LayerError: no layer, no valid CRS, an extent beside the layer, or an export that is too large.
    """
    if layer is None or not layer.isValid():
        raise LayerError(tr("Choose a raster layer."))
    crs = layer.crs()
    if not crs.isValid():
        raise LayerError(
            tr("The layer “{name}” has no valid coordinate system. Set it in Layer Properties ▸ Source.").format(
                name=layer.name()
            )
        )
    asked = layer.extent() if extent is None else to_crs(extent, extent_crs or crs, crs)
    inside = asked.intersect(layer.extent())
    if inside.isEmpty() or not inside.isFinite():
        raise OutsideError(tr("The extent lies beside the layer “{name}”.").format(name=layer.name()))
    whole = inside == layer.extent()
    appearance = appearance_of(layer)
    if as_drawn and appearance != AS_IT_IS:
        appearance = RENDERED
    path = None if appearance.rendered else file_of(layer)
    if path is not None:
        return Source(
            name=layer.name(), crs=crs, extent=inside, whole=whole, path=path, layer=layer, appearance=appearance
        )
    if isinstance(layer.renderer(), QgsPalettedRasterRenderer):
        appearance = RENDERED  # an export of the values would lose the colours
    size = export_size(layer, inside, resolution_m)
    if size[0] * size[1] > MOST_PIXELS:
        raise LayerError(
            tr("{c} × {r} pixels would have to be exported. Choose a smaller extent or a coarser resolution.").format(
                c=f"{size[0]:,}", r=f"{size[1]:,}"
            )
        )
    return Source(
        name=layer.name(),
        crs=crs,
        extent=inside,
        whole=whole,
        path=None,
        layer=layer,
        export_px=size,
        appearance=appearance,
    )


def file_of(layer: QgsRasterLayer) -> str | None:
    """The file of a layer where the engine can read it as QGIS does, or what a service calls its own; else None."""
    there = server_layers.scene_of(layer)
    if there is not None:
        return there
    provider = layer.dataProvider()
    if provider is None or provider.name() != "gdal":
        return None
    path = Path(layer.source())
    if path.suffix.lower() == ".vrt" or not path.is_file():
        return None  # a virtual raster names other files: it is rendered into one, as a stream or a subdataset is
    driver = gdal.IdentifyDriver(str(path))
    if driver is None or driver.ShortName not in READ_BY_ENGINE:
        return None
    if provider.crs() != layer.crs():
        return None  # set by hand: the engine would read the other one from the file
    return str(path.resolve())


def to_crs(
    extent: QgsRectangle, source: QgsCoordinateReferenceSystem, target: QgsCoordinateReferenceSystem
) -> QgsRectangle:
    """The rectangle around an extent in another CRS.

    Raises:
        LayerError: it has no place there.
    """
    if source == target:
        return QgsRectangle(extent)
    try:
        return QgsCoordinateTransform(source, target, QgsProject.instance()).transformBoundingBox(extent)
    except QgsCsException as error:
        raise LayerError(tr("The extent cannot be expressed in the coordinate system of the layer.")) from error


def export_size(layer: QgsRasterLayer, extent: QgsRectangle, resolution_m: float) -> tuple[int, int]:
    """Columns and rows of an export: native resolution where the layer has one, else metres per pixel as asked."""
    provider = layer.dataProvider()
    native = provider.capabilities() & provider.Capability.Size and provider.xSize() > 0 and provider.ySize() > 0
    if native:
        whole = layer.extent()
        x, y = whole.width() / provider.xSize(), whole.height() / provider.ySize()
    else:
        x = y = units_per_metre(layer.crs(), extent.center()) * (resolution_m or DEFAULT_RESOLUTION_M)
    return max(1, math.ceil(extent.width() / x - 1e-6)), max(1, math.ceil(extent.height() / y - 1e-6))


def units_per_metre(crs: QgsCoordinateReferenceSystem, centre: QgsPointXY) -> float:
    """Map units on one metre of ground near a point; web Mercator stretches by the latitude."""
    if crs.isGeographic():
        return 1 / METRES_PER_DEGREE
    metres = QgsUnitTypes.fromUnitToUnitFactor(crs.mapUnits(), QgsUnitTypes.DistanceUnit.DistanceMeters)
    factor = 1 / metres if metres > 0 else 1.0
    if crs.authid() == "EPSG:3857":
        latitude = 2 * math.atan(math.exp(centre.y() / 6_378_137.0)) - math.pi / 2
        factor /= max(math.cos(latitude), 0.05)
    return factor


class Export:
    """A job that writes the area of a source to a temporary GeoTIFF; made in the main thread, run in another.

    The provider, and what draws the layer where its colours are exported, are cloned at once: layers belong to the main
    thread.
    """

    def __init__(self, source: Source, folder: Path | None = None) -> None:
        self.feedback = QgsRasterBlockFeedback()
        self._source = source
        layer = source.layer
        parts = [layer.dataProvider()]
        if source.appearance.rendered:
            parts += [layer.renderer(), layer.brightnessFilter(), layer.hueSaturationFilter()]
        self._parts = [part.clone() for part in parts if part is not None]
        self._context = QgsProject.instance().transformContext()
        self._from_server = layer.dataProvider().name() != "gdal"
        self.empty_share = 0.0
        """How much of it a map server did not send, 0 to 1."""
        self.path = (folder or settings.cache_folder()) / f"{uuid.uuid4().hex}.tif"

    def run(self, progress: Callable[[float], None], _cancelled: Callable[[], bool]) -> Path:
        """Write the file and return its path.

        Raises:
            LayerError: it could not be written, was cancelled, or the map server sent nothing.
        """
        free = shutil.disk_usage(self.path.parent).free
        if free < self._source.pixels * 8:
            raise LayerError(
                tr("Not enough free disk space for the export in {folder}.").format(folder=self.path.parent)
            )
        self.feedback.progressChanged.connect(lambda percent: progress(percent / 100))
        pipe = QgsRasterPipe()
        for part in self._parts:
            if not pipe.set(part):
                raise LayerError(tr("The layer “{name}” cannot be exported.").format(name=self._source.name))
        writer = QgsRasterFileWriter(str(self.path))
        writer.setOutputFormat("GTiff")
        writer.setCreateOptions(["COMPRESS=LZW", "TILED=YES", "BIGTIFF=IF_SAFER"])
        columns, rows = self._source.export_px
        outcome = writer.writeRaster(
            pipe, columns, rows, self._source.extent, self._source.crs, self._context, self.feedback
        )
        if outcome != _no_error() or not self.path.is_file():
            self.discard()
            reason = tr("cancelled") if self.feedback.isCanceled() else tr("error {n}").format(n=int(outcome))
            raise LayerError(
                tr("The layer “{name}” could not be exported ({reason}).").format(name=self._source.name, reason=reason)
            )
        if self._from_server:  # QGIS does not say that a tile did not come
            self.empty_share = _empty_share(self.path)
            if self.empty_share == 1.0:
                self.discard()
                raise LayerError(
                    tr("The map server of “{name}” sent nothing for this area. Check that the map shows it.").format(
                        name=self._source.name
                    )
                )
        return self.path

    def cancel(self) -> None:
        """Stop at the next block."""
        self.feedback.cancel()

    def discard(self) -> None:
        """Delete the file and what GDAL put beside it."""
        for path in self.path.parent.glob(f"{self.path.stem}.*"):
            path.unlink(missing_ok=True)


class Outline:
    """A raster without values, of the size, place and number of bands of an export: enough to count chips."""

    def __init__(self, source: Source, folder: Path | None = None) -> None:
        self._size, self._extent = source.export_px, source.extent
        self._bands = 4 if source.appearance.rendered else max(3, source.layer.bandCount())
        self._wkt = source.crs.toWkt(wkt2())
        self.path = (folder or settings.cache_folder()) / f"{uuid.uuid4().hex}.tif"

    def run(self, _progress: Callable[[float], None], _cancelled: Callable[[], bool]) -> Path:
        """Write the file, which is small whatever its size in pixels.

        Raises:
            LayerError: it could not be written.
        """
        options = ["SPARSE_OK=TRUE", "TILED=YES", "BLOCKXSIZE=1024", "BLOCKYSIZE=1024", "BIGTIFF=IF_SAFER"]
        columns, rows = self._size
        data = created(self.path, columns, rows, self._bands, options)
        if data is None:
            raise LayerError(tr("{file} could not be written.").format(file=self.path))
        box = self._extent
        data.SetGeoTransform((box.xMinimum(), box.width() / columns, 0, box.yMaximum(), 0, -box.height() / rows))
        data.SetProjection(self._wkt)
        return self.path

    def cancel(self) -> None:
        """Nothing to stop."""

    def discard(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)


def _empty_share(path: Path) -> float:
    """How much of an export is transparent, 0 to 1; looked at in 256 x 256 places at most."""
    data = opened(path, gdal.OF_RASTER)
    if data is None or data.RasterCount != RGBA:
        return 0.0
    columns, rows = min(data.RasterXSize, 256), min(data.RasterYSize, 256)
    alpha = data.GetRasterBand(RGBA).ReadAsArray(buf_xsize=columns, buf_ysize=rows)
    return float((alpha == 0).mean())


def wkt2() -> int:
    """The variant of WKT that keeps everything of a coordinate system."""
    scoped = getattr(Qgis, "CrsWktVariant", None)  # QGIS 3.36 moved the enum
    return scoped.Preferred if scoped is not None else QgsCoordinateReferenceSystem.WktVariant.WKT_PREFERRED


def clear_cache() -> int:
    """Delete exported rasters; returns the bytes that became free."""
    freed = 0
    for path in settings.cache_folder().glob("*.tif*"):
        size = path.stat().st_size
        try:
            path.unlink()
        except OSError:  # in use by another QGIS
            continue
        freed += size
    return freed


def _no_error() -> int:
    scoped = getattr(Qgis, "RasterFileWriterResult", None)  # QGIS 3.38 moved the enum
    return scoped.Success if scoped is not None else QgsRasterFileWriter.WriterError.NoError
