"""The built-in model's language: chunks of text as tokens, so that an answer is short in tokens and exact as text.

An answer reads like those of the large models:

    <think>I look for the leftmost storage tank. I see the best match in the upper left.</think><answer>```json
    [{"bbox_2d": [12, 40, 80, 99], "label": "storage tank"}]
    ```</answer>

Every coordinate is one token together with the punctuation around it, so a box costs four tokens and its label a few more.
Everything else is words; a word that is not known is spelled in letters, so new names can be learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from transformers import PreTrainedTokenizerFast

PAD, UNKNOWN, START, END, IMAGE = "<pad>", "<unk>", "<s>", "</s>", "<image>"
SPECIAL = (PAD, UNKNOWN, START, END, IMAGE)

LOOK = "<think>I look for"
SEE = ". I see"
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
NONE = " none.</think><answer>None</answer>"
MORE = '"}, '
CLOSE = '"}]\n```</answer>'
ANYTHING = "that"
"""Stands for a thing the model has no word for."""
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_"
MARK, GOES_ON = "\u2581", "##"

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}"
    "{% if message['role'] == 'assistant' %}</s>{% elif not loop.last %}<s>{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<s>{% endif %}"
)


def place_token(place: str) -> str:
    """Token that says where the best match is and opens the answer."""
    return f" the best match in the {place}.</think><answer>```json\n["


def place_of(box_px: Sequence[float], side_px: int) -> str:
    """Name of the ninth of the image in which a box's centre lies."""
    column = min(2, int((box_px[0] + box_px[2]) / 2 / side_px * 3))
    row = min(2, int((box_px[1] + box_px[3]) / 2 / side_px * 3))
    return PLACES[row * 3 + column]


def number_token(family: int, number: int) -> str:
    """Token of a coordinate: family 0 is x1, 1 is y1 or x2, 2 is y2 (and begins the label)."""
    return (f'{{"bbox_2d": [{number}, ', f"{number}, ", f'{number}], "label": "')[family]


def answer_text(
    sought: str, label: str, boxes_px: Sequence[Sequence[float]] | NDArray[np.floating], *, side_px: int
) -> str:
    """The text of an answer with its reasoning.

    Args:
        sought: what is looked for, in plain words ("the leftmost storage tank").
        label: of every box ("storage tank").
        boxes_px: (x0, y0, x1, y1) in pixels of the model's image, best match first.
        side_px: side of the model's image; coordinates are cut at it.
    """
    said = f"{LOOK} {sought}{SEE}"
    if not len(boxes_px):
        return said + NONE
    said += place_token(place_of([float(v) for v in boxes_px[0]], side_px))
    boxes = []
    for box in boxes_px:
        numbers = [min(side_px, max(0, round(float(v)))) for v in box]
        boxes.append("".join(number_token(family, n) for family, n in zip((0, 1, 1, 2), numbers, strict=True)) + label)
    return said + MORE.join(boxes) + CLOSE


def chunks(side_px: int) -> list[str]:
    """Every chunk token in the order of ids: words of reasoning, places, ends of boxes, the three number families."""
    out = [LOOK, SEE, NONE, MORE, CLOSE, *map(place_token, PLACES)]
    out += [number_token(family, n) for family in range(3) for n in range(side_px + 1)]
    return out


def build_tokenizer(words: Sequence[str], side_px: int) -> PreTrainedTokenizerFast:
    """A tokenizer of words, letters and chunks; decoding an answer's tokens gives its text, and encoding that the tokens.

    Args:
        words: lower-case words that are one token.
        side_px: largest coordinate.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    bodies = [f"{MARK}{w}" for w in sorted({*words, ":", *LETTERS})] + [f"{GOES_ON}{c}" for c in LETTERS]
    vocabulary = {token: n for n, token in enumerate((*SPECIAL, *chunks(side_px), *bodies))}
    tokenizer = Tokenizer(
        models.WordPiece(vocabulary, unk_token=UNKNOWN, continuing_subword_prefix=GOES_ON, max_input_chars_per_word=40)
    )
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(r"[^\w:]+"), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(":"), "isolated"),
            pre_tokenizers.Split(Regex(r"\s+"), "removed"),
            pre_tokenizers.Metaspace(prepend_scheme="always", split=False),
        ]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace(GOES_ON, ""),
            decoders.Replace(MARK, " "),
            decoders.Fuse(),
            decoders.Replace('"label": " ', '"label": "'),
        ]
    )
    tokenizer.add_tokens([AddedToken(text, normalized=False, special=False) for text in chunks(side_px)])
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
