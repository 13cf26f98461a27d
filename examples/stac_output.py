"""Results described as STAC items: two runs, their catalogue, and its stac-geoparquet index. Needs geogrounding[stac].

python examples/stac_output.py [--model null] [--folder out]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from contextlib import nullcontext
from pathlib import Path

import geopandas as gpd

import geogrounding as gg
from geogrounding.io.stac import write_catalogue

EXAMPLE = Path(__file__).parent / "data" / "OSBS_029.tif"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--folder", type=Path, help="an existing folder; default: one that is removed again")
    options = parser.parse_args()

    with nullcontext(options.folder) if options.folder else tempfile.TemporaryDirectory() as folder:
        catalogue = Path(folder) / "catalog.json"
        for query in ("tree", "building"):
            layer = Path(folder) / f"{query}.parquet"
            gg.run(EXAMPLE, layer, query, model=options.model, stac=catalogue, overwrite=True)
        write_catalogue(catalogue)
        for link in json.loads(catalogue.read_text())["links"]:
            if link["rel"] == "item":
                item = json.loads((catalogue.parent / link["href"]).read_text())
                print(item["id"], item["assets"]["layer"]["href"])
        print(len(gpd.read_parquet(catalogue.parent / "items.parquet")), "rows in items.parquet")


if __name__ == "__main__":
    main()
