"""OpenAI-compatible servers: a scripted transport, a real server process, and ``transformers serve``."""

from __future__ import annotations

import base64
import io
import json
import math
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from geogrounding.errors import ModelError, SettingsError
from geogrounding.models.base import Model
from geogrounding.models.image_size import smart_resize
from geogrounding.models.openai.client import check_base_url
from geogrounding.models.openai.images import ImageSender
from geogrounding.models.openai.model import OpenAIServer
from geogrounding.models.prompts import build_prompt
from geogrounding.types import Question
from tests.integration.chat_server import ServerProcess, ServeTransformers

URL = "http://server.test/v1"
SECRET = "sk-very-secret-0123456789"
SHIP = Question(expression="ship")
BOX_TEXT = '<think>One.</think><answer>[{"bbox_2d": [28, 14, 56, 42], "label": "ship"}]</answer>'
Handler = Callable[[httpx.Request], httpx.Response]


def picture(width: int = 56, height: int = 56) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(1).integers(0, 255, (height, width, 3), dtype=np.uint8)


def completion(text: str | None = BOX_TEXT, **choice: Any) -> httpx.Response:
    message = {"role": "assistant", "content": text, **choice.pop("message", {})}
    return httpx.Response(200, json={"choices": [{"index": 0, "message": message, "finish_reason": "stop", **choice}]})


class Script:
    """A transport that answers from a list, keeps what it was asked, and stands in for clock and sleep."""

    def __init__(self, *replies: Handler | httpx.Response | Exception) -> None:
        self.replies = list(replies)
        self.requests: list[httpx.Request] = []
        self.slept: list[float] = []
        self.lock = threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self.lock:
            self.requests.append(request)
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, httpx.Response):
            return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)
        return reply(request)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests if request.method == "POST"]

    def server(self, **settings: Any) -> OpenAIServer:
        settings.setdefault("model", "Qwen2.5-VL")
        settings.setdefault("concurrency", 1)
        return OpenAIServer(
            settings.pop("base_url", URL),
            transport=httpx.MockTransport(self),
            sleep=self.slept.append,
            jitter=lambda: 0.0,
            **settings,
        )


def refused(*_: object) -> httpx.Response:
    raise httpx.ConnectError("[Errno 111] Connection refused")


# --- what is sent ---


def test_request_holds_picture_prompt_and_settings() -> None:
    script = Script(completion())
    server = script.server(temperature=0.3, max_tokens=77)
    assert isinstance(server, Model)
    (answers,) = server.ground([picture()], [SHIP])
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
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))), picture())
    assert answers[0].detections[0].box_chip_px == (28, 14, 56, 42)
    assert answers[0].reasoning == "One."
    assert answers[0].detections[0].score is None


def test_picture_is_sent_at_a_size_the_processor_keeps_and_boxes_are_scaled_back() -> None:
    script = Script(completion("[[518, 252, 1036, 504]]"))
    server = script.server()
    ((answer,),) = server.ground([picture(1024, 512)], [SHIP])
    url = script.bodies[0]["messages"][0]["content"][0]["image_url"]["url"]
    sent = Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).size
    assert sent == (1036, 504) == smart_resize(1024, 512) == smart_resize(*sent)
    assert answer.detections[0].box_chip_px == pytest.approx((512, 256, 1024, 512))


def test_per_mille_pictures_go_as_they_are() -> None:
    script = Script(completion("[[500, 0, 1000, 500]]"))
    server = script.server(model="Qwen3-VL-8B", jpeg_quality=90)
    assert server.conventions.coordinates == "per-mille"
    ((answer,),) = server.ground([picture(300, 200)], [SHIP])
    url = script.bodies[0]["messages"][0]["content"][0]["image_url"]["url"]
    assert url.startswith("data:image/jpeg;base64,")
    assert Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).size == (300, 200)
    assert answer.detections[0].box_chip_px == (150, 0, 300, 100)


def test_fixed_input_of_the_embedded_model() -> None:
    script = Script(completion("[[168, 0, 336, 336]]"))
    server = script.server(style="embedded")
    assert server.conventions.tile_size_px == 336
    ((answer,),) = server.ground([picture(100, 40)], [SHIP])
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


