"""Kind: the numbers of a reply mean what the model's family writes, by type, by server name, by keys and tags."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import httpx
import numpy as np
import pytest

from geogrounding.errors import ModelError, SettingsError
from geogrounding.models.families import (
    FAMILIES,
    UNKNOWN_LOCAL,
    UNKNOWN_SERVER,
    BoxConvention,
    Family,
    by_model_type,
    by_name,
)
from geogrounding.models.families_table import table
from geogrounding.models.image_size import smart_resize
from geogrounding.models.openai.model import OpenAIServer
from geogrounding.models.parsing.answer import parse_answer
from geogrounding.models.prompts import build_prompt, choose_form
from geogrounding.types import BoxOrder, CoordinateConvention, Question
from tests.kinds.models_support import CHIP, SHIP, ask, near, server

ROOT = Path(__file__).parents[2]
X0, Y0, X1, Y1 = 0.2, 0.2, 0.6, 0.8


def sent(width: int, height: int) -> tuple[int, int]:
    return smart_resize(width, height)


def numbers(scale_x: float, scale_y: float) -> list[float]:
    return [X0 * scale_x, Y0 * scale_y, X1 * scale_x, Y1 * scale_y]


def flipped(box: Sequence[float]) -> list[float]:
    return [box[1], box[0], box[3], box[2]]


MILLE = [round(n) for n in numbers(1000, 1000)]
PIXELS = [round(n) for n in numbers(*sent(*CHIP))]
FRACTIONS = numbers(1, 1)
MILLE_YX = flipped(MILLE)

REPLIES = {
    # pixels of the image that was sent
    "Qwen/Qwen2.5-VL-7B-Instruct-AWQ": f'[{{"bbox_2d": {PIXELS}, "label": "ship"}}]',
    "qwen2.5vl:7b": f"{PIXELS}",
    "accounts/fireworks/models/qwen2p5-vl-32b-instruct": f'{{"bbox_2d": {PIXELS}}}',
    "unsloth/Qwen2.5-VL-3B-Instruct-bnb-4bit": f"<answer>```json\n[{{'bbox_2d': {PIXELS}}}]\n```</answer>",
    "qwen_2_5_vl_72b": f'{{"bbox_2d": {PIXELS}}}',
    "XiaomiMiMo/MiMo-VL-7B-RL": f'{{"bbox_2d": {PIXELS}}}',
    "omlab/VLM-R1-Qwen2.5VL-3B-OVD-0321": f'{{"bbox_2d": {PIXELS}}}',
    # 0 to 1000, x first
    "Qwen/Qwen2-VL-7B-Instruct": f'[{{"bbox_2d": {MILLE}}}]',
    "bartowski/Qwen2-VL-2B-Instruct-GGUF": (
        "<|object_ref_start|>ship<|object_ref_end|><|box_start|>(200,200),(600,800)<|box_end|>"
    ),
    "qwen2-vl": f"{MILLE}",
    "Qwen/Qwen3-VL-30B-A3B-Instruct-FP8": f'[{{"bbox_2d": {MILLE}}}]',
    "qwen3-vl:8b": f"```json\n[{{'bbox_2d': {MILLE}}}]\n```",
    "qwen/qwen3.5-397b-a17b": f'{{"bbox_2d": {MILLE}}}',
    "OpenGVLab/InternVL3_5-8B": f"<ref>ship</ref><box>[{MILLE}]</box>",
    "internlm/Intern-S1": f"<box>[{MILLE}]</box>",
    "zai-org/GLM-4.5V": f"<|begin_of_box|>[{MILLE}]<|end_of_box|>",
    "zai-org/GLM-5V-Turbo": f'[{{"box_2d": {MILLE}, "label": "ship"}}]',
    "z-ai/glm-4.6v:free": f"<|begin_of_box|>[{{'bbox_2d': {MILLE}}}]<|end_of_box|>",
    "openbmb/MiniCPM-V-4_5": "<ref>ship</ref><box>200 200 600 800</box>",
    "minicpm-v:8b": "<box>200 200 600 800</box>",
    "openbmb/MiniCPM-o-2_6-int4": f'{{"bbox": {MILLE}}}',
    "doubao-1-5-thinking-vision-pro-250428": "<bbox>200 200 600 800</bbox>",
    "ByteDance-Seed/Seed1.6-VL": "<bbox>200 200 600 800</bbox>",
    # 0 to 999
    "deepseek-ai/deepseek-vl2-small": "<|ref|>ship<|/ref|><|det|>[[200, 200, 599, 799]]<|/det|>",
    "deepseek-ai/DeepSeek-OCR": "<|ref|>ship<|/ref|><|det|>[[200, 200, 599, 799]]<|/det|>",
    "THUDM/cogvlm-grounding-generalist-hf": "[[200,200,599,799]]",
    # 0 to 1000, y first
    "gemini-2.5-pro": f'[{{"box_2d": {MILLE_YX}, "label": "ship"}}]',
    "google/gemini-2.5-flash": f'```json\n[{{"box_2d": {MILLE_YX}}}]\n```',
    "models/gemini-3-flash-preview": f"[{MILLE_YX}]",
    "vertex_ai/gemini-robotics-er-1.5": f'{{"box_2d": {MILLE_YX}}}',
    "google/gemma-4-31B-it": f'[{{"box_2d": {MILLE_YX}}}]',
    "gemma3:12b": f'[{{"box_2d": {MILLE_YX}}}]',
    "unsloth/gemma-3-27b-it-bnb-4bit": f"{MILLE_YX}",
    # fractions
    "moonshotai/Kimi-VL-A3B-Instruct": f'[{{"bbox_2d": {FRACTIONS}}}]',
    "moonshotai/kimi-k2.5": f'{{"bbox": {FRACTIONS}}}',
    "llava:13b": f"{FRACTIONS}",
    "llava-hf/llava-1.5-7b-hf": f"The ship is at {FRACTIONS}.",
    "vikhyatk/moondream2": '{"x_min": 0.2, "y_min": 0.2, "x_max": 0.6, "y_max": 0.8}',
    "AIDC-AI/Ovis2-8B": f"{FRACTIONS}",
    "LiquidAI/LFM2-VL-1.6B": f'[{{"bbox": {FRACTIONS}}}]',
    # location tokens
    "google/paligemma2-3b-mix-448": "<loc0205><loc0205><loc0819><loc0614> ship",
    "microsoft/Florence-2-large": "ship<loc_200><loc_200><loc_599><loc_799>",
    "microsoft/kosmos-2-patch14-224": (
        "<grounding><phrase>ship</phrase><object><patch_index_0198><patch_index_0818></object>"
    ),
}


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_in_the_form_of_its_family_is_placed_by_server_name(name: str) -> None:
    answer = ask(REPLIES[name], name)
    assert answer.error is None
    assert not answer.dropped
    [found] = answer.detections
    cell = 1000 / 32 if "kosmos" in name else 3.0
    assert near(found.box_chip_px, SHIP, cell), found.box_chip_px


@pytest.mark.parametrize(
    "family", [family for family in FAMILIES if family.model_types], ids=lambda family: family.name
)
def test_the_local_type_and_the_server_name_of_a_family_agree(family: Family) -> None:
    for model_type in family.model_types:
        assert by_model_type(model_type) is family
        if not model_type.startswith(("qwen3_5", "minicpmv4_", "glm46v", "gemma4_unified")):
            assert by_name(f"owner/{model_type}-7b") is family


@pytest.mark.parametrize(
    "name",
    ["mistral-small-3.2", "gpt-5.1", "claude-opus-4", "llama-4-scout", "qwen-vl-max", "pixtral-12b", "phi-4-multimodal",
     "HuggingFaceTB/SmolVLM2-2.2B", "blob-finder", "", "qwen2.5-7b-instruct", "gemma2:9b"],
)  # fmt: skip
def test_names_that_do_not_say_a_family(name: str) -> None:
    assert by_name(name) is None


def test_an_unknown_model_is_assumed_with_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "geogrounding"):
        server("[]", "blob-finder")
    [record] = caplog.records
    for part in ("blob-finder", "pixels of the resized image", "xyxy", "--coordinates", "--box-order"):
        assert part in record.getMessage()


@pytest.mark.parametrize(("name", "options"), [("qwen3-vl", {}), ("blob-finder", {"coordinates": "per-mille"})])
def test_nothing_is_said_where_nothing_is_assumed(
    name: str, options: dict[str, CoordinateConvention], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "geogrounding"):
        server("[]", name, **options)
    assert not caplog.records


def test_a_server_name_cannot_write_to_the_terminal(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "geogrounding"):
        server("[]", "blob\x1b[2J\nfinder")
    assert "\x1b" not in caplog.text
    assert "\nfinder" not in caplog.text


# --- options ---


def written(coordinates: CoordinateConvention, order: BoxOrder, resized: tuple[int, int]) -> list[float]:
    """The ship in a convention; an oracle apart from the product's."""
    sides = {
        "resized-pixels": resized,
        "original-pixels": CHIP,
        "per-mille": (1000, 1000),
        "per-1024": (1024, 1024),
        "fractions": (1, 1),
        "percent": (100, 100),
    }[coordinates]
    x0, y0, x1, y1 = numbers(*sides)
    return {
        "xyxy": [x0, y0, x1, y1],
        "yxyx": [y0, x0, y1, x1],
        "xywh": [x0, y0, x1 - x0, y1 - y0],
        "cxcywh": [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0],
    }[order]


