"""Features while the run goes on: for a map that fills, or to stop early.

python examples/stream.py                             the example scene and the built-in model
python examples/stream.py SCENE "what to look for" --first 10
"""

from __future__ import annotations

import argparse
from contextlib import closing
from itertools import islice
from pathlib import Path

import geogrounding as gg

EXAMPLE = Path(__file__).parent / "data" / "OSBS_029.tif"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("scene", nargs="?", default=str(EXAMPLE))
    parser.add_argument("query", nargs="?", default="tree")
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--first", type=int, default=5, help="stop after so many")
    options = parser.parse_args()

    shown = 0
    # closing() ends reading and lets go of the model when we stop before the end.
    with closing(gg.stream(options.scene, options.query, model=options.model)) as features:
        for feature in islice(features, options.first):
            shown += 1
            middle = feature.geometry_crs.centroid
            score = "-" if feature.score is None else f"{feature.score:.2f}"
            print(f"{feature.label}  score {score}  at {middle.x:.1f} {middle.y:.1f}  (chip {feature.chip})")
    print(f"{shown} shown")


if __name__ == "__main__":
    main()