def test_empty_picture_fails_alone() -> None:
    script = Script(completion())
    answers = script.server().ground([picture()[:0], picture()], [SHIP])
    assert answers[0][0].error == "an empty image"
    assert answers[1][0].detections


def test_nothing_to_ask() -> None:
    script = Script(refused)
    assert script.server().ground([], [SHIP]) == []
    assert script.server().ground([picture()], []) == [[]]
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
    ((answer,),) = script.server().ground([picture()], [SHIP])
    assert answer.detections[0].score == pytest.approx(0.25)


def test_scores_when_the_server_takes_the_reasoning_apart() -> None:
    text = "[[10, 20, 30, 40]]"
    logprobs = logprobs_of("I see 7 ships.</think>\n\n" + text, math.log(0.5), as_bytes=True)
    script = Script(completion(text, logprobs=logprobs, message={"reasoning_content": "I see 7 ships."}))
    ((answer,),) = script.server().ground([picture()], [SHIP])
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
    ((answer,),) = script.server().ground([picture()], [SHIP])
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
    answers = server.ground([picture()] * 3, [SHIP])
    assert all(row[0].error is None and row[0].detections for row in answers)
    assert ["logprobs" in body for body in script.bodies] == [True, False, False, False]
    assert not script.slept


def test_bad_picture_does_not_cost_the_scores_of_the_others() -> None:
    bad = httpx.Response(400, json={"error": {"message": "cannot decode the image"}})
    script = Script(bad, bad, completion())
    answers = script.server().ground([picture()] * 2, [SHIP])
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
    answers = script.server(max_tokens=9).ground([picture()] * 2, [SHIP])
    assert all(row[0].detections for row in answers)
    assert len(script.bodies) == 4
    assert script.bodies[-1]["max_completion_tokens"] == 9
    assert script.bodies[-1]["logprobs"] is True


# --- retries ---


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 529])
def test_overload_is_tried_again_with_growing_pauses(status: int) -> None:
    busy = httpx.Response(status, json={"error": {"message": "busy"}})
    script = Script(busy, busy, busy, completion())
    ((answer,),) = script.server().ground([picture()], [SHIP])
    assert answer.detections
    assert script.slept == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadError("reset by peer"),
        httpx.WriteError("broken pipe"),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
    ],
)
def test_broken_connections_are_tried_again(error: Exception) -> None:
    script = Script(error, error, completion())
    ((answer,),) = script.server().ground([picture()], [SHIP])
    assert answer.detections
    assert len(script.slept) == 2


def test_pauses_are_shortened_at_random_and_never_exceed_half_a_minute() -> None:
    script = Script(*[httpx.Response(503)] * 9, completion())
    server = OpenAIServer(
        URL,
        model="m",
        max_retries=9,
        concurrency=1,
        transport=httpx.MockTransport(script),
        sleep=script.slept.append,
        jitter=lambda: 1.0,
    )
    server.ground([picture()], [SHIP])
    assert script.slept == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0"}, 0.5),
        ({"Retry-After": "86400"}, 60.0),
        ({"Retry-After": "-3"}, 0.5),
        ({"Retry-After": "soon"}, 0.5),
        ({"Retry-After": "9" * 400}, 0.5),
        ({"Retry-After": "Mon, 01 Jan 2024 00:00:09 GMT", "Date": "Mon, 01 Jan 2024 00:00:00 GMT"}, 9.0),
        ({"Retry-After": "Mon, 01 Jan 2024 00:00:09 GMT"}, 0.5),
        ({"Retry-After": "Mon, 01 Jan 2024 00:00:09", "Date": "Mon, 01 Jan 2024 00:00:00 GMT"}, 0.5),
    ],
)
def test_retry_after_is_honoured_within_a_minute(headers: dict[str, str], pause: float) -> None:
    script = Script(httpx.Response(429, headers=headers), completion())
    script.server().ground([picture()], [SHIP])
    assert script.slept == [pause]


