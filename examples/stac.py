"""Scenes of a STAC catalogue: an item collection, and its items as scenes. Needs geogrounding[stac].

python examples/stac.py                                            an item of the example scene, made here
python examples/stac.py https://host/stac --collections naip --bbox -76.7 39.2 -76.5 39.3 --datetime 2024
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import geogrounding as gg
from geogrounding.sources.locate import expand
from geogrounding.sources.search import Search, find_scenes

EXAMPLE = Path(__file__).parent / "data" / "OSBS_029.tif"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("catalogue", nargs="?", help="address of a STAC API")
    parser.add_argument("--collections", nargs="*", default=[])
    parser.add_argument("--bbox", nargs=4, type=float, help="west south east north, degrees")
    parser.add_argument("--datetime")
    parser.add_argument("--query", default="tree")
    parser.add_argument("--model", default="builtin")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        if options.catalogue is None:
            scenes = expand([str(write_items(Path(folder)))])
        else:
            bbox = tuple(options.bbox) if options.bbox else None
            names = tuple(options.collections)
            scenes = find_scenes(
                Search(url=options.catalogue, collections=names, bbox=bbox, datetime=options.datetime, max_items=3)
            )
        for number, scene in enumerate(scenes):
            try:
                report = gg.run(
                    scene,
                    Path(folder) / f"{number}.gpkg",
                    options.query,
                    model=options.model,
                    allow_remote=options.catalogue is not None,
                )
            except gg.GeogroundingError as error:  # a scene that fails must not cost the others
                print(f"{scene}: {error} {error.hint}")
                continue
            print(f"{scene.rpartition('/')[2]}: {report.features} found on {report.chips} chips")


def write_items(folder: Path) -> Path:
    """An item collection with one item, as a catalogue would give it."""
    item: dict[str, object] = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": "OSBS_029",
        "geometry": None,
        "properties": {"datetime": "2019-04-01T00:00:00Z"},
        "links": [],
        "assets": {"image": {"href": str(EXAMPLE.resolve()), "type": "image/tiff", "roles": ["visual"]}},
    }
    path = folder / "items.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [item]}))
    return path


if __name__ == "__main__":
    main()
