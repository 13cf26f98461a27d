"""From the options of a command to what the library takes: settings, a model, the place of the result."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geogrounding.errors import InputError, SettingsError
from geogrounding.messages import quote
from geogrounding.model_options import OPTION_NAMES
from geogrounding.packaged import PACKAGED
from geogrounding.settings import RunSettings
from geogrounding.sources.names import is_map_uri, is_remote

if TYPE_CHECKING:
    from geogrounding.distributed.ray import RayExecutor
    from geogrounding.geometry.extent import Extent
    from geogrounding.models.base import Model
    from geogrounding.models.segmenters.base import Segmenter

MAX_QUERY_FILE_BYTES = 1_000_000
"""A list of queries is small; a larger file is nearly always a raster given by mistake."""


def read_queries(path: Path) -> list[str]:
    """Queries of a text file, one a line; blank lines and lines that start with # are passed over.

    Raises:
        InputError: it cannot be read as text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_QUERY_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > MAX_QUERY_FILE_BYTES:
        raise InputError(
            f"{path} is larger than a list of queries can be", hint="Give a text file with one query a line."
        )
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text", hint="Give a text file with one query a line.") from error
    queries = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not queries:
        raise InputError(f"{path} holds no query", hint="Write one query a line.")
    return queries


RASTER_ENDINGS = frozenset((
    ".tif", ".tiff", ".gtiff", ".cog", ".vrt", ".jp2", ".j2k", ".img", ".ecw", ".sid", ".ntf", ".nitf", ".png",
    ".jpg", ".jpeg", ".webp", ".bmp", ".asc", ".dem", ".hdf", ".h5", ".nc", ".grib", ".grb",
    ".gpkg", ".mbtiles", ".sqlite", ".zarr", ".safe", ".bil", ".bip", ".bsq", ".dat", ".raw",
))  # fmt: skip
"""Endings that a raster has and a query has not."""
FILE_ENDINGS = frozenset((
    ".txt", ".csv", ".json", ".geojson", ".geojsonl", ".jsonl", ".shp", ".fgb", ".parquet", ".kml", ".gml", ".xml",
    ".zip", ".gz", ".tfw", ".prj", ".qgz", ".qgs",
))  # fmt: skip
"""Endings of other files that are no query either."""
GDAL_NAME = re.compile(r"/vsi\w+/|[A-Za-z][A-Za-z0-9+.-]*://|[A-Z][A-Z0-9_]+:\S*[./\\]")
"""Beginnings of a URL, of a GDAL network or archive path, and of a subdataset such as ``GPKG:town.gpkg:ortho``."""


def is_no_path(text: str) -> bool:
    """Whether a text names a raster, and no file by its path."""
    return GDAL_NAME.match(text) is not None or is_map_uri(text)


def check_queries(queries: Iterable[str]) -> None:
    """Refuse a raster or a list of queries where a query belongs: what a shell makes of ``run *.tif QUERY``.

    Raises:
        SettingsError: an argument after the scene is a file or folder, or looks like one.
    """
    for query in queries:
        text = query.strip()
        if Path(text).suffix.lower() in RASTER_ENDINGS or is_no_path(text) or _is_raster(text):
            raise SettingsError(
                f"{quote(text)} is a raster, not a query: this command takes one scene",
                hint="For several scenes: geoground batch SCENES... --queries FILE -o FOLDER.",
            )
        if Path(text).suffix.lower() in FILE_ENDINGS or (Path(text).suffix and _is_file(text)):
            raise SettingsError(f"{quote(text)} is a file, not a query", hint="A list of queries: --queries FILE.")
        if text.strip() and _is_folder(text):
            raise SettingsError(
                f"{quote(text)} is a folder, not a query",
                hint="The rasters in it: geoground batch FOLDER/*.tif --queries FILE -o OUT. To look for what the word "
                f"means: {quote('all ' + text)}.",
            )


def check_scenes(scenes: Iterable[str]) -> None:
    """Refuse a list of queries among the scenes.

    Raises:
        SettingsError: a scene is a text file by its ending.
    """
    for scene in scenes:
        if Path(scene).suffix.lower() == ".txt":
            raise SettingsError(f"{quote(scene)} is no raster", hint="A list of queries: --queries FILE.")


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long or malformed for a path, so it is words
        return False


def _is_folder(text: str) -> bool:
    """Whether a text names a folder that exists, and no class of objects."""
    try:
        if not Path(text).is_dir():
            return False
    except (OSError, ValueError):
        return False
    from geogrounding.query.grammar import vocabulary
    from geogrounding.query.lexicon import singular

    return singular(text.casefold()) not in vocabulary()


def _is_raster(text: str) -> bool:
    """Whether a file of this name exists that a scene can be opened from, or that is refused as unsafe."""
    if not _is_file(text):
        return False
    from geogrounding.errors import SceneError, UnsafeSceneError
    from geogrounding.raster.security import locate

    try:
        locate(text, allow_remote=False, trusted_folders=())
    except UnsafeSceneError:
        return True
    except SceneError:
        return False
    return True


def unique(queries: Iterable[str]) -> tuple[str, ...]:
    """Each query once, in the order given: a list and a command line may well name the same thing."""
    return tuple(dict.fromkeys(query.strip() for query in queries))


