"""An engine session inside this process: its workers are processes of their own, and end with this one."""

from __future__ import annotations

import itertools
import json
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from geogrounding.engine.session import Session
from geogrounding.engine.transport import LineReader, TooLong, Writer
from geogrounding.errors import GeogroundingError

MAX_LINE_BYTES = 1 << 26
OnMessage = Callable[[str, dict[str, Any]], None]
"""Called with the id of a job, and an event or the end of its request."""


class EngineError(GeogroundingError):
    """The engine refused a request; ``code`` is one of docs/engine.md."""

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class EngineLink:
    """Sends requests to the engine and passes on what it answers."""

    def __init__(
        self,
        on_message: OnMessage,
        *,
        model_folders: Sequence[Path] = (),
        worker_command: Sequence[str] | None = None,
        training_command: Sequence[str] | None = None,
    ) -> None:
        """Start the session; workers start with the first request that needs one.

        Args:
            on_message: for requests that were sent with ``start``; in a thread of this object.
            model_folders: folders that the method ``models`` lists.
            worker_command: what the worker is; for tests.
            training_command: what a training run is; for tests.
        """
        requests_read, requests_write = os.pipe()
        replies_read, replies_write = os.pipe()
        self._on_message = on_message
        self._calls: dict[str, Future[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._writer = Writer(requests_write)
        self._descriptors = (requests_write, requests_read, replies_write, replies_read)
        self._session = Session(
            requests_read,
            replies_write,
            model_folders=model_folders,
            worker_command=worker_command,
            training_command=training_command,
        )
        self._serving = threading.Thread(target=self._session.serve, name="engine session", daemon=True)
        self._reading = threading.Thread(target=self._read, args=(replies_read,), name="engine replies", daemon=True)
        self._serving.start()
        self._reading.start()

    def start(self, request_id: str, method: str, params: dict[str, Any]) -> None:
        """Send the request of a job; its events and its end come to ``on_message``."""
        self._writer.send({"id": request_id, "method": method, "params": params})

    def call(self, method: str, params: dict[str, Any], *, timeout_s: float = 60.0) -> dict[str, Any]:
        """Send a request and wait for its result.

        Raises:
            EngineError: it was refused, or took too long.
        """
        request_id = f"call-{next(self._numbers)}"
        future: Future[dict[str, Any]] = Future()
        self._calls[request_id] = future
        try:
            self._writer.send({"id": request_id, "method": method, "params": params})
            message = future.result(timeout_s)
        except TimeoutError:
            self.cancel(request_id)
            raise EngineError("timeout", f"the engine took longer than {timeout_s:.0f} s", hint="Try again.") from None
        finally:
            self._calls.pop(request_id, None)
        if "error" in message:
            error = message["error"]
            raise EngineError(str(error["code"]), str(error["message"]), hint=str(error.get("hint", "")))
        result: dict[str, Any] = message["result"]
        return result

    def cancel(self, request_id: str) -> None:
        """Cancel a request; its end still comes."""
        self._writer.send(
            {"id": f"cancel-{next(self._numbers)}", "method": "cancel", "params": {"request": request_id}}
        )

    def close(self) -> None:
        """End the session and its workers."""
        self._session.close()
        for descriptor in self._descriptors[:1]:
            os.close(descriptor)  # the session's input ends
        self._serving.join(5)
        os.close(self._descriptors[2])  # and then the replies
        self._reading.join(5)
        for descriptor in (self._descriptors[1], self._descriptors[3]):
            os.close(descriptor)

    def _read(self, descriptor: int) -> None:
        for line in LineReader(descriptor, limit=MAX_LINE_BYTES):
            if isinstance(line, TooLong):
                continue
            message = json.loads(line)
            request_id = message.get("id")
            if not isinstance(request_id, str):
                continue
            call = self._calls.get(request_id)
            if call is None:
                if not request_id.startswith(("call-", "cancel-")):
                    self._on_message(request_id, message)
            elif "event" not in message:
                call.set_result(message)
