"""``geoground train``: fine-tune a model on a file of samples, or on a raster and a layer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

import click

from geogrounding.errors import OutputError, SettingsError
from geogrounding.training.choices import Loss, Method, RewardScale, VllmMode

from . import options as opt
from .main import INTERRUPTED
from .terminal import count, duration, say
from .train_options import DATA, MODEL, OPTIMISER, RUN, switch

if TYPE_CHECKING:
    from geogrounding.training.config import TrainSettings
    from geogrounding.training.runner import TrainingResult

SAY_EVERY_S = 2.0


@click.group()
def command() -> None:
    """Fine-tune a model on your own labels.

    \b
    sft   learn to write the right answers
    grpo  answer several times, learn from which answers were better (GRPO, DAPO)

    \b
    geoground train sft --data train.json --images img/ -o runs/a
    geoground train grpo --data train.json --images img/ --model runs/a --shots 10 -o runs/b

    Both read a file of samples (COCO, VRSBench, VOC, EarthReason, Geo-R1, ms-swift, TRL), or cut chips from a raster
    with a vector layer. The folder of a finished run is a --model for every other command.
    """  # noqa: D301 - \b is click's mark for lines that stay as they are


@command.command("sft", cls=opt.Command)
@RUN
@DATA
@MODEL
@OPTIMISER
@opt.option("--batch", type=click.IntRange(1), section="Optimiser", metavar="N", help="Samples at once. Default: 8.")
@opt.option(
    "--rehearse",
    type=click.FloatRange(0, 10),
    section="Data",
    metavar="SHARE",
    help="For each sample so many questions about what the built-in model knows already, with its own answers, so that "
    "it goes on knowing it. Default: 1 with --scene, else 0.",
)
@opt.QUIET
@opt.VERBOSE
def sft(**options: Any) -> None:
    """Fine-tune on right answers.

    \b
    Examples:
      geoground train sft --data train.json --images img/ -o runs/a
      geoground train sft --data train.jsonl --images img/ --model Qwen/Qwen2.5-VL-3B-Instruct -o runs/q
      geoground train sft --scene scene.tif --labels pools.gpkg --expression "swimming pool" -o runs/pools
      geoground train sft -o runs/a --resume
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    _train("sft", options)


