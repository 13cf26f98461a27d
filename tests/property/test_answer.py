"""Any text at all: the parser never raises, keeps its limits, and loses no box without counting it."""

from __future__ import annotations

import json
import math
import random
import re
import time
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from geogrounding.models.parsing.answer import MAX_BOXES, MAX_TEXT_BYTES, Reason, parse_answer
from geogrounding.models.parsing.find_boxes import locate
from geogrounding.models.parsing.found import PLACING
from geogrounding.types import Answer, CoordinateConvention, Task
from tests.unit.test_answer import CASES

COUNTS = [1_000, pytest.param(100_000, marks=pytest.mark.slow)]
WIDTH, HEIGHT = 640, 480
PLAIN_BOX = re.compile(r"\[ ?[0-9]{1,9}, ?[0-9]{1,9}, ?[0-9]{1,9}, ?[0-9]{1,9}\]")

PIECES = [
    *(
        "<think>",
        "</think>",
        "<answer>",
        "</answer>",
        "<THINK>",
        "< /answer >",
        "```json",
        "```",
        "```None```",
        "None",
        "[]",
    ),
    *(
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        ":",
        "=",
        ",",
        ";",
        '"',
        "'",
        "\\",
        "\\u0000",
        "\\ud800",
        "\\'",
        "\u201c",
        "\u2019",
        "//",
    ),
    *("/*", "*/", "\n", " ", "\t", "\x00", "\x1b[0m", "\u202e", "\ud83d", "\U0001f680", "<|box_start|>", "<|box_end|>"),
    *(
        "<box>",
        "</box>",
        "<ref>ship</ref>",
        "<loc0012>",
        "<|im_end|>",
        '"bbox_2d":',
        '"label":',
        "'score':",
        '"keypoint1":',
    ),
    *(
        '"x1":',
        '"y1":',
        '"x2":',
        '"y2":',
        "10",
        "-3",
        "20.5",
        "1e999",
        "-1e-999",
        "NaN",
        "Infinity",
        "true",
        "null",
        "9" * 5000,
    ),
    *(
        "0x10",
        "1_000",
        "\u0663",
        "1e",
        ".",
        "-",
        "[10,20,30,40]",
        '{"bbox_2d": [1, 2, 30, 40], "label": "a"}',
        "(1,2),(3,4)",
    ),
    *(
        "the ship",
        "no such target",
        "[" * 200,
        "]" * 200,
        "{" * 50,
        '[{"a":"',
        '"a' * 30,
        "\\" * 50,
        "\r\n",
        "\x0c",
        "%s{}",
    ),
]


def replies(seed: int, count: int) -> Iterator[str]:
    """Replies glued from pieces, and known replies that were mutated, spliced, cut and repeated."""
    generator = random.Random(seed)
    known = [case.text for case in CASES.values()]
    for _ in range(count):
        kind = generator.random()
        if kind < 0.35:
            yield "".join(generator.choices(PIECES, k=generator.randint(0, 40)))
            continue
        text = generator.choice(known)
        if kind < 0.5:
            other = generator.choice(known)
            text = text[: generator.randint(0, len(text))] + other[generator.randint(0, len(other)) :]
        for _ in range(generator.randint(1, 6)):
            text = mutate(text, generator)
        yield text if generator.random() > 0.002 else text * generator.randint(1, 1 + 70_000 // (len(text) + 1))


def mutate(text: str, generator: random.Random) -> str:
    start = generator.randint(0, len(text))
    stop = min(len(text), start + generator.randint(0, 12))
    kind = generator.randrange(6)
    if kind == 0:
        return text[:start] + text[stop:]
    if kind == 1:
        return text[:start] + generator.choice(PIECES) + text[start:]
    if kind == 2:
        return text[:start] + generator.choice(PIECES) + text[stop:]
    if kind == 3:
        return text[:start] + text[start:stop] * generator.randint(2, 20) + text[stop:]
    if kind == 4:
        return (
            text[:start] + chr(generator.choice([generator.randrange(256), generator.randrange(0x11000)])) + text[stop:]
        )
    return text[:start]


def check(text: str, answer: Answer, task: Task) -> None:
    """Every promise of ``parse_answer`` that holds for any text."""
    assert answer.error is None
    assert len(answer.raw_text.encode()) <= MAX_TEXT_BYTES
    answer.reasoning.encode()
    assert len(answer.reasoning) <= 8000
    assert len(answer.detections) <= (1 if task == "refer" else MAX_BOXES)
    for detection in answer.detections:
        x0, y0, x1, y1 = detection.box_chip_px
        assert 0 <= x0 < x1 <= WIDTH
        assert 0 <= y0 < y1 <= HEIGHT
        assert 0 < len(detection.label.encode()) <= 800
        assert "\n" not in detection.label
        assert detection.score is None or 0 <= detection.score <= 1
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in detection.keypoints_chip_px)
        assert all(math.isfinite(value) for value in detection.box_chip_px)
    reasons = {reason.value for reason in Reason}
    for drop in answer.dropped:
        assert drop.reason in reasons
        assert len(drop.text) <= 80
    # No box vanishes: what was found is either a detection or counted as dropped.
    lost = sum(drop.reason in PLACING for drop in answer.dropped)
    assert len(locate(answer.raw_text).boxes) == len(answer.detections) + lost
    if len(answer.raw_text) < len(text):
        assert Reason.TOO_LONG in {drop.reason for drop in answer.dropped}
    # A plain box outside the reasoning is never passed over in silence.
    if "<" not in answer.raw_text and PLAIN_BOX.search(answer.raw_text):
        assert answer.detections or answer.dropped


