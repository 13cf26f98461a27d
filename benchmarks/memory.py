"""Peak memory of a run must not depend on the size of the raster.

    python benchmarks/memory.py                      # 10,000 x 10,000 against 100,000 x 100,000, null model
    python benchmarks/memory.py --sizes 5000 20000   # a quick look

Each size runs in a process of its own over a sparse tiled GeoTIFF, whose blocks read as zeros without taking disk, and
reports the peak resident set of that process and the time. Limit: the largest within 10% of the smallest.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import rasterio
from rasterio.transform import from_origin


def sparse_raster(path: Path, size_px: int) -> None:
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=size_px,
        height=size_px,
        count=3,
        dtype="uint8",
        crs="EPSG:32633",
        transform=from_origin(500_000, 5_000_000, 0.5, 0.5),
        tiled=True,
        blockxsize=512,
        blockysize=512,
        SPARSE_OK=True,
        BIGTIFF="IF_SAFER",
    ):
        pass


def measure(size_px: int) -> None:
    """In the child: run, and print the peak resident set in MiB and the seconds."""
    import time

    from geogrounding.pipeline import run
    from geogrounding.settings import RunSettings

    with tempfile.TemporaryDirectory() as folder:
        scene = Path(folder) / "scene.tif"
        sparse_raster(scene, size_px)
        begin = time.monotonic()
        report = run(
            RunSettings(source=str(scene), expressions=("anything",)), Path(folder) / "o.geojson", model="null"
        )
        seconds = time.monotonic() - begin
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {"size_px": size_px, "chips": report.chips, "peak_mib": round(peak_mib, 1), "seconds": round(seconds, 1)}
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        measure(arguments.child)
        return
    rows = []
    for size in arguments.sizes:
        done = subprocess.run(
            [sys.executable, __file__, "--child", str(size)], check=True, capture_output=True, text=True
        )
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    print(f"largest / smallest peak: {rows[-1]['peak_mib'] / rows[0]['peak_mib']:.3f} (limit 1.10)")


if __name__ == "__main__":
    main()
