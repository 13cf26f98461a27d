from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from geogrounding.models.parsing.answer import MAX_BOXES, MAX_TEXT_BYTES, Reason, parse_answer
from geogrounding.models.parsing.find_boxes import locate
from geogrounding.types import Answer

Box = tuple[float, float, float, float]
A: Box = (10, 20, 30, 40)
B: Box = (50, 60, 70, 80)
WIDTH, HEIGHT = 1000, 500


def parse(text: str, **changes: object) -> Answer:
    settings: dict[str, object] = {
        "image_size_px": (WIDTH, HEIGHT),
        "coordinates": "resized-pixels",
        "task": "detect",
        "default_label": "x",
    }
    return parse_answer(text, **{**settings, **changes})  # type: ignore[arg-type]


@dataclass
class Case:
    text: str
    boxes: list[tuple[Box, str]] = field(default_factory=list)
    reasoning: str = ""
    drops: list[Reason] = field(default_factory=list)


CASES = {
    # Geo-R1, VLM-R1, Qwen2.5-VL
    "geo-r1": Case(
        '<think>Two ships.</think><answer>```json\n[{"bbox_2d": [10, 20, 30, 40], "label": "ship"},\n'
        '{"bbox_2d": [50, 60, 70, 80], "label": "ship 2"}]\n```</answer>',
        [(A, "ship"), (B, "ship 2")],
        "Two ships.",
    ),
    "geo-r1 bare": Case('<think>t</think>\n<answer>{"bbox_2d": [10, 20, 30, 40]}</answer>', [(A, "x")], "t"),
    "vlm-r1 list": Case("<think>t</think><answer>[10, 20, 30, 40]</answer>", [(A, "x")], "t"),
    "none": Case("<think>No ship here.</think><answer>None</answer>", [], "No ship here."),
    "none in a fence": Case("<think>t</think><answer>```json\nNone\n```</answer>", [], "t"),
    "none as language": Case("<answer>```None```</answer>"),
    "none small": Case("none."),
    "null": Case("null"),
    "empty list": Case("<think>t</think><answer>```json\n[]\n```</answer>", [], "t"),
    "empty nested": Case("[[]]"),
    "empty object": Case("{}"),
    "no such target": Case("<think>t</think><answer>No such target.</answer>", [], "t"),
    "none in words": Case("There are no airplanes in this image.", [], "There are no airplanes in this image."),
    "null box": Case('[{"bbox_2d": null, "label": "ship"}]'),
    "empty box list": Case('{"bbox_2d": [], "label": "ship"}'),
    "none as value": Case('{"answer": "None"}'),
    "qwen fence": Case('```json\n[\n\t{"bbox_2d": [10, 20, 30, 40], "label": "plane"}\n]\n```', [(A, "plane")]),
    "fence without language": Case('```\n[{"bbox_2d": [10, 20, 30, 40]}]\n```', [(A, "x")]),
    "fence never closed": Case('I see one.\n```json\n[{"bbox_2d": [10, 20, 30, 40]}]', [(A, "x")], "I see one."),
    "two fences": Case("```json\n[10,20,30,40]\n```\nand\n```json\n[50,60,70,80]\n```", [(A, "x"), (B, "x")]),
    "fence of something else": Case("```python\nprint()\n```\n[[10,20,30,40]]", [(A, "x")]),
    "prose around": Case('The ship is [{"bbox_2d": [10, 20, 30, 40]}] as asked.', [(A, "x")], "The ship is"),
    # tags
    "upper case": Case("<THINK>t</THINK><ANSWER>[10,20,30,40]</ANSWER>", [(A, "x")], "t"),
    "spaced tags": Case("< think >t</ think >< answer >[10,20,30,40]</answer >", [(A, "x")], "t"),
    "answer never closed": Case("<think>t</think><answer>[10,20,30,40]", [(A, "x")], "t"),
    "answer never opened": Case("<think>t</think>[10,20,30,40]</answer>", [(A, "x")], "t"),
    "no answer tag": Case("<think>t</think>\n[10,20,30,40]", [(A, "x")], "t"),
    "think never opened": Case("so it is</think><answer>[10,20,30,40]</answer>", [(A, "x")], "so it is"),
    "think never closed": Case("<think>so<answer>[10,20,30,40]</answer>", [(A, "x")], "so"),
    "think closed by a fence": Case("<think>so\n```json\n[10,20,30,40]\n```", [(A, "x")], "so"),
    "ended while thinking": Case(
        "<think>The ship [10,20,30,40] or", [], "The ship [10,20,30,40] or", [Reason.NO_ANSWER]
    ),
    "nested think": Case("<think>a<think>b</think><answer>[10,20,30,40]</answer>", [(A, "x")], "a<think>b"),
    "nested answer": Case("<answer><answer>[10,20,30,40]</answer></answer>", [(A, "x")]),
    "answer spoken of": Case(
        "<think>put it in <answer> [1,2,3,4] </answer> then</think><answer>[10,20,30,40]</answer>",
        [(A, "x")],
        "put it in <answer> [1,2,3,4] </answer> then",
    ),
    "two answers": Case(
        "<answer>[50,60,70,80]</answer><answer>[10,20,30,40]</answer>", [(A, "x")], "", [Reason.REPEATED_ANSWER]
    ),
    "empty last answer": Case("<answer>[10,20,30,40]</answer><answer> </answer>", [(A, "x")]),
    "reasoning after": Case("[10,20,30,40]<think>t</think>done", [(A, "x")], "t"),
    "thinking tag": Case("<thinking>t</thinking>[10,20,30,40]", [(A, "x")], "t"),
    "end token": Case("<answer>[10,20,30,40]</answer><|im_end|>", [(A, "x")]),
    "untagged reasoning": Case("Far left.\n<answer>[10,20,30,40]</answer>", [(A, "x")], "Far left."),
    # key styles
    "bbox and class": Case('{"bbox": [10,20,30,40], "class": "car"}', [(A, "car")]),
    "box and category": Case('{"box": [10,20,30,40], "category": "car"}', [(A, "car")]),
    "box_2d": Case('{"box_2d": [10,20,30,40], "label": "car"}', [(A, "car")]),
    "bounding box with a space": Case('{"Bounding Box": [10,20,30,40], "Name": "car"}', [(A, "car")]),
    "coordinates": Case('{"object": "car", "coordinates": [10,20,30,40]}', [(A, "car")]),
    "corners x1": Case('{"x1": 10, "y1": 20, "x2": 30, "y2": 40, "label": "car"}', [(A, "car")]),
    "corners xmin": Case('[{"xmin": 10, "ymin": 20, "xmax": 30, "ymax": 40}]', [(A, "x")]),
    "corners x_min": Case('[{"x_min": 10, "y_min": 20, "x_max": 30, "y_max": 40}]', [(A, "x")]),
    "corners x0": Case('[{"x0": 10, "y0": 20, "x1": 30, "y1": 40}]', [(A, "x")]),
    "corners in the box": Case('{"bbox": {"x1": 10, "y1": 20, "x2": 30, "y2": 40}, "label": "car"}', [(A, "car")]),
    "left top": Case('{"left": 10, "top": 20, "right": 30, "bottom": 40}', [(A, "x")]),
    "size": Case('{"x": 10, "y": 20, "width": 20, "height": 20, "label": "car"}', [(A, "car")]),
    "two points": Case('{"points": [[10,20],[30,40]], "label": "car"}', [(A, "car")]),
    "outline": Case('{"polygon": [[10,30],[20,20],[30,30],[20,40]]}', [(A, "x")]),
    "several boxes of a label": Case(
        '{"bbox_2d": [[10,20,30,40],[50,60,70,80]], "label": "car"}', [(A, "car"), (B, "car")]
    ),
    "florence": Case('{"bboxes": [[10,20,30,40],[50,60,70,80]], "labels": ["a", "b"]}', [(A, "a"), (B, "b")]),
    "wrapped": Case('{"objects": [{"bbox_2d": [10,20,30,40], "label": "car"}]}', [(A, "car")]),
    "wrapped in boxes": Case('{"boxes": [{"bbox_2d": [10,20,30,40], "label": "car"}]}', [(A, "car")]),
    "label as key": Case('{"car": [[10,20,30,40]], "bus": [50,60,70,80]}', [(A, "car"), (B, "bus")]),
    "label beside": Case('[["car", [10,20,30,40]], ["bus", [50,60,70,80]]]', [(A, "car"), (B, "bus")]),
    "label is a number": Case('{"bbox": [10,20,30,40], "label": 3}', [(A, "3")]),
    "label is empty": Case('{"bbox": [10,20,30,40], "label": " "}', [(A, "x")]),
    "bare lists": Case("[[10,20,30,40],[50,60,70,80]]", [(A, "x"), (B, "x")]),
    "bare numbers": Case("<answer>10, 20, 30, 40</answer>", [(A, "x")]),
    "box as text": Case('{"bbox": "10, 20, 30, 40"}', [(A, "x")]),
    "box as points in text": Case('{"bbox": "(10,20),(30,40)"}', [(A, "x")]),
    "numbers as text": Case('{"bbox": ["10", "20", "30", "40"]}', [(A, "x")]),
    "floats": Case("[10.0, 2e1, 30., +40]", [(A, "x")]),
    "boxed": Case("\\boxed{[10,20,30,40]}", [(A, "x")], "\\boxed"),
    # other families
    "qwen tokens": Case(
        "<|object_ref_start|>the ship<|object_ref_end|><|box_start|>(10,20),(30,40)<|box_end|><|im_end|>",
        [(A, "the ship")],
    ),
    "qwen tokens, two": Case(
        "<|box_start|>(10,20),(30,40)<|box_end|><|box_start|>(50,60),(70,80)<|box_end|>", [(A, "x"), (B, "x")]
    ),
    "qwen-vl": Case("<ref>ship</ref><box>(10,20),(30,40)</box>", [(A, "ship")]),
    "internvl": Case("<ref>ship</ref><box>[[10, 20, 30, 40], [50, 60, 70, 80]]</box>", [(A, "ship"), (B, "ship")]),
    "box tag, bare": Case("I see <box>10 20 30 40</box>", [(A, "x")], "I see"),
    "box tag, never closed": Case("<box>[10,20,30,40]", [(A, "x")]),
    "box tag, nonsense": Case("<box>left</box>", [], "", [Reason.NOT_FOUR_NUMBERS]),
    "points in prose": Case("(10,20),(30,40)", [(A, "x")]),
    "location tokens, three": Case(
        "<loc0020><loc0010><loc0040> ship",
        [],
        "",
        [Reason.LOCATION_TOKENS],
    ),
    # broken JSON
    "single quotes": Case("[{'bbox_2d': [10, 20, 30, 40], 'label': 'it\\'s'}]", [(A, "it's")]),
    "tuples": Case("[{'bbox': (10, 20, 30, 40)}]", [(A, "x")]),
    "bare keys": Case("[{bbox_2d: [10,20,30,40], label: small plane}]", [(A, "small plane")]),
    "equals": Case("{bbox=[10,20,30,40], label='car'}", [(A, "car")]),
    "trailing commas": Case('[{"bbox_2d": [10,20,30,40,], "label": "car",},]', [(A, "car")]),
    "missing commas": Case(
        '[{"bbox_2d": [10 20 30 40] "label": "car"} {"bbox_2d": [50,60,70,80]}]', [(A, "car"), (B, "x")]
    ),
    "missing bracket": Case('{"bbox_2d": [10,20,30,40, "label": "car"}', [(A, "car")]),
    "missing brace": Case(
        '[{"bbox_2d": [10,20,30,40], "label": "car", {"bbox_2d": [50,60,70,80]}]', [(A, "car"), (B, "x")]
    ),
    "missing opening brace": Case('["bbox_2d": [10,20,30,40], "label": "car"]', [(A, "car")]),
    "wrong bracket": Case('[{"bbox_2d": [10,20,30,40}, {"bbox_2d": [50,60,70,80]}]', [(A, "x"), (B, "x")]),
    "quotes in quotes": Case('[{"bbox_2d": [10,20,30,40], "label": "the "big" one"}]', [(A, 'the "big" one')]),
    "curly quotes": Case("[{\u201cbbox_2d\u201d: [10,20,30,40], \u201clabel\u201d: \u201ccar\u201d}]", [(A, "car")]),
    "repeated keys": Case(
        '{"bbox_2d": [10,20,30,40], "label": "a", "bbox_2d": [50,60,70,80], "label": "b"}', [(A, "a"), (B, "b")]
    ),
    "objects without a list": Case('{"bbox_2d": [10,20,30,40]}\n{"bbox_2d": [50,60,70,80]}', [(A, "x"), (B, "x")]),
    "box without its key": Case('[{"label": "car", [10,20,30,40]}]', [(A, "car")]),
    "second corner without key": Case('{"bbox": (10,20), (30,40), "label": "car"}', [(A, "car")]),
    "box outside the fence": Case("```json\n[{.\n```json\n[10,20,30,40]", [(A, "x")], "", [Reason.NO_BOX]),
    "box behind broken quotes": Case('{"-[10,20,30,40], "label": " ', [], "", [Reason.NO_BOX]),
    "comments": Case('[{"bbox_2d": [10,20,30,40]}, // the ship\n /* and */ [50,60,70,80]]', [(A, "x"), (B, "x")]),
    "cut in a box": Case('[{"bbox_2d": [10,20,30,40]}, {"bbox_2d": [50, 60, 7', [(A, "x")], "", [Reason.CUT_OFF]),
    "cut in the last number": Case("[[10,20,30,40],[50,60,70,8", [(A, "x")], "", [Reason.CUT_OFF]),
    "cut in a label": Case('[{"bbox_2d": [10,20,30,40], "label": "pla', [(A, "x")]),
    "cut after a box": Case('[{"bbox_2d": [10,20,30,40]', [(A, "x")]),
    "cut in a corner": Case('{"x1": 10, "y1": 20, "x2": 30, "y2": 4', [], "", [Reason.CUT_OFF]),
    # what cannot be used
    "empty": Case("", [], "", [Reason.EMPTY_REPLY]),
    "blank": Case(" \n\t ", [], "", [Reason.EMPTY_REPLY]),
    "prose": Case("It stands on the left.", [], "It stands on the left.", [Reason.NO_BOX]),
    "no box": Case('[{"label": "ship"}, {"bbox_2d": [10,20,30,40]}]', [(A, "x")], "", [Reason.NO_BOX]),
    "three numbers": Case("[[10,20,30],[10,20,30,40]]", [(A, "x")], "", [Reason.NOT_FOUR_NUMBERS]),
    "five numbers": Case("[10,20,30,40,0.9]", [], "", [Reason.NOT_FOUR_NUMBERS]),
    "a point": Case('{"bbox_2d": [10,20]}', [], "", [Reason.NOT_FOUR_NUMBERS]),
    "words": Case('{"bbox_2d": [10, 20, "right", 40]}', [], "", [Reason.NOT_FOUR_NUMBERS]),
    "booleans": Case("[true, 20, false, 40]", [], "", [Reason.NOT_FOUR_NUMBERS]),
    "units": Case("[10px, 20px, 30px, 40px]", [], "", [Reason.NO_BOX]),
    "infinite": Case("[[10, 20, 1e999, 40]]", [], "", [Reason.NOT_FINITE]),
    "nan": Case("[[NaN, 20, 30, 40]]", [], "", [Reason.NOT_FINITE]),
    "infinity": Case('{"bbox_2d": [-Infinity, 20, Infinity, 40]}', [], "", [Reason.NOT_FINITE]),
    "5,000 digits": Case(f"[10, 20, {'9' * 5000}, 40]", [], "", [Reason.NOT_FINITE]),
    "not finite corner": Case('{"x1": 10, "y1": 1e400, "x2": 30, "y2": 40}', [], "", [Reason.NOT_FINITE]),
    "not finite point": Case("[[10,20],[1e400,40]]", [], "", [Reason.NOT_FINITE]),
    "deep": Case("[" * 5000 + "10,20,30,40" + "]" * 5000, [(A, "x")], "", [Reason.TOO_DEEP]),
    "no area": Case("[[10,20,10,40],[10,20,30,40]]", [(A, "x")], "", [Reason.EMPTY_BOX]),
    "outside": Case("[[1000,20,1200,40],[-9,-9,0,0],[10,20,30,40]]", [(A, "x")], "", [Reason.OUTSIDE] * 2),
    "fractions": Case("[[0.1, 0.2, 0.3, 0.4]]", [], "", [Reason.FRACTIONS]),
    "twice": Case("[[10,20,30,40],[50,60,70,80],[10,20,30,40]]", [(A, "x"), (B, "x")], "", [Reason.TWICE]),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_reply(case: Case) -> None:
    answer = parse(case.text)
    assert [(d.box_chip_px, d.label) for d in answer.detections] == case.boxes
    assert answer.reasoning == case.reasoning
    assert [drop.reason for drop in answer.dropped] == [reason.value for reason in case.drops]
    assert answer.error is None
    assert answer.raw_text == case.text


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_spans_point_at_the_numbers(case: Case) -> None:
    for box in locate(case.text).boxes:
        numbers = [float(case.text[start:stop]) for start, stop in box.number_spans]
        assert set(numbers) >= set(box.corners) or "width" in case.text
        assert box.span == (box.number_spans[0][0], max(stop for _, stop in box.number_spans))


def test_pixels_of_the_resized_image_are_scaled_back() -> None:
    answer = parse("[[504, 0, 1008, 252]]", image_size_px=(512, 256), model_size_px=(1008, 504))
    assert answer.detections[0].box_chip_px == pytest.approx((256, 0, 512, 128))


def test_per_mille_ignores_the_size_the_model_saw() -> None:
    answer = parse("[[500, 0, 1000, 500]]", image_size_px=(512, 256), model_size_px=(999, 77), coordinates="per-mille")
    assert answer.detections[0].box_chip_px == pytest.approx((256, 0, 512, 128))


def test_convention_is_never_guessed() -> None:
    # Pixels of a 4000 px image under the 0-1000 convention, and the other way round: no rescue.
    assert [d.reason for d in parse("[[2000, 2000, 3000, 3000]]", coordinates="per-mille").dropped] == [Reason.OUTSIDE]
    answer = parse("[[500, 500, 900, 900]]", image_size_px=(4000, 4000))
    assert answer.detections[0].box_chip_px == (500, 500, 900, 900)


def test_swapped_corners_and_overhang_are_repaired() -> None:
    answer = parse("[[30, 40, 10, 20], [900, 400, 1010, 505], [-5, 480, 10, 470]]")
    assert [d.box_chip_px for d in answer.detections] == [A, (900, 400, 1000, 500), (0, 470, 10, 480)]
    assert not answer.dropped


def test_a_long_overhang_is_counted() -> None:
    answer = parse("[[900, 400, 1200, 700]]")
    assert [d.box_chip_px for d in answer.detections] == [(900, 400, 1000, 500)]
    assert [d.reason for d in answer.dropped] == [Reason.BEYOND]


def test_refer_keeps_the_first_box() -> None:
    answer = parse("[[10,20,30,40],[50,60,70,80],[1,2,3,4]]", task="refer")
    assert [d.box_chip_px for d in answer.detections] == [A]
    assert [(d.reason, d.text) for d in answer.dropped] == [
        (Reason.NOT_ONE, "50,60,70,80"),
        (Reason.NOT_ONE, "1,2,3,4"),
    ]


def test_refer_passes_over_an_unusable_first_box() -> None:
    answer = parse("[[10,20,10,20],[50,60,70,80]]", task="refer")
    assert [d.box_chip_px for d in answer.detections] == [B]
    assert [d.reason for d in answer.dropped] == [Reason.EMPTY_BOX]


@pytest.mark.parametrize(
    "text",
    [
        '{"bbox_2d": [10,20,30,40], "keypoint1": [100, 50], "keypoint2": [2000, -3], "label": "ship"}',
        '{"bbox_2d": [10,20,30,40], "keypoint_1": [100, 50], "keypoint_2": [2000, -3], "label": "ship"}',
        '{"bbox_2d": [10,20,30,40], "keypoints": [[100, 50], [2000, -3]], "label": "ship"}',
    ],
)
def test_keypoints_are_scaled_and_clipped(text: str) -> None:
    answer = parse(text, model_size_px=(500, 250))
    assert answer.detections[0].keypoints_chip_px == ((200, 100), (1000, 0))
    assert answer.detections[0].label == "ship"


def test_keypoints_that_are_not_finite_or_too_many() -> None:
    points = ", ".join(f"[{i}, {i}]" for i in range(100))
    answer = parse(f'{{"bbox_2d": [10,20,30,40], "keypoints": [[1e999, 1], {points}]}}')
    assert answer.detections[0].keypoints_chip_px == tuple((i, i) for i in range(16))


@pytest.mark.parametrize(
    ("stated", "score"),
    [
        ("0.75", 0.75),
        ("1", 1.0),
        ("0", 0.0),
        ('"0.5"', 0.5),
        ("95", None),
        ("-0.1", None),
        ("true", None),
        ("NaN", None),
    ],
)
def test_stated_score(stated: str, score: float | None) -> None:
    for key in ("score", "confidence"):
        assert parse(f'{{"bbox": [10,20,30,40], "{key}": {stated}}}').detections[0].score == score


def test_drop_texts_are_short_single_lines() -> None:
    answer = parse('[{"label": "' + "very\nlong " * 100 + '"}]')
    assert answer.dropped[0].reason == Reason.NO_BOX
    assert len(answer.dropped[0].text) <= 80
    assert "\n" not in answer.dropped[0].text


def test_at_most_500_boxes_and_every_other_one_counted() -> None:
    boxes = [[i % 300, i // 300, i % 300 + 2, i // 300 + 3] for i in range(700)]
    answer = parse(str(boxes))
    assert len(answer.detections) == MAX_BOXES
    assert [d.reason for d in answer.dropped] == [Reason.TOO_MANY] * 200


@pytest.mark.parametrize("filler", ["a", "\u98de", "\ud800", "\U0001f680"])
def test_at_most_64_kilobytes_are_read(filler: str) -> None:
    text = "[[10,20,30,40]]" + filler * MAX_TEXT_BYTES + "[[50,60,70,80]]"
    answer = parse(text)
    assert [d.box_chip_px for d in answer.detections] == [A]
    assert len(answer.raw_text.encode()) <= MAX_TEXT_BYTES
    assert [d.reason for d in answer.dropped] == [Reason.TOO_LONG]


def test_labels_and_reasoning_can_be_stored() -> None:
    text = (
        '<think>a\x00b\x1b[31m\ud800</think><answer>[{"bbox": [10,20,30,40], "label": "a\\u0000b\\ud800\\n'
        + "c" * 300
        + '"}]</answer>'
    )
    answer = parse(text)
    label = answer.detections[0].label
    assert label.startswith("a b\ufffd c")
    assert len(label) == 200
    assert answer.reasoning == "a b [31m\ufffd"
    (answer.raw_text + label + answer.reasoning).encode()


def test_reasoning_has_a_limit() -> None:
    assert len(parse("<think>" + "a" * 20_000 + "</think><answer>None</answer>").reasoning) == 8000


@pytest.mark.parametrize("size", [(0, 0), (0, 10), (1, 1)])
def test_degenerate_image_sizes(size: tuple[int, int]) -> None:
    answer = parse("[[10,20,30,40]]", image_size_px=size, model_size_px=(0, 0))
    assert all(d.box_chip_px[2] <= size[0] for d in answer.detections)
