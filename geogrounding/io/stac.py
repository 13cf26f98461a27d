"""Results described as STAC: an item for each result, a catalogue of all, and their index as stac-geoparquet.

    catalog.json      the catalogue, made again from the items that are there
    items/ID.json     one for each result: where it was looked, from what, with which software, model and queries
    items.parquet     the same items as stac-geoparquet

An item is written after its layer and points at it. It holds the footprint of the scene, so that a result without
objects can be found too.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import CRS
from shapely.geometry import Polygon, box, mapping

from geogrounding._version import __version__
from geogrounding.errors import OutputError
from geogrounding.geometry.operation import Bounds, find_operation
from geogrounding.io.atomic import partial_folder, publish
from geogrounding.io.placing import to_json
from geogrounding.io.rfc7946 import WGS84
from geogrounding.messages import first_line
from geogrounding.sources.names import is_remote, is_stac, shown

PROCESSING = "https://stac-extensions.github.io/processing/v1.2.0/schema.json"
PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
MEDIA_TYPES = {
    ".gpkg": "application/geopackage+sqlite3",
    ".geojson": "application/geo+json",
    ".geojsonl": "application/geo+json-seq",
    ".fgb": "application/vnd.flatgeobuf",
    ".parquet": "application/vnd.apache.parquet",
}
EDGE_POINTS = 8
"""Points along an edge of a footprint, which is straight in the CRS of the scene, not in longitude and latitude."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A result, as its item needs it."""

    name: str
    """Id of the item."""
    layer: str
    """Path or address of the layer."""
    source: str
    """Of the scene, as the user named it."""
    crs: CRS | None
    extent: Bounds
    """Of the scene, in its CRS."""
    metadata: Any
    """The description of the run."""
    features: int


def check_catalogue(catalogue: Path) -> None:
    """Check that a catalogue can be written.

    Raises:
        OutputError: pystac or the folder is missing, the name is not one of a catalogue, or it is another file.
    """
    try:
        import pystac  # noqa: F401
    except ImportError:
        raise OutputError("STAC output needs a further package", hint='pip install "geogrounding[stac]"') from None
    if catalogue.suffix.lower() != ".json":
        raise OutputError(f"{catalogue.name} is no name for a catalogue", hint="End it in .json.")
    folder = catalogue.absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"the folder of the catalogue, {folder}, is missing or not writable", hint="Make it first.")
    if catalogue.exists():
        try:
            known = json.loads(catalogue.read_bytes())
        except (OSError, ValueError):
            known = None
        if not isinstance(known, dict) or known.get("type") != "Catalog":
            raise OutputError(f"{catalogue} exists and is no STAC catalogue", hint="Choose another name.")


def write_item(catalogue: Path, described: Described) -> Path:
    """Write the item of a result beside its catalogue; ``write_catalogue`` then lists it.

    Raises:
        OutputError: it cannot be written.
    """
    import pystac

    name = re.sub(r"[^\w.-]+", "_", described.name).strip(".") or "result"
    folder = catalogue.absolute().parent / "items"
    metadata, settings = described.metadata, described.metadata["settings"]
    now = datetime.now(UTC).replace(microsecond=0)
    geometry, bbox = _footprint(described.crs, described.extent)
    properties: dict[str, Any] = {
        "created": now.isoformat().replace("+00:00", "Z"),
        "processing:software": {"geogrounding": __version__},
        "processing:expression": {"format": "geogrounding-query", "expression": list(settings["expressions"])},
        "processing:lineage": f"Objects found in {metadata['source']['name']} by the model {metadata['model']['name']}",
        "geogrounding:model": metadata["model"]["name"],
        "geogrounding:task": settings["task"],
        "geogrounding:features": described.features,
        "geogrounding:complete": metadata["result"]["complete"],
    }
    code = metadata["source"]["crs"]
    extensions = [PROCESSING]
    if isinstance(code, str) and re.fullmatch(r"[A-Z]+:[A-Za-z0-9]+", code):
        properties["proj:code"] = code
        extensions.append(PROJECTION)
    item = pystac.Item(
        id=name, geometry=geometry, bbox=bbox, datetime=now, properties=properties, stac_extensions=extensions
    )
    layer = described.layer
    media = MEDIA_TYPES.get(Path(layer).suffix.lower())
    if media is not None:
        item.add_asset("layer", pystac.Asset(href=_href(layer, folder), media_type=media, roles=["data"]))
        about = pystac.Asset(href=_href(f"{layer}.run.json", folder), media_type="application/json", roles=["metadata"])
        item.add_asset("run", about)
    plain = item.to_dict(include_self_link=False, transform_hrefs=False)
    kind = "application/json" if is_stac(described.source) else "image/tiff; application=geotiff"
    plain["links"] = [
        {"rel": "root", "href": f"../{catalogue.name}", "type": "application/json"},
        {"rel": "parent", "href": f"../{catalogue.name}", "type": "application/json"},
        {"rel": "derived_from", "href": _href(shown(described.source), folder), "type": kind},
    ]
    with _errors(folder):
        folder.mkdir(exist_ok=True)
        path = folder / f"{name}.json"
        _replace(path, to_json(plain, indent=2) + "\n")
    return path


