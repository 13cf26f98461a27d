"""A result in an object store, and a scene read from one. Needs geogrounding[cloud].

python examples/object_store.py                     what would be written, without a store
python examples/object_store.py s3://BUCKET/FOLDER  the example scene's result there; credentials from the environment
"""

from __future__ import annotations

import argparse
from pathlib import Path

import geogrounding as gg
from geogrounding.io.objects import ObjectPlace

EXAMPLE = Path(__file__).parent / "data" / "OSBS_029.tif"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", help="s3://BUCKET/FOLDER, gs://... or az://...")
    parser.add_argument("--scene", default=str(EXAMPLE), help="a file, or s3://BUCKET/scene.tif")
    parser.add_argument("--model", default="builtin")
    options = parser.parse_args()

    if options.folder is None:
        place = ObjectPlace.parse("s3://bucket/folder/trees.gpkg")
        print(f"{place.url} would be written to {place.folder}, then uploaded with its description")
        return
    report = gg.run(
        options.scene,
        f"{options.folder.rstrip('/')}/trees.gpkg",
        "tree",
        model=options.model,
        overwrite=True,
        allow_remote="://" in options.scene,
    )
    print(f"{report.features} found on {report.chips} chips")


if __name__ == "__main__":
    main()
