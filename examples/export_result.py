"""A result for other programs: training data in COCO and YOLO with image chips, a Shapefile, points.

python examples/export_result.py                         the example scene, the built-in model
python examples/export_result.py SCENE --query ship --folder exported
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import geogrounding as gg

EXAMPLE = Path(__file__).parent / "data" / "OSBS_029.tif"


def export(layer: Path, output: Path, *options: str) -> None:
    command = [sys.executable, "-m", "geogrounding_cli.main", "export", str(layer), "-o", str(output), *options]
    subprocess.run(command, check=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("scene", nargs="?", default=str(EXAMPLE))
    parser.add_argument("--query", default="tree")
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--folder", type=Path, help="where exports stay; without it they are only listed")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as passing:
        folder = options.folder or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        layer = folder / "found.gpkg"
        report = gg.run(options.scene, layer, options.query, model=options.model, overwrite=True)
        if not report.features:
            print(f"no {options.query} was found, so there is nothing to export")
            return
        # In real work, look at found.gpkg in QGIS first, and export with --only review=accepted.
        export(layer, folder / "coco.json", "--scene", options.scene)
        export(layer, folder / "yolo", "--scene", options.scene, "--annotate", "oriented")
        export(layer, folder / "found.shp")
        export(layer, folder / "points.gpkg", "--geometry", "point")
        print(*sorted(path.name for path in folder.iterdir()), sep="\n")


if __name__ == "__main__":
    main()
