"""The same run on worker processes: here, or on the cluster that RAY_ADDRESS names. Needs geogrounding[ray].

python examples/many_machines.py                          the example scene, the built-in model, two workers
python examples/many_machines.py SCENE ... --workers 8 --folder out
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import geogrounding as gg
from geogrounding.distributed.ray import RayExecutor

EXAMPLE = Path(__file__).parent / "data" / "OSBS_029.tif"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("scenes", nargs="*", default=[str(EXAMPLE)])
    parser.add_argument("--query", default="tree")
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where layers stay; without it they are only counted")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as passing, RayExecutor(workers=options.workers) as executor:
        folder = options.folder or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        for scene in options.scenes:
            layer = folder / f"{Path(scene).stem}.gpkg"
            try:
                report = gg.run(scene, layer, options.query, model=options.model, executor=executor, resume=True)
            except gg.GeogroundingError as error:  # a scene that fails must not cost the others
                print(f"{scene}: {error} {error.hint}")
                continue
            print(f"{scene}: {report.features} found on {report.chips} chips, {executor.workers} workers")


if __name__ == "__main__":
    main()
