"""The question as the model reads it: styles, the expression made harmless, the picture size Qwen expects.

A style is a promise of two things: the words of the prompt and what the numbers of the reply mean
(``coordinates_of``). Published checkpoints were tuned on short English requests that name ``bbox_2d`` and the
``<think>`` / ``<answer>`` tags; the prompts here name the same things in words of their own.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import TYPE_CHECKING, Literal, get_args

from geogrounding.errors import SettingsError
from geogrounding.types import Question, Task

if TYPE_CHECKING:  # the models package itself imports this module
    from geogrounding.models.base import CoordinateConvention

PromptStyle = Literal["geo-r1", "geo-r1-direct", "qwen3", "qwen3-direct", "embedded"]
"""``geo-r1``: Qwen2.5-VL and what was tuned from it (Geo-R1, VLM-R1). ``qwen3``: models that answer in 0-1000. Their
``-direct`` forms ask for the answer without reasoning. ``embedded``: the short form the model shipped with this package
was trained on."""

MAX_EXPRESSION_CHARACTERS = 500
"""Longer expressions are refused: a referring expression is a sentence, and the text is repeated for every chip."""

QWEN_FACTOR_PX = 28
QWEN_MIN_PIXELS = 56 * 56
QWEN_MAX_PIXELS = 1280 * 28 * 28
"""Defaults of transformers' Qwen2-VL and Qwen2.5-VL image processors: 4 to 1280 squares of 28 px."""

_QWEN_MAX_ASPECT = 200

_COORDINATES: dict[PromptStyle, CoordinateConvention] = {
    "geo-r1": "resized-pixels",
    "geo-r1-direct": "resized-pixels",
    "qwen3": "per-mille",
    "qwen3-direct": "per-mille",
    "embedded": "resized-pixels",
}

_ANSWER_FORM = '{"bbox_2d": [x1, y1, x2, y2], "label": "what it is"}'

_TEMPLATES: dict[PromptStyle, dict[Task, str]] = {
    "geo-r1": {
        "refer": (
            'Give the bounding box of the one region in this image that this sentence describes: "{expression}". '
            "First write your thinking inside <think> </think>, then the final answer inside <answer> </answer>. "
            "The answer is a JSON list in a ```json code block with one entry of the form {form}. "
            "If the image shows no such target, the answer is the word None."
        ),
        "detect": (
            'Find all objects in this image that fit this description: "{expression}", and give the bounding box of '
            "each. "
            "First write your thinking inside <think> </think>, then the final answer inside <answer> </answer>. "
            "The answer is a JSON list in a ```json code block with one entry of the form {form} per object. "
            "If the image shows no such object, the answer is the word None."
        ),
    },
    "geo-r1-direct": {
        "refer": (
            'Give the bounding box of the one region in this image that this sentence describes: "{expression}". '
            "Write only the answer, inside <answer> </answer>: "
            "a JSON list in a ```json code block with one entry of the form {form}. "
            "If the image shows no such target, the answer is the word None."
        ),
        "detect": (
            'Find all objects in this image that fit this description: "{expression}", and give the bounding box of '
            "each. "
            "Write only the answer, inside <answer> </answer>: "
            "a JSON list in a ```json code block with one entry of the form {form} per object. "
            "If the image shows no such object, the answer is the word None."
        ),
    },
    "qwen3": {
        "refer": (
            'Locate the one target in this image that this sentence describes: "{expression}". '
            "Say in a sentence what you look for and where you see it, then give a JSON list in a ```json code block "
            "with one entry of the form {form}. "
            "Coordinates run from 0 to 1000 over the width and over the height of the image. "
            "If the image shows no such target, give an empty list."
        ),
        "detect": (
            'Locate every object in this image that fits this description: "{expression}". '
            "Say in a sentence what you look for and where you see it, then give a JSON list in a ```json code block "
            "with one entry of the form {form} per object. "
            "Coordinates run from 0 to 1000 over the width and over the height of the image. "
            "If the image shows no such object, give an empty list."
        ),
    },
    "qwen3-direct": {
        "refer": (
            'Locate the one target in this image that this sentence describes: "{expression}". '
            "Give only a JSON list in a ```json code block with one entry of the form {form}. "
            "Coordinates run from 0 to 1000 over the width and over the height of the image. "
            "If the image shows no such target, give an empty list."
        ),
        "detect": (
            'Locate every object in this image that fits this description: "{expression}". '
            "Give only a JSON list in a ```json code block with one entry of the form {form} per object. "
            "Coordinates run from 0 to 1000 over the width and over the height of the image. "
            "If the image shows no such object, give an empty list."
        ),
    },
}

_PER_MILLE_NAMES = re.compile(r"qwen-?3|internvl|glm-?4|gemini|cogvlm", re.IGNORECASE)
_KEPT_FORMAT_CHARACTERS = "\u200c\u200d"  # joiners that Persian, Indic scripts and emoji need
_LOOKALIKES = str.maketrans(
    {
        "<": "\u2039",
        ">": "\u203a",
        "\uff1c": "\u2039",
        "\uff1e": "\u203a",
        '"': "'",
        "\u201c": "'",
        "\u201d": "'",
        "`": "'",
    }
)
_BRACKET_TOKEN = re.compile(r"\[(/?[A-Z_]{2,20})\]")


