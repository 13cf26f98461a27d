"""The process that a client talks to: it answers at once, and hands the work to others.

It imports no torch and no rasterio and computes nothing, so a heartbeat is answered whatever is going on. Heavy
requests (a run, a plan, loading a model) wait in a queue here and go to the worker one at a time; light ones go at
once. A request that is cancelled has ``GRACE_S`` seconds to stop by itself, then the worker is killed: the next request
starts a new one, and has to load the model again.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geogrounding._version import __version__
from geogrounding.engine import parameters
from geogrounding.engine.processes import Child, describe_end, python_command
from geogrounding.engine.protocol import (
    HEAVY,
    LIGHT,
    MAX_REQUEST_BYTES,
    PROTOCOL,
    Id,
    Request,
    RequestError,
    failure,
    failure_of,
    parse_request,
    reply,
)
from geogrounding.engine.transport import LineReader, TooLong, Writer

GRACE_S = 1.2
"""For a cancelled request to stop by itself; a client is promised two seconds."""
MAX_WAITING = 100
"""Heavy requests in the queue."""


@dataclass(slots=True)
class _Job:
    """A request that the worker has or will get."""

    request: Request
    sent: bool = False
    cancelled: bool = False
    discard: Path | None = None
    """Folder to remove when it is cancelled."""


class Session:
    """One client's engine, from its first line to the end of its input."""

    def __init__(
        self,
        requests: int,
        replies: int,
        *,
        idle_s: float | None = None,
        model_folders: Sequence[Path] = (),
        worker_command: Sequence[str] | None = None,
        training_command: Sequence[str] | None = None,
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            requests: descriptor that the client's lines come from.
            replies: descriptor that lines for the client go to.
            idle_s: without work for so long the worker ends and its memory is free; None keeps it.
            model_folders: folders that ``models`` lists besides those it is asked for.
            worker_command: what the worker is; for tests.
            training_command: what a training run is; for tests.
        """
        self._reader = LineReader(requests, limit=MAX_REQUEST_BYTES)
        self._writer = Writer(replies)
        self._idle_s = idle_s
        self._scratch = Path(tempfile.mkdtemp(prefix="geogrounding-engine-"))
        folders = [item for folder in model_folders for item in ("--models", str(folder))]
        command = python_command("geogrounding.engine.worker") if worker_command is None else list(worker_command)
        self._worker_command = [*command, "--scratch", str(self._scratch), *folders]
        self._training_command = training_command or python_command("geogrounding.engine.train_process")
        self._lock = threading.RLock()
        self._trainer: Child | None = None
        self._training: _Job | None = None
        self._worker: Child | None = None
        self._jobs: dict[Id, _Job] = {}
        self._waiting: deque[_Job] = deque()
        self._timers: set[threading.Timer] = set()
        self._idle: threading.Timer | None = None
        self._closing = False
        self._killed = False
        """Whether the worker was killed here, for a request that did not stop."""
        self._local: dict[str, Callable[[Request, Any], dict[str, Any]]] = {
            "hello": self._hello,
            "ping": lambda _request, _params: {},
            "cancel": self._cancel,
            "shutdown": self._shutdown,
        }

    def serve(self) -> None:
        """Answer until the client closes its end or says ``shutdown``; whatever was started has then ended."""
        try:
            for line in self._reader:
                self._take(line)
                if self._closing:
                    break
        except OSError:  # no one reads the replies: the client is gone
            pass
        finally:
            self.close()

    def close(self) -> None:
        """End the children and remove temporary files."""
        self._closing = True
        # A thread may hold the lock and wait for a client that does not read: the children end anyway.
        held = self._lock.acquire(timeout=2)
        children = [child for child in (self._worker, self._trainer) if child is not None]
        self._worker = self._trainer = None
        for timer in [*self._timers, *([self._idle] if self._idle else [])]:
            timer.cancel()
        if held:
            self._lock.release()
        for child in children:
            child.kill()
        for child in children:
            child.wait(5)
        shutil.rmtree(self._scratch, ignore_errors=True)

    # Requests

    def _take(self, line: bytes | TooLong) -> None:
        request: Request | None = None
        try:
            if isinstance(line, TooLong):
                raise RequestError("too-long", f"a line is longer than {MAX_REQUEST_BYTES:,} bytes", hint="Split it.")
            request = parse_request(line)
            params = parameters.parse(request.method, request.params)
            with self._lock:
                if request.id in self._jobs:
                    raise RequestError("bad-request", "a request with this id is under way", hint="Count them up.")
                local = self._local.get(request.method)
                if local is None:
                    self._start(request, params)
                    return
                message = reply(request.id, local(request, params))
        except Exception as error:  # noqa: BLE001 - one bad request must not end the others
            message = failure_of(None if request is None else request.id, error)
        self._writer.send(message)

    def _start(self, request: Request, params: parameters.Parameters) -> None:
        if isinstance(params, parameters.Train):
            self._start_training(request, params)
            return
        if request.method in HEAVY and len(self._waiting) >= MAX_WAITING:
            raise RequestError("busy", f"{MAX_WAITING} requests are waiting already", hint="Wait for some to end.")
        job = self._jobs[request.id] = _Job(request=request)
        self._stop_idle()
        if request.method in LIGHT:
            self._hand_over(job)
        else:
            self._waiting.append(job)
            self._next()

    def _next(self) -> None:
        """Hand the next heavy request over unless one is under way."""
        while self._waiting and not any(j.sent and j.request.method in HEAVY for j in self._jobs.values()):
            self._hand_over(self._waiting.popleft())

    def _hand_over(self, job: _Job) -> None:
        request = job.request
        try:
            if self._worker is None:
                self._worker = Child(self._worker_command, on_line=self._from_worker, on_end=self._worker_ended)
        except OSError as error:
            del self._jobs[request.id]
            said = f"the worker cannot be started: {error}"
            self._send(failure(request.id, "engine", said, "Is the environment still complete?"))
            return
        job.sent = True
        self._worker.send({"id": request.id, "method": request.method, "params": request.params})

    def _hello(self, _request: Request, params: parameters.Hello) -> dict[str, Any]:
        if params.protocol != PROTOCOL:
            older = "engine" if params.protocol > PROTOCOL else "client"
            raise RequestError(
                "protocol",
                f"the client speaks protocol {params.protocol}, this engine {PROTOCOL}",
                hint=f"Update the {older}: pip install -U geogrounding, or the plugin in QGIS.",
            )
        return {
            "protocol": PROTOCOL,
            "geogrounding": __version__,
            "python": platform.python_version(),
            "executable": sys.executable,
            "platform": platform.platform(),
            "pid": os.getpid(),
            "methods": sorted(parameters.METHODS),
        }

    def _cancel(self, _request: Request, params: parameters.Cancel) -> dict[str, Any]:
        job = self._jobs.get(params.request)
        if job is None:
            return {"found": False}
        if not job.sent:
            self._waiting.remove(job)
            self._end(job.request.id, _cancelled(job.request.id))
        elif job is self._training:
            job.cancelled = True
            assert self._trainer is not None
            self._trainer.kill()  # what it learned up to its last checkpoint is on disk
        elif not job.cancelled:
            job.cancelled = True
            assert self._worker is not None
            self._worker.send({"id": job.request.id, "method": "cancel", "params": {}})
            timer = threading.Timer(GRACE_S, self._out_of_patience, (job,))
            timer.daemon = True
            self._timers.add(timer)
            timer.start()
        return {"found": True}

    def _out_of_patience(self, job: _Job) -> None:
        """A cancelled request has not stopped by itself."""
        with self._lock:
            self._timers.discard(threading.current_thread())
            if self._jobs.get(job.request.id) is not job or self._closing:
                return
            others = [j for j in self._jobs.values() if j is not job and j.sent and not j.cancelled]
            if job.request.method in LIGHT and others:
                # Killing the worker would take a run of the user with it: let it end unheard.
                self._end(job.request.id, _cancelled(job.request.id))
            elif self._worker is not None:
                self._killed = True
                self._worker.kill()

    def _shutdown(self, _request: Request, _params: Any) -> dict[str, Any]:
        self._closing = True
        return {}

    # The worker

    def _from_worker(self, line: bytes) -> None:
        try:
            message = json.loads(line)
            request_id = message["id"]
        except (ValueError, KeyError, TypeError):
            return  # nothing but the worker's own lines comes here; half of one is left when it dies
        with self._lock:
            job = self._jobs.get(request_id)
            if job is None or self._closing:
                return
            if "event" in message:
                if not job.cancelled:
                    self._forward(line)
                return
            self._end(request_id, _cancelled(request_id) if job.cancelled else None, line)

    def _worker_ended(self, worker: Child, code: int) -> None:
        with self._lock:
            if self._closing or worker is not self._worker:
                return
            self._worker = None
            killed, self._killed = self._killed, False
            self._clear_scratch()
            for job in [j for j in self._jobs.values() if j.sent and j is not self._training]:
                request_id = job.request.id
                if job.cancelled:
                    self._end(request_id, _cancelled(request_id))
                    continue
                if killed:  # it only shared the worker with the one that had to be killed
                    self._hand_over(job)
                    continue
                self._end(request_id, _died(request_id, "the worker", code))

    # Training

    def _start_training(self, request: Request, params: parameters.Train) -> None:
        params.make_settings()  # what is wrong is reported at once
        if self._training is not None:
            raise RequestError("busy", "a training run is under way", hint="Wait for its end, or cancel it.")
        discard = None if params.keep_cancelled or params.resume or params.output.exists() else params.output
        job = _Job(request=request, sent=True, discard=discard)
        try:
            self._trainer = Child(
                self._training_command, on_line=self._from_worker, on_end=self._training_ended, own_group=True
            )
        except OSError as error:
            raise RequestError("engine", f"training cannot be started: {error}") from error
        self._training = self._jobs[request.id] = job
        self._trainer.send({"id": request.id, "method": request.method, "params": request.params})

    def _training_ended(self, trainer: Child, code: int) -> None:
        with self._lock:
            if self._closing or trainer is not self._trainer:
                return
            job, self._trainer, self._training = self._training, None, None
            if job is None or self._jobs.get(job.request.id) is not job:
                return  # it had reported its end
            request_id = job.request.id
            if job.cancelled and job.discard is not None:
                shutil.rmtree(job.discard, ignore_errors=True)
            self._end(
                request_id, _cancelled(request_id) if job.cancelled else _died(request_id, "the training run", code)
            )

    def _end(self, request_id: Id, message: dict[str, Any] | None, line: bytes = b"") -> None:
        """Send the reply to a request, forget the request, and go on with the next."""
        if self._jobs.pop(request_id) is self._training:
            self._training = None  # its process may take a while to go; the next run need not wait for that
        if message is not None:
            self._send(message)
        else:
            self._forward(line)
        self._next()
        self._start_idle()

    def _send(self, message: dict[str, Any]) -> None:
        """As the writer does, from the thread of a child."""
        try:
            self._writer.send(message)
        except OSError:
            self._leave()

    def _forward(self, line: bytes) -> None:
        try:
            self._writer.send_line(line + b"\n")
        except OSError:
            self._leave()

    def _leave(self) -> None:
        self._closing = True
        for child in (self._worker, self._trainer):
            if child is not None:
                child.kill()

    def _clear_scratch(self) -> None:
        for path in self._scratch.iterdir():
            shutil.rmtree(path, ignore_errors=True)

    # Giving memory back

    def _start_idle(self) -> None:
        self._stop_idle()
        if self._idle_s is not None and self._worker is not None and not self._working():
            self._idle = threading.Timer(self._idle_s, self._end_worker)
            self._idle.daemon = True
            self._idle.start()

    def _stop_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _working(self) -> bool:
        """Whether the worker has something to do."""
        return any(job is not self._training for job in self._jobs.values())

    def _end_worker(self) -> None:
        with self._lock:
            if not self._working() and self._worker is not None:
                worker, self._worker = self._worker, None
                worker.kill()


def _died(request_id: Id, what: str, code: int) -> dict[str, Any]:
    how = describe_end(code)
    hint = "Try it again; the engine goes on."
    if how == "SIGKILL":
        hint = "The system may have ended it for want of memory: take a smaller batch size or model."
    return failure(request_id, "worker-died", f"{what} died ({how})", hint)


def _cancelled(request_id: Id) -> dict[str, Any]:
    return failure(request_id, "cancelled", "cancelled")
