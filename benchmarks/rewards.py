"""How long rewards take, beside a reward that builds COCO objects for each completion, as VLM-R1's training does.

    python -m benchmarks.rewards
    python -m benchmarks.rewards --completions 400 --rounds 5

Both read the same texts (``<think>``, ``<answer>``, a JSON block) and both compute mean AP over IoU .50:.05:.95 with a
length factor; on answers whose labels are all known they agree, which is checked first. The other side is written here
after VLM-R1's definition: a regular expression, ``json.loads``, and COCO, loadRes, COCOeval of pycocotools for each
completion. Times are the median of rounds that alternate; every number of boxes is timed on its own.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from geogrounding.training.rewards import format_reward, od_length_reward

SIDE_PX = 336
COUNTS = (1, 3, 10, 30)
"""True boxes of an image; answers hold about as many. An image of NWPU VHR-10 has 7, one of VRSBench 1 to 3."""
_BLOCK = re.compile(r"```json(.*?)```", re.DOTALL)


def reward_by_coco(text: str, truth: list[list[int]], label: str) -> float:
    """VLM-R1's odLength: mAP of pycocotools with all scores 1, times min(1, true / answered)."""
    block = _BLOCK.search(text)
    entries = json.loads(block.group(1)) if block else []
    if not entries or not truth:
        return float(not entries and not truth)
    coco = COCO()
    coco.dataset = {
        "images": [{"id": 0, "width": SIDE_PX, "height": SIDE_PX}],
        "categories": [{"id": 0, "name": label}],
        "annotations": [
            {"id": n + 1, "image_id": 0, "category_id": 0, "iscrowd": 0, **_xywh(box)} for n, box in enumerate(truth)
        ],
    }
    coco.createIndex()
    answered = [{"image_id": 0, "category_id": 0, "score": 1.0, **_xywh(e["bbox_2d"])} for e in entries]
    evaluation = COCOeval(coco, coco.loadRes(answered), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return float(evaluation.stats[0]) * min(1.0, len(truth) / len(entries))


def _xywh(box: list[int]) -> dict[str, Any]:
    x0, y0, x1, y1 = box
    return {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0)}


def make(rng: np.random.Generator, completions: int, boxes: int) -> tuple[list[str], list[list[list[int]]]]:
    """Answers near the truth with some boxes missed and some invented, and the truth."""
    texts, truths = [], []
    for _ in range(completions):
        corner = rng.integers(0, SIDE_PX - 80, (boxes, 2))
        truth = np.concatenate([corner, corner + rng.integers(12, 60, (boxes, 2))], axis=1)
        found = np.clip(truth[rng.random(boxes) < 0.9] + rng.integers(-3, 4, (1, 4)), 0, SIDE_PX)
        invented = truth[rng.random(boxes) < 0.2] + 19
        entries = [{"bbox_2d": b, "label": "airplane"} for b in [*found.tolist(), *invented.tolist()]]
        words = f"I look for the airplanes in the image and see {len(entries)} of them."
        answer = "```json\n[" + ",\n".join(json.dumps(e) for e in entries) + "]\n```" if entries else "None"
        texts.append(f"<think>{words}</think><answer>{answer}</answer>")
        truths.append(truth.tolist())
    return texts, truths


def seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):  # COCOeval prints its table for every completion
        work()
    return time.process_time() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--completions", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    rows: dict[str, dict[str, float]] = {}
    total_ours = total_coco = 0.0
    for boxes in COUNTS:
        texts, truths = make(rng, arguments.completions, boxes)
        labels, sizes = [["airplane"] * boxes] * len(texts), [(SIDE_PX, SIDE_PX)] * len(texts)

        def ours(texts: list[str] = texts, truths: Any = truths, labels: Any = labels, sizes: Any = sizes) -> Any:
            return od_length_reward(texts, boxes_px=truths, labels=labels, size_px=sizes)

        def by_coco(texts: list[str] = texts, truths: Any = truths) -> list[float]:
            return [reward_by_coco(text, truth, "airplane") for text, truth in zip(texts, truths, strict=True)]

        def form(texts: list[str] = texts) -> Any:
            return format_reward(texts)

        with contextlib.redirect_stdout(io.StringIO()):
            np.testing.assert_allclose(ours(), by_coco(), atol=1e-9)
        pairs = [(seconds(ours), seconds(by_coco)) for _ in range(arguments.rounds)]
        mine = statistics.median(pair[0] for pair in pairs)
        theirs = statistics.median(pair[1] for pair in pairs)
        total_ours, total_coco = total_ours + mine, total_coco + theirs
        formats = statistics.median(seconds(form) for _ in range(arguments.rounds))
        rows[f"{boxes} boxes"] = {
            "ms_per_completion": round(1e3 * mine / len(texts), 4),
            "ms_per_completion_pycocotools": round(1e3 * theirs / len(texts), 4),
            "times_faster": round(theirs / mine, 1),
            "ms_format_reward": round(1e3 * formats / len(texts), 5),
        }
    rows["all"] = {"times_faster": round(total_coco / total_ours, 1)}
    print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