def make_settings(source: str, expressions: Sequence[str], options: dict[str, Any]) -> RunSettings:
    """Take the options that concern the run itself out of ``options`` (which is changed) and check them together.

    Raises:
        SettingsError: a value is out of range or two settings contradict each other.
    """
    taken: dict[str, Any] = {
        name: options.pop(name)
        for name in (
            "task",
            "whole_scene",
            "contexts",
            "plans",
            "tile_size",
            "overlap",
            "resolution_m",
            "scales",
            "bbox",
            "bbox_crs",
            "like",
            "unlike",
            "like_scene",
            "aoi",
            "aoi_layer",
            "nodata",
            "alpha",
            "stretch",
            "pixel_coordinates",
            "allow_remote",
            "assets",
            "trusted_folders",
            "merge",
            "match_metric",
            "match_threshold",
            "min_score",
            "outline",
            "simplify_m",
        )
        if name in options
    }
    if (extent := taken.get("bbox")) is not None:
        taken["bbox"], taken["bbox_crs"] = extent.bounds, _crs_of(extent, taken.get("bbox_crs"))
    if is_remote(source) or is_map_uri(source):  # who names an address wants it opened
        taken["allow_remote"] = True
    bands = [int(band) for group in options.pop("bands", ()) for band in group]
    return RunSettings(
        source=source,
        expressions=tuple(expressions),
        bands=tuple(bands) or None,
        open_options=key_values(options.pop("open_options", ()), "--oo"),
        **taken,
    )


def given_settings(settings: RunSettings) -> dict[str, Any]:
    """The settings as keyword options of ``ask``, without source and expressions."""
    return {
        field.name: getattr(settings, field.name)
        for field in fields(settings)
        if field.name not in ("source", "expressions", "contexts", "plans")
    }


def contexts(given: Iterable[str]) -> dict[str, Path]:
    """Context layers by name: ``river=water.gpkg``, or ``buildings.gpkg`` for the name "buildings".

    Raises:
        SettingsError: a name comes twice.
        InputError: a file is not there.
    """
    result: dict[str, Path] = {}
    for text in given:
        name, separator, file = text.partition("=")
        path = Path(file if separator and not Path(text).exists() else text)
        name = name.strip() if separator and not Path(text).exists() else path.stem
        if not path.exists():
            raise InputError(f"no such context layer: {path}", hint="Give --context NAME=FILE.")
        if result.setdefault(name, path) != path:
            raise SettingsError(f"--context {name} is given twice", hint="Give each layer a name of its own.")
    return result


def read_plan(path: Path) -> tuple[str, str]:
    """The query of a plan file and its text.

    Raises:
        InputError: it cannot be read.
        SettingsError: it is no plan.
    """
    from geogrounding.query.plan import MAX_PLAN_BYTES, QueryPlan

    try:
        with path.open("rb") as file:
            text = file.read(MAX_PLAN_BYTES + 1).decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text", hint='`geoground plan "..."` prints a plan.') from error
    plan = QueryPlan.read(text)
    return plan.query.strip() or "plan", plan.json_text()


def _crs_of(extent: Extent, option: str | None) -> str | None:
    """The CRS of an extent: in its text or by --bbox-crs.

    Raises:
        SettingsError: both are given and differ.
    """
    if extent.crs is None or option is None or extent.crs.lower() == option.lower():
        return option or extent.crs
    raise SettingsError(
        f"--bbox is in {extent.crs} and --bbox-crs says {option}", hint="Leave out --bbox-crs, or the CRS in --bbox."
    )


def model_loader(options: dict[str, Any]) -> Callable[[], Model]:
    """Take the options of the model out of ``options`` (which is changed); the result loads the model when called."""
    name = options.pop("model")
    given = {key: value for key in OPTION_NAMES if (value := options.pop(key)) is not None}
    if given.get("dtype") == "auto":
        del given["dtype"]

    def load() -> Model:
        from geogrounding.models.load import load_model

        return load_model(name, **given)

    return load


def planner(options: dict[str, Any]) -> Callable[[], Model] | str:
    """As ``model_loader``; its name where the model is a built-in one, which plans nothing."""
    name, base_url = options["model"], options["base_url"]
    load = model_loader(options)  # takes the options of the model out
    return str(name) if name in PACKAGED and base_url is None else load


def segmenter_loader(options: dict[str, Any]) -> Callable[[], Segmenter]:
    """Take the segmenter out of ``options`` (which is changed); the result loads it when called.

    Device and number format are those of the model: call it before ``model_loader``.
    """
    name, device, dtype = options.pop("segmenter"), options["device"], options["dtype"]

    def load() -> Segmenter:
        from geogrounding.models.segmenters.load import load_segmenter

        return load_segmenter(name, device=device, dtype=None if dtype == "auto" else dtype)

    return load


@contextmanager
def machines(options: dict[str, Any], *, scenes_in_flight: int = 1) -> Iterator[RayExecutor | None]:
    """Take the options of the executor out of ``options`` (which is changed); None stands for this process.

    Raises:
        SettingsError: options of Ray without it.
        ClusterError: Ray is missing, or its cluster cannot be used.
    """
    name, workers, gpus = (options.pop(key) for key in ("executor", "workers", "gpus_per_worker"))
    if name == "local":
        if workers is not None or gpus is not None:
            raise SettingsError("--workers and --gpus-per-worker are for --executor ray", hint="Add --executor ray.")
        yield None
        return
    from geogrounding.distributed.ray import RayExecutor

    with RayExecutor(workers=workers, gpus_per_worker=gpus, scenes_in_flight=scenes_in_flight) as executor:
        yield executor


def key_values(pairs: Iterable[tuple[str, str]], name: str) -> dict[str, str]:
    """Pairs as a dictionary.

    Raises:
        SettingsError: a key comes twice with different values.
    """
    result: dict[str, str] = {}
    for key, value in pairs:
        if result.setdefault(key, value) != value:
            raise SettingsError(f"{name} {key} is given twice with different values")
    return result
