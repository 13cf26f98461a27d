"""A raster to try the panel with: it comes with the plugin."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProject, QgsRasterLayer
from qgis.gui import QgsMapCanvas

from .messages import tr
from .rasters import LayerError, to_crs

QUESTION = "tree"
PLACES = (
    Path(__file__).parent / "demo.tif",
    Path(__file__).resolve().parents[2] / "examples" / "data" / "OSBS_029.tif",
)
"""In the installed plugin, where package.py puts it, and in a checkout of the project."""


def load(project: QgsProject, canvas: QgsMapCanvas) -> QgsRasterLayer:
    """Add the demo raster to a project and show it: 40 x 40 m of forest in 0.1 m (NEON, CC0).

    Raises:
        LayerError: it is not there.
    """
    path = next((place for place in PLACES if place.is_file()), None)
    layer = QgsRasterLayer(str(path), tr("Demo: forest")) if path is not None else None
    if layer is None or not layer.isValid():
        raise LayerError(tr("The demo raster is not part of this installation."))
    project.addMapLayer(layer)
    if not canvas.mapSettings().destinationCrs().isValid():
        canvas.setDestinationCrs(layer.crs())
    canvas.setExtent(to_crs(layer.extent(), layer.crs(), canvas.mapSettings().destinationCrs()))
    canvas.refresh()
    return layer
