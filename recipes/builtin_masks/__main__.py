"""The recipe of the built-in segmenter.

    R=runs/masks; D=../shared/data
    python -m recipes.builtin_masks crops --data $D --run $R
    python -m recipes.builtin_masks train --run $R --out geogrounding/models/segmenters/weights --minutes 25 --threads 2
    python -m recipes.builtin_masks measure --data $D --json masks.json

``train`` goes on from the shipped weights (``--start none``: from random ones), ends after ``--steps`` or ``--minutes``,
writes the weights that did best on crops kept back, and goes on where it was cut off with ``--resume``. Every random
choice follows from ``--seed``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from geogrounding.models.segmenters.builtin import WEIGHTS
from recipes.builtin_masks.crops import Crops, draw_crops
from recipes.builtin_masks.measure import measure
from recipes.builtin_masks.train import Budget, train

DRAWS, STEPS = 12, 3000


def main() -> None:
    """Run one step of the recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["crops", "train", "measure"])
    parser.add_argument("--data", type=Path, help="folder of the data sets")
    parser.add_argument("--run", type=Path, help="folder of the crops")
    parser.add_argument("--out", type=Path, help="folder of the weights")
    parser.add_argument("--json", type=Path, help="file of the metrics")
    parser.add_argument("--preview", type=Path, help="image of the outlines")
    parser.add_argument("--draws", type=int, default=DRAWS, help="crops of each outline")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--minutes", type=float, help="end the training after so long")
    parser.add_argument("--start", default=str(WEIGHTS), help="weights to begin with, or none")
    parser.add_argument("--resume", action="store_true", help="go on with the training in --run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    if asked.step == "crops":
        asked.run.mkdir(parents=True, exist_ok=True)
        draw_crops(asked.data, draws=asked.draws, seed=asked.seed).save(asked.run / "crops.npz")
    elif asked.step == "measure":
        text = json.dumps(measure(asked.data, asked.preview), indent=1)
        print(text)
        if asked.json is not None:
            asked.json.write_text(text + "\n")
    else:
        train(
            Crops.load(asked.run / "crops.npz"),
            asked.out,
            budget=Budget(steps=asked.steps, minutes=asked.minutes),
            seed=asked.seed,
            start=None if asked.start == "none" else Path(asked.start),
            state=asked.run / "state.pt",
            resume=asked.resume,
        )


if __name__ == "__main__":
    main()
