"""A scripted chat server and the ship that all replies of these tests are about."""

from __future__ import annotations

import json
from typing import Any

import httpx
import numpy as np

from geogrounding.models.openai.model import OpenAIServer
from geogrounding.types import Answer, Question, Task

CHIP = (1000, 500)
SHIP = (200.0, 100.0, 600.0, 400.0)
"""The ship on the chip, pixels: x 0.2 to 0.6 of the width, y 0.2 to 0.8 of the height."""
URL = "http://server.test/v1"


def chip(size: tuple[int, int] = CHIP) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.zeros((size[1], size[0], 3), np.uint8)


def body(text: str | None, *, finish: str = "stop", **message: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"content": text, **message}, "finish_reason": finish}]}


def server(reply: Any, name: str | None = None, **settings: Any) -> OpenAIServer:
    """A server that gives one reply: a text, a decoded body, or an ``httpx.Response``; ``GET /models`` is refused."""

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        if isinstance(reply, httpx.Response):
            return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)
        return httpx.Response(200, json=body(reply) if isinstance(reply, str) else reply)

    asked: list[dict[str, Any]] = []
    made = OpenAIServer(
        URL,
        model=name or "qwen2.5vl:7b",
        transport=httpx.MockTransport(handle),
        sleep=lambda _: None,
        concurrency=1,
        **settings,
    )
    made.asked = asked  # type: ignore[attr-defined]
    return made


def ask(
    reply: Any, name: str | None = None, *, size: tuple[int, int] = CHIP, task: Task = "detect", **settings: Any
) -> Answer:
    """What the product makes of a reply of a server's model about one chip."""
    model = server(reply, name, **settings)
    [[answer]] = model.ground([chip(size)], [Question(expression="ship", task=task)])
    return answer


def near(box: tuple[float, ...], other: tuple[float, ...], tolerance_px: float) -> bool:
    return all(abs(a - b) <= tolerance_px for a, b in zip(box, other, strict=True))
