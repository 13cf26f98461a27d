"""OpenAI-compatible servers that fail, stall or answer nonsense: what is tried again, and what ends a run."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from geogrounding.errors import ModelError
from geogrounding.models.openai.model import OpenAIServer
from tests.integration.openai_script import SHIP, URL, Script, chip, completion, refused

# --- retries ---


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 529])
def test_overload_is_tried_again_with_growing_pauses(status: int) -> None:
    busy = httpx.Response(status, json={"error": {"message": "busy"}})
    script = Script(busy, busy, busy, completion())
    ((answer,),) = script.server().ground([chip()], [SHIP])
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
    ((answer,),) = script.server().ground([chip()], [SHIP])
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
    server.ground([chip()], [SHIP])
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
    script.server().ground([chip()], [SHIP])
    assert script.slept == [pause]


@pytest.mark.parametrize("status", [400, 405, 408, 409, 413, 415, 418, 422])
def test_refused_requests_are_not_tried_again_and_fail_their_chip(status: int) -> None:
    def reply(request: httpx.Request) -> httpx.Response:
        if len(script.requests) > 1:
            return httpx.Response(status, json={"error": {"message": "the image is too large"}})
        return completion()

    script = Script(reply)
    answers = script.server().ground([chip()] * 3, [SHIP])
    assert answers[0][0].error is None
    for row in answers[1:]:
        assert f"{status}: the image is too large" in (row[0].error or "")
        assert not row[0].detections
    assert len(script.requests) == 3
    assert not script.slept


def test_slow_reply_is_tried_once_more() -> None:
    script = Script(httpx.ReadTimeout("slow"), completion())
    ((answer,),) = script.server().ground([chip()], [SHIP])
    assert answer.detections
    script = Script(completion(), httpx.ReadTimeout("slow"))
    answers = script.server(timeout_s=9).ground([chip()] * 2, [SHIP])
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
        server.ground([chip()], [SHIP])
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
    ((answer,),) = script.server().ground([chip()], [SHIP])
    assert error in (answer.error or "")
    assert len(script.requests) == 1


def test_text_in_parts() -> None:
    script = Script(completion([{"type": "text", "text": "[[1,2,"}, {"type": "x"}, {"text": "30,40]]"}]))  # type: ignore[arg-type]
    ((answer,),) = script.server().ground([chip()], [SHIP])
    assert answer.detections[0].box_chip_px == (1, 2, 30, 40)


def test_reply_without_boxes_is_an_answer() -> None:
    script = Script(completion("None"))
    ((answer,),) = script.server().ground([chip()], [SHIP])
    assert answer.error is None
    assert not answer.detections


# --- a server that is gone, and one that refuses ---


def test_refused_connection_for_a_whole_batch_ends_the_run_with_a_hint() -> None:
    script = Script(refused)
    with pytest.raises(ModelError, match=r"no connection to http://server\.test/v1.*refused") as caught:
        script.server(max_retries=2).ground([chip()] * 4, [SHIP])
    assert "--resume" in caught.value.hint
    # Once the server is known to be gone the other chips try once each.
    assert len(script.requests) == 3 + 3
    assert script.slept == [0.5, 1.0]


def test_one_answer_in_the_batch_keeps_the_run_alive() -> None:
    script = Script(completion(), refused)
    answers = script.server(max_retries=1).ground([chip()] * 2, [SHIP])
    assert answers[0][0].detections
    assert "no connection" in (answers[1][0].error or "")


def test_server_that_comes_back_is_tried_patiently_again() -> None:
    busy = httpx.Response(503)
    script = Script(completion(), refused, refused, completion(), busy, busy, completion())
    server = script.server(max_retries=1)
    assert [bool(row[0].error) for row in server.ground([chip()] * 2, [SHIP])] == [False, True]
    assert [bool(row[0].error) for row in server.ground([chip()] * 3, [SHIP])] == [False, True, False]


def test_overload_for_a_whole_batch_ends_the_run() -> None:
    script = Script(httpx.Response(503, json={"error": {"message": "loading model"}}))
    with pytest.raises(ModelError, match="loading model"):
        script.server(max_retries=1).ground([chip()] * 2, [SHIP])


def test_a_few_slow_chips_do_not_end_the_run_but_a_silent_server_does() -> None:
    script = Script(httpx.ReadTimeout("slow"))
    server = script.server(max_retries=0, concurrency=4)
    assert server.ground([chip()] * 2, [SHIP])[1][0].error
    with pytest.raises(ModelError, match="no reply within"):
        server.ground([chip()] * 2, [SHIP])


@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "refuses access"), (403, "refuses access"), (404, "no such model"), (307, "not there")],
)
def test_fatal_statuses_end_the_run_at_once(status: int, message: str) -> None:
    reply = httpx.Response(status, json={"error": {"message": "no"}}, headers={"Location": "http://other.test/"})
    script = Script(reply)
    with pytest.raises(ModelError, match=message) as caught:
        script.server(concurrency=2).ground([chip()] * 50, [SHIP])
    assert caught.value.hint
    assert len(script.requests) <= 4
    assert {request.url.host for request in script.requests} == {"server.test"}
    assert not script.slept
