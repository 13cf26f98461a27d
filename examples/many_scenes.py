"""The same queries over many scenes with one loaded model, and a table of what was found where.

python examples/many_scenes.py                        the example scene and the built-in model
python examples/many_scenes.py SCENE SCENE ... --queries "tree" "building" --output all.gpkg
"""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import pandas as pd

import geogrounding as gg

EXAMPLE = Path(__file__).parent / "data" / "OSBS_029.tif"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("scenes", nargs="*", default=[str(EXAMPLE)])
    parser.add_argument("--queries", nargs="+", default=["tree"])
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--output", type=Path, help="one layer with everything, in longitude and latitude")
    options = parser.parse_args()

    layers: list[gpd.GeoDataFrame] = []
    with closing(gg.load_model(options.model)) as model:  # once, not once a scene
        for scene in options.scenes:
            try:
                layers.append(gg.ground(scene, *options.queries, model=model).to_crs("EPSG:4326"))
            except gg.GeogroundingError as error:  # a scene that fails must not cost the others
                print(f"{scene}: {error} {error.hint}")

    if not layers:
        raise SystemExit("no scene could be used")
    everything = pd.concat(layers, ignore_index=True)
    table = everything.groupby(["source", "query"]).agg(found=("id", "size"), area_m2=("area_m2", "sum"))
    print(table.to_string() if len(table) else "nothing found")
    if options.output is not None:
        everything.to_file(options.output)
        print(f"{len(everything)} features -> {options.output}")


if __name__ == "__main__":
    main()