@pytest.mark.parametrize("status", [400, 405, 408, 409, 413, 415, 418, 422])
def test_refused_requests_are_not_tried_again_and_fail_their_chip(status: int) -> None:
    def reply(request: httpx.Request) -> httpx.Response:
        if len(script.requests) > 1:
            return httpx.Response(status, json={"error": {"message": "the picture is too large"}})
        return completion()

    script = Script(reply)
    answers = script.server().ground([picture()] * 3, [SHIP])
    assert answers[0][0].error is None
    for row in answers[1:]:
        assert f"{status}: the picture is too large" in (row[0].error or "")
        assert not row[0].detections
    assert len(script.requests) == 3
    assert not script.slept


def test_slow_reply_is_tried_once_more() -> None:
    script = Script(httpx.ReadTimeout("slow"), completion())
    ((answer,),) = script.server().ground([picture()], [SHIP])
    assert answer.detections
    script = Script(completion(), httpx.ReadTimeout("slow"))
    answers = script.server(timeout_s=9).ground([picture()] * 2, [SHIP])
    assert answers[1][0].error == "no reply within 9 s (tried 2 times)"
    assert len(script.requests) == 3


class Drip(httpx.SyncByteStream):
    """A reply that never ends."""

    def __init__(self, clock: list[float]) -> None:
        self.clock = clock

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.clock[0] += 1.0
            yield b" "


def test_reply_that_drips_for_ever_is_cut_off_by_the_clock() -> None:
    clock = [0.0]
    server = OpenAIServer(
        URL,
        model="m",
        timeout_s=30,
        max_retries=0,
        concurrency=1,
        transport=httpx.MockTransport(lambda _: httpx.Response(200, stream=Drip(clock))),
        clock=lambda: clock[0],
    )
    with pytest.raises(ModelError, match="no complete reply within 30 s"):
        server.ground([picture()], [SHIP])
    assert 30 < clock[0] < 40


# --- replies that cannot be used ---


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (httpx.Response(200, text="<html>hello</html>"), "not JSON"),
        (httpx.Response(200, text="[" * 100_000), "not JSON"),
        (httpx.Response(200, text="9" * 10_000), "not JSON"),
        (httpx.Response(200, json={}), "not a chat completion"),
        (httpx.Response(200, json=[]), "not a chat completion"),
        (httpx.Response(200, json={"choices": []}), "not a chat completion"),
        (httpx.Response(200, json={"choices": ["a"]}), "not a chat completion"),
        (httpx.Response(200, json={"choices": [{"message": "a"}]}), "not a chat completion"),
        (completion(None), "no text"),
        (completion("x", finish_reason="content_filter"), "content filter"),
        (httpx.Response(200, content=b"{}", headers={"Content-Encoding": "br"}), "compressed"),
        (httpx.Response(200, content=b" " * (9 * 1024 * 1024)), "longer than"),
    ],
)
def test_unusable_reply_fails_its_chip_only(reply: httpx.Response, error: str) -> None:
    # Compressed content cannot be copied by the script, so it is answered by hand.
    script = Script(lambda _: httpx.Response(reply.status_code, headers=reply.headers, stream=reply.stream))
    ((answer,),) = script.server().ground([picture()], [SHIP])
    assert error in (answer.error or "")
    assert len(script.requests) == 1


def test_text_in_parts() -> None:
    script = Script(completion([{"type": "text", "text": "[[1,2,"}, {"type": "x"}, {"text": "30,40]]"}]))  # type: ignore[arg-type]
    ((answer,),) = script.server().ground([picture()], [SHIP])
    assert answer.detections[0].box_chip_px == (1, 2, 30, 40)


def test_reply_without_boxes_is_an_answer() -> None:
    script = Script(completion("None"))
    ((answer,),) = script.server().ground([picture()], [SHIP])
    assert answer.error is None
    assert not answer.detections


# --- a server that is gone, and one that refuses ---


