"""How fast chips are read, against the speed at which all cores can decode the file, and against other readers.

    python benchmarks/reading.py                                      # 4,096 px, a minute
    python benchmarks/reading.py --size 16384 --rounds 5              # the values in docs/performance.md
    python benchmarks/reading.py --peers PYTHON                       # beside supervision and torchgeo, see below
    python benchmarks/reading.py --memory                             # peak memory on 10,000 and 40,000 px square
    python benchmarks/reading.py --memory --sizes 10000 100000        # the values in docs/performance.md

Chips of 1024 px with 128 overlap from a three-band 8-bit GeoTIFF in tiles of 256 px, DEFLATE and JPEG. Every reader
gives RGB arrays (height, width, 3) to a caller that does nothing. Speed is in scene pixels a second: what is decoded
or copied twice counts once. All readers run one after the other in each round, and each ratio is taken within a
round, so that other work on the machine touches numerator and denominator alike; the median over the rounds is
reported. The limit is as many threads as cores, each with a dataset of its own, each reading its own rows of blocks
once and throwing them away.

The texture is real imagery (parts of the images in ../shared/data, mirrored and turned) where there is some, else
fractal noise with edges. ``--peers`` names the Python of an environment of its own:
``python -m venv E; E/bin/pip install rasterio supervision torchgeo``. What cannot be imported there is reported as
such.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import geogrounding._gdal  # noqa: E402, F401  (before rasterio)

# isort: split
import numpy as np  # noqa: E402
import rasterio  # noqa: E402
from affine import Affine  # noqa: E402
from rasterio.windows import Window  # noqa: E402

from geogrounding.raster.grid import ChipGrid  # noqa: E402
from geogrounding.raster.reader import available_cores, read_chips  # noqa: E402
from geogrounding.raster.scene import Scene  # noqa: E402
from geogrounding.raster.stretch import compute_stretch  # noqa: E402
from geogrounding.raster.tiling import Tiling  # noqa: E402

TILE_PX, OVERLAP_PX, BLOCK_PX, PATCH_PX = 1024, 128, 256, 512


def textures(random: np.random.Generator) -> Iterator[np.ndarray]:
    """Endless patches (3, PATCH_PX, PATCH_PX) of real imagery, or of noise where there is none."""
    folder = ROOT.parent / "shared" / "data" / "airbus-aircraft" / "images"
    images = []
    for path in sorted(folder.glob("*.jpg"))[:8] if folder.is_dir() else []:
        with rasterio.open(path) as dataset:
            images.append(dataset.read([1, 2, 3]))
    while True:
        if images:
            image = images[random.integers(len(images))]
            y, x = (random.integers(0, side - PATCH_PX) for side in image.shape[1:])
            patch = image[:, y : y + PATCH_PX, x : x + PATCH_PX]
        else:
            patch = fractal(random)
        patch = np.rot90(patch, int(random.integers(4)), axes=(1, 2))
        yield patch[:, :, ::-1] if random.random() < 0.5 else patch


def fractal(random: np.random.Generator) -> np.ndarray:
    """Noise with the spectrum of natural scenes (amplitude 1/f), a little sensor noise, and rectangles for roofs."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(PATCH_PX), np.fft.rfftfreq(PATCH_PX), indexing="ij"))
    phases = np.exp(2j * np.pi * random.random(frequency.shape))
    field = np.fft.irfft2(phases / np.maximum(frequency, 1 / PATCH_PX), s=(PATCH_PX, PATCH_PX))
    base = 110 + 35 * field / field.std()
    patch = np.stack([base * gain for gain in (1.0, 0.95, 0.8)])
    for _ in range(12):
        y, x = random.integers(0, PATCH_PX - 60, 2)
        patch[:, y : y + random.integers(10, 60), x : x + random.integers(10, 60)] += random.normal(0, 40)
    return np.clip(patch + random.normal(0, 3, patch.shape), 0, 255).astype(np.uint8)