def coordinates_of(style: PromptStyle) -> CoordinateConvention:
    """What the numbers mean in the replies that a prompt of this style asks for.

    Raises:
        SettingsError: the style is unknown.
    """
    return _COORDINATES[check_style(style)]


def check_style(style: str) -> PromptStyle:
    """Return the style, or raise SettingsError when there is no such style."""
    for known in get_args(PromptStyle):
        if style == known:
            return known  # type: ignore[no-any-return]
    raise SettingsError(f"unknown prompt style {style!r}", hint=f"Choose one of {', '.join(get_args(PromptStyle))}.")


def style_for_model(name: str) -> PromptStyle:
    """The style that suits a model by its name: ``qwen3`` for families known to answer in 0-1000, else ``geo-r1``."""
    return "qwen3" if _PER_MILLE_NAMES.search(name) else "geo-r1"


def clean_expression(expression: str) -> str:
    """Make a user's expression safe to stand between double quotes in a prompt.

    White space and control characters become single spaces; invisible format characters and lone surrogates go;
    ``<`` and ``>`` become the look-alikes U+2039 and U+203A, double quotes and back-ticks become single quotes, and
    bracketed control words such as ``[INST]`` get round brackets, so that no tag, code fence or special token of a
    tokenizer can be written by the user. Applying it twice changes nothing.

    Raises:
        SettingsError: nothing is left, or more than ``MAX_EXPRESSION_CHARACTERS``.
    """
    if len(expression) > 16 * MAX_EXPRESSION_CHARACTERS:  # before any work on it
        raise _too_long(len(expression))
    kept = []
    for character in expression:
        category = unicodedata.category(character)
        if character in _KEPT_FORMAT_CHARACTERS:
            kept.append(character)
        elif category == "Cc" or category.startswith("Z"):
            kept.append(" ")
        elif category not in ("Cf", "Cs"):
            kept.append(character)
    text = " ".join("".join(kept).translate(_LOOKALIKES).split())
    text = _BRACKET_TOKEN.sub(r"(\1)", text)
    if not text.strip(_KEPT_FORMAT_CHARACTERS + " "):
        raise SettingsError(
            "the expression is empty", hint='Say what to look for, for example "the airplanes on the apron".'
        )
    if len(text) > MAX_EXPRESSION_CHARACTERS:
        raise _too_long(len(text))
    return text


def _too_long(length: int) -> SettingsError:
    return SettingsError(
        f"the expression has {length} characters, at most {MAX_EXPRESSION_CHARACTERS} are allowed",
        hint="Say what to look for in one sentence, or ask several questions.",
    )


def build_prompt(question: Question, style: PromptStyle) -> str:
    """The text that goes to the model beside the picture.

    Raises:
        SettingsError: the style is unknown, or the expression is empty or too long.
    """
    style = check_style(style)
    task: Task = "detect" if question.task == "segment" else question.task  # masks are made from boxes
    expression = clean_expression(question.expression)
    if style == "embedded":
        return f"{task}: {expression}"
    template = _TEMPLATES[style][task]
    return template.replace("{form}", _ANSWER_FORM).replace("{expression}", expression)


def smart_resize(
    width: int,
    height: int,
    *,
    factor: int = QWEN_FACTOR_PX,
    min_pixels: int = QWEN_MIN_PIXELS,
    max_pixels: int = QWEN_MAX_PIXELS,
) -> tuple[int, int]:
    """The (width, height) to which Qwen's image processor resizes a picture, in pixels.

    Both sides are multiples of ``factor``, their product lies in [min_pixels, max_pixels], the aspect ratio is kept as
    nearly as that allows. The same arithmetic as ``smart_resize`` of transformers' Qwen2-VL image processor (which
    takes height before width); a size it returned is returned unchanged when it is put in again.

    Raises:
        SettingsError: a side is below one pixel, or one side is more than 200 times the other.
    """
    if width < 1 or height < 1 or max(width, height) > _QWEN_MAX_ASPECT * min(width, height):
        raise SettingsError(
            f"a picture of {width} x {height} pixels cannot be resized for the model",
            hint=f"Choose tiles whose longer side is at most {_QWEN_MAX_ASPECT} times the shorter one.",
        )
    resized_width, resized_height = round(width / factor) * factor, round(height / factor) * factor
    if resized_width * resized_height > max_pixels:
        shrink = math.sqrt(width * height / max_pixels)
        resized_width = max(factor, math.floor(width / shrink / factor) * factor)
        resized_height = max(factor, math.floor(height / shrink / factor) * factor)
    elif resized_width * resized_height < min_pixels:
        grow = math.sqrt(min_pixels / (width * height))
        resized_width = math.ceil(width * grow / factor) * factor
        resized_height = math.ceil(height * grow / factor) * factor
    return resized_width, resized_height