@pytest.mark.parametrize("count", COUNTS)
def test_generated_and_mutated_replies(count: int) -> None:
    found = dropped = 0
    generator = random.Random(count)
    for text in replies(2024, count):
        task: Task = generator.choice(["detect", "refer"])
        coordinates: CoordinateConvention = generator.choice(["resized-pixels", "per-mille"])
        tokens = list(text) if generator.random() < 0.2 and len(text) < 5000 else None
        answer = parse_answer(
            text,
            image_size_px=(WIDTH, HEIGHT),
            model_size_px=generator.choice([None, (644, 476)]),
            coordinates=coordinates,
            task=task,
            default_label="x",
            tokens=tokens,
            logprobs=None if tokens is None else [-0.1] * len(tokens),
        )
        check(text, answer, task)
        found += len(answer.detections)
        dropped += len(answer.dropped)
    assert found > count / 10  # the texts are not all nonsense
    assert dropped > count / 10


HOSTILE = {
    "openers": "[" * 70_000,
    "braces": "{" * 70_000,
    "mixed": "[{" * 35_000,
    "json repair": '[{"a":"' * 9_000,
    "half strings": '"a' * 35_000,
    "strings in a list": "[" + '"a"' * 22_000,
    "strings without end": "[" + "'a " * 22_000,
    "escapes": '["' + "\\" * 70_000,
    "escaped quotes": '["' + '\\"' * 35_000,
    "words": "[" + "a " * 35_000,
    "keys": "{" + "a:" * 35_000,
    "equals": "{" + "a = " * 17_000,
    "digits": "[" + "9" * 70_000,
    "digits with a letter": "[" + "9" * 65_000 + "x]",
    "dots": "[" + "1." * 35_000,
    "exponents": "[" + "1e1e" * 17_000,
    "signs": "[" + "+-" * 35_000,
    "spaces": "[" + " " * 70_000,
    "key, spaces": '["a"' + " " * 60_000 + ": 1",
    "many keys, spaces": ('{"a"' + " " * 60) * 1_000,
    "think tags": "<think>" * 10_000,
    "answer tags": "<answer>" * 9_000,
    "closing tags": "</answer>" * 8_000,
    "alternating tags": "<think><answer></think></answer>" * 2_000,
    "box tags": "<box>" * 14_000,
    "box ends": "<box>1</box>" * 5_500,
    "ref tags": "<ref>" * 14_000,
    "half tags": "< " * 35_000,
    "location tokens": "<loc0001>" * 7_500,
    "fences": "```" * 22_000,
    "fence, spaces": "```   \n" * 9_000,
    "comments": "[" + "/*" * 35_000,
    "slashes": "[" + "//" * 35_000,
    "points": "(1,2)," * 11_000,
    "boxes": "[1,2,3,4]," * 6_500,
    "boxes in a list": "[" + "[1,2,3,4]," * 6_500,
    "keyed boxes": "{" + '"box":[1,2,3,4],' * 4_000,
    "labels": "{" + '"label":"a",' * 5_000 + '"box":[[1,2,3,4]]}',
    "boxes and labels": '{"boxes":[' + "[1,2,3,4]," * 3_000 + '],"labels":[' + '"a",' * 8_000 + "]}",
    "empty lists": "[]" * 35_000,
    "nested objects": '{"a":' * 13_000,
    "denial": "there is " * 7_000,
    "denials in a list": "[" + '"no such",' * 6_500,
    "quotes": "['" * 35_000,
    "curly quotes": "[" + "\u201ca" * 16_000,
    "newlines": "[\n" * 35_000,
    "nulls": "\x00" * 70_000,
    "special tokens": "<|a|>" * 14_000,
    "numbers alone": "1 " * 35_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_replies_take_bounded_time(name: str) -> None:
    started = time.process_time()
    answer = parse_answer(
        HOSTILE[name],
        image_size_px=(WIDTH, HEIGHT),
        coordinates="resized-pixels",
        task="detect",
        default_label="x",
        tokens=list(HOSTILE[name]),
        logprobs=[-0.1] * len(HOSTILE[name]),
    )
    seconds = time.process_time() - started
    check(HOSTILE[name], answer, "detect")
    assert seconds < 3  # about 0.1 s where this was written; a quadratic step takes minutes


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.sampled_from(["detect", "refer"]))
def test_arbitrary_text(text: str, task: Task) -> None:
    answer = parse_answer(text, image_size_px=(WIDTH, HEIGHT), coordinates="per-mille", task=task, default_label="x")
    check(text, answer, task)


