"""geogrounding for QGIS: ask the map a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

    from .plugin import GeogroundingPlugin


def classFactory(iface: QgisInterface) -> GeogroundingPlugin:  # noqa: N802 - QGIS's name
    """Make the plugin; QGIS calls this."""
    from .plugin import GeogroundingPlugin

    return GeogroundingPlugin(iface)