def test_refused_connection_for_a_whole_batch_ends_the_run_with_a_hint() -> None:
    script = Script(refused)
    with pytest.raises(ModelError, match=r"no connection to http://server\.test/v1.*refused") as caught:
        script.server(max_retries=2).ground([picture()] * 4, [SHIP])
    assert "--resume" in caught.value.hint
    # Once the server is known to be gone the other chips try once each.
    assert len(script.requests) == 3 + 3
    assert script.slept == [0.5, 1.0]


def test_one_answer_in_the_batch_keeps_the_run_alive() -> None:
    script = Script(completion(), refused)
    answers = script.server(max_retries=1).ground([picture()] * 2, [SHIP])
    assert answers[0][0].detections
    assert "no connection" in (answers[1][0].error or "")


def test_server_that_comes_back_is_tried_patiently_again() -> None:
    busy = httpx.Response(503)
    script = Script(completion(), refused, refused, completion(), busy, busy, completion())
    server = script.server(max_retries=1)
    assert [bool(row[0].error) for row in server.ground([picture()] * 2, [SHIP])] == [False, True]
    assert [bool(row[0].error) for row in server.ground([picture()] * 3, [SHIP])] == [False, True, False]


def test_overload_for_a_whole_batch_ends_the_run() -> None:
    script = Script(httpx.Response(503, json={"error": {"message": "loading model"}}))
    with pytest.raises(ModelError, match="loading model"):
        script.server(max_retries=1).ground([picture()] * 2, [SHIP])


def test_a_few_slow_chips_do_not_end_the_run_but_a_silent_server_does() -> None:
    script = Script(httpx.ReadTimeout("slow"))
    server = script.server(max_retries=0, concurrency=4)
    assert server.ground([picture()] * 2, [SHIP])[1][0].error
    with pytest.raises(ModelError, match="no reply within"):
        server.ground([picture()] * 2, [SHIP])


@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "refuses access"), (403, "refuses access"), (404, "no such model"), (307, "not there")],
)
def test_fatal_statuses_end_the_run_at_once(status: int, message: str) -> None:
    reply = httpx.Response(status, json={"error": {"message": "no"}}, headers={"Location": "http://other.test/"})
    script = Script(reply)
    with pytest.raises(ModelError, match=message) as caught:
        script.server(concurrency=2).ground([picture()] * 50, [SHIP])
    assert caught.value.hint
    assert len(script.requests) <= 4
    assert {request.url.host for request in script.requests} == {"server.test"}
    assert not script.slept


def test_bad_expression_is_refused_before_anything_is_sent() -> None:
    script = Script(completion())
    with pytest.raises(SettingsError, match="empty"):
        script.server().ground([picture()], [Question(expression=" ")])
    assert not script.requests


def test_close_twice_and_ask_afterwards() -> None:
    script = Script(completion())
    server = script.server()
    server.close()
    server.close()
    with pytest.raises(ModelError):
        server.ground([picture()], [SHIP])


# --- model name, settings, secrets ---


def listing(*names: Any) -> httpx.Response:
    return httpx.Response(200, json={"object": "list", "data": [{"id": name} for name in names]})


def test_the_only_model_of_the_server_is_taken() -> None:
    script = Script(listing("Qwen/Qwen3-VL-4B-Instruct"))
    server = script.server(model=None)
    assert server.name == "Qwen/Qwen3-VL-4B-Instruct"
    assert server.conventions.coordinates == "per-mille"
    assert script.requests[0].url == URL + "/models"


@pytest.mark.parametrize("names", [(), ("a", "b"), (1, None)])
def test_several_models_or_none_must_be_named(names: tuple[Any, ...]) -> None:
    with pytest.raises(SettingsError, match="models") as caught:
        Script(listing(*names)).server(model=None)
    assert "--model" in caught.value.hint
    assert "it has: a, b." in caught.value.hint or names != ("a", "b")


