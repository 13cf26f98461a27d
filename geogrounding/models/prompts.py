"""The question as the model reads it: styles, and the expression made harmless.

A style is the words of a prompt. What the numbers of the reply mean is the convention of the model's family
(``models.families``), and the prompt asks for numbers of that convention: ``choose_form`` decides both together.
Published checkpoints were tuned on short English requests that name ``bbox_2d`` and the ``<think>`` / ``<answer>``
tags; the prompts here name the same things in words of their own.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from dataclasses import dataclass
from typing import get_args

from geogrounding.errors import ModelError, SettingsError
from geogrounding.messages import quote
from geogrounding.models.families import (
    UNKNOWN_SERVER,
    BoxConvention,
    Family,
    assumption,
    by_name,
    chosen_convention,
)
from geogrounding.settings import MAX_EXPRESSION_CHARS
from geogrounding.types import BoxOrder, CoordinateConvention, PromptStyle, Question, Task

_LOG = logging.getLogger(__name__)

_COORDINATES: dict[PromptStyle, CoordinateConvention] = {
    "geo-r1": "resized-pixels",
    "geo-r1-direct": "resized-pixels",
    "qwen3": "per-mille",
    "qwen3-direct": "per-mille",
    "embedded": "resized-pixels",
}

_ANSWER_FORMS: dict[BoxOrder, str] = {
    "xyxy": '{"bbox_2d": [x1, y1, x2, y2], "label": "what it is"}',
    "yxyx": '{"box_2d": [ymin, xmin, ymax, xmax], "label": "what it is"}',
    "xywh": '{"bbox_xywh": [x, y, width, height], "label": "what it is"}',
    "cxcywh": '{"bbox_cxcywh": [x_centre, y_centre, width, height], "label": "what it is"}',
}
_MASK_FORMS: dict[BoxOrder, str] = {
    order: form.replace(', "label"', f', "keypoint1": {point}, "keypoint2": {point}, "label"')
    for order, form in _ANSWER_FORMS.items()
    for point in ["[y, x]" if order == "yxyx" else "[x, y]"]
}
"""Boxes with two points inside the object, for a segmenter."""
_RANGES: dict[CoordinateConvention, str] = {
    "resized-pixels": "Coordinates are pixels of the image.",
    "original-pixels": "Coordinates are pixels of the image.",
    "per-mille": "Coordinates run from 0 to {unit} over the width and over the height of the image.",
    "per-1024": "Coordinates run from 0 to 1024 over the width and over the height of the image.",
    "fractions": "Coordinates are fractions, from 0 to 1 over the width and over the height of the image.",
    "percent": "Coordinates run from 0 to 100 over the width and over the height of the image.",
}

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
            "{range} "
            "If the image shows no such target, give an empty list."
        ),
        "detect": (
            'Locate every object in this image that fits this description: "{expression}". '
            "Say in a sentence what you look for and where you see it, then give a JSON list in a ```json code block "
            "with one entry of the form {form} per object. "
            "{range} "
            "If the image shows no such object, give an empty list."
        ),
    },
    "qwen3-direct": {
        "refer": (
            'Locate the one target in this image that this sentence describes: "{expression}". '
            "Give only a JSON list in a ```json code block with one entry of the form {form}. "
            "{range} "
            "If the image shows no such target, give an empty list."
        ),
        "detect": (
            'Locate every object in this image that fits this description: "{expression}". '
            "Give only a JSON list in a ```json code block with one entry of the form {form} per object. "
            "{range} "
            "If the image shows no such object, give an empty list."
        ),
    },
}

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a model is asked, and what the numbers of its replies mean."""

    style: PromptStyle
    convention: BoxConvention


