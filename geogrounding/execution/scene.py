"""Opening the raster of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from geogrounding.raster.scene import Scene
    from geogrounding.settings import RunSettings


def open_scene(settings: RunSettings) -> Scene:
    """Open the raster of a run with the settings that concern it."""
    from geogrounding.raster.scene import Scene

    return Scene.open(
        settings.source,
        bands=settings.bands,
        nodata=settings.nodata,
        pixel_coordinates=settings.pixel_coordinates,
        allow_remote=settings.allow_remote,
        trusted_folders=settings.trusted_folders,
        open_options=settings.open_options,
    )