def make_scene(path: Path, size: int, compression: str) -> None:
    """Write the raster, a row of patches at a time."""
    random = np.random.default_rng(7)
    patches = textures(random)
    options = {"photometric": "ycbcr", "jpeg_quality": 85} if compression == "jpeg" else {}
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=3,
        width=size,
        height=size,
        dtype="uint8",
        crs="EPSG:32633",
        transform=Affine(0.5, 0, 400_000, 0, -0.5, 5_000_000),
        tiled=True,
        blockxsize=BLOCK_PX,
        blockysize=BLOCK_PX,
        compress=compression,
        bigtiff="IF_SAFER",
        num_threads=available_cores(),
        **options,
    ) as dataset:
        for top in range(0, size, PATCH_PX):
            row = np.concatenate([next(patches) for _ in range(-(-size // PATCH_PX))], axis=2)
            height = min(PATCH_PX, size - top)
            dataset.write(row[:, :height, :size], window=Window(0, top, size, height))


def decode_limit(path: Path, threads: int) -> None:
    """Every block once, by as many threads as cores."""

    def work(first: int) -> None:
        with rasterio.Env(), rasterio.open(path, sharing=False) as dataset:
            for top in range(first * BLOCK_PX, dataset.height, threads * BLOCK_PX):
                dataset.read([1, 2, 3], window=Window(0, top, dataset.width, min(BLOCK_PX, dataset.height - top)))

    workers = [threading.Thread(target=work, args=(first,)) for first in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def ours(path: Path, threads: int) -> None:
    """This project's reader."""
    with Scene.open(path) as scene:
        grid = ChipGrid(scene.width, scene.height, tiling=Tiling(tile_size_px=TILE_PX, overlap_px=OVERLAP_PX))
        for image in read_chips(scene, grid, compute_stretch(scene), threads=threads):
            assert image.pixels is not None


def naive(path: Path, _: int) -> None:
    """What a script does: one dataset, one window after the other."""
    with rasterio.open(path) as dataset:
        grid = ChipGrid(dataset.width, dataset.height, tiling=Tiling(tile_size_px=TILE_PX, overlap_px=OVERLAP_PX))
        for chip in sorted(grid, key=lambda chip: (chip.row, chip.column)):
            x0, y0, x1, y1 = (int(value) for value in chip.window_scene_px)
            np.ascontiguousarray(np.moveaxis(dataset.read([1, 2, 3], window=Window(x0, y0, x1 - x0, y1 - y0)), 0, -1))


PEERS = {
    "supervision": """
import sys, time, threading, warnings
warnings.simplefilter("ignore")
import numpy as np, rasterio, supervision as sv
from rasterio.windows import Window
path, threads = sys.argv[1], int(sys.argv[2])
place = threading.local()
def look(chip):
    assert chip.shape[2] == 3, chip.shape
    return sv.Detections.empty()
start = time.perf_counter()
slicer = sv.InferenceSlicer(callback=look, slice_wh=(1024, 1024), overlap_wh=(128, 128), thread_workers=threads)
with rasterio.open(path) as dataset:
    slicer(dataset)
print(time.perf_counter() - start)
""",
    "torchgeo": """
import sys, time, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from torch.utils.data import DataLoader
from torchgeo.datasets import RasterDataset, stack_samples
from torchgeo.samplers import GridGeoSampler, Units
path, threads = Path(sys.argv[1]), int(sys.argv[2])
class Scenes(RasterDataset):
    filename_glob = path.name
start = time.perf_counter()
dataset = Scenes(path.parent)
sampler = GridGeoSampler(dataset, size=1024, stride=896, units=Units.PIXELS)
for batch in DataLoader(dataset, sampler=sampler, batch_size=1, num_workers=threads, collate_fn=stack_samples):
    pass
print(time.perf_counter() - start)
""",
}


def run_peer(python: str, name: str, path: Path, threads: int) -> float | str:
    """Seconds that another reader takes, its imports left out; or why it cannot run."""
    done = subprocess.run(
        [python, "-c", PEERS[name], str(path), str(threads)], capture_output=True, text=True, check=False, timeout=3600
    )
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["died"])[-1]
    return float(done.stdout.split()[-1])


def compare(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Speeds of all readers for each compression."""
    threads = available_cores()
    results: dict[str, Any] = {}
    for compression in args.compression:
        path = folder / f"scene_{compression}.tif"
        make_scene(path, args.size, compression)
        readers: dict[str, Callable[[Path, int], None]] = {
            "decode limit": decode_limit,
            "geogrounding": ours,
            "rasterio loop": naive,
        }
        seconds: dict[str, list[float]] = {}
        absent: dict[str, str] = {}
        for _ in range(args.rounds):
            for name, reader in readers.items():
                start = time.perf_counter()
                reader(path, threads)
                seconds.setdefault(name, []).append(time.perf_counter() - start)
            for name in PEERS if args.peers else ():
                took = "" if name in absent else run_peer(args.peers, name, path, threads)
                if isinstance(took, float):
                    seconds.setdefault(name, []).append(took)
                elif took:
                    absent[name] = took
        limit = seconds["decode limit"]
        results[compression] = {
            "file_mb": round(path.stat().st_size / 1e6, 1),
            "readers": {
                name: {
                    "mpx_per_s": round(statistics.median(args.size**2 / s / 1e6 for s in took), 1),
                    "share_of_limit": round(statistics.median(a / s for a, s in zip(limit, took, strict=True)), 3),
                    "shares": [round(a / s, 3) for a, s in zip(limit, took, strict=True)],
                }
                for name, took in seconds.items()
            },
            "absent": absent,
        }
        path.unlink()
    return {"size_px": args.size, "cores": threads, "rounds": args.rounds, "compression": results}


MEMORY_PROGRAM = """
import re, sys
from pathlib import Path
from geogrounding.raster.grid import ChipGrid
from geogrounding.raster.tiling import Tiling
from geogrounding.raster.reader import read_chips
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import compute_stretch
with Scene.open(sys.argv[1]) as scene:
    grid = ChipGrid(scene.width, scene.height, tiling=Tiling(tile_size_px=1024, overlap_px=128))
    count = sum(image.error is None for image in read_chips(scene, grid, compute_stretch(scene)))
    assert count == len(grid)
# Not ru_maxrss, which counts what the parent held before exec.
print(count, int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024)
"""


def memory(sizes: list[int], folder: Path) -> dict[str, Any]:
    """Peak resident memory of a process that reads all chips of sparse rasters of several sizes."""
    found: dict[str, Any] = {}
    for size in sizes:
        path = folder / f"sparse_{size}.tif"
        with rasterio.open(
            path, "w", driver="GTiff", count=3, width=size, height=size, dtype="uint8", crs="EPSG:32633",
            transform=Affine(0.5, 0, 400_000, 0, -0.5, 5_000_000), tiled=True, compress="deflate", sparse_ok=True,
            bigtiff="YES",
        ):  # fmt: skip
            pass
        done = subprocess.run(
            [sys.executable, "-c", MEMORY_PROGRAM, str(path)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        chips, peak_mib = done.stdout.split()
        found[str(size)] = {"chips": int(chips), "peak_mib": round(float(peak_mib), 1)}
    first = found[str(sizes[0])]["peak_mib"]
    for entry in found.values():
        entry["against_first"] = round(entry["peak_mib"] / first, 3)
    return found


def main() -> None:
    """Measure, print a table, and write JSON where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=4096, help="side of the raster in pixels")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--compression", nargs="+", default=["deflate", "jpeg"])
    parser.add_argument("--peers", metavar="PYTHON", help="Python of an environment with supervision and torchgeo")
    parser.add_argument("--memory", action="store_true", help="measure memory instead of speed")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 40_000], help="sides for --memory")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the values here")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        values = memory(args.sizes, Path(folder)) if args.memory else compare(args, Path(folder))
    if args.memory:
        print(f"{'side px':>10} {'chips':>8} {'peak MiB':>9} {'against first':>14}")
        for size, entry in values.items():
            print(f"{size:>10} {entry['chips']:>8} {entry['peak_mib']:>9} {entry['against_first']:>14}")
    else:
        print(f"{args.size} x {args.size} px, {values['cores']} cores, median of {args.rounds} rounds")
        for compression, result in values["compression"].items():
            print(f"\n{compression} ({result['file_mb']} MB)\n{'reader':<16} {'Mpx/s':>8} {'of the limit':>13}")
            for name, entry in result["readers"].items():
                print(f"{name:<16} {entry['mpx_per_s']:>8} {entry['share_of_limit']:>13}")
            for name, reason in result["absent"].items():
                print(f"{name:<16} cannot run: {reason}")
    if args.json:
        args.json.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
