"""The raster of a run: a path, an open ``Scene``, or a dataset opened by rasterio."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Unpack

from geogrounding.errors import SettingsError
from geogrounding.messages import quote
from geogrounding.settings import RunOptions, RunSettings

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

    from geogrounding.raster.scene import Scene

RasterSource: TypeAlias = "str | os.PathLike[str] | Scene | DatasetReader"
"""What ``ground``, ``stream`` and ``run`` take as the raster."""

OPENING = ("bands", "nodata", "open_options", "pixel_coordinates", "allow_remote", "trusted_folders", "assets")
"""Fields of ``RunSettings`` that say how a raster is opened."""


def open_scene(settings: RunSettings) -> Scene:
    """Open the raster of a run with the settings that concern it; errors as of ``locate_source`` and ``Scene.open``."""
    from geogrounding.raster.scene import Scene
    from geogrounding.sources.locate import locate_source

    return Scene.open(
        locate_source(
            settings.source,
            allow_remote=settings.allow_remote,
            trusted_folders=settings.trusted_folders,
            assets=settings.assets,
            open_options=settings.open_options,
            bbox=settings.bbox,
            bbox_crs=settings.bbox_crs,
            resolution_m=settings.resolution_m,
        ),
        bands=settings.bands,
        nodata=settings.nodata,
        alpha=settings.alpha,
        pixel_coordinates=settings.pixel_coordinates,
        allow_remote=settings.allow_remote,
        trusted_folders=settings.trusted_folders,
        open_options=settings.open_options,
    )


def opened_or_open(scene: Scene | None, settings: RunSettings) -> AbstractContextManager[Scene]:
    """A scene that the caller opened, which is left open; else the raster of the settings, closed afterwards."""
    return open_scene(settings) if scene is None else nullcontext(scene)


def settings_of(
    source: RasterSource, expressions: tuple[str, ...], **options: Unpack[RunOptions]
) -> tuple[RunSettings, Scene | None]:
    """The settings of a run over a source, and the scene where the source is an open one.

    Args:
        source: path or URL of a raster, an open ``Scene``, or a dataset that rasterio opened from a file.
        expressions: what to look for.
        options: fields of ``RunSettings``.

    Raises:
        SettingsError: the source is none of these, or an option asks an open scene to be opened otherwise.
    """
    if isinstance(source, str | os.PathLike):
        return RunSettings(source=os.fspath(source), expressions=expressions, **options), None
    from geogrounding.raster.scene import Scene

    if not isinstance(source, Scene):
        return RunSettings(source=_file_of(source), expressions=expressions, **options), None
    given = [name for name in OPENING if name in options]
    if given:
        raise SettingsError(
            f"{', '.join(given)}: decided when the scene was opened", hint="Pass these to Scene.open, or pass a path."
        )
    options["pixel_coordinates"] = source.crs is None
    settings = RunSettings(source=source.source, expressions=expressions, **options)
    return settings, source


def _file_of(dataset: object) -> str:
    """The file behind a dataset of rasterio; each thread of a run opens it again, so there has to be one."""
    name = getattr(dataset, "name", None)
    if not type(dataset).__module__.startswith("rasterio.") or not isinstance(name, str):
        raise SettingsError(
            f"a {type(dataset).__name__} is no raster", hint="Pass a path, a geogrounding.Scene or a rasterio dataset."
        )
    if getattr(dataset, "mode", "r") != "r":
        raise SettingsError(f"{quote(name)} is open for writing", hint="Close it, then pass its path.")
    if not Path(name).is_file():
        raise SettingsError(
            f"the dataset {quote(name)} is not a file: it cannot be read by several threads",
            hint="Write it to a GeoTIFF first, or pass the path of the file it was made from.",
        )
    return name