coordinate = st.integers(0, 400) | st.floats(0, 400, allow_nan=False, width=16)
corners = st.tuples(coordinate, coordinate, coordinate, coordinate).filter(
    lambda c: abs(c[0] - c[2]) > 0.01 and abs(c[1] - c[3]) > 0.01 and max(c) > 1
)
labels = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20).filter(lambda s: "<" not in s)
keys = st.sampled_from([("bbox_2d", "label"), ("bbox", "class"), ("box", "name"), ("coordinates", "category")])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(corners, labels), max_size=20, unique=True),
    keys,
    st.sampled_from([None, 2]),
    st.booleans(),
    st.sampled_from(
        ["{}", "```json\n{}\n```", "<think>t</think><answer>{}</answer>", "<think>t\n</think>\n```json\n{}\n```"]
    ),
    st.booleans(),
)
@example(
    boxes=[((0, 0, 1, 2), "\uff01")],
    names=("bbox_2d", "label"),
    indent=None,
    ascii_only=False,
    frame="{}",
    single_quotes=False,
)
def test_valid_json_is_read_exactly(
    boxes: list[tuple[tuple[float, float, float, float], str]],
    names: tuple[str, str],
    indent: int | None,
    ascii_only: bool,
    frame: str,
    single_quotes: bool,
) -> None:
    entries = [{names[0]: list(box), names[1]: label} for box, label in boxes]
    body = repr(entries) if single_quotes else json.dumps(entries, indent=indent, ensure_ascii=ascii_only)
    text = frame.replace("{}", body)
    if "```" in body:
        return
    answer = parse_answer(
        text, image_size_px=(WIDTH, HEIGHT), coordinates="resized-pixels", task="detect", default_label="x"
    )
    assert not answer.dropped
    assert [d.label for d in answer.detections] == [label for _, label in boxes]
    for detection, ((x0, y0, x1, y1), _) in zip(answer.detections, boxes, strict=True):
        assert detection.box_chip_px == (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


@settings(max_examples=200, deadline=None)
@given(st.lists(corners, min_size=1, max_size=6, unique=True), st.data())
def test_a_cut_reply_keeps_the_boxes_before_the_cut(
    boxes: list[tuple[float, float, float, float]], data: st.DataObject
) -> None:
    body = json.dumps([{"bbox_2d": list(box), "label": "ship"} for box in boxes])
    text = "<think>t</think><answer>" + body[: data.draw(st.integers(1, len(body)))]
    answer = parse_answer(
        text, image_size_px=(WIDTH, HEIGHT), coordinates="resized-pixels", task="detect", default_label="x"
    )
    assert len(answer.detections) == text.count("]") - text.endswith("}]")
    for detection, (x0, y0, x1, y1) in zip(answer.detections, boxes, strict=False):
        assert detection.box_chip_px == (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
