"""OpenAI-compatible servers: what is sent and what is read, a real server process, and ``transformers serve``."""

from __future__ import annotations

import base64
import io
import json
import math
import threading
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from geogrounding.models.base import Model
from geogrounding.models.image_size import smart_resize
from geogrounding.models.openai.images import ImageSender
from geogrounding.models.openai.model import OpenAIServer
from geogrounding.models.prompts import build_prompt
from geogrounding.types import Question
from tests.integration.chat_server import ServerProcess, ServeTransformers
from tests.integration.openai_script import SHIP, URL, Script, chip, completion, refused

# --- what is sent ---


def test_request_holds_image_prompt_and_settings() -> None:
    script = Script(completion())
    server = script.server(temperature=0.3, max_tokens=77)
    assert isinstance(server, Model)
    (answers,) = server.ground([chip()], [SHIP])
    (body,) = script.bodies
    assert script.requests[0].url == URL + "/chat/completions"
    assert {key: body[key] for key in ("model", "temperature", "max_tokens", "logprobs", "stream")} == {
        "model": "Qwen2.5-VL",
        "temperature": 0.3,
        "max_tokens": 77,
        "logprobs": True,
        "stream": False,
    }
    image, text = body["messages"][0]["content"]
    assert text == {"type": "text", "text": build_prompt(SHIP, "geo-r1")}
    data = image["image_url"]["url"].removeprefix("data:image/png;base64,")
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))), chip())
    assert answers[0].detections[0].box_chip_px == (28, 14, 56, 42)
    assert answers[0].reasoning == "One."
    assert answers[0].detections[0].score is None


def test_image_is_sent_at_a_size_the_processor_keeps_and_boxes_are_scaled_back() -> None:
    script = Script(completion("[[518, 252, 1036, 504]]"))
    server = script.server()
    ((answer,),) = server.ground([chip(1024, 512)], [SHIP])
    url = script.bodies[0]["messages"][0]["content"][0]["image_url"]["url"]
    sent = Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).size
    assert sent == (1036, 504) == smart_resize(1024, 512) == smart_resize(*sent)
    assert answer.detections[0].box_chip_px == pytest.approx((512, 256, 1024, 512))


def test_per_mille_images_go_as_they_are() -> None:
    script = Script(completion("[[500, 0, 1000, 500]]"))
    server = script.server(model="Qwen3-VL-8B", jpeg_quality=90)
    assert server.conventions.coordinates == "per-mille"
    ((answer,),) = server.ground([chip(300, 200)], [SHIP])
    url = script.bodies[0]["messages"][0]["content"][0]["image_url"]["url"]
    assert url.startswith("data:image/jpeg;base64,")
    assert Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).size == (300, 200)
    assert answer.detections[0].box_chip_px == (150, 0, 300, 100)


def test_fixed_input_of_the_builtin_style() -> None:
    script = Script(completion("[[168, 0, 336, 336]]"))
    server = script.server(style="embedded")
    assert server.conventions.tile_size_px == 336
    ((answer,),) = server.ground([chip(100, 40)], [SHIP])
    assert script.bodies[0]["messages"][0]["content"][1]["text"] == "detect: ship"
    assert answer.detections[0].box_chip_px == (50, 0, 100, 40)


@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2000, 3), (5, 400)])
@pytest.mark.parametrize("coordinates", ["resized-pixels", "per-mille"])
def test_narrow_chips_become_sizes_that_processors_take(size: tuple[int, int], coordinates: Any) -> None:
    width, height = ImageSender(coordinates=coordinates).size_to_send(*size)
    assert min(width, height) >= 28 or coordinates == "per-mille"
    assert max(width, height) <= 200 * min(width, height)


def test_answers_stand_in_the_order_of_the_questions_whatever_comes_first() -> None:
    barrier = threading.Barrier(4, timeout=30)  # passes only when four requests are in flight together

    def reply(request: httpx.Request) -> httpx.Response:
        barrier.wait()
        body = json.loads(request.content)
        image, text = body["messages"][0]["content"]
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(image["image_url"]["url"].split(",")[1]))))
        label = f"{pixels[0, 0, 0]} {text['text']}"
        return completion(json.dumps([{"bbox_2d": [1, 2, 30, 40], "label": label}]))

    script = Script(reply)
    server = script.server(concurrency=4, style="embedded")
    images = [np.full((56, 56, 3), value, np.uint8) for value in range(6)]
    questions = [SHIP, Question(expression="the left pier", task="refer")]
    answers = server.ground(images, questions)
    labels = [[answer.detections[0].label for answer in row] for row in answers]
    assert labels == [[f"{value} detect: ship", f"{value} refer: the left pier"] for value in range(6)]


def test_empty_image_fails_alone() -> None:
    script = Script(completion())
    answers = script.server().ground([chip()[:0], chip()], [SHIP])
    assert answers[0][0].error == "an empty image"
    assert answers[1][0].detections


def test_nothing_to_ask() -> None:
    script = Script(refused)
    assert script.server().ground([], [SHIP]) == []
    assert script.server().ground([chip()], []) == [[]]
    assert not script.requests


# --- scores ---


def logprobs_of(text: str, number_logprob: float, *, as_bytes: bool) -> dict[str, Any]:
    entries = []
    for character in text:
        logprob = number_logprob if character.isdigit() else 0.0
        entries.append(
            {"token": character, "logprob": logprob, "bytes": list(character.encode()) if as_bytes else None}
        )
    return {"content": entries}