def choose_form(
    family: Family | None,
    unknown: BoxConvention,
    *,
    style: str | None = None,
    coordinates: CoordinateConvention | None = None,
    order: BoxOrder | None = None,
) -> Form:
    """Style and convention of a model, from its family and from what the user gave.

    A style that is not the family's own brings its own convention, because its words ask for it.

    Args:
        family: of the model; None where it is not known.
        unknown: what is assumed then.
        style: as the user gave it.
        coordinates: as the user gave them.
        order: as the user gave it.

    Raises:
        SettingsError: the style is unknown.
    """
    usual = family.style if family is not None else ("geo-r1" if unknown.needs_image_size else "qwen3")
    chosen = usual if style is None else check_style(style)
    if coordinates is None and chosen.removesuffix("-direct") != usual:
        coordinates, order = coordinates_of(chosen), order or "xyxy"
    convention = chosen_convention(family, unknown, coordinates=coordinates, order=order)
    return Form(style=chosen, convention=convention)


def check_usable(name: str, family: Family | None, *, given: bool) -> None:
    """Refuse a family whose replies cannot become polygons.

    Args:
        name: of the model, for the message.
        family: of the model.
        given: whether the user said what the numbers mean, which only helps where that is the trouble.

    Raises:
        ModelError: the family answers with points only, or in numbers that cannot be placed.
    """
    if family is None or not family.refusal or (given and family.convention.coordinates == "resized-pixels"):
        return
    raise ModelError(
        f"{name} ({family.name}) cannot be used: {family.refusal}",
        hint="docs/models.md lists the families that can; --coordinates and --box-order say what numbers mean.",
    )


def report_assumption(name: str, family: Family | None, convention: BoxConvention) -> None:
    """Log one line about what is assumed of a model of no known family; the command line prints it."""
    text = assumption(quote(name), family, convention)
    if text:
        _LOG.warning("%s", text)


def style_for_model(name: str) -> PromptStyle:
    """The style that suits a model of a server, by its name."""
    return choose_form(by_name(name), UNKNOWN_SERVER).style


def clean_expression(expression: str) -> str:
    """Make a user's expression safe to stand between double quotes in a prompt.

    White space and control characters become single spaces; invisible format characters and lone surrogates go;
    ``<`` and ``>`` become the look-alikes U+2039 and U+203A, double quotes and back-ticks become single quotes, and
    bracketed control words such as ``[INST]`` get round brackets, so that no tag, code fence or special token of a
    tokenizer can be written by the user. Applying it twice changes nothing.

    Raises:
        SettingsError: nothing is left, or more than ``MAX_EXPRESSION_CHARS``.
    """
    if len(expression) > 16 * MAX_EXPRESSION_CHARS:  # before any work on it
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
    if len(text) > MAX_EXPRESSION_CHARS:
        raise _too_long(len(text))
    return text


def _too_long(length: int) -> SettingsError:
    return SettingsError(
        f"the expression has {length} characters, at most {MAX_EXPRESSION_CHARS} are allowed",
        hint="Say in a few words what to look for, or give several queries.",
    )


def build_prompt(question: Question, style: PromptStyle, convention: BoxConvention | None = None) -> str:
    """The text that goes to the model beside the image.

    Args:
        question: what is asked.
        style: the words.
        convention: of the numbers that are asked for; None is the one that belongs to the style.

    Raises:
        SettingsError: the style is unknown, or the expression is empty or too long.
    """
    style = check_style(style)
    expression = clean_expression(question.expression)
    masks = question.task == "segment"  # made from boxes and points
    task: Task = "detect" if masks else question.task
    if style == "embedded":
        return f"{task}: {expression}"
    chosen = convention or BoxConvention(coordinates=coordinates_of(style))
    extent = _RANGES[chosen.coordinates].replace("{unit}", f"{chosen.unit or 1000:g}")
    template = _TEMPLATES[style][task]
    if masks:
        template = template.replace("{form} per object.", "{form} per object. Both keypoints lie on the object.")
    if "{range}" not in template and chosen.certainty == "assumed":
        template += " {range}"  # tuned models know their range; of another one it must be asked
    text = template.replace("{form}", (_MASK_FORMS if masks else _ANSWER_FORMS)[chosen.order]).replace(
        "{range}", extent
    )
    return text.replace("{expression}", expression)