@pytest.mark.parametrize("order", get_args(BoxOrder))
@pytest.mark.parametrize("coordinates", get_args(CoordinateConvention))
@pytest.mark.parametrize("name", ["blob-finder", "gemini-2.5-pro", "qwen2.5-vl"])
def test_options_decide_over_the_family(name: str, coordinates: CoordinateConvention, order: BoxOrder) -> None:
    model = server("x", name, coordinates=coordinates, box_order=order)
    size = model._sender.size_to_send(*CHIP)
    given = CHIP if coordinates == "original-pixels" else size
    for key in ("bbox_2d", "box_2d", "bbox"):
        reply = f'[{{"{key}": {written(coordinates, order, given)}}}]'
        answer = ask(reply, name, coordinates=coordinates, box_order=order)
        assert not answer.dropped
        assert near(answer.detections[0].box_chip_px, SHIP, 1e-6)


@pytest.mark.parametrize("order", get_args(BoxOrder))
@pytest.mark.parametrize("coordinates", get_args(CoordinateConvention))
def test_the_prompt_asks_for_the_convention(coordinates: CoordinateConvention, order: BoxOrder) -> None:
    convention = BoxConvention(coordinates=coordinates, order=order)
    prompt = build_prompt(Question(expression="ship"), "qwen3", convention)
    words = {
        "resized-pixels": "are pixels",
        "original-pixels": "are pixels",
        "per-mille": "0 to 1000",
        "per-1024": "0 to 1024",
        "fractions": "0 to 1 over",
        "percent": "0 to 100 over",
    }[coordinates]
    assert words in prompt
    assert {"xyxy": "[x1, y1", "yxyx": "[ymin, xmin", "xywh": "width, height", "cxcywh": "x_centre"}[order] in prompt


