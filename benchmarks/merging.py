"""How merging grows with the number of boxes, beside the merging of supervision and SAHI.

    python -m benchmarks.merging                      # 100,000 and 1,000,000 boxes by "auto", time and peak memory
    python -m benchmarks.merging --peers              # also supervision and SAHI, where they are installed

Boxes are those of a scene seen on overlapping chips at one density: objects of 8 to 60 px (some up to 400 px), 336 px
chips, 64 px overlap. Ours keeps to at most 12 times the time for 10 times the boxes. Each measurement runs in a process
of its own, so that its peak memory is its own. Ratios are of processor time: what else runs on the machine does not
count, and nothing here waits for anything.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import resource
import subprocess
import sys
import time

import numpy as np
from numpy.typing import NDArray

OBJECTS_PER_CHIP = 20
SIDE, OVERLAP = 336, 64


def boxes_on_chips(count: int) -> dict[str, NDArray[np.generic]]:
    """About ``count`` boxes as a perfect model gives them: each chip shows its part of each object."""
    random = np.random.default_rng(0)
    step = SIDE - OVERLAP
    chips_across = max(2, round((count / (OBJECTS_PER_CHIP * 1.9)) ** 0.5))
    scene = chips_across * step + OVERLAP
    objects = round(OBJECTS_PER_CHIP * chips_across**2)
    low = random.uniform(0, scene - 60, (objects, 2))
    size = random.uniform(8, 60, (objects, 2))
    large = random.uniform(size=objects) < 0.02
    size[large] = random.uniform(60, 400, (int(large.sum()), 2))
    whole = np.concatenate([low, np.minimum(low + size, scene)], axis=1)
    first = np.maximum((whole[:, :2] - SIDE) // step + 1, 0).astype(np.int64)
    last = np.minimum(whole[:, 2:] // step, chips_across - 1).astype(np.int64)
    parts = []
    for down in range(3):
        for right in range(3):
            column, row = first[:, 0] + right, first[:, 1] + down
            shown = (column <= last[:, 0]) & (row <= last[:, 1])
            window = np.stack([column * step, row * step, column * step + SIDE, row * step + SIDE], axis=1)
            box = np.concatenate(
                [np.maximum(whole[:, :2], window[:, :2]), np.minimum(whole[:, 2:], window[:, 2:])], axis=1
            )
            shown &= (box[:, 2] - box[:, 0] > 3) & (box[:, 3] - box[:, 1] > 3)
            chip = row * chips_across + column
            parts.append((box[shown], window[shown].astype(np.float64), chip[shown]))
    boxes, windows, chips = (np.concatenate([part[i] for part in parts]) for i in range(3))
    inner = np.stack([windows[:, 0] > 0, windows[:, 1] > 0, windows[:, 2] < scene, windows[:, 3] < scene], axis=1)
    touches = np.concatenate([boxes[:, :2] <= windows[:, :2] + 3.36, boxes[:, 2:] >= windows[:, 2:] - 3.36], axis=1)
    return {
        "boxes_scene_px": boxes,
        "scores": random.uniform(0.3, 1.0, len(boxes)),
        "groups": np.zeros(len(boxes), np.int64),
        "cut": touches & inner,
        "chips": chips,
        "chip_windows_scene_px": windows,
        "scales": np.ones(len(boxes)),
    }


def run_ours(found: dict[str, NDArray[np.generic]], method: str) -> int:
    from geogrounding.vector.candidates import Candidates
    from geogrounding.vector.merge import merge

    return len(merge(Candidates(**found), method=method))  # type: ignore[arg-type]


def run_supervision(found: dict[str, NDArray[np.generic]], method: str) -> int:
    import supervision as sv

    boxes = np.asarray(found["boxes_scene_px"])
    detections = sv.Detections(xyxy=boxes, confidence=np.asarray(found["scores"]), class_id=np.zeros(len(boxes), int))
    return len(detections.with_nms(0.5) if method == "nms" else detections.with_nmm(0.5))


def run_sahi(found: dict[str, NDArray[np.generic]], method: str) -> int:
    # Loaded by name: SAHI is no dependency, and type checkers need not know it.
    combine = importlib.import_module("sahi.postprocess.combine")
    prediction = importlib.import_module("sahi.prediction").ObjectPrediction

    predictions = [
        prediction(bbox=box, category_id=0, category_name="x", score=float(score))
        for box, score in zip(found["boxes_scene_px"].tolist(), found["scores"].tolist(), strict=True)
    ]
    chosen = combine.NMSPostprocess if method == "nms" else combine.GreedyNMMPostprocess
    return len(chosen(match_threshold=0.5, match_metric="IOU")(predictions))


RUNNERS = {"geogrounding": run_ours, "supervision": run_supervision, "sahi": run_sahi}


def measure_here(tool: str, method: str, count: int) -> None:
    """Measure in this process and print one line of JSON."""
    found = boxes_on_chips(count)
    start, start_cpu = time.perf_counter(), time.process_time()
    left = RUNNERS[tool](found, method)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    values = {"boxes": len(found["chips"]), "left": left, "seconds": seconds, "cpu": cpu, "mib": peak / 1024}
    print(json.dumps(values))


def measure(tool: str, method: str, count: int, *, limit_s: float, repeats: int = 1) -> dict[str, float] | None:
    """The fastest of some runs in fresh processes; None where one took longer than the limit."""
    command = [sys.executable, "-m", "benchmarks.merging", "--one", tool, method, str(count)]
    best: dict[str, float] | None = None
    for _ in range(repeats):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=True)
        except subprocess.TimeoutExpired:
            return None
        values: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        best = values if best is None or values["cpu"] < best["cpu"] else best
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", type=int, default=100_000)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds after which a measurement is given up")
    parser.add_argument("--one", nargs=3, metavar=("TOOL", "METHOD", "COUNT"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        measure_here(chosen.one[0], chosen.one[1], int(chosen.one[2]))
        return 0
    print(f"{'tool':<14}{'method':<8}{'boxes':>10}{'left':>10}{'seconds':>10}{'cpu s':>10}{'peak MiB':>10}")
    ratios = []
    plans = [
        ("geogrounding", "auto", [chosen.small, chosen.large]),
        ("geogrounding", "nms", [chosen.small, chosen.large]),
    ]
    if chosen.peers:
        few = [chosen.small // 100, chosen.small // 10, chosen.small]
        plans += [("geogrounding", "nmm", few)]
        plans += [(tool, method, few) for tool in ("supervision", "sahi") for method in ("nms", "nmm")]
    for tool, method, counts in plans:
        if tool != "geogrounding" and importlib.util.find_spec(tool) is None:
            print(f"{tool:<14}{method:<8}  not installed")
            continue
        seconds = []
        for count in counts:
            values = measure(tool, method, count, limit_s=chosen.limit, repeats=chosen.repeats)
            if values is None:
                print(f"{tool:<14}{method:<8}{count:>10,}  more than {chosen.limit:.0f} s")
                break
            seconds.append(values["cpu"])
            row = f"{values['boxes']:>10,}{values['left']:>10,}{values['seconds']:>10.2f}"
            row += f"{values['cpu']:>10.2f}{values['mib']:>10.0f}"
            print(f"{tool:<14}{method:<8}{row}", flush=True)
        if tool == "geogrounding" and len(counts) == 2:
            ratios.append(seconds[1] / seconds[0])
            print(
                f"{tool:<14}{method:<8}{chosen.large / chosen.small:g} times the boxes: {ratios[-1]:.1f} times the time"
            )
    return 0 if all(ratio <= 12.0 for ratio in ratios) else 1


if __name__ == "__main__":
    sys.exit(main())
