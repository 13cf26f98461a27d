"""Doubles for tests of the interface: an engine that does what the test says, and QGIS's own interface."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from geogrounding.link import Cancelled, EngineError


def box(x: float, y: float, side: float, **attributes: Any) -> dict[str, Any]:
    """A result of the engine."""
    ring = f"{x} {y}, {x + side} {y}, {x + side} {y + side}, {x} {y + side}, {x} {y}"
    return {
        "event": "feature",
        "wkt": f"POLYGON(({ring}))",
        "query": "tree",
        "label": "tree",
        "score": 0.9,
        **attributes,
    }


class ScriptedLink:
    """Answers each kind of request with a function that the test gives."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[..., dict[str, Any]]] = {
            "plan": lambda params, tell, cancelled: {"chips": 5, "seconds": 3.2},
            "models": lambda params, tell, cancelled: {"models": [{"name": "builtin", "label": ""}]},
        }
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.threads: list[str] = []
        self.facts: dict[str, Any] = {}
        self.closed = 0
        self.on_settings_changed: Callable[[], None] = lambda: None

    def call(
        self,
        kind: str,
        params: dict[str, Any],
        *,
        on_event: Callable[[dict[str, Any]], None] = lambda event: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        self.requests.append((kind, dict(params)))
        self.threads.append(threading.current_thread().name)
        if kind not in self.answers:
            raise EngineError(f"unknown request {kind}", "ask something else")
        return self.answers[kind](params, on_event, cancelled)

    def probe(self, chosen: Any) -> dict[str, Any]:
        if "good" not in chosen.engine:
            raise EngineError("it is not there", "choose another")
        return {"version": "9.9", "device": "cpu", "models": [{"name": "builtin"}], "crs": "WGS 84"}

    def find(self) -> str:
        return ""

    def log(self) -> list[str]:
        return ["a line of the engine"]

    def settings_changed(self) -> None:
        self.on_settings_changed()

    def close(self) -> None:
        self.closed += 1


def cancellable(step: threading.Event, tell_first: list[dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """A run that tells some events, then goes on until it is cancelled."""

    def answer(params: dict[str, Any], tell: Callable[[dict[str, Any]], None], cancelled: Callable[[], bool]) -> Any:
        for event in tell_first:
            tell(event)
        while not cancelled():
            step.wait(0.02)
        raise Cancelled

    return answer
