"""One query, one scene, one GeoDataFrame.

python examples/one_scene.py                          the example scene and the built-in model
python examples/one_scene.py SCENE "what to look for" --model ./checkpoint
"""

from __future__ import annotations

import argparse
from pathlib import Path

import geogrounding as gg

EXAMPLE = Path(__file__).parent / "data" / "OSBS_029.tif"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("scene", nargs="?", default=str(EXAMPLE))
    parser.add_argument("query", nargs="?", default="tree")
    parser.add_argument("--model", default="builtin")
    options = parser.parse_args()

    layer = gg.ground(options.scene, options.query, model=options.model)

    print(f"{len(layer)} found, in {layer.crs.name}")
    if len(layer):
        # An ordinary GeoDataFrame: filter, measure, join and plot it as any other.
        best = layer.sort_values("score", ascending=False).head(5)
        print(best[["id", "label", "score", "area_m2", "chip"]].to_string(index=False))
        print(f"together {layer['area_m2'].sum():.0f} m², the model said first: {layer['reasoning'].iloc[0]!r}")


if __name__ == "__main__":
    main()