@command.command("grpo", cls=opt.Command)
@RUN
@DATA
@MODEL
@OPTIMISER
@opt.option(
    "--group",
    type=click.IntRange(2, 256),
    section="Rollouts",
    metavar="N",
    help="Completions of a question. Default: 8.",
)
@opt.option(
    "--batch",
    type=click.IntRange(1),
    section="Rollouts",
    metavar="N",
    help="Completions at once; with --accumulate and --processes a multiple of the group. Default: a group, eight for "
    "the built-in model.",
)
@opt.option("--temperature", type=click.FloatRange(0, min_open=True), section="Rollouts", help="Default: 1.")
@opt.option("--top-p", type=click.FloatRange(0, 1, min_open=True), section="Rollouts", help="Default: 1.")
@opt.option(
    "--max-completion",
    type=click.IntRange(8, 65536),
    section="Rollouts",
    metavar="TOKENS",
    help="Where an answer is cut off. Default: 1024, 256 for the built-in model.",
)
@opt.option(
    "--probe",
    type=click.IntRange(0, 64),
    section="Rollouts",
    metavar="N",
    help="Questions asked before training, to see that answers have the right form; 0 trusts the model. Default: 4.",
)
@opt.option(
    "--completions-every",
    type=click.IntRange(1),
    section="Rollouts",
    metavar="STEPS",
    help="Between samples of completions that are written down. Default: 10.",
)
@switch("vllm", "Rollouts", "Sample completions with vLLM.")
@opt.option("--vllm-mode", type=click.Choice(get_args(VllmMode)), section="Rollouts", help="Default: colocate.")
@opt.option("--vllm-base-url", section="Rollouts", metavar="URL", help="Of a server started with: trl vllm-serve.")
@opt.option(
    "--vllm-memory",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    section="Rollouts",
    metavar="SHARE",
    help="Share of the GPU's memory that vLLM takes. Default: 0.3.",
)
@opt.option(
    "--reward",
    "rewards",
    multiple=True,
    section="Rewards",
    metavar="NAME",
    help="format, iou, detection, od-length, mask, grounding, or package.module.function; may be repeated. "
    "Default: format and what suits the task.",
)
@opt.option(
    "--reward-weight",
    "reward_weights",
    type=float,
    multiple=True,
    section="Rewards",
    metavar="W",
    help="Of each --reward, in their order. Default: 1.",
)
@opt.option(
    "--segmenter",
    section="Rewards",
    metavar="NAME|FOLDER|HUB-ID",
    help="Draws the answered boxes and keypoints of the task segment for its reward: builtin, or a "
    "checkpoint of SAM, SAM 2 or SAM 3. Default: boxes count as masks.",
)
@switch(
    "compare-labels",
    "Rewards",
    "Whether a box that is called otherwise than the one thing asked for counts as wrong. Default: yes, but for the "
    "built-in model.",
)
@opt.option(
    "--scale-rewards",
    type=click.Choice(get_args(RewardScale)),
    section="Rewards",
    help="What advantages are divided by the deviation of. Default: group.",
)
@opt.option("--loss", type=click.Choice(get_args(Loss)), section="Rewards", help="Default: dapo.")
@opt.option("--epsilon", type=click.FloatRange(0, min_open=True), section="Rewards", help="Lower clip. Default: 0.2.")
@opt.option(
    "--epsilon-high", type=click.FloatRange(0, min_open=True), section="Rewards", help="Upper clip. Default: 0.28."
)
@opt.option(
    "--beta",
    type=click.FloatRange(0),
    section="Rewards",
    help="Weight of the KL divergence from the base model; 0 (default) is off.",
)
@opt.option(
    "--iterations", type=click.IntRange(1), section="Rewards", help="Steps on the same completions. Default: 1."
)
@switch("mask-truncated", "Rewards", "Leave completions that were cut off out of the loss.")
@opt.QUIET
@opt.VERBOSE
def grpo(**options: Any) -> None:
    """Fine-tune by rewards that are computed: the form of the answer, and how well its boxes fit.

    \b
    Examples:
      geoground train grpo --data train.json --images img/ --model runs/a --shots 10 --seed 0 -o runs/b
      geoground train grpo --scene scene.tif --labels labels.gpkg --expression-field name -o runs/c
      geoground train grpo --data train.jsonl --images img/ --model runs/q --full --beta 0.04 --processes 4 -o runs/d
      geoground train grpo --data EarthReason/train --task segment --segmenter ./sam2.1 --model ./qwen -o runs/e
      geoground train grpo -o runs/b --resume
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    _train("grpo", options)


def _train(method: Method, options: dict[str, Any]) -> None:
    output, resume, quiet = options.pop("output"), options.pop("resume"), options.pop("quiet")
    processes, config = options.pop("processes"), options.pop("config")
    if (former := options.pop("former_reduce")) is not None:
        options["reduce_pictures"] = former
    given = {name: value for name, value in options.items() if value not in (None, ())}

    from geogrounding.training import config as settings_of
    from geogrounding.training import launch, run_folder

    kind: type[TrainSettings] = settings_of.GRPOSettings if method == "grpo" else settings_of.SFTSettings
    if resume:
        if not (output / run_folder.RECORD).is_file():
            raise OutputError(f"{output} holds no training run to go on with", hint="Leave out --resume.")
        if config is not None:
            raise SettingsError("--config does not go with --resume", hint="The run keeps its own settings.")
        # What is given beside --resume must be what the run was begun with; the library compares them.
        given = {**launch.settings_of_run(output, kind), **given}
    settings = settings_of.make_settings(kind, given, config)
    if processes > 1:
        launch.launch(method, settings, output, processes=processes, resume=resume)
        if not quiet:
            say(f"Trained -> {output}")
        return
    try:
        outcome = launch.train(
            method, settings, output, resume=resume, on_log=None if quiet else _Says(), on_note=_warn
        )
    except KeyboardInterrupt:
        say("Interrupted.")
        if run_folder.last_checkpoint(output) is not None:
            say(f"Hint: geoground train {method} -o {output} --resume goes on from the last checkpoint.")
        raise click.exceptions.Exit(INTERRUPTED) from None
    if not quiet:
        _say_outcome(outcome)


def _warn(note: str) -> None:
    """Print what the user should know, also with ``--quiet``."""
    say(f"Warning: {note}")


class _Says:
    """Reports the progress of training to a person, every few seconds."""

    def __init__(self) -> None:
        self._said = -SAY_EVERY_S

    def __call__(self, numbers: Mapping[str, float]) -> None:
        from geogrounding.training.run_log import one_line

        now = time.monotonic()
        if now - self._said >= SAY_EVERY_S or numbers["step"] >= numbers["steps"]:
            self._said = now
            say(one_line(numbers))


def _say_outcome(outcome: TrainingResult) -> None:
    problems = f", {count(outcome.problems, 'record')} left out (problems.txt)" if outcome.problems else ""
    say(f"{count(outcome.samples, 'sample')}{problems}; {count(outcome.steps, 'step')} in {duration(outcome.seconds)}")
    say(f"The vision tower looked at {outcome.images_encoded:,} of {outcome.images_asked:,} images asked for")
    say(f"Model: {outcome.folder}   (geoground run SCENE QUERY --model {outcome.folder} -o OUT)")
