"""Kind: replies of other forms are read, replies that cannot be read are reported with what helps."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geogrounding.errors import ModelError
from geogrounding.models.families import BoxConvention
from geogrounding.models.parsing.answer import Reason, parse_answer
from geogrounding.types import Answer, BoxOrder, CoordinateConvention, Question
from tests.kinds.models_support import ask, body, chip, near, server

Box = tuple[float, float, float, float]
TANK: Box = (120, 300, 180, 360)
PIER: Box = (5, 5, 50, 60)
SIDE = 1000


def parse(text: str, coordinates: CoordinateConvention | BoxConvention = "per-mille", **more: Any) -> Answer:
    return parse_answer(
        text, image_size_px=(SIDE, SIDE), coordinates=coordinates, task="detect", default_label="?", **more
    )


def found(answer: Answer) -> list[tuple[Box, str]]:
    return [(d.box_chip_px, d.label) for d in answer.detections]


FORMS = {
    "DeepSeek, two labels": (
        "<|ref|>oil tank<|/ref|><|det|>[[120, 300, 180, 360]]<|/det|>"
        "<|ref|>pier<|/ref|><|det|>[[5, 5, 50, 60]]<|/det|>",
        [(TANK, "oil tank"), (PIER, "pier")],
    ),
    "DeepSeek, two boxes of a label": (
        "<|ref|>tank<|/ref|><|det|>[[120, 300, 180, 360], [5, 5, 50, 60]]<|/det|>",
        [(TANK, "tank"), (PIER, "tank")],
    ),
    "size in the key": ('[{"bbox_xywh": [120, 300, 60, 60], "label": "tank"}]', [(TANK, "tank")]),
    "size in a bare key": ('{"xywh": [120, 300, 60, 60], "class": "tank"}', [(TANK, "tank")]),
    "centre in the key": ('{"bbox_cxcywh": [150, 330, 60, 60], "label": "tank"}', [(TANK, "tank")]),
    "y first in the key": ('{"box_yxyx": [300, 120, 360, 180], "label": "tank"}', [(TANK, "tank")]),
    "named centre": ('{"cx": 150, "cy": 330, "w": 60, "h": 60, "label": "tank"}', [(TANK, "tank")]),
    "named numbers as text": ('{"x1": "120", "y1": "300", "x2": "180", "y2": "360"}', [(TANK, "?")]),
    "named corners": (
        '{"label": "tank", "top_left": {"x": 120, "y": 300}, "bottom_right": {"x": 180, "y": 360}}',
        [(TANK, "tank")],
    ),
    "corners in pairs": ('{"topLeft": [120, 300], "bottomRight": [180, 360], "label": "tank"}', [(TANK, "tank")]),
    "y first by name": ('{"ymin": 300, "xmin": 120, "ymax": 360, "xmax": 180}', [(TANK, "?")]),
    "outline in a row": (
        '[{"poly": [120, 300, 180, 310, 175, 360, 118, 350], "label": "tank"}]',
        [((118, 300, 180, 360), "tank")],
    ),
    "outline in pairs": (
        '{"vertices": [[120, 300], [180, 310], [175, 360]], "label": "tank"}',
        [((120, 300, 180, 360), "tank")],
    ),
    "an outline beside its box": (
        '{"bbox_2d": [120, 300, 180, 360], "polygon": [[1, 1], [2, 2], [3, 1]], "label": "tank"}',
        [(TANK, "tank")],
    ),
    "Chinese punctuation": (
        '[{"bbox_2d"\uff1a[120\uff0c300\uff0c180\uff0c360]\uff0c"label"\uff1a"\u6cb9\u7f50"}]',
        [(TANK, "\u6cb9\u7f50")],
    ),
    "full-width everything": (
        "\uff3b\uff5b\u201cbbox\u201d\uff1a\uff08\uff11\uff12\uff10\u3001\uff13\uff10\uff10\u3001180\u3001360\uff09\uff5d\uff3d",
        [(TANK, "?")],
    ),
    "corner brackets": (
        "\u3010\u300cbbox_2d\u300d\uff1a\u3010120\uff0c300\uff0c180\uff0c360\u3011\u3011",
        [(TANK, "?")],
    ),
    "bbox tags": ("<bbox>120 300 180 360</bbox>", [(TANK, "?")]),
    "bbox tags, two": ("<bbox>120 300 180 360</bbox><bbox>5 5 50 60</bbox>", [(TANK, "?"), (PIER, "?")]),
    "GLM": ("The tank is <|begin_of_box|>[[120,300,180,360]]<|end_of_box|>", [(TANK, "?")]),
    "words of a place beside the box": (
        '{"bbox_2d": [120, 300, 180, 360], "label": "tank", "location": "upper left", "position": "left"}',
        [(TANK, "tank")],
    ),
    "prose with a box": ("The tank is at [120, 300, 180, 360].", [(TANK, "?")]),
    "prose with two boxes": ("One at [120, 300, 180, 360] and one at [5, 5, 50, 60].", [(TANK, "?"), (PIER, "?")]),
    "a block for each class": (
        'Tanks:\n```json\n[{"bbox_2d": [120, 300, 180, 360]}]\n```\n'
        'Piers:\n```json\n[{"bbox_2d": [5, 5, 50, 60]}]\n```',
        [(TANK, "?"), (PIER, "?")],
    ),
    "the fixed-wing aircraft": (
        "Helicopters: [[120, 300, 180, 360]]\nFixed-wing aircraft: [[5, 5, 50, 60]]\n",
        [(TANK, "?"), (PIER, "?")],
    ),
    "florence, two": (
        "tank<loc_120><loc_300><loc_180><loc_360>pier<loc_5><loc_5><loc_50><loc_60>",
        [((120.5, 300.5, 180.5, 360.5), "tank"), ((5.5, 5.5, 50.5, 60.5), "pier")],
    ),
    "paligemma, two": (
        "<loc0256><loc0128><loc0512><loc0384> tank ; <loc0000><loc0000><loc0064><loc0032> pier",
        [((125, 250, 375, 500), "tank"), ((0, 0, 31.25, 62.5), "pier")],
    ),
    "lines of JSON": ('{"bbox_2d": [120, 300, 180, 360]}\n{"bbox_2d": [5, 5, 50, 60]}', [(TANK, "?"), (PIER, "?")]),
    "annotations": ('{"annotations": [{"bbox_xywh": [120, 300, 60, 60], "category": "tank"}]}', [(TANK, "tank")]),
    "final beside draft": (
        '{"draft": [{"bbox_2d": [1, 2, 3, 4]}], "final": [{"bbox_2d": [120, 300, 180, 360], "label": "tank"}]}',
        [(TANK, "tank")],
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_form(name: str) -> None:
    text, expected = FORMS[name]
    assert found(parse(text)) == expected


CORRECTED = {
    "draft": "Draft:\n```json\n{old}\n```\nCorrected:\n```json\n{new}\n```",
    "initial": "Initial boxes:\n```json\n{old}\n```\nThese are what I report:\n```json\n{new}\n```",
    "wait": "```json\n{old}\n```\nWait, that is the shadow.\n```json\n{new}\n```",
    "actually": "{old}\nActually the object is larger: {new}",
    "final": "First guess {old}. Final answer: {new}",
    "let me recheck": "```\n{old}\n```\nLet me re-examine the image.\n\n```\n{new}\n```",
    "revised": "{old}\n\nRevised: {new}",
    "Chinese": "{old}\n\u4fee\u6b63\uff1a{new}",
    "three": "Draft {old} Corrected {old} Final answer: {new}",
    "instead": "I thought of {old}, but it should be {new} instead. Use instead: {new}",
}


@pytest.mark.parametrize("name", CORRECTED)
def test_a_correction_takes_the_place_of_a_draft(name: str) -> None:
    old, new = '[{"bbox_2d": [1, 2, 30, 40]}]', '[{"bbox_2d": [120, 300, 180, 360]}]'
    answer = parse(CORRECTED[name].replace("{old}", old).replace("{new}", new))
    assert {box for box, _ in found(answer)} == {TANK}
    assert Reason.REPEATED_ANSWER in {drop.reason for drop in answer.dropped}


def test_a_correction_to_nothing_leaves_nothing() -> None:
    answer = parse("```json\n[[1, 2, 30, 40]]\n```\nCorrection: that is a cloud.\n```json\n[]\n```")
    assert not answer.detections
    assert {drop.reason for drop in answer.dropped} == {Reason.REPEATED_ANSWER}


@pytest.mark.parametrize(
    "text",
    ['<point x="61.5" y="40.4" alt="tank">tank</point>', '<points x1="1" y1="2" x2="3" y2="4">tanks</points>',
     '[{"point_2d": [150, 330], "label": "tank"}]', '{"x": 150, "y": 330}', '<points coords="1 1 9 3">tank</points>'],
)  # fmt: skip
def test_points_are_reported(text: str) -> None:
    answer = parse(text)
    assert not answer.detections
    assert [drop.reason for drop in answer.dropped] == [Reason.POINT]
    assert "points" in str(ask(text, "qwen3-vl").error)


# --- a cut at any place ---

_COORDINATE = st.integers(0, 999)
_BOXES = st.lists(
    st.tuples(_COORDINATE, _COORDINATE, _COORDINATE, _COORDINATE).filter(
        lambda b: abs(b[0] - b[2]) > 1 and abs(b[1] - b[3]) > 1
    ),
    min_size=1,
    max_size=4,
    unique=True,
)
_WRITERS: dict[str, Any] = {
    "json": lambda boxes: json.dumps([{"bbox_2d": b, "label": "tank"} for b in boxes]),
    "json, fenced": lambda boxes: "```json\n" + json.dumps([{"bbox_2d": b} for b in boxes], indent=1) + "\n```",
    "tags": lambda boxes: "".join(f"<|ref|>tank<|/ref|><|det|>[{list(b)}]<|/det|>" for b in boxes),
    "bare tags": lambda boxes: "".join(f"<box>{b[0]} {b[1]} {b[2]} {b[3]}</box>" for b in boxes),
    "pairs": lambda boxes: "".join(f"<|box_start|>({b[0]},{b[1]}),({b[2]},{b[3]})<|box_end|>" for b in boxes),
    "named": lambda boxes: json.dumps([dict(zip(("x1", "y1", "x2", "y2"), b, strict=True)) for b in boxes]),
    "sizes": lambda boxes: json.dumps(
        [{"bbox_xywh": [min(b[0], b[2]), min(b[1], b[3]), abs(b[0] - b[2]), abs(b[1] - b[3])]} for b in boxes]
    ),
    "thought": lambda boxes: (
        f"<think>I see [1, 2, 3, 4].</think><answer>{json.dumps([list(b) for b in boxes])}</answer>"
    ),
    "prose": lambda boxes: " ".join(f"A tank is at {list(b)}." for b in boxes),
    "florence": lambda boxes: "".join("tank" + "".join(f"<loc_{n}>" for n in b) for b in boxes),
    "paligemma": lambda boxes: " ; ".join("".join(f"<loc{n:04d}>" for n in b) + " tank" for b in boxes),
    "numbers": lambda boxes: ", ".join(map(str, boxes[0])),
}


@settings(max_examples=150, deadline=None)
@given(_BOXES, st.sampled_from(sorted(_WRITERS)), st.data())
def test_a_reply_cut_at_any_place_gives_no_box_that_the_whole_one_lacks(
    boxes: list[tuple[int, int, int, int]], form: str, data: st.DataObject
) -> None:
    text = _WRITERS[form](boxes)
    whole = {box for box, _ in found(parse(text))}
    assert len(whole) == (1 if form == "numbers" else len(boxes))
    cut = text[: data.draw(st.integers(0, len(text)), label="cut")]
    answer = parse(cut, truncated=True)
    assert {box for box, _ in found(answer)} <= whole
    assert Reason.TRUNCATED in {drop.reason for drop in answer.dropped}
    loose = {box for box, _ in found(parse(cut))}  # a server that does not say that it cut the reply
    if form not in ("numbers", "bare tags"):
        assert loose <= whole


@pytest.mark.parametrize("form", _WRITERS)
def test_every_cut_of_one_reply(form: str) -> None:
    text = _WRITERS[form]([(120, 300, 180, 360), (5, 5, 50, 60)])
    whole = {box for box, _ in found(parse(text))}
    counts = []
    for stop in range(len(text) + 1):
        boxes = {box for box, _ in found(parse(text[:stop], truncated=True))}
        assert boxes <= whole, text[:stop]
        counts.append(len(boxes))
    assert counts == sorted(counts), "a longer reply holds no fewer boxes"


@settings(max_examples=150, deadline=None)
@given(
    st.text(st.sampled_from("0123456789.,:;-[]{}()<>/|\"'`\n xywhloc_bedt\uff0c\uff1a\u300c\u3001"), max_size=120),
    st.sampled_from(["resized-pixels", "original-pixels", "per-mille", "per-1024", "fractions", "percent"]),
    st.sampled_from(["xyxy", "yxyx", "xywh", "cxcywh"]),
    st.sampled_from(["given", "family", "assumed"]),
    st.booleans(),
)
def test_any_text_under_any_convention(
    text: str, coordinates: CoordinateConvention, order: BoxOrder, certainty: Any, truncated: bool
) -> None:
    convention = BoxConvention(coordinates=coordinates, order=order, certainty=certainty, order_certainty=certainty)
    for detection in parse(text, convention, truncated=truncated).detections:
        x0, y0, x1, y1 = detection.box_chip_px
        assert 0 <= x0 < x1 <= SIDE
        assert 0 <= y0 < y1 <= SIDE


# --- what servers do ---

ANSWER = '```json\n[{"bbox_2d": [200, 200, 600, 800], "label": "ship"}]\n```'
PLACED = (200.0, 100.0, 600.0, 400.0)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
@pytest.mark.parametrize("content", [None, "", "  \n"])
@pytest.mark.parametrize("text", [ANSWER, f"I look for it.\n{ANSWER}", f"<think>So.</think>{ANSWER}"])
def test_an_answer_filed_as_reasoning_is_read(field: str, content: str | None, text: str) -> None:
    answer = ask(body(content, **{field: text}), "qwen3-vl")
    assert answer.error is None
    assert near(answer.detections[0].box_chip_px, PLACED, 1e-6)


def test_reasoning_without_boxes_is_no_answer() -> None:
    answer = ask(body(None, reasoning_content="I go over the image row by row."), "qwen3-vl")
    assert "reasoning_content" in str(answer.error)
    assert ask(body(None, reasoning_content="There is no ship in the image. []"), "qwen3-vl").error is None


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
@pytest.mark.parametrize("finish", ["length", "MAX_TOKENS", "max_tokens"])
def test_reasoning_that_used_all_tokens_names_the_option(field: str, finish: str) -> None:
    answer = ask(body(None, finish=finish, **{field: "I go over [[1, 2, 3, 4]] the image. " * 50}), "qwen3-vl")
    assert not answer.detections
    for part in ("--max-new-tokens", "-direct", "2048"):
        assert part in str(answer.error)


@pytest.mark.parametrize(
    "text", ["<think>I go over the image row by", "I look for the ship, which", "```json\n[{\"bbox_2d\": [200, 2", ""]
)  # fmt: skip
def test_a_cut_before_any_box_names_the_option(text: str) -> None:
    answer = ask(body(text, finish="length"), "qwen3-vl")
    assert "--max-new-tokens" in str(answer.error)


def test_a_cut_after_some_boxes_keeps_them_and_is_counted() -> None:
    answer = ask(body('[{"bbox_2d": [200, 200, 600, 800]}, {"bbox_2d": [1', finish="length"), "qwen3-vl")
    assert near(answer.detections[0].box_chip_px, PLACED, 1e-6)
    assert any("--max-new-tokens" in drop.reason for drop in answer.dropped)


RETRIED, ONCE = 6, 1
ERRORS: dict[str, tuple[Any, str, int]] = {
    "router": (
        {"choices": None, "error": {"code": 429, "message": "provider is rate limited"}},
        "rate limited",
        RETRIED,
    ),
    "code as text": ({"error": {"code": "503", "message": "model is loading"}}, "model is loading", RETRIED),
    "words only": ({"error": "CUDA out of memory"}, "CUDA out of memory", RETRIED),
    "of the choice": ({"choices": [{"error": {"code": 502, "message": "it died"}, "message": {}}]}, "it died", RETRIED),
    "vLLM": ({"object": "error", "message": "too many images", "code": 400}, "too many images", ONCE),
    "detail": ({"detail": "image input is not supported"}, "image input is not supported", RETRIED),
    "type": ({"error": {"type": "rate_limit_exceeded", "message": "slow down"}}, "slow down", RETRIED),
    "no content": ({"error": {"message": "context exceeded", "code": 422}}, "context exceeded", ONCE),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_under_status_200_is_that_error(name: str) -> None:
    reply, words, attempts = ERRORS[name]
    model = server(reply, "qwen3-vl")
    try:
        [[answer]] = model.ground([chip()], [Question(expression="ship")])
        said = str(answer.error)
    except ModelError as error:
        said = str(error)
    assert words in said
    assert len(model.asked) >= attempts  # type: ignore[attr-defined]


def test_a_refused_key_under_status_200_ends_the_run() -> None:
    with pytest.raises(ModelError, match="refuses access"):
        ask({"error": {"code": 401, "message": "no key"}}, "qwen3-vl")


def events(*chunks: Any) -> httpx.Response:
    text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    return httpx.Response(200, text=text, headers={"Content-Type": "text/event-stream"})


def test_a_stream_that_was_not_asked_for_is_joined() -> None:
    deltas: list[dict[str, Any]] = [{"role": "assistant"}, {"content": ANSWER[:20]}, {"content": ANSWER[20:]}]
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas
    ]
    answer = ask(events(*chunks), "qwen3-vl")
    assert near(answer.detections[0].box_chip_px, PLACED, 1e-6)
    chunks[-1]["choices"][0]["finish_reason"] = "length"
    assert any(drop.reason == Reason.TRUNCATED for drop in ask(events(*chunks), "qwen3-vl").dropped)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_reply_is_unpacked(encoding: str) -> None:
    plain = json.dumps(body(ANSWER)).encode()
    packed = gzip.compress(plain) if encoding == "gzip" else zlib.compress(plain)
    answer = ask(httpx.Response(200, content=plain), "qwen3-vl")
    reply = httpx.Response(200, stream=httpx.ByteStream(packed), headers={"Content-Encoding": encoding})
    model = server("x", "qwen3-vl")
    model._client._client._transport = httpx.MockTransport(lambda _: reply)
    [[unpacked]] = model.ground([chip()], [Question(expression="ship")])
    assert unpacked.detections == answer.detections


def test_a_reply_that_swells_is_given_up() -> None:
    packed = gzip.compress(b" " * 200_000_000)
    reply = httpx.Response(200, stream=httpx.ByteStream(packed), headers={"Content-Encoding": "gzip"})
    model = server("x", "qwen3-vl")
    model._client._client._transport = httpx.MockTransport(lambda _: reply)
    [[answer]] = model.ground([chip()], [Question(expression="ship")])
    assert "longer than" in str(answer.error)


def test_a_refusal_of_the_model_is_repeated() -> None:
    answer = ask(body(None, refusal="I cannot help with this image."), "qwen3-vl")
    assert "I cannot help with this image." in str(answer.error)