def test_keys_that_name_their_order_win_over_the_family() -> None:
    box = "[200, 200, 400, 600]"
    for key in ("bbox_xywh", "xywh", "box_xywh", "bboxXYWH"):
        assert near(ask(f'{{"{key}": {box}}}', "gemini-2.5-pro").detections[0].box_chip_px, SHIP, 1e-6)
    assert near(ask(f'{{"bbox_xyxy": {MILLE}}}', "gemini-2.5-pro").detections[0].box_chip_px, SHIP, 1e-6)
    assert near(ask(f'{{"bbox_2d": {MILLE}}}', "gemini-2.5-pro").detections[0].box_chip_px, SHIP, 1e-6)
    named = '{"x1": 200, "y1": 200, "x2": 600, "y2": 800}'
    assert near(ask(named, "gemini-2.5-pro").detections[0].box_chip_px, SHIP, 1e-6)


def test_key_points_follow_the_order_of_the_family() -> None:
    reply = f'{{"box_2d": {MILLE_YX}, "point_2d": [400, 300]}}'
    assert ask(reply, "gemma-4").detections[0].keypoints_chip_px == ((300.0, 200.0),)
    reply = f'{{"bbox_2d": {MILLE}, "point_2d": [300, 400]}}'
    assert ask(reply, "qwen3-vl").detections[0].keypoints_chip_px == ((300.0, 200.0),)


# --- replies that cannot be right ---


def test_box_2d_of_an_unknown_model_is_not_placed() -> None:
    answer = ask(f'[{{"box_2d": {MILLE_YX}}}]', "blob-finder", size=(1000, 1000))
    assert not answer.detections
    assert "--box-order" in str(answer.error)
    given = ask(f'[{{"box_2d": {MILLE_YX}}}]', "blob-finder", box_order="yxyx", coordinates="per-mille")
    assert near(given.detections[0].box_chip_px, SHIP, 1e-6)


@pytest.mark.parametrize("name", ["blob-finder", "some/vlm-7b"])
@pytest.mark.parametrize("size", [(600, 600), (512, 300), (100, 60)])
def test_numbers_beyond_the_image_of_an_unknown_model_refuse_the_whole_reply(name: str, size: tuple[int, int]) -> None:
    answer = ask('[{"bbox_2d": [10, 10, 50, 50]}, {"bbox_2d": [200, 200, 900, 900]}]', name, size=size)
    assert not answer.detections
    assert "--coordinates" in str(answer.error)
    assert "900" in str(answer.error)


@pytest.mark.parametrize(("name", "reply"), [
    ("qwen3-vl", "[[200, 200, 1800, 1500]]"),
    ("gemini-2.5-pro", '{"box_2d": [200, 200, 1800, 1500]}'),
    ("moonshotai/kimi-vl", "[[200, 200, 600, 800]]"),
    ("qwen2.5-vl", "[[200, 200, 1500, 900]]"),
])  # fmt: skip
def test_numbers_beyond_the_range_of_a_known_family_name_the_option(name: str, reply: str) -> None:
    answer = ask(reply, name)
    assert not answer.detections
    assert "--coordinates" in str(answer.error)


@pytest.mark.parametrize("name", ["qwen3-vl", "qwen2.5-vl", "blob-finder", "gemini-3-flash"])
def test_fractions_where_others_were_due_name_the_option(name: str) -> None:
    answer = ask(f'[{{"bbox_2d": {FRACTIONS}}}]', name)
    assert not answer.detections
    assert "--coordinates fractions" in str(answer.error)


def test_a_corner_a_little_beyond_is_cut_and_a_long_one_counted() -> None:
    assert not ask("[[200, 200, 1005, 800]]", "qwen3-vl").dropped
    answer = ask("[[200, 200, 1050, 800]]", "qwen3-vl")
    assert answer.detections[0].box_chip_px[2] == CHIP[0]
    assert "--coordinates" in answer.dropped[0].reason


def test_nothing_beyond_1000_on_a_large_image_is_counted() -> None:
    boxes = [[i * 100, i * 90, i * 100 + 50, i * 90 + 50] for i in range(9)]
    large = {"size": (2000, 2000), "max_pixels": 4_000_000}
    answer = ask(f"{boxes}", "blob-finder", **large)  # type: ignore[arg-type]
    assert any("per-mille" in drop.reason for drop in answer.dropped)
    assert not ask(f"{boxes}", "qwen2.5-vl", **large).dropped  # type: ignore[arg-type]