def write_catalogue(catalogue: Path) -> int:
    """Write the catalogue of all items beside it, and their index; return how many there are.

    Raises:
        OutputError: it cannot be written.
    """
    folder = catalogue.absolute().parent
    with _errors(catalogue):
        items = [json.loads(path.read_bytes()) for path in sorted((folder / "items").glob("*.json"))]
        links = [{"rel": "root", "href": f"./{catalogue.name}", "type": "application/json"}]
        links += [
            {"rel": "item", "href": f"./items/{item['id']}.json", "type": "application/geo+json"} for item in items
        ]
        plain = {
            "type": "Catalog",
            "stac_version": items[0]["stac_version"] if items else "1.1.0",
            "id": catalogue.stem,
            "description": "Results of geogrounding: an item for each",
            "links": links,
        }
        if items:
            _write_index(folder / "items.parquet", items)
        _replace(catalogue.absolute(), to_json(plain, indent=2) + "\n")
    return len(items)


def _write_index(path: Path, items: Sequence[dict[str, Any]]) -> None:
    try:
        from stac_geoparquet.arrow import parse_stac_items_to_arrow, to_parquet
    except ImportError:
        return
    # A result in pixels has no place, and an index of places no use for it.
    placed = [item for item in items if item["geometry"] is not None]
    if not placed:
        return
    with partial_folder(path) as folder:
        new = folder / path.name
        to_parquet(parse_stac_items_to_arrow(placed), new)
        publish([(new, path)])


def _footprint(crs: CRS | None, extent: Bounds) -> tuple[dict[str, Any] | None, list[float] | None]:
    """Polygon and box of a scene in longitude and latitude; cut where it crosses the antimeridian."""
    if crs is None:
        return None, None
    import antimeridian

    xmin, ymin, xmax, ymax = extent
    outline = shapely.segmentize(box(*extent), max(xmax - xmin, ymax - ymin) / EDGE_POINTS).exterior
    xs, ys = np.asarray(outline.coords)[:-1].T
    try:
        operation = find_operation(crs, WGS84, extent)
        longitudes, latitudes = operation.forward(xs, ys)
    except OutputError:  # of the Moon, say
        return None, None
    ring = Polygon(np.column_stack([longitudes, latitudes]).round(9))
    fixed = antimeridian.fix_polygon(ring)
    return json.loads(json.dumps(mapping(fixed))), [float(value) for value in antimeridian.bbox(fixed)]


def _href(place: str, folder: Path) -> str:
    """An address as it is, a path relative to the folder of the item."""
    return place if is_remote(place) else Path(os.path.relpath(Path(place).absolute(), folder)).as_posix()


def _replace(path: Path, text: str) -> None:
    with partial_folder(path) as folder:
        new = folder / path.name
        new.write_text(text, encoding="utf-8")
        publish([(new, path)])


@contextmanager
def _errors(where: Path) -> Iterator[None]:
    try:
        yield
    except OutputError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise OutputError(
            f"the STAC catalogue cannot be written at {where}: {first_line(error)}", hint="The layer is written."
        ) from error
