"""One engine at a time: started when it is first needed, and again after it died.

Requests may be made from any thread. Events of a request are handed out in the thread that waits for it.
"""

from __future__ import annotations

import json
import platform
import queue
import subprocess  # nosec B404 - for the type only; launch.py starts the process
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from . import launch
from .errors import Cancelled, EngineError

PROTOCOL = 1
HELLO_S = 90.0
"""For the first answer: a cold disk and a virus scanner may read a whole Python environment before it."""
CANCEL_S = 5.0
"""After that long an engine that was asked to cancel, and promises two seconds, is killed."""
PING_S = 5.0
SILENCE_S = 45.0
"""An engine that answers no ping for so long is killed: it hangs."""
CLOSE_S = 3.0
LAST_WORDS_S = 1.0
LOG_LINES = 200

Event = dict[str, Any]
OnEvent = Callable[[Event], None]


class Request:
    """A question to the engine and what came back so far."""

    def __init__(self, connection: _Connection, request_id: int, method: str) -> None:
        self.id, self.method = request_id, method
        self._connection = connection
        self._messages: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def cancel(self) -> None:
        """Ask the engine to stop; ``wait`` then raises ``Cancelled``."""
        self._connection.post("cancel", {"request": self.id})

    def wait(
        self,
        on_event: OnEvent | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        timeout_s: float | None = None,
    ) -> dict[str, Any]:
        """The result.

        Args:
            on_event: called with each event, in this thread; what it raises cancels the request and leaves here.
            cancelled: asked ten times a second.
            timeout_s: longer than that is an error.

        Raises:
            Cancelled: ``cancelled`` said so, or ``cancel`` was called.
            EngineError: the engine refused or died, or the time was up.
        """
        begin = time.monotonic()
        stopping: EngineError | None = None
        while True:
            message = self._next_message()
            if "result" in message:
                return dict(message["result"])
            if "error" in message:
                raise self._error(message["error"], stopping)
            if "event" in message and stopping is None and on_event is not None:
                self._pass_on(message, on_event)
            now = time.monotonic()
            if stopping is None:
                if cancelled():
                    stopping = Cancelled()
                elif timeout_s is not None and now - begin > timeout_s:
                    stopping = EngineError(f"no answer to {self.method} in {timeout_s:.0f} s", code="timeout")
                if stopping is not None:
                    self.cancel()
                    begin = now
            elif now - begin > CANCEL_S:
                self._connection.kill("the engine did not stop when it was asked to")
                raise stopping

    def _next_message(self) -> Event:
        """The next line about this request; empty when none came within a tenth of a second."""
        try:
            return self._messages.get(timeout=0.1)
        except queue.Empty:
            return {}

    def _pass_on(self, message: Event, on_event: OnEvent) -> None:
        try:
            on_event(message)
        except BaseException:
            self.cancel()
            raise

    def take(self, message: Event) -> None:
        """A line of the engine about this request; for the connection."""
        self._messages.put(message)

    def _error(self, reported: Any, stopping: EngineError | None) -> EngineError:
        reported = reported if isinstance(reported, dict) else {}
        if stopping is not None:
            return stopping
        if reported.get("code") == "cancelled":
            return Cancelled()
        return EngineError(
            str(reported.get("message", "")), str(reported.get("hint", "")), str(reported.get("code", ""))
        )


