"""The embedded model's language: chunks of text as tokens, so that an answer is short in tokens and exact as text.

An answer reads like those of the large models:

    <think>I look for airplane. I see two, the first in the upper left.</think><answer>```json
    [{"bbox_2d": [12, 40, 80, 99], "label": "airplane"}, {"bbox_2d": [210, 7, 260, 61], "label": "airplane"}]
    ```</answer>

Every coordinate is one token together with the punctuation around it, and a label is one token together with what follows,
so a box costs five tokens. Prompts are words; a word that is not known becomes ``<unk>``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD, UNKNOWN, START, END, IMAGE = "<pad>", "<unk>", "<s>", "</s>", "<image>"
SPECIAL = (PAD, UNKNOWN, START, END, IMAGE)

LOOK = "<think>I look for "
QUALIFIERS = (
    "leftmost",
    "rightmost",
    "topmost",
    "bottommost",
    "largest",
    "smallest",
    "left",
    "right",
    "upper",
    "lower",
    "upper left",
    "upper right",
    "lower left",
    "lower right",
    "central",
)
COUNTS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "many")
PLACES = (
    "upper left",
    "upper centre",
    "upper right",
    "centre left",
    "centre",
    "centre right",
    "lower left",
    "lower centre",
    "lower right",
)
NONE = "none.</think><answer>None</answer>"
OPEN = ".</think><answer>```json\n["
CLOSE = "]\n```</answer>"
ANYTHING = "that"
"""Stands for a thing the model has no class for."""

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}"
    "{% if message['role'] == 'assistant' %}</s>{% elif not loop.last %}<s>{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<s>{% endif %}"
)


def look_token(qualifier: str) -> str:
    """Token that names the qualifier looked for."""
    return f"the {qualifier} "


def class_token(name: str) -> str:
    """Token that names the thing looked for and begins the count."""
    return f"{name}. I see "


def count_token(count: int) -> str:
    """Token that says how many are seen (at least one)."""
    return f"{COUNTS[min(count, len(COUNTS)) - 1]}, "


def place_token(place: str, *, target: bool) -> str:
    """Token that says where the first one (or the target) is and opens the answer."""
    return f"the {'target' if target else 'first'} in the {place}{OPEN}"


def place_of(box_px: Sequence[float], side_px: int) -> str:
    """Name of the ninth of the picture in which a box's centre lies."""
    column = min(2, int((box_px[0] + box_px[2]) / 2 / side_px * 3))
    row = min(2, int((box_px[1] + box_px[3]) / 2 / side_px * 3))
    return PLACES[row * 3 + column]


def number_token(family: int, number: int) -> str:
    """Token of a coordinate: family 0 is x1, 1 is y1 or x2, 2 is y2."""
    return (f'{{"bbox_2d": [{number}, ', f"{number}, ", f'{number}], "label": "')[family]


def label_token(name: str, *, last: bool) -> str:
    """Token of a label with what follows it: the next box, or the end of the list."""
    return f'{name}"}}{CLOSE}' if last else f'{name}"}}, '


def answer_chunks(
    name: str,
    qualifier: str | None,
    boxes_px: Sequence[Sequence[float]],
    *,
    refer: bool,
    side_px: float,
    largest: int,
) -> list[str]:
    """The chunks of an answer; joined they are its text.

    Args:
        name: a class name, or ANYTHING.
        qualifier: one of QUALIFIERS, if there is one.
        boxes_px: (x0, y0, x1, y1) in pixels of the model's picture, in the order they are told.
        refer: whether one target was asked for.
        side_px: side of the part of the model's picture that shows something; places are named in it.
        largest: coordinates are cut at this number.
    """
    said = [LOOK, *([look_token(qualifier)] if qualifier is not None else []), class_token(name)]
    if not len(boxes_px):
        return [*said, NONE]
    place = place_of([float(v) for v in boxes_px[0]], max(1, round(side_px)))
    said += [count_token(len(boxes_px)), place_token(place, target=refer)]
    for n, box in enumerate(boxes_px):
        numbers = [min(largest, max(0, round(float(v)))) for v in box]
        said += [number_token(family, number) for family, number in zip((0, 1, 1, 2), numbers, strict=True)]
        said.append(label_token(name, last=n + 1 == len(boxes_px)))
    return said


def chunks(classes: Sequence[str], side_px: int) -> list[str]:
    """Every chunk token in the order of ids: words of reasoning, labels (going on, then last), the three number families."""
    out = [LOOK, NONE, *map(look_token, QUALIFIERS)]
    out += [class_token(name) for name in (*classes, ANYTHING)]
    out += [count_token(n + 1) for n in range(len(COUNTS))]
    out += [place_token(place, target=target) for target in (False, True) for place in PLACES]
    out += [label_token(name, last=last) for last in (False, True) for name in classes]
    out += [number_token(family, n) for family in range(3) for n in range(side_px + 1)]
    return out


def build_tokenizer(words: Sequence[str], classes: Sequence[str], side_px: int) -> PreTrainedTokenizerFast:
    """A word-level tokenizer with chunk tokens; decoding an answer's tokens gives its text, and encoding that the tokens.

    Args:
        words: lower-case words of the prompts.
        classes: class names.
        side_px: largest coordinate.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    bodies = sorted({*words, ":"})
    vocabulary = {
        token: n for n, token in enumerate((*SPECIAL, *chunks(classes, side_px), *(f"\u2581{w}" for w in bodies)))
    }
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(Regex(r"[^\w:]+"), " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(":"), "isolated"),
            pre_tokenizers.Split(Regex(r"\s+"), "removed"),
            pre_tokenizers.Metaspace(prepend_scheme="always", split=False),
        ]
    )
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always", split=False)
    plain = [AddedToken(text, normalized=False, special=False) for text in chunks(classes, side_px)]
    tokenizer.add_tokens(plain)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        bos_token=START,
        eos_token=END,
        padding_side="left",
        additional_special_tokens=[IMAGE],
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped
