"""Replies that were cut or hold no answer: the chip is reported with the option that helps, and whole boxes stay."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from geogrounding.errors import IncompleteError, ModelError
from geogrounding.models.parsing.answer import MAX_BOXES
from geogrounding.pipeline import ground
from geogrounding.types import Answer, Question
from tests.blobs import BlobModel, write_scene
from tests.kinds.doors import command, go, polygons
from tests.kinds.models_support import ask, body, chip

CUT: dict[str, str] = {
    "in a number": '[{"bbox_2d": [200, 200, 600, 800], "label": "ship"}, {"bbox_2d": [10, 2',
    "after a key": '[{"bbox_2d": [200, 200, 600, 800], "label": "ship"}, {"bbox_2d"',
    "between boxes": '```json\n[{"bbox_2d": [200, 200, 600, 800], "label": "ship"}, ',
    "in a label": '[{"bbox_2d": [200, 200, 600, 800], "label": "shi',
    "tags": "<|ref|>ship<|/ref|><|det|>[[200, 200, 600, 800], [10, 20",
    "pairs": "<|box_start|>(200,200),(600,800)<|box_end|><|box_start|>(10,2",
    "box tags": "<box>200 200 600 800</box><box>10 2",
    "named": '[{"x1": 200, "y1": 200, "x2": 600, "y2": 800}, {"x1": 10,',
    "lists": "[[200, 200, 600, 800], [10, 20, 3",
    "thought": "<think>Two ships.</think><answer>[[200, 200, 600, 800], [10",
    "full width": '[{"bbox_2d"\uff1a[200\uff0c200\uff0c600\uff0c800]}\uff0c{"bbox_2d"\uff1a[10\uff0c',
    "prose": "One ship is at [200, 200, 600, 800]. Another one is at [10,",
}


@pytest.mark.parametrize("form", CUT)
@pytest.mark.parametrize("finish", ["length", "max_tokens", "MAX_TOKENS"])
def test_a_cut_reply_fails_its_chip_and_keeps_its_boxes(form: str, finish: str) -> None:
    answer = ask(body(CUT[form], finish=finish), "qwen3-vl")
    assert len(answer.detections) == 1
    assert "cut at the token limit (2048) after 1 box" in str(answer.error)
    assert "raise --max-new-tokens and add --resume" in str(answer.error)
    assert ask(body(CUT[form], finish=finish), "qwen3-vl", task="refer").error is None, "one box was asked for"


@pytest.mark.parametrize(
    "form", ["in a number", "tags", "pairs", "box tags", "lists", "thought", "full width", "prose"]
)  # fmt: skip
def test_a_reply_that_ends_inside_a_box_is_not_whole_whatever_the_server_says(form: str) -> None:
    answer = ask(CUT[form], "qwen3-vl")
    assert len(answer.detections) == 1
    assert "ends inside a box" in str(answer.error)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<think>I look at the water first, and then", "inside its reasoning"),
        ("[{\"bbox_2d\": [200, 2", "inside its first box"),
        ("", "empty"),
        (" \n", "empty"),
    ],
)  # fmt: skip
def test_no_answer_is_not_nothing_found(text: str, said: str) -> None:
    answer = ask(text, "qwen3-vl")
    assert not answer.detections
    assert said in str(answer.error)


@pytest.mark.parametrize(
    "text",
    [
        "| # | x1 | y1 | x2 | y2 |\n|---|---|---|---|---|\n| 1 | 200 | 200 | 600 | 800 |",
        "ship,200,200,600,800\nship,10,20,30,40",
        "x_min=200, y_min=200, x_max=600, y_max=800",
        "<bndbox><xmin>200</xmin><ymin>200</ymin><xmax>600</xmax><ymax>800</ymax></bndbox>",
        '{"result": "{\\"bbox_2d\\": [200, 200, 600, 800]}"}',
        '[{"bbox_2d": [200, 200, 600, 800, 0.9]}]',
        "The ship spans 200 to 600 across and 200 to 800 down.",
    ],
)  # fmt: skip
def test_numbers_in_an_unknown_form_are_not_nothing_found(text: str) -> None:
    answer = ask(text, "qwen3-vl")
    assert not answer.detections
    assert "a form that is not read" in str(answer.error)


@pytest.mark.parametrize(
    "text",
    ["没有找到船", "Нет кораблей.", "画像に船はありません。", "Keine Schiffe.", "In all 4 corners there is only sea."],
)  # fmt: skip
def test_words_without_numbers_are_an_answer(text: str) -> None:
    assert ask(text, "qwen3-vl").error is None


@pytest.mark.parametrize("text", ["[]", "```json\n[]\n```", "None", "There is no ship in this image.", "{}", "没有"])
def test_nothing_found_is_an_answer(text: str) -> None:
    assert ask(text, "qwen3-vl").error is None


def test_a_limit_of_the_server_is_named() -> None:
    cut = body(CUT["lists"], finish="length") | {"usage": {"completion_tokens": 512, "prompt_tokens": 3584}}
    answer = ask(cut, "qwen3-vl")
    assert "by the server after 512 of the 2048 tokens" in str(answer.error)
    assert "longer context" in str(answer.error)
    used_up = body(CUT["lists"], finish="length") | {"usage": {"completion_tokens": 2048}}
    assert "--max-new-tokens" in str(ask(used_up, "qwen3-vl").error)
    empty = body("", finish="length") | {"usage": {"completion_tokens": 7}}
    assert "by the server after 7" in str(ask(empty, "qwen3-vl").error)


def test_a_model_that_repeats_itself_is_not_asked_for_more() -> None:
    text = "[" + '{"bbox_2d": [200, 200, 600, 800], "label": "ship"}, ' * 30
    answer = ask(body(text, finish="length"), "qwen3-vl")
    assert len(answer.detections) == 1
    assert "repeats itself" in str(answer.error)


def test_what_the_product_does_not_read_is_named() -> None:
    boxes = [[x, y, x + 5, y + 5] for x in range(0, 900, 30) for y in range(0, 900, 30)]
    assert len(boxes) > MAX_BOXES
    many = ask(json.dumps(boxes[: MAX_BOXES + 1]), "qwen3-vl")
    assert len(many.detections) == MAX_BOXES
    assert "--tile-size" in str(many.error)
    long = ask(json.dumps([{"bbox_2d": b, "label": "a long label " * 20} for b in boxes]), "qwen3-vl")
    assert long.detections
    assert "64 KB" in str(long.error)


@pytest.mark.parametrize("end", ["", 'data: {"choices": [{"del'])
def test_a_stream_that_breaks_off_is_tried_again(end: str) -> None:
    chunk = {"choices": [{"index": 0, "delta": {"content": "[[200, 200, 600, 800], "}, "finish_reason": None}]}
    reply = httpx.Response(200, text=f"data: {json.dumps(chunk)}\n\n{end}")
    with pytest.raises(ModelError, match=r"ended before the reply did \(tried 6 times\)"):
        ask(reply, "qwen3-vl")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (httpx.Response(200, text="<!DOCTYPE html><html>Sign in</html>"), "begins '<!DOCTYPE html>"),
        (httpx.Response(200, text="upstream connect error"), "upstream connect error"),
        (httpx.Response(200, text=""), "reply is empty"),
        (httpx.Response(204), "reply is empty"),
        (httpx.Response(413, text="Request Entity Too Large"), "smaller --tile-size"),
        ({"message": {"role": "assistant", "content": "[[1, 2, 3, 4]]"}, "done": True}, "not a chat completion"),
        (body("[[200, 200, 600, 800], ", finish="error"), "broke the reply off (finish_reason error)"),
        (body("[[200, 200, 600, 800]]", finish="abort"), "broke the reply off (finish_reason abort)"),
        ({"error": {"message": "context length exceeded", "code": 400}}, "context length exceeded"),
    ],
)
def test_the_server_s_own_words_are_repeated(reply: Any, said: str) -> None:
    answer = ask(reply, "qwen3-vl")
    assert not answer.detections
    assert said in str(answer.error)


@pytest.mark.parametrize(
    "reply",
    [
        {
            "error": {
                "message": "The model `x` does not exist",
                "type": "invalid_request_error",
                "code": "model_not_found",
            }
        },
        {"error": "model 'x' not found, try pulling it first"},
        {"detail": "Not Found"},
    ],
)
def test_a_model_that_is_not_there_ends_the_run_at_once(reply: Any) -> None:
    with pytest.raises(ModelError, match="is not there or has no such model") as caught:
        ask(reply, "qwen3-vl")
    assert "--model" in str(caught.value.hint)


@pytest.mark.parametrize(("limit", "complete"), [(3, False), (4, False), (20, True)])
def test_local_models_report_a_cut_reply_as_servers_do(tmp_path: Path, limit: int, complete: bool) -> None:
    from geogrounding.models.load import load_model
    from tests.integration.tiny_models import save_tiny

    say = ["[[", "20, 2", "0, 60, 80", "], [1", "0, 5", "0, 90, 95", "]]"]
    folder = save_tiny(tmp_path / "model", "qwen2_5_vl", say=say)
    model = load_model(str(folder), device="cpu", dtype="float32", max_new_tokens=limit, coordinates="percent")
    [[answer]] = model.ground([chip((112, 112))], [Question(expression="ship")])
    if complete:
        assert answer.error is None
        assert len(answer.detections) == 2
    elif limit == 4:
        assert len(answer.detections) == 1
        assert "cut at the token limit (4) after 1 box" in str(answer.error)
    else:
        assert not answer.detections
        assert "before it held a whole box; raise --max-new-tokens" in str(answer.error)


class Cut(BlobModel):
    """Finds blobs; about chips with several the reply is cut after the first."""

    whole = False

    def answer(self, image: Any, question: Question) -> Answer:
        found = super().answer(image, question)
        if len(found.detections) < 2 or self.whole:
            return found
        return replace(found, detections=found.detections[:1], error="the reply was cut")


BLOBS = ((10, 10, 20, 20), (30, 30, 40, 40), (180, 50, 200, 70))


def test_results_of_cut_replies_are_kept_and_named(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "scene.tif", BLOBS)
    report = go(scene, tmp_path / "out.gpkg", model=Cut())
    assert not report.complete
    assert [reason for _, reason in report.failed_chips] == ["the reply was cut"] * len(report.failed_chips)
    assert len(polygons(tmp_path / "out.gpkg")) == 2
    side_car = json.loads((tmp_path / "out.gpkg.run.json").read_text())
    assert side_car["result"]["failed_chips"][0]["reason"] == "the reply was cut"
    with pytest.raises(IncompleteError, match="cut"):
        ground(str(scene), "bright", model=Cut())
    assert len(ground(str(scene), "bright", model=Cut(), allow_failed=True)) == 2


@contextmanager
def cutting_server() -> Iterator[tuple[str, list[int]]]:
    """A real server whose replies end after ``max_tokens`` characters; it finds the blobs of an image."""
    asked: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(request["max_tokens"])
            url = request["messages"][0]["content"][0]["image_url"]["url"]
            pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB"))
            answer = BlobModel().answer(pixels, Question(expression="bright"))
            side = np.array([pixels.shape[1], pixels.shape[0]] * 2) / 1000
            boxes = [[round(v) for v in np.array(d.box_chip_px) / side] for d in answer.detections]
            text = json.dumps([{"bbox_2d": box} for box in boxes])
            limit = request["max_tokens"]
            content = json.dumps(body(text[:limit], finish="length" if len(text) > limit else "stop")).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1", asked
        finally:
            server.shutdown()
            thread.join()


def test_a_cut_reply_ends_with_6_and_resume_with_more_tokens_asks_only_about_its_chip(tmp_path: Path) -> None:
    scene, output = write_scene(tmp_path / "scene.tif", BLOBS), tmp_path / "out.gpkg"
    with cutting_server() as (url, asked):
        arguments = ["run", scene, "bright", "-o", output, "--base-url", url, "--model", "qwen3-vl", "--tile-size", 128]
        cut = command(*arguments, "--max-new-tokens", 40)
        assert cut.exit_code == 6, cut.stderr
        assert "cut at the token limit (40) after 1 box" in cut.stderr
        assert "--max-new-tokens" in cut.stderr
        assert len(polygons(output)) == 2
        chips = len(asked)
        again = command(*arguments, "--max-new-tokens", 400, "--resume")
        assert again.exit_code == 0, again.stderr
        assert len(polygons(output)) == len(BLOBS)
        assert 0 < len(asked) - chips < chips
        assert set(asked[chips:]) == {400}
        assert command(*arguments, "--max-new-tokens", 40, "--overwrite", "--allow-failed").exit_code == 0
