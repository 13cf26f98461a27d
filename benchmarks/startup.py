"""How long ``geoground --help``, ``info`` and a small ``run`` take, beside a bare interpreter and another build.

python benchmarks/startup.py [SCENE] [--against WORKTREE]

``--against`` is a checkout of another commit: its ``run`` takes turns with this one's, in processor time, with the same
packages.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 7
ROOT = Path(__file__).parents[1]
DEMO = ROOT / "examples" / "data" / "OSBS_029.tif"
RUN = "import sys; from geogrounding_cli.main import main; sys.argv[0] = 'geoground'; main()"


def median_seconds(command: list[str]) -> float:
    """Median wall time over some rounds, after one that warms the file cache."""
    times = []
    for _ in range(ROUNDS + 1):
        begin = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.monotonic() - begin)
    return statistics.median(times[1:])


def processor_seconds(command: list[str], paths: list[Path]) -> float:
    """Processor time of one command that looks for packages in folders first."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "OMP_NUM_THREADS": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def packages(root: Path, folder: Path) -> list[Path]:
    """Where the packages of a checkout are found: its command line has another name than its folder."""
    folder.mkdir()
    (folder / "geogrounding_cli").symlink_to(root / "cli")
    return [folder, root]


def first_answer(scene: str, against: Path | None) -> None:
    """Print what a run of the built-in model takes from start to result."""
    roots = {"this build": ROOT} | ({str(against): against.resolve()} if against else {})
    torch = "python -c 'import torch'"
    times: dict[str, list[float]] = {name: [] for name in (torch, *roots)}
    with tempfile.TemporaryDirectory() as folder:
        found = {name: packages(root, Path(folder) / str(n)) for n, (name, root) in enumerate(roots.items())}
        out = ["-o", str(Path(folder) / "trees.geojson"), "--overwrite", "--model", "builtin"]
        for _ in range(ROUNDS + 1):
            times[torch].append(processor_seconds([sys.executable, "-c", "import torch"], []))
            for name, paths in found.items():
                command = [sys.executable, "-P", "-c", RUN, "run", scene, "tree", *out]
                times[name].append(processor_seconds(command, paths))
    medians = {name: statistics.median(seconds[1:]) for name, seconds in times.items()}
    for name, seconds in medians.items():
        share = medians["this build"] / seconds
        run = "run tree, " if name in roots else ""
        print(f"{run}{name}: {seconds:.2f} s of processor; this build takes {share:.2f} times that")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene", nargs="?", default=str(DEMO))
    parser.add_argument("--against", type=Path, help="a checkout of another commit")
    chosen = parser.parse_args()
    geoground = str(Path(sys.executable).with_name("geoground"))
    bare = median_seconds([sys.executable, "-c", "import click, rasterio"])
    print(f"python -c 'import click, rasterio': {bare:.2f} s")
    for name, command in {"--help": [geoground, "--help"], "info": [geoground, "info", chosen.scene]}.items():
        seconds = median_seconds(command)
        print(f"geoground {name}: {seconds:.2f} s, {seconds - bare:+.2f} s beyond the bare interpreter (limit +0.50)")
    first_answer(str(Path(chosen.scene).resolve()), chosen.against)


if __name__ == "__main__":
    main()
