"""Processor time of the built-in model on labelled scenes, and how well it finds, beside another build in the same run.

python -m benchmarks.model_speed DATA SET CLASS [--part test] [--against WORKTREE]

DATA is the folder of the data sets, and SET one of them whose ground resolution is known (``ground_m`` in
``recipes.builtin_model.sets``). Its images are written as GeoTIFFs, and each build is asked for the class with default
settings. ``--against`` is a checkout of another commit; both keep a process with the model loaded, take turns scene by
scene, and use one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from recipes.builtin_model.corpora import CLASSES
from recipes.builtin_model.matching import match
from recipes.builtin_model.pipeline_metrics import ORIGIN_M, write_scene
from recipes.builtin_model.sets import ground_m_of, read_part

ROOT = Path(__file__).parents[1]
SIDE = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import torch
torch.set_num_threads(1)
import geogrounding as gg
model = gg.load_model("builtin")
name = sys.argv[1]
for line in sys.stdin:
    begin = time.process_time()
    layer = gg.ground(line.strip(), name, model=model)
    seconds = time.process_time() - begin
    rows = [[*polygon.bounds, score] for polygon, score in zip(layer.geometry, layer["score"], strict=True)]
    print(json.dumps({"seconds": seconds, "found": rows}), flush=True)
"""


@contextmanager
def build(root: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    """A process of a checkout, with its model loaded."""
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-c", SIDE, name]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=root
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def ask(process: subprocess.Popen[str], scene: Path) -> dict[str, Any]:
    """Seconds, and boxes with scores, of one scene."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{scene}\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{process.args!r}: ended without an answer")
    answer: dict[str, Any] = json.loads(line)
    return answer


def in_pixels(rows: list[list[float]], metres: float) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (pixels of the image) and scores of features given by bounds in the CRS."""
    values = np.array(rows, np.float64).reshape(-1, 5)
    left, bottom, right, top = ((values[:, :4] - np.tile(ORIGIN_M, 2)) / metres).T
    return np.column_stack([left, -top, right, -bottom]), values[:, 4]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("set")
    parser.add_argument("name", choices=CLASSES)
    parser.add_argument("--part", default="test", choices=("dev", "test"))
    parser.add_argument("--against", type=Path)
    parser.add_argument("--most", type=int, help="only so many images")
    chosen = parser.parse_args()
    number = CLASSES.index(chosen.name)
    images = [image for image in read_part(chosen.data, chosen.part) if image.source == chosen.set][: chosen.most]
    roots = {"this build": ROOT} | ({str(chosen.against): chosen.against.resolve()} if chosen.against else {})
    seconds: dict[str, float] = dict.fromkeys(roots, 0.0)
    found: dict[str, list[Any]] = {name: [] for name in roots}
    truth: list[tuple[np.ndarray, np.ndarray]] = []
    pixels = 0
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        scene = Path(folder) / "scene.tif"
        processes = {name: stack.enter_context(build(root, chosen.name)) for name, root in roots.items()}
        for labelled in images:
            metres = ground_m_of(labelled)
            if metres is None:
                raise SystemExit(f"{chosen.set} does not say the ground resolution of its images")
            write_scene(scene, labelled, metres)
            for name, process in processes.items():
                if not truth:  # memory is touched and kernels are chosen for the first time
                    ask(process, scene)
                answer = ask(process, scene)
                seconds[name] += answer["seconds"]
                found[name].append(in_pixels(answer["found"], metres))
            boxes = labelled.boxes_px[labelled.labels == number]
            truth.append((boxes, np.ones(len(boxes), bool)))
            pixels += int(np.prod(labelled.pixels().shape[:2]))
    print(f"{chosen.set}, {chosen.name!r}: {len(images)} images, {pixels / 1e6:.1f} megapixels")
    for name in roots:
        hits = match(found[name], truth, iou=0.5)
        share = seconds[name] / seconds["this build"]
        print(
            f"{name}: {pixels / seconds[name] / 1e6:.3f} megapixels a second of one core, F1 {hits.f1(0.0):.3f}, "
            f"AP50 of what a run writes {hits.average_precision():.3f}; this build is {share:.2f} times as fast"
        )


if __name__ == "__main__":
    main()