@pytest.mark.parametrize(
    "reply",
    [refused, httpx.Response(401), httpx.Response(404), httpx.Response(500), httpx.Response(200, text="hello")],
)
def test_server_that_cannot_name_its_model(reply: Any) -> None:
    with pytest.raises(ModelError) as caught:
        Script(reply).server(model=None, max_retries=1)
    assert caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8000",
        "ftp://host/v1",
        "file:///etc/passwd",
        "http://",
        "http://user:pw@host/v1",
        "http://host/v1?key=1",
        "http://host/v1#x",
        "http://host:99999/v1",
        "http://host:port/v1",
        "http://[::1/v1",
        "http://ho st/v1",
        "http://host/v1\r\nX: y",
    ],
)
def test_wrong_addresses_are_refused(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        OpenAIServer(url, model="m")
    assert caught.value.hint
    assert "pw" not in str(caught.value)


def test_addresses_are_taken_without_the_last_slash() -> None:
    assert check_base_url(" https://host:8000/v1/ ") == "https://host:8000/v1"
    assert check_base_url("http://[::1]:8000/v1") == "http://[::1]:8000/v1"


@pytest.mark.parametrize(
    "settings",
    [
        {"concurrency": 0},
        {"timeout_s": 0},
        {"timeout_s": math.inf},
        {"timeout_s": math.nan},
        {"max_retries": -1},
        {"temperature": -1},
        {"temperature": math.nan},
        {"max_tokens": 0},
        {"tile_size_px": 0},
        {"input_size_px": 0},
        {"max_pixels": 100},
        {"jpeg_quality": 0},
        {"style": "prose"},
        {"api_key": "a\nb"},
        {"api_key": "schl\u00fcssel"},
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        OpenAIServer(URL, model="m", **settings)


@pytest.mark.parametrize("variable", [None, "OPENAI_API_KEY", "GEOGROUND_API_KEY"])
def test_key_goes_to_the_header_and_nowhere_else(
    variable: str | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    if variable == "GEOGROUND_API_KEY":
        monkeypatch.setenv("OPENAI_API_KEY", "another")
    if variable:
        monkeypatch.setenv(variable, SECRET)
    refusal = httpx.Response(401, json={"error": {"message": f"Incorrect API key provided: {SECRET}"}})
    bad = httpx.Response(418, text=f"not with {SECRET}")
    script = Script(bad, refusal)
    server = script.server(api_key=None if variable else SECRET)
    answers = server.ground([picture()], [SHIP])
    with pytest.raises(ModelError) as caught:
        server.ground([picture()], [SHIP])
    assert {request.headers["Authorization"] for request in script.requests} == {f"Bearer {SECRET}"}
    shown = [str(caught.value), caught.value.hint, repr(answers), server.fingerprint, server.name, repr(server)]
    shown += [repr(vars(server)), caplog.text, repr(server.conventions)]
    assert "***" in shown[0]
    assert not [text for text in shown if SECRET in text]


def test_empty_key_sends_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    script = Script(completion())
    script.server(api_key="").ground([picture()], [SHIP])
    assert "Authorization" not in script.requests[0].headers


def test_fingerprint_follows_what_changes_answers() -> None:
    def fingerprint(**settings: Any) -> str:
        return Script(completion()).server(**settings).fingerprint

    plain = fingerprint()
    assert plain == fingerprint(concurrency=7, timeout_s=5, max_retries=1, api_key=SECRET, max_tokens=5)
    others = [
        fingerprint(**settings)
        for settings in (
            {"model": "other"},
            {"base_url": "http://other.test/v1"},
            {"style": "qwen3"},
            {"coordinates": "per-mille"},
            {"temperature": 0.5},
            {"max_pixels": 200_000},
            {"jpeg_quality": 80},
            {"input_size_px": 336},
        )
    ]
    assert len({plain, *others}) == len(others) + 1


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
        answers = server.ground([picture(100, 50)] * 2, [SHIP])
        server.close()
        for row in answers:
            assert row[0].error is None
            assert row[0].raw_text == process.reply
            assert [d.box_chip_px for d in row[0].detections] == [(0, 0, 50, 25)]
        wrong = OpenAIServer(process.url, model="no-such-model", max_retries=0, timeout_s=60, concurrency=1)
        assert "no-such-model" in (wrong.ground([picture()], [SHIP])[0][0].error or "")
        wrong.close()
