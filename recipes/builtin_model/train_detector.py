"""Train the region head and the last blocks of the tower end to end.

    python -m recipes.builtin_model.train_detector --data ../shared/data --start MODEL --run RUN --minutes 90 --threads 2

``--device cuda`` trains the same with more views a step (``--batch 96 --loaders 12``); ``--steps`` ends it after so many.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from recipes.builtin_model.corpora import CLASSES
from recipes.builtin_model.end_to_end import Options, load_start, train
from recipes.builtin_model.sets import read_part
from recipes.builtin_model.views import Views


def main(arguments: list[str] | None = None) -> None:
    """Entry point; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True, help="folder of a model, or of a tower alone")
    parser.add_argument("--without", nargs="*", default=[], choices=CLASSES, help="classes to withhold")
    parser.add_argument("--open", action="store_true", help="only sets that may be used at work")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="the learning rate has fallen to nothing then")
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--loaders", type=int, default=1, help="processes that draw views")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=None)
    given = parser.parse_args(arguments)
    if given.threads:
        torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    images = read_part(given.data, "train", without=frozenset(given.without), only_open=given.open)
    done = 0
    if (given.run / "checkpoint.pt").exists():
        done = int(torch.load(given.run / "checkpoint.pt", weights_only=True)["step"]) * given.batch
    print(f"{len(images)} images, {done} views done", flush=True)
    views = Views(images, seed=given.seed, batch=given.batch, start=done)
    batches = torch.utils.data.DataLoader(views, batch_size=None, num_workers=given.loaders, prefetch_factor=4)
    options = Options(minutes=given.minutes, batch=given.batch, seed=given.seed, device=given.device, steps=given.steps)
    train(load_start(given.start), batches, given.run, options)


if __name__ == "__main__":
    main()
