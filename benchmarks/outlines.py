"""What outlines cost: time beside a run that draws boxes only, and memory as the number of polygons grows.

    python -m benchmarks.outlines time SCENE "building"             # any raster; --bbox X0 Y0 X1 Y1 in pixels
    python -m benchmarks.outlines memory                            # 10,000 against 100,000 polygons
    python -m benchmarks.outlines memory --counts 1000 10000        # a quick look

``time`` runs the built-in model and segmenter over one scene, by turns with boxes, masks and right angles, and takes
the medians of the processor time of this process (one thread), loading left out. ``memory`` writes layers of right
angles over a sparse raster of 20,000 x 20,000 pixels, each in a process of its own, and reports the peak resident set;
the model there answers with masks of its own, which are L shapes.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.memory import sparse_raster
from geogrounding.geometry.masks import pack_mask
from geogrounding.models.base import Conventions
from geogrounding.pipeline import run
from geogrounding.settings import RunSettings
from geogrounding.types import Answer, Detection, Outline, Question

SCENE_PX, TILE_PX, OVERLAP_PX = 20_000, 1024, 24
KINDS: tuple[Outline, ...] = ("box", "mask", "regular")


class Answering:
    """Gives each chip as many L shapes as it is given, on a grid, so that none overlap."""

    name = fingerprint = "answering"

    def __init__(self, per_chip: int) -> None:
        self.conventions = Conventions(
            tile_size_px=TILE_PX, overlap_px=OVERLAP_PX, coordinates="resized-pixels", batch_size=4
        )
        pixels = np.ones((36, 30), np.bool_)
        pixels[:16, 14:] = False
        side = int(np.ceil(np.sqrt(per_chip)))
        step = (TILE_PX - 2 * OVERLAP_PX - 40) // side
        found = []
        for n in range(per_chip):
            x, y = OVERLAP_PX + n % side * step, OVERLAP_PX + n // side * step
            box = (float(x), float(y), x + 30.0, y + 36.0)
            found.append(Detection(box_chip_px=box, label="roof", score=0.9, mask=pack_mask(pixels, (x, y))))
        self._answer = Answer(reasoning="Roofs are bright.", detections=tuple(found))

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        """The same for every chip."""
        return [[self._answer for _ in questions] for _ in images]

    def close(self) -> None:
        """Nothing is open."""


class Silent:
    """Every object has a mask already."""

    name = fingerprint = "silent"

    def segment(self, image: NDArray[np.uint8], boxes_px: NDArray[np.float64], keypoints_px: Any) -> list[Any]:
        """Nothing."""
        return [None] * len(boxes_px)

    def close(self) -> None:
        """Nothing is open."""


def measure_memory(count: int) -> None:
    """In the child: run, and print the peak resident set in MiB."""
    chips = int(np.ceil((SCENE_PX - OVERLAP_PX) / (TILE_PX - OVERLAP_PX))) ** 2
    with tempfile.TemporaryDirectory() as folder:
        scene = Path(folder) / "scene.tif"
        sparse_raster(scene, SCENE_PX)
        settings = RunSettings(source=str(scene), expressions=("roof",), outline="regular")
        begin = time.monotonic()
        report = run(settings, Path(folder) / "o.gpkg", model=Answering(round(count / chips)), segmenter=Silent())
        seconds = time.monotonic() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"polygons": report.features, "peak_mib": round(peak, 1), "seconds": round(seconds, 1)}))


def memory(counts: Sequence[int]) -> None:
    """Each count in a process of its own."""
    rows = []
    for count in counts:
        command = [sys.executable, "-m", "benchmarks.outlines", "child", str(count)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    print(f"most polygons / fewest, peak: {rows[-1]['peak_mib'] / rows[0]['peak_mib']:.3f} (limit 1.30)")


def compare_time(scene: str, query: str, bbox: tuple[float, float, float, float] | None, rounds: int) -> None:
    """Runs over one scene by turns."""
    import torch

    from geogrounding.models.load import load_model
    from geogrounding.models.segmenters.load import load_segmenter

    torch.set_num_threads(1)
    model, segmenter = load_model("builtin"), load_segmenter()
    settings = RunSettings(
        source=scene,
        expressions=(query,),
        pixel_coordinates=True,
        bbox=bbox,
        bbox_crs=None if bbox is None else "pixels",
    )
    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    features = 0
    with tempfile.TemporaryDirectory() as folder:
        for n in range(rounds + 1):
            for kind in KINDS:
                begin = time.process_time()
                out = Path(folder) / f"{kind}.gpkg"
                report = run(replace(settings, outline=kind), out, model=model, segmenter=segmenter, overwrite=True)
                features = report.features
                if n:  # the first round warms up
                    seconds[kind].append(time.process_time() - begin)
    medians = {kind: statistics.median(values) for kind, values in seconds.items()}
    print(
        json.dumps(
            {
                "features": features,
                **{f"seconds_{kind}": round(value, 2) for kind, value in medians.items()},
                **{f"{kind}_over_box": round(medians[kind] / medians["box"], 3) for kind in KINDS[1:]},
            },
            indent=2,
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(dest="step", required=True)
    timed = steps.add_parser("time")
    timed.add_argument("scene")
    timed.add_argument("query")
    timed.add_argument("--bbox", type=float, nargs=4)
    timed.add_argument("--rounds", type=int, default=3)
    peaks = steps.add_parser("memory")
    peaks.add_argument("--counts", type=int, nargs="+", default=[10_000, 100_000])
    child = steps.add_parser("child")
    child.add_argument("count", type=int)
    asked = parser.parse_args()
    if asked.step == "time":
        compare_time(asked.scene, asked.query, None if asked.bbox is None else tuple(asked.bbox), asked.rounds)
    elif asked.step == "memory":
        memory(asked.counts)
    else:
        measure_memory(asked.count)


if __name__ == "__main__":
    main()
