"""The options that both methods of ``geoground train`` share, in sections."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from geogrounding.settings import MAX_TILE_PX, MIN_TILE_PX
from geogrounding.training.choices import Scheduler
from geogrounding.types import CoordinateConvention, DataFormat, OnError, PromptStyle, Task

from . import options as opt

F = TypeVar("F", bound=Callable[..., Any])


def a_path(**kind: bool) -> click.Path:
    """A path as pathlib has it."""
    return click.Path(path_type=Path, **kind)


def switch(name: str, section: str, text: str) -> Callable[[F], F]:
    """A setting that is on or off, or not given."""
    return opt.option(f"--{name}/--no-{name}", default=None, section=section, help=text)


RUN = opt.together(
    opt.folder_option(
        "-o",
        "--output",
        required=True,
        section="Run",
        help="Folder of the run; it must not exist. When the run is done it is a model.",
    ),
    opt.file_option(
        "--config",
        section="Run",
        help="Settings as YAML or JSON; training.json of another run is one. Options given here win.",
    ),
    opt.option(
        "--resume", is_flag=True, section="Run", help="Go on with the run in --output from its last checkpoint."
    ),
    opt.option(
        "--processes",
        type=click.IntRange(1, 1024),
        default=1,
        show_default=True,
        section="Run",
        help="Devices to train on, one process each (accelerate launch).",
    ),
    opt.option("--seed", type=click.IntRange(0), section="Run", help="Of everything random. Default: 0."),
    opt.option("--log-every", type=click.IntRange(1), section="Run", metavar="STEPS", help="Default: 1."),
    opt.option(
        "--save-every", type=click.IntRange(1), section="Run", metavar="STEPS", help="Between checkpoints. Default: 50."
    ),
)
DATA = opt.together(
    opt.option("--data", type=a_path(), section="Data", metavar="FILE", help="File (or folder) of labelled samples."),
    opt.option("--images", type=a_path(file_okay=False), section="Data", metavar="FOLDER", help="Its images."),
    opt.option(
        "--format",
        "data_format",
        type=click.Choice(get_args(DataFormat)),
        section="Data",
        help="Format of the samples. Default: by their content.",
    ),
    opt.option(
        "--task",
        type=click.Choice(get_args(Task)),
        section="Data",
        help="Take the samples as this. Default: as labelled.",
    ),
    opt.option(
        "--on-error",
        type=click.Choice(get_args(OnError)),
        section="Data",
        help="What happens to records that cannot be used. Default: skip, and list them in problems.txt.",
    ),
    opt.option(
        "--shots", type=click.IntRange(1), section="Data", metavar="N", help="Samples of each class. Default: all."
    ),
    opt.option("--scene", type=a_path(), section="Data", metavar="RASTER", help="Cut chips from this raster instead."),
    opt.option("--labels", type=a_path(), section="Data", metavar="LAYER", help="Polygons or boxes on it."),
    opt.option("--labels-layer", section="Data", metavar="NAME", help="Layer of --labels, where the file has several."),
    opt.option("--expression-field", section="Data", metavar="NAME", help="Attribute that says what a feature is."),
    opt.option(
        "--expression", section="Data", metavar="TEXT", help="What every feature is, where no attribute says it."
    ),
    opt.option(
        "--unlike",
        type=a_path(),
        section="Data",
        metavar="LAYER",
        help="Polygons of what looks similar and is not meant, named as the labels are (with --scene).",
    ),
    opt.option(
        "--tile-size",
        type=click.IntRange(MIN_TILE_PX, MAX_TILE_PX),
        section="Data",
        metavar="PIXELS",
        help="Side of the chips.",
    ),
    opt.option(
        "--aoi",
        type=a_path(),
        section="Data",
        metavar="FILE",
        help="Vector file: cut chips only inside its polygons, where everything is labelled (with --scene).",
    ),
    opt.option("--aoi-layer", section="Data", metavar="NAME", help="Layer of --aoi, where the file has several."),
    switch(
        "partial",
        "Data",
        "Not everything is labelled: no negatives, and what looks like the labelled things counts neither way. "
        "Default: yes for SFT of the built-in model with --scene.",
    ),
    opt.option(
        "--turns",
        type=click.IntRange(1, 8),
        section="Data",
        metavar="N",
        help="Orientations of each image to learn from. Default: 8 for the built-in model with --scene, else 1.",
    ),
    opt.option(
        "--negatives",
        type=click.FloatRange(0, 1),
        section="Data",
        metavar="SHARE",
        help="Questions about what is not there, as a share of the others (with --scene and --no-partial). "
        "Default: 0.2.",
    ),
)
MODEL = opt.together(
    opt.option(
        "--model",
        section="Model",
        metavar="NAME|FOLDER|HUB-ID",
        help="What training starts from: builtin (default, or what GEOGROUND_MODEL names), builtin-open, a folder, "
        "an earlier run, a hub id.",
    ),
    opt.option(
        "--processor", section="Model", metavar="FOLDER|HUB-ID", help="Where tokenizer and image processor come from."
    ),
    switch("full", "Model", "Train all weights rather than a LoRA adapter (the vision tower stays as it is)."),
    switch("train-vision", "Model", "Train the vision tower as well; needs --full."),
    opt.option("--lora-rank", type=click.IntRange(1, 1024), section="Model", help="Default: 16."),
    opt.option(
        "--lora-alpha", type=click.FloatRange(0, min_open=True), section="Model", help="Default: twice the rank."
    ),
    opt.option("--lora-dropout", type=click.FloatRange(0, 1, max_open=True), section="Model", help="Default: 0, none."),
    switch("reasoning", "Model", "Whether prompts ask for reasoning and answers give it. Default: yes."),
    opt.option(
        "--prompt-style",
        "style",
        type=click.Choice(get_args(PromptStyle)),
        section="Model",
        help="Default: by kind of model.",
    ),
    opt.option(
        "--coordinates",
        type=click.Choice(get_args(CoordinateConvention)),
        section="Model",
        help="What numbers in answers mean.",
    ),
    opt.option(
        "--max-pixels",
        type=click.IntRange(784),
        section="Model",
        metavar="PIXELS",
        help="Largest image shown to the model, width times height; kept for inference.",
    ),
    opt.option(
        "--reduce-images/--no-reduce-images",
        "reduce_pictures",
        default=None,
        section="Model",
        help="Reduce larger images rather than refuse them.",
    ),
    # its name in version 0.1
    opt.option("--reduce-pictures/--no-reduce-pictures", "former_reduce", default=None, hidden=True, section="Model"),
    opt.option("--device", section="Model", metavar="DEVICE", help="cpu, cuda, mps. Default: the fastest there is."),
    switch("bf16", "Model", "Compute in bfloat16. Default: on GPUs that have it."),
    switch("gradient-checkpointing", "Model", "Less memory, more time. Default: yes, but for the built-in model."),
)
OPTIMISER = opt.together(
    opt.option(
        "--steps", type=click.IntRange(1), section="Optimiser", help="Steps. Default: GRPO 200, SFT by --epochs."
    ),
    opt.option(
        "--epochs",
        type=click.FloatRange(0, min_open=True),
        section="Optimiser",
        help="Passes over the samples, instead of --steps. Default: SFT 3.",
    ),
    opt.option(
        "--learning-rate",
        type=click.FloatRange(0, min_open=True),
        section="Optimiser",
        metavar="RATE",
        help="Default: by method, model and whether an adapter is trained; see docs/training.md.",
    ),
    opt.option("--warmup-steps", type=click.IntRange(0), section="Optimiser", help="Default: 0."),
    opt.option(
        "--scheduler",
        type=click.Choice(get_args(Scheduler)),
        section="Optimiser",
        help="Default: constant.",
    ),
    opt.option("--weight-decay", type=click.FloatRange(0), section="Optimiser", help="Default: 0."),
    opt.option("--max-grad-norm", type=click.FloatRange(0, min_open=True), section="Optimiser", help="Default: 1."),
    opt.option(
        "--accumulate", type=click.IntRange(1), section="Optimiser", metavar="N", help="Batches added up for a step."
    ),
)
