"""From a trained detector to a model: the parts put together, its class scores calibrated, its language side adapted.

    W=geogrounding/models/builtin/weights
    python -m recipes.builtin_model.assemble model     --start $W --detector RUN/detector.pt --out RUN/model
    python -m recipes.builtin_model.assemble calibrate --data ../shared/data --out RUN/model
    python -m recipes.builtin_model.assemble threshold --data ../shared/data --out RUN/model --each 4
    python -m recipes.builtin_model.assemble language  --data ../shared/data --out RUN/model --run RUN --steps 300
    python -m recipes.builtin_model.assemble narrow    --out RUN/model

``calibrate`` changes the region head so that the scores of a class are what was measured on the images kept back, and so
that F1 is best at the default score; ``threshold`` does the latter once more for whole runs. ``language`` goes on from the reader and the language model
that are there: of a model that could read, they have to get used to other regions; of a fresh one, to learn to read.
``--open`` in every step makes a model of data that may be used at work alone, ``--without`` one that never saw some classes;
``narrow`` ends both, see there.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection
from pathlib import Path

import torch
from torch import Tensor

from geogrounding.datasets.synthetic import ALL_KINDS
from recipes.builtin_model.calibration import shifts_of_runs, slopes_and_shifts
from recipes.builtin_model.corpora import CLASSES, LabelledImage
from recipes.builtin_model.end_to_end import FINE_BLOCKS, FINE_WIDTH, STEM, fold, load_start, unfold
from recipes.builtin_model.narrow import narrowed, silence, silent_classes
from recipes.builtin_model.sets import OPEN_CLASSES, read_part
from recipes.builtin_model.teach import language
from recipes.builtin_model.weights import load, write_weights

NOT_SETTLED = frozenset({"airbus-aircraft", "simd"})
"""Sets that the default score is not set on: very large images, and cars that are not all labelled."""


def assemble(start: Path, detector: Path, out: Path, *, share: float = 1.0, known: Collection[str] = CLASSES) -> None:
    """Write a model of a trained detector and the language side of another model, which may know fewer classes.

    Args:
        start: folder of the model, or of the tower, that the training started from.
        detector: averaged weights of the training, ``detector.pt``.
        out: folder of the new model; its tower is replaced.
        share: of the trained weights in the mean with those it began from: a mean of the two may hold better on other
            images than either (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
        known: classes that were trained; the others score nothing, and ``narrow`` removes them at the end.
    """
    old, tokenizer = load(start)
    config = type(old.config)(**old.config.to_dict())
    config.classes, config.found_regions, config.candidates = list(CLASSES), 300, 1500
    config.class_shifts = config.calibration = []  # those of other scores
    config.region_fine_width, config.region_stem, config.region_blocks = FINE_WIDTH, STEM, FINE_BLOCKS
    model = type(old)(config)
    new, before = model.state_dict(), old.state_dict()
    trained = torch.load(detector, weights_only=True)
    if share < 1:
        begun = dict(load_start(start).named_parameters())
        trained = {name: torch.lerp(begun[name].detach(), value.float(), share) for name, value in trained.items()}
    for name in new:
        if name.startswith(("vision_tower.", "region_head.")):
            mine = name.replace("vision_tower.", "tower.").replace("region_head.", "head.")
            new[name] = trained[mine].float() if mine in trained else before[name]
        elif before[name].shape == new[name].shape:
            new[name] = before[name]
        else:
            new[name] = _grown(name, before[name], new[name], classes=len(old.config.classes))
    model.load_state_dict(new)
    silence(model.region_head, known)
    model.generation_config = old.generation_config
    (out / "vision.safetensors").unlink(missing_ok=True)
    write_weights(model, tokenizer, out)


def _grown(name: str, old: Tensor, new: Tensor, *, classes: int) -> Tensor:
    """Weights of the reader for more classes and wider features: what is new says nothing yet.

    Raises:
        ValueError: a weight of which this is not known.
    """
    if name == "reader.known.weight":  # scores, their logits, the code of the box; the last score is for any object
        more, (b, s) = len(CLASSES), (classes + 1, len(CLASSES) + 1)
        out = torch.zeros_like(new)
        for first_old, first_new in ((0, 0), (b, s)):
            out[:, first_new : first_new + classes] = old[:, first_old : first_old + classes]
            out[:, first_new + more] = old[:, first_old + classes]
        out[:, 2 * s :] = old[:, 2 * b :]
        return out
    if name in ("reader.hidden.weight", "reader.hidden_norm.weight", "reader.hidden_norm.bias"):
        out = torch.ones_like(new) if name == "reader.hidden_norm.weight" else torch.zeros_like(new)
        out[..., : old.shape[-1]] = old
        return out
    raise ValueError(f"{name} has grown from {tuple(old.shape)} to {tuple(new.shape)}")


def calibrate(
    root: Path, folder: Path, *, each: int, without: frozenset[str] = frozenset(), only_open: bool = False
) -> None:
    """Calibrate the class scores of a model on views of the images kept back, at all scales; changes ``folder``.

    Args:
        root: folder of the data sets.
        folder: of the model.
        each: at most so many views of an image at a scale.
        without: withheld classes, see ``sets.read_part``.
        only_open: see ``sets.read_part``.
    """
    from recipes.builtin_model.check import hits_by_class

    images = read_part(root, "dev", without=without, only_open=only_open)
    hits = hits_by_class(load_start(folder).eval(), images, each=each)
    model, tokenizer = load(folder)
    slopes, shifts = slopes_and_shifts(hits, silent=silent_classes(model.region_head))
    unfold(model.region_head, model.config.calibration)
    fold(model.region_head, slopes, shifts)
    model.config.calibration = [list(pair) for pair in zip(slopes, shifts, strict=True)]
    write_weights(model, tokenizer, folder)


def threshold(root: Path, folder: Path, *, each: int, only_open: bool = False) -> None:
    """Move the class scores of a calibrated model so that F1 of a whole run, with its levels and merging, is best at the
    default score; changes ``folder``.

    Args:
        root: folder of the data sets.
        folder: of the model.
        each: images kept back of each set that are looked at.
        only_open: see ``sets.read_part``.
    """
    from geogrounding.models import builtin
    from recipes.builtin_model.pipeline_metrics import detect, hits_of

    some: list[LabelledImage] = []
    images = [p for p in read_part(root, "dev", only_open=only_open) if p.source not in NOT_SETTLED]
    for source in sorted({p.source for p in images}):
        theirs = sorted((p for p in images if p.source == source), key=lambda p: -len(p.labels))
        some += theirs[:: max(1, len(theirs) // each)][:each]
    matched, _ = detect(builtin.load(folder), some)
    shifts = shifts_of_runs(hits_of(matched))
    model, tokenizer = load(folder)
    before = model.config.class_shifts or [0.0] * len(CLASSES)
    model.config.class_shifts = [round(old + new, 3) for old, new in zip(before, shifts, strict=True)]
    write_weights(model, tokenizer, folder)


def narrow(folder: Path) -> None:
    """Remove the classes that a model scores nothing for; changes ``folder``. The last step: the others count classes as the
    recipe does.
    """
    model, tokenizer = load(folder)
    write_weights(narrowed(model), tokenizer, folder)


def main(arguments: list[str] | None = None) -> None:
    """Entry point; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("step", choices=("model", "calibrate", "threshold", "language", "narrow"))
    parser.add_argument("--start", type=Path)
    parser.add_argument("--detector", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--share", type=float, default=1.0, help="of the detector in the mean with what it began from")
    parser.add_argument("--open", action="store_true", help="only what the sets that may be used at work show")
    parser.add_argument("--run", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--each", type=int, default=1, help="views of an image at a scale to calibrate on")
    parser.add_argument("--views", type=int, default=2400)
    parser.add_argument("--rate", type=float, default=4e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--device", default="cpu", help="of the training of the language side")
    parser.add_argument("--batch", type=int, default=24, help="views of a step of the language side")
    parser.add_argument("--fresh", action="store_true", help="of the language side: forget what it knows first")
    parser.add_argument("--without", nargs="*", default=[], choices=CLASSES, help="classes that were withheld")
    parser.add_argument(
        "--without-kinds", nargs="*", default=[], choices=ALL_KINDS, help="kinds of expression to withhold"
    )
    given = parser.parse_args(arguments)
    if given.threads:
        torch.set_num_threads(given.threads)
    needed = {
        "model": ("start", "detector"),
        "calibrate": ("data",),
        "threshold": ("data",),
        "language": ("data", "run"),
        "narrow": (),
    }[given.step]
    missing = [f"--{name}" for name in needed if getattr(given, name) is None]
    if missing:
        parser.error(f"{given.step} needs {', '.join(missing)}")
    torch.manual_seed(given.seed)
    without = frozenset(given.without)
    if given.step == "model":
        known = [name for name in (OPEN_CLASSES if given.open else CLASSES) if name not in without]
        assemble(given.start, given.detector, given.out, share=given.share, known=known)
    elif given.step == "calibrate":
        calibrate(given.data, given.out, each=given.each, without=without, only_open=given.open)
    elif given.step == "threshold":
        threshold(given.data, given.out, each=given.each, only_open=given.open)
    elif given.step == "narrow":
        narrow(given.out)
    else:
        language(
            given.data,
            given.run,
            given.out,
            steps=given.steps,
            views=given.views,
            rate=given.rate,
            seed=given.seed,
            batch=given.batch,
            fresh=given.fresh,
            without=without,
            without_kinds=frozenset(given.without_kinds),
            only_open=given.open,
            device=given.device,
        )


if __name__ == "__main__":
    main()
