"""A scripted OpenAI-compatible server, without a socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np

from geogrounding.models.openai.model import OpenAIServer
from geogrounding.types import Question

URL = "http://server.test/v1"

SHIP = Question(expression="ship")

BOX_TEXT = '<think>One.</think><answer>[{"bbox_2d": [28, 14, 56, 42], "label": "ship"}]</answer>'

Handler = Callable[[httpx.Request], httpx.Response]


def chip(width: int = 56, height: int = 56) -> np.ndarray[Any, np.dtype[np.uint8]]:
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