class EngineClient:
    """The engine of a command. Nothing is started before the first request."""

    def __init__(self, command: Sequence[str], on_log: Callable[[str], None] | None = None) -> None:
        """Remember how the engine is started.

        Args:
            command: of ``command_for``.
            on_log: called with each line of the engine's log, in a thread of its own.
        """
        self.command: list[str] = list(command)
        self._on_log = on_log
        self._lock = threading.Lock()
        self._connection: _Connection | None = None
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._closed = False

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        connection = self._connection
        return connection is not None and connection.alive

    @property
    def pid(self) -> int | None:
        """The process's number while it is there."""
        connection = self._connection
        return connection.process.pid if connection is not None and connection.alive else None

    def start(self) -> dict[str, Any]:
        """Start the engine if it is not running and shake hands; what it says of itself.

        Raises:
            EngineError: it cannot be started, ends at once, or speaks another protocol.
        """
        with self._lock:
            if self._closed:
                raise EngineError("the client is closed", code="closed")
            if self._connection is None or not self._connection.alive:
                connection = _Connection(launch.start(self.command), self._log, self._on_log)
                try:
                    hello = connection.ask("hello", {"protocol": PROTOCOL}).wait(timeout_s=HELLO_S)
                    if hello.get("protocol") != PROTOCOL:
                        raise EngineError("the engine speaks another protocol", "Update it.", "protocol")
                except BaseException:
                    connection.kill("")
                    connection.join()
                    raise
                connection.hello = hello
                self._connection = connection
            return self._connection.hello

    def request(self, method: str, params: dict[str, Any] | None = None) -> Request:
        """Ask without waiting; the engine is started first where it is not running.

        Raises:
            EngineError: it cannot be started.
        """
        self.start()
        connection = self._connection
        if connection is None:
            raise EngineError("the client is closed", code="closed")
        return connection.ask(method, params or {})

    def call(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        *,
        on_event: OnEvent | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        timeout_s: float | None = None,
    ) -> dict[str, Any]:
        """Ask and wait; see ``Request.wait``."""
        return self.request(method, params).wait(on_event, cancelled, timeout_s)

    def close(self) -> None:
        """End the engine: politely, then not. The client cannot be used any more."""
        self._closed = True  # before the lock: a start that is under way ends with the process
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def restart(self) -> None:
        """End the engine; the next request starts another."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def diagnostics(self) -> dict[str, Any]:
        """What a bug report needs; no questions and no file names but those of the command and in the log."""
        connection = self._connection
        return {
            "command": self.command,
            "running": self.running,
            "engine": {} if connection is None else connection.hello,
            "client": {"protocol": PROTOCOL, "python": platform.python_version(), "platform": platform.platform()},
            "log": list(self._log),
        }


class _Connection:
    """One process, from its start to its end."""

    def __init__(self, process: subprocess.Popen[bytes], log: deque[str], on_log: Callable[[str], None] | None) -> None:
        self.process = process
        self.hello: dict[str, Any] = {}
        self._log, self._on_log = log, on_log
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._pending: dict[int, Request] = {}
        self._number = 0
        self._heard = time.monotonic()
        self._why, self._why_code = "", ""
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=target, name=f"geogrounding engine {name}", daemon=True)
            for name, target in (("log", self._read_log), ("pulse", self._watch), ("replies", self._read))
        ]
        for thread in self._threads:  # the log first: the one that reads replies waits for its end
            thread.start()

    @property
    def alive(self) -> bool:
        return not self._ended.is_set()

    def ask(self, method: str, params: dict[str, Any]) -> Request:
        with self._lock:
            self._number += 1
            request = Request(self, self._number, method)
            self._pending[request.id] = request
            if len(self._pending) == 1:
                self._heard = time.monotonic()
        self._send({"id": request.id, "method": method, "params": params})
        if self._ended.is_set():  # it ended before the request was noted: no one else would answer
            self._fail_all()
        return request

    def post(self, method: str, params: dict[str, Any]) -> None:
        """Ask something whose answer no one waits for."""
        with self._lock:
            self._number += 1
            number = self._number
        self._send({"id": number, "method": method, "params": params})

    def kill(self, why: str, code: str = "engine-died") -> None:
        if not self._why:
            self._why, self._why_code = why, code
        launch.kill(self.process)

    def close(self) -> None:
        self._why, self._why_code = "the engine was closed", "closed"
        self.post("shutdown", {})
        with self._write_lock:
            self._close_pipe(self.process.stdin)
        try:
            self.process.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            launch.kill(self.process)
        self.join()

    def join(self) -> None:
        """Wait for the threads of a process that has ended."""
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(CLOSE_S)

    def _send(self, message: Event) -> None:
        line = json.dumps(message).encode("ascii") + b"\n"
        view = memoryview(line)
        try:
            with self._write_lock:
                while view and self.process.stdin is not None:
                    view = view[self.process.stdin.write(view) or 0 :]
        except (OSError, ValueError):
            return  # it has ended; the thread that reads answers all requests

    def _read(self) -> None:
        if self.process.stdout is None:
            return
        stream = self.process.stdout
        held = bytearray()
        while True:
            try:
                chunk = stream.read(1 << 16)
            except (OSError, ValueError):
                chunk = b""
            if not chunk:
                break
            self._heard = time.monotonic()
            start = len(held)
            held += chunk
            end = held.rfind(b"\n", start)
            if end >= 0:
                for line in bytes(held[:end]).split(b"\n"):
                    self._take(line)
                del held[: end + 1]
        self.process.wait()
        self._threads[0].join(LAST_WORDS_S)  # what it said at last says why
        self._ended.set()
        self._fail_all()
        with self._write_lock:
            self._close_pipe(self.process.stdin)
        self._close_pipe(stream)

    def _take(self, line: bytes) -> None:
        try:
            message = json.loads(line)
            request_id = message["id"]
        except (ValueError, KeyError, TypeError, RecursionError):
            self._note(f"not understood: {line[:200]!r}")
            return
        with self._lock:
            over = "event" not in message
            request = self._pending.pop(request_id, None) if over else self._pending.get(request_id)
        if request is not None:
            request.take(message)
        elif "error" in message:
            self._note(f"error without a request: {str(message['error'])[:500]}")

    def _fail_all(self) -> None:
        with self._lock:
            pending, self._pending = self._pending, {}
        for request in pending.values():
            request.take({"error": self._death()})

    def _death(self) -> Event:
        code = self.process.poll()
        how = f"exit code {code}" if code is None or code >= 0 else f"signal {-code}"
        if self._why:
            return {"code": self._why_code, "message": self._why, "hint": "The next request starts it again."}
        if any("geogrounding_cli" in line and "module" in line.lower() for line in self._log):
            return {
                "code": "engine-died",
                "message": "geogrounding is not installed in the Python of the settings.",
                "hint": "Name the Python of the environment that it was installed in, not the one of QGIS.",
            }
        last = next((line for line in reversed(self._log) if line.strip()), "")
        said = f" It last said: {last[:300]}" if last else ""
        return {
            "code": "engine-died",
            "message": f"the engine ended unexpectedly ({how}).{said}",
            "hint": "The next request starts it again. If it ends again, look at its log and test its path.",
        }

    def _read_log(self) -> None:
        if self.process.stderr is None:
            return
        for line in self.process.stderr:
            self._note(line.decode("utf-8", "replace").rstrip())
        self._close_pipe(self.process.stderr)

    def _note(self, line: str) -> None:
        self._log.append(line)
        if self._on_log is not None:
            self._on_log(line)

    def _watch(self) -> None:
        """Ask for a sign of life while somebody waits."""
        while not self._ended.wait(PING_S):
            with self._lock:
                waiting = bool(self._pending)
            if not waiting:
                self._heard = time.monotonic()
                continue
            if time.monotonic() - self._heard > SILENCE_S:
                self.kill(f"the engine was silent for {SILENCE_S:.0f} s and was ended", "engine-silent")
                return
            self.post("ping", {})

    @staticmethod
    def _close_pipe(pipe: Any) -> None:
        try:
            if pipe is not None:
                pipe.close()
        except OSError:
            return  # what was in it has no reader any more
