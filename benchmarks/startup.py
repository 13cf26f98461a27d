"""How long ``geoground --help`` and ``geoground info`` take beyond a bare interpreter that imports click and rasterio.

python benchmarks/startup.py [SCENE]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 7
DEMO = Path(__file__).parents[1] / "examples" / "data" / "OSBS_029.tif"


def median_seconds(command: list[str]) -> float:
    """Median wall time over some rounds, after one that warms the file cache."""
    times = []
    for _ in range(ROUNDS + 1):
        begin = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.monotonic() - begin)
    return statistics.median(times[1:])


def main() -> None:
    scene = sys.argv[1] if len(sys.argv) > 1 else str(DEMO)
    geoground = str(Path(sys.executable).with_name("geoground"))
    bare = median_seconds([sys.executable, "-c", "import click, rasterio"])
    print(f"python -c 'import click, rasterio': {bare:.2f} s")
    for name, command in {"--help": [geoground, "--help"], "info": [geoground, "info", scene]}.items():
        seconds = median_seconds(command)
        print(f"geoground {name}: {seconds:.2f} s, {seconds - bare:+.2f} s beyond the bare interpreter (limit +0.50)")


if __name__ == "__main__":
    main()
