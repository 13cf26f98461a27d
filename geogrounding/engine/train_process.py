"""A training run as a process of its own, which ends when the session does.

Run as ``python -m geogrounding.engine.train_process`` by the session. The first line of its input is the request; it
answers as the session would, and the session passes that on. When its input closes it kills its process group:
training may have started processes that know nothing of this.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from geogrounding.engine import parameters
from geogrounding.engine.protocol import Request, event, failure_of, parse_request, reply
from geogrounding.engine.transport import LineReader, TooLong, Writer, take_over

MAX_LINE_BYTES = 1 << 22


def train(params: parameters.Train, emit: Callable[..., None]) -> dict[str, Any]:
    """Train, and emit the metrics of each step.

    Raises:
        SettingsError, InputError, ModelError, OutputError: what cannot work.
    """
    from geogrounding.training import launch

    settings = params.make_settings()
    emit("loading", model=settings.model)
    outcome = launch.train(
        params.method, settings, params.output, resume=params.resume, on_log=_Steps(time.monotonic, emit)
    )
    return {
        "model": str(outcome.folder.absolute()),
        "steps": outcome.steps,
        "seconds": round(outcome.seconds, 1),
        "samples": outcome.samples,
        "problems": outcome.problems,
        "notes": list(outcome.notes),
        "numbers": dict(outcome.last),
    }


class _Steps:
    """Numbers of a step as an event, with a guess of the time that is left."""

    def __init__(self, clock: Callable[[], float], emit: Callable[..., None]) -> None:
        self._clock, self._emit = clock, emit
        self._first: tuple[float, float] | None = None

    def __call__(self, numbers: Mapping[str, float]) -> None:
        step, steps, now = numbers["step"], numbers["steps"], self._clock()
        if self._first is None:
            self._first = (step, now)
        begun, since = self._first
        left = None if step <= begun else round((now - since) / (step - begun) * (steps - step), 1)
        shown = {key: value for key, value in numbers.items() if key not in ("step", "steps")}
        self._emit(
            "training",
            step=int(step),
            steps=int(steps),
            reward=shown.get("reward"),
            loss=shown.get("loss"),
            seconds_left=left,
            numbers=shown,
        )


def main() -> None:
    """Take one request, and end with it or with the session."""
    requests, replies = take_over()
    writer = Writer(replies)
    lines = iter(LineReader(requests, limit=MAX_LINE_BYTES))
    first = next(lines, None)
    if first is None or isinstance(first, TooLong):
        return
    threading.Thread(target=_end_with, args=(lines,), daemon=True).start()
    request = parse_request(first)
    writer.send(_answer(request, writer))


def _answer(request: Request, writer: Writer) -> dict[str, Any]:
    def emit(name: str, **members: Any) -> None:
        writer.send(event(request.id, name, **members))

    try:
        params = parameters.parse(request.method, request.params)
        assert isinstance(params, parameters.Train)
        return reply(request.id, train(params, emit))
    except Exception as error:  # noqa: BLE001 - the session gets it, whatever it was
        message = failure_of(request.id, error)
        if message["error"]["code"] == "defect":
            traceback.print_exc()
        return message


def _end_with(lines: Any) -> None:
    """Wait until the session closes the input, and end everything."""
    for _ in lines:
        continue
    if os.name == "posix" and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
