"""Mask rewards per second: a group segmented in one call, beside every completion on its own.

    python -m benchmarks.mask_rewards
    python -m benchmarks.mask_rewards --segmenter facebook/sam2.1-hiera-tiny --device cuda

Without ``--segmenter`` a SAM 2 model of the size of hiera-tiny is built with random weights: they change what is drawn
and not how long it takes. Completions answer about as many boxes as an image of VRSBench has, most of them near each
other, each with two keypoints. Both sides compute the same rewards, which is checked; the ratio is that of medians of
rounds that alternate, of processor time on a CPU.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import shapely
from PIL import Image

from geogrounding.datasets.sample import Sample
from geogrounding.models.segmenters.load import load_segmenter
from geogrounding.training.image_refs import ImageRef
from geogrounding.training.mask_reward import MaskReward

SIDE_PX = 512


def make_sam(folder: Path) -> str:
    """A SAM 2 checkpoint of the size of hiera-tiny with random weights."""
    import torch
    from transformers import Sam2Config, Sam2Model

    torch.manual_seed(0)
    Sam2Model(Sam2Config()).save_pretrained(folder)
    return str(folder)


def make_answers(rng: np.random.Generator, completions: int, boxes: int) -> tuple[np.ndarray, list[str]]:
    """True boxes (N, 4) and answers near them."""
    corner = rng.integers(0, SIDE_PX - 200, (boxes, 2))
    truth = np.concatenate([corner, corner + rng.integers(40, 180, (boxes, 2))], axis=1)
    texts = []
    for _ in range(completions):
        found = np.clip(truth + rng.integers(-6, 7, truth.shape), 0, SIDE_PX)
        entries = [
            {"bbox_2d": b, "keypoint1": [b[0] + 15, b[1] + 15], "keypoint2": [b[2] - 15, b[3] - 15], "label": "roof"}
            for b in found.tolist()
        ]
        texts.append(f"<think>I look.</think><answer>```json\n{json.dumps(entries)}\n```</answer>")
    return truth, texts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segmenter", help="a checkpoint, or builtin")
    parser.add_argument("--device")
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--boxes", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    with tempfile.TemporaryDirectory() as scratch:
        image = Path(scratch) / "a.png"
        Image.fromarray(rng.integers(0, 255, (SIDE_PX, SIDE_PX, 3), np.uint8)).save(image)
        reward = MaskReward(load_segmenter(asked.segmenter or make_sam(Path(scratch) / "sam"), device=asked.device))
        truth, texts = make_answers(rng, asked.group, asked.boxes)
        sample = Sample(
            id="a",
            image=image,
            size_px=(SIDE_PX, SIDE_PX),
            expression="roof",
            task="segment",
            boxes_px=truth.astype(float),
            labels=("roof",) * len(truth),
            polygons_px=tuple(shapely.box(*truth.T)),
            origin="a",
        )
        columns = {
            "shown": [ImageRef(sample=sample)] * asked.group,
            "boxes_px": [truth.tolist()] * asked.group,
            "size_px": [(SIDE_PX, SIDE_PX)] * asked.group,
        }

        def together() -> list[float]:
            return reward(texts, **columns)

        def again() -> list[float]:
            parts = [reward([text], **{name: [v[n]] for name, v in columns.items()}) for n, text in enumerate(texts)]
            return [value for part in parts for value in part]

        np.testing.assert_allclose(together(), again(), atol=2e-3)
        # A shared machine does not disturb the time of this process; that of a graphics card is only on the wall.
        clock = time.process_time if asked.device in (None, "cpu") else time.perf_counter
        seconds: dict[str, list[float]] = {"together": [], "again": []}
        for _ in range(asked.rounds):
            for name, work in (("together", together), ("again", again)):
                begin = clock()
                work()
                seconds[name].append(clock() - begin)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    result = {f"rewards_per_second_{name}": round(asked.group / value, 3) for name, value in medians.items()}
    print(json.dumps({**result, "times_faster": round(medians["again"] / medians["together"], 2)}, indent=2))


if __name__ == "__main__":
    main()