@pytest.mark.parametrize("as_bytes", [True, False])
def test_scores_come_from_token_probabilities(as_bytes: bool) -> None:
    text = "<think>Gr\u00f6\u00dfe \u98de</think><answer>[[10, 20, 30, 40]]</answer>"
    script = Script(completion(text, logprobs=logprobs_of(text, math.log(0.25), as_bytes=as_bytes)))
    ((answer,),) = script.server().ground([chip()], [SHIP])
    assert answer.detections[0].score == pytest.approx(0.25)


def test_scores_when_the_server_takes_the_reasoning_apart() -> None:
    text = "[[10, 20, 30, 40]]"
    logprobs = logprobs_of("I see 7 ships.</think>\n\n" + text, math.log(0.5), as_bytes=True)
    script = Script(completion(text, logprobs=logprobs, message={"reasoning_content": "I see 7 ships."}))
    ((answer,),) = script.server().ground([chip()], [SHIP])
    assert answer.detections[0].score == pytest.approx(0.5)
    assert answer.reasoning == "I see 7 ships."


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        {},
        {"content": None},
        {"content": []},
        {"content": [1, 2]},
        {"content": [{"token": "[", "logprob": "high"}]},
        {"content": [{"token": "x", "logprob": -1.0, "bytes": [999, -1]}]},
        {"content": [{"logprob": int("9" * 400)}]},
        [],
        "no",
    ],
)
def test_odd_logprobs_cost_only_the_score(logprobs: Any) -> None:
    script = Script(completion(logprobs=logprobs))
    ((answer,),) = script.server().ground([chip()], [SHIP])
    assert len(answer.detections) == 1
    assert answer.detections[0].score is None


REFUSALS = [
    httpx.Response(400, json={"error": {"message": "x" * 500 + " 'logprobs' is not supported by this model"}}),
    httpx.Response(422, json={"detail": [{"loc": ["body", "logprobs"], "msg": "extra fields"}]}),
    httpx.Response(400, json={"error": "unknown field"}),  # does not say which
    httpx.Response(501, text="not implemented"),
]


@pytest.mark.parametrize("refusal", REFUSALS)
def test_refused_logprobs_are_given_up_once_and_for_all(refusal: httpx.Response) -> None:
    script = Script(lambda request: refusal if "logprobs" in json.loads(request.content) else completion())
    server = script.server()
    answers = server.ground([chip()] * 3, [SHIP])
    assert all(row[0].error is None and row[0].detections for row in answers)
    assert ["logprobs" in body for body in script.bodies] == [True, False, False, False]
    assert not script.slept


def test_bad_image_does_not_cost_the_scores_of_the_others() -> None:
    bad = httpx.Response(400, json={"error": {"message": "cannot decode the image"}})
    script = Script(bad, bad, completion())
    answers = script.server().ground([chip()] * 2, [SHIP])
    assert "cannot decode the image" in (answers[0][0].error or "")
    assert answers[1][0].detections
    assert ["logprobs" in body for body in script.bodies] == [True, False, True]


def test_other_names_for_limits_are_learned() -> None:
    def reply(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if "max_tokens" in body:
            message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
            return httpx.Response(400, json={"error": {"message": message}})
        if "temperature" in body:
            return httpx.Response(400, json={"error": {"message": "'temperature' does not support 0"}})
        return completion()

    script = Script(reply)
    answers = script.server(max_tokens=9).ground([chip()] * 2, [SHIP])
    assert all(row[0].detections for row in answers)
    assert len(script.bodies) == 4
    assert script.bodies[-1]["max_completion_tokens"] == 9
    assert script.bodies[-1]["logprobs"] is True


# --- real processes ---


def test_real_server_on_loopback() -> None:
    with ServerProcess() as process:
        server = OpenAIServer(process.url, concurrency=3, api_key="k")
        assert server.name == "colour-blobs"
        images = []
        for index in range(7):
            image = np.zeros((112, 84, 3), np.uint8)
            image[20 : 40 + index, 10:30] = 255
            images.append(image)
        answers = server.ground(images, [SHIP, Question(expression="nothing")])
        server.close()
    for index, (found, nothing) in enumerate(answers):
        assert [d.box_chip_px for d in found.detections] == [(10, 20, 30, 40 + index)]
        assert found.detections[0].score == pytest.approx(0.5)
        assert found.reasoning == "I look for white."
        assert nothing.error is None
        assert not nothing.detections


@pytest.mark.slow
def test_transformers_serve_with_a_tiny_model(tmp_path: Path) -> None:
    pytest.importorskip("fastapi", reason="transformers serve needs transformers[serving]")
    pytest.importorskip("uvicorn", reason="transformers serve needs transformers[serving]")
    pytest.importorskip("openai", reason="transformers serve needs transformers[serving]")
    with ServeTransformers(tmp_path) as process:
        server = OpenAIServer(
            process.url, model=process.model, style="embedded", input_size_px=56, max_tokens=80, timeout_s=300
        )
        answers = server.ground([chip(100, 50)] * 2, [SHIP])
        server.close()
        for row in answers:
            assert row[0].error is None
            assert row[0].raw_text == process.reply
            assert [d.box_chip_px for d in row[0].detections] == [(0, 0, 50, 25)]
        wrong = OpenAIServer(process.url, model="no-such-model", max_retries=0, timeout_s=60, concurrency=1)
        assert "no-such-model" in (wrong.ground([chip()], [SHIP])[0][0].error or "")
        wrong.close()
