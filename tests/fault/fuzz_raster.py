"""Opens and reads mutated TIFFs, one after the other; run by test_raster_fuzz.py in a process of its own.

    python -m tests.fault.fuzz_raster FIRST COUNT FOLDER

Prints a JSON line for each mutant. Each is made from its number alone, so ``FIRST=n COUNT=1`` makes mutant n again.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from geogrounding.errors import GeogroundingError
from geogrounding.raster.grid import ChipGrid
from geogrounding.raster.reader import read_chips
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import compute_stretch
from geogrounding.raster.tiling import Tiling
from tests.rasters import noise, write

CODECS = ["deflate", "lzw", "jpeg", "zstd", "packbits", "none"]
CHIPS_READ = 12
WORDS = [0, 1, 2, 3, 7, 8, 16, 255, 256, 65_535, 65_536, 2**24, 2**31 - 1, 2**31, 2**32 - 1]


def base_files(folder: Path) -> list[Path]:
    """For each codec a tiled file, a striped one with overviews, and one with a mask or nodata."""
    paths = []
    for number, codec in enumerate(CODECS):
        colour = noise((3, 150, 170), seed=number)
        grey = noise((1, 150, 170), "uint8" if codec == "jpeg" else "uint16", seed=number)
        striped: dict[str, Any] = {"tiled": False, "blockysize": 16}
        paths += [
            write(folder / f"{codec}-tiles.tif", colour, compress=codec),
            write(folder / f"{codec}-strips.tif", grey, compress=codec, overviews=(2, 4), **striped),
            write(
                folder / f"{codec}-mask.tif",
                colour,
                compress=codec,
                mask=colour[0] > 100,
                bigtiff="YES",
                env={"GDAL_TIFF_INTERNAL_MASK": "YES"},
            ),
        ]
    return paths


def mutate(data: bytes, number: int) -> bytes:
    """One mutant: words and bytes of the directories changed, data changed, cut, repeated."""
    random = np.random.default_rng(number)
    changed = bytearray(data)
    for _ in range(int(random.integers(1, 4))):
        kind = random.integers(0, 7)
        # Most of what decides anything stands in the first kilobyte.
        limit = min(len(changed), 1000) if random.random() < 0.5 else len(changed)
        place = int(random.integers(0, max(1, limit - 8)))
        if kind <= 1:
            changed[place] ^= 1 << int(random.integers(0, 8))
        elif kind == 2:
            changed[place : place + 4] = int(random.choice(WORDS)).to_bytes(4, "little")
        elif kind == 3:
            place = 10 + 12 * int(random.integers(0, 24)) + 8  # the value of a directory entry
            changed[place : place + 4] = int(random.choice(WORDS)).to_bytes(4, "little")
        elif kind == 4:
            changed[place : place + int(random.integers(1, 200))] = b""
        elif kind == 5:
            changed[place:place] = changed[place : place + int(random.integers(1, 200))]
        else:
            del changed[int(random.integers(1, len(changed))) :]
        if len(changed) < 8:
            break
    return bytes(changed)


def read(path: Path) -> str:
    """What a run does with a scene, cut short after some chips."""
    try:
        with Scene.open(path, pixel_coordinates=True) as scene:
            stretch = compute_stretch(scene, "percentile:2,98")
            tiling = Tiling(tile_size_px=64, overlap_px=8, scales=(1.0, 2.2))
            grid = ChipGrid(scene.width, scene.height, tiling=tiling)
            chosen = itertools.islice(itertools.chain(grid[:CHIPS_READ], grid[-4:]), CHIPS_READ + 4)
            failed = sum(image.error is not None for image in read_chips(scene, chosen, stretch, threads=2))
            return "partly" if failed else "read"
    except GeogroundingError:
        return "refused"


def peak_memory_mib() -> int:
    """Peak of this process's own memory; ``ru_maxrss`` would count what its parent held before exec."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) // 1024 if found else 0


def main() -> None:
    """Make and read mutants FIRST to FIRST + COUNT - 1."""
    first, count, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    bases = [path.read_bytes() for path in base_files(folder)]
    path = folder / "mutant.tif"
    for number in range(first, first + count):
        path.write_bytes(mutate(bases[number % len(bases)], number))
        start = time.monotonic()
        try:
            outcome, detail = read(path), ""
        except BaseException:
            outcome, detail = "escaped", traceback.format_exc()
        peak_mib = peak_memory_mib()
        seconds = round(time.monotonic() - start, 3)
        line = {"number": number, "outcome": outcome, "seconds": seconds, "peak_mib": peak_mib, "detail": detail}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