@pytest.mark.parametrize("tag", ["box", "bbox", "|det|", "|begin_of_box|", "|box_start|"])
def test_a_tag_decides_the_range_where_nothing_else_is_known(tag: str) -> None:
    closing = {"|begin_of_box|": "|end_of_box|", "|box_start|": "|box_end|", "|det|": "|/det|"}.get(tag, f"/{tag}")
    [found] = ask(f"<{tag}>[[200, 200, 600, 800]]<{closing}>", "blob-finder", size=(700, 700)).detections
    assert near(found.box_chip_px, (140, 140, 420, 560), 1.0)


# --- families that cannot be used ---


@pytest.mark.parametrize("name", ["allenai/Molmo-7B-D-0924", "allenai/Molmo2-8B", "adept/fuyu-8b"])
def test_families_without_boxes_are_refused_before_the_first_chip(name: str) -> None:
    with pytest.raises(ModelError, match="cannot be used") as caught:
        server("[]", name)
    assert "docs/models.md" in caught.value.hint


def test_oblong_chips_are_sent_as_squares_where_processors_cut_their_ends_off() -> None:
    for size in ((1000, 300), (120, 400)):
        side = max(size)
        assert server("[]", "llava:13b")._sender.size_to_send(*size) == (side, side)
        assert server("[]", "qwen3-vl")._sender.size_to_send(*size) == size


# --- the table ---


def test_docs_hold_the_table() -> None:
    assert table() in (ROOT / "docs" / "models.md").read_text(encoding="utf-8")


def test_every_family_has_what_the_table_needs() -> None:
    for family in FAMILIES:
        re.compile(family.pattern)
        assert family.form
        assert family.source
        assert choose_form(family, UNKNOWN_SERVER).convention == family.convention
        assert choose_form(family, UNKNOWN_LOCAL).convention == family.convention
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


def cells_to_box(first: int, second: int) -> tuple[float, float, float, float]:
    """``patch_index_to_coordinate`` of transformers' processing_kosmos2.py for 32 cells, in fractions."""
    (row0, column0), (row1, column1) = divmod(first, 32), divmod(second, 32)
    if row0 == row1 or column0 == column1:
        return column0 / 32, row0 / 32, column1 / 32 + 1 / 32, row1 / 32 + 1 / 32
    return column0 / 32 + 1 / 64, row0 / 32 + 1 / 64, column1 / 32 + 1 / 64, row1 / 32 + 1 / 64


def test_patches_are_read_from_centre_to_centre() -> None:
    generator = np.random.default_rng(3)
    for _ in range(200):
        first, second = sorted(int(i) for i in generator.integers(0, 1024, 2))
        x0, y0, x1, y1 = cells_to_box(first, second)
        reply = f"<object><patch_index_{first:04d}><patch_index_{second:04d}></object>"
        answer = parse_answer(
            reply, image_size_px=(640, 320), coordinates="per-mille", task="detect", default_label="x"
        )
        expected = (min(x0, x1) * 640, y0 * 320, max(x0, x1) * 640, y1 * 320)
        assert near(answer.detections[0].box_chip_px, expected, 1e-9)


@pytest.mark.parametrize(("listed", "words"), [([], "transformers serve FOLDER"), (["a", "b"], "it has: a, b")])
def test_a_server_whose_model_is_not_named_says_how_to_name_it(listed: list[str], words: str) -> None:
    body = {"object": "list", "data": [{"id": name, "object": "model"} for name in listed]}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
    with pytest.raises(SettingsError, match=f"lists {len(listed)} models") as caught:
        OpenAIServer("http://server.test/v1", transport=transport)
    assert words in caught.value.hint
    assert "--model" in caught.value.hint
