"""Doubles for tests of the interface: an engine that does what the test says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from geoground_qgis.engine_link import Cancelled, EngineError

Emit = Callable[[dict[str, Any]], None]
Answer = Callable[[dict[str, Any], Emit, Callable[[], bool]], dict[str, Any]]


def box(x: float, y: float, side: float, *, number: int | str = 1, **properties: Any) -> dict[str, Any]:
    """A result as the engine sends it."""
    ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    usual = {"query": "tree", "label": "tree", "score": 0.9, "reasoning": "It is green.", "model": "builtin"}
    return {
        "type": "Feature",
        "id": number,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {
            **usual,
            "chip": "0/0/0",
            "source": "scene.tif",
            "outline": "box",
            "area_m2": side * side,
            **properties,
        },
    }


def features(*found: dict[str, Any], stage: str = "final", first: bool = True) -> dict[str, Any]:
    """An event with results."""
    return {"event": "features", "stage": stage, "first": first, "features": list(found)}


def progress(done: int, total: int, found: int = 0) -> dict[str, Any]:
    """An event of progress."""
    return {"event": "progress", "chips_done": done, "chips_total": total, "chips_failed": 0, "found": found}


class ScriptedLink:
    """Answers each kind of request with a function that the test gives."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {
            "plan": lambda params, emit, cancelled: {"chips": 5, "seconds": 3.2},
            "models": lambda params, emit, cancelled: {"models": [{"name": "builtin"}]},
            "plan_query": lambda params, emit, cancelled: {
                "plan": params.get("plan") or {"targets": [{"noun": params["query"]}]},
                "sentences": [f"Every {params.get('query', 'changed')}.", "Looked for: it."],
            },
        }
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.threads: list[str] = []
        self.facts: dict[str, Any] = {}
        self.closed = 0
        self.on_settings_changed: Callable[[], None] = lambda: None

    def asked(self, kind: str) -> list[dict[str, Any]]:
        """Parameters of the requests of a kind."""
        return [params for name, params in self.requests if name == kind]

    def call(
        self,
        kind: str,
        params: dict[str, Any],
        *,
        on_event: Emit = lambda event: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        self.requests.append((kind, dict(params)))
        self.threads.append(threading.current_thread().name)
        if kind not in self.answers:
            raise EngineError(f"unknown request {kind}", "ask something else")
        return self.answers[kind](params, on_event, cancelled)

    def probe(self, chosen: Any, cancelled: Callable[[], bool] = lambda: False) -> dict[str, Any]:
        if "good" not in chosen.engine:
            raise EngineError("it is not there", "choose another")
        return {"geogrounding": "9.9", "device": "cpu", "models": [{"name": "builtin"}], "crs": {"name": "WGS 84"}}

    def find(self) -> str:
        return ""

    def log(self) -> list[str]:
        return ["a line of the engine"]

    def settings_changed(self) -> None:
        self.on_settings_changed()

    def close(self) -> None:
        self.closed += 1


def until_cancelled(*emit_first: dict[str, Any]) -> Answer:
    """A run that emits some events, then goes on until it is cancelled."""
    never = threading.Event()

    def answer(params: dict[str, Any], emit: Emit, cancelled: Callable[[], bool]) -> dict[str, Any]:
        for event in emit_first:
            emit(event)
        while not cancelled():
            never.wait(0.02)
        raise Cancelled

    return answer


def emits(*events: dict[str, Any], **result: Any) -> Answer:
    """A run that emits some events and ends."""

    def answer(params: dict[str, Any], emit: Emit, cancelled: Callable[[], bool]) -> dict[str, Any]:
        for event in events:
            emit(event)
        return {"chips": 1, "failed": 0, "failed_chips": [], **result}

    return answer
