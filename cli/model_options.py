"""The options that choose a model and how it runs, shared by every command that asks one."""

from __future__ import annotations

from typing import get_args

import click

from geogrounding.packaged import BUILTIN, MODEL_VARIABLE
from geogrounding.types import BoxOrder, CoordinateConvention, Dtype, PromptStyle

from .sections import option, together

MODEL = together(
    option(
        "--model",
        default=BUILTIN,
        envvar=MODEL_VARIABLE,
        show_default=True,
        show_envvar=True,
        section="Model",
        metavar="NAME|FOLDER|HUB-ID",
        help="builtin (the built-in model), builtin-open (the same, of data that may be used at work), a folder "
        "with a transformers checkpoint, a hub id, null (finds nothing), "
        "or with --base-url the server's name for it (default there: its only one).",
    ),
    option(
        "--base-url",
        section="Model",
        metavar="URL",
        help="Ask an OpenAI-compatible server, such as http://localhost:8000/v1.",
    ),
    option(
        "--api-key",
        section="Model",
        metavar="KEY",
        help="Key for the server. Better in GEOGROUND_API_KEY or OPENAI_API_KEY: a command line can be seen by others.",
    ),
    option(
        "--concurrency",
        type=click.IntRange(1, 256),
        section="Model",
        metavar="N",
        help="Requests in flight to the server.",
    ),
    option(
        "--timeout",
        "timeout_s",
        type=click.FloatRange(min=0, min_open=True),
        section="Model",
        metavar="SECONDS",
        help="For one request to the server.",
    ),
    option("--adapter", section="Model", metavar="FOLDER|HUB-ID", help="PEFT adapter on top of the model."),
    option(
        "--processor",
        section="Model",
        metavar="FOLDER|HUB-ID",
        help="Where tokenizer and image processor come from. Default: the model.",
    ),
    option(
        "--device", section="Model", metavar="DEVICE", help="cpu, cuda, cuda:1, mps. Default: the fastest there is."
    ),
    option(
        "--dtype",
        type=click.Choice(["auto", *get_args(Dtype)]),
        default="auto",
        show_default=True,
        section="Model",
        help="Number format of the weights.",
    ),
    option(
        "--batch-size",
        type=click.IntRange(1, 4096),
        section="Model",
        metavar="CHIPS",
        help="Chips per step of the model; halved by itself when memory runs out.",
    ),
    option(
        "--coordinates",
        type=click.Choice(get_args(CoordinateConvention)),
        section="Model",
        help="What the numbers in replies mean. Default: what the model's family writes, docs/models.md.",
    ),
    option(
        "--box-order",
        type=click.Choice(get_args(BoxOrder)),
        section="Model",
        help="Order of the four numbers of a box: two corners x first or y first, or a corner or centre and the size. "
        "Default: that of the model's family.",
    ),
    option(
        "--prompt-style",
        "style",
        type=click.Choice(get_args(PromptStyle)),
        section="Model",
        help="How questions are worded. Default: by kind of model.",
    ),
    option(
        "--max-pixels",
        type=click.IntRange(784),
        section="Model",
        metavar="PIXELS",
        help="Largest image shown to the model, width times height.",
    ),
    option(
        "--max-new-tokens",
        type=click.IntRange(16, 65536),
        section="Model",
        metavar="N",
        help="Where a reply is cut off.",
    ),
)
