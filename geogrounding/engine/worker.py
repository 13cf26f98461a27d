"""The process that does the work: one heavy job at a time in its main thread, light ones in a second thread.

A job is interrupted by a signal whose handler raises ``Interrupted``, and only inside ``Interrupts.open``: while the
model answers, where nothing but the answer is lost. Everywhere else a job looks by itself whether it was cancelled,
after each batch of chips. What does neither (a server that does not answer, a merge of a million boxes) is ended by the
session, which kills the process.

Run as ``python -m geogrounding.engine.worker --scratch FOLDER [--models FOLDER]...`` by the session.
"""

from __future__ import annotations

import argparse
import os
import queue
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from geogrounding.engine import parameters
from geogrounding.engine.interrupts import Interrupted, Interrupts
from geogrounding.engine.protocol import LIGHT, Request, encode, event, failure, failure_of, parse_request, reply
from geogrounding.engine.transport import LineReader, TooLong, Writer, take_over

MAX_LINE_BYTES = 1 << 22


class Worker:
    """Takes requests from the session until that is gone."""

    def __init__(self, requests: int, replies: int, *, scratch: Path, model_folders: Sequence[Path]) -> None:
        from geogrounding.engine.jobs import Jobs

        self._reader = LineReader(requests, limit=MAX_LINE_BYTES)
        self._writer = Writer(replies)
        self._interrupts = Interrupts()
        self._jobs = Jobs(scratch=scratch, model_folders=model_folders, interrupts=self._interrupts)
        self._heavy: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._light: queue.SimpleQueue[Request] = queue.SimpleQueue()

    def serve(self) -> None:
        """Work for ever; the process ends from within ``_read``."""
        self._interrupts.install()
        for target in (self._read, self._do_light):
            threading.Thread(target=target, daemon=True).start()
        while True:
            request = self._heavy.get()
            with self._interrupts.job(request.id):
                self._do(request)

    def _read(self) -> None:
        """Sort requests by weight. When the session is gone, so is this process, whatever it is doing."""
        try:
            for line in self._reader:
                if isinstance(line, TooLong):
                    continue
                request = parse_request(line)
                if request.method == "cancel":
                    self._interrupts.cancel(request.id)
                elif request.method in LIGHT:
                    self._light.put(request)
                else:
                    self._heavy.put(request)
        finally:
            os._exit(0)

    def _do_light(self) -> None:
        while True:
            self._do(self._light.get())

    def _do(self, request: Request) -> None:
        def emit(name: str, **members: Any) -> None:
            self._writer.send(event(request.id, name, **members))

        try:
            params = parameters.parse(request.method, request.params)
            message = reply(request.id, self._jobs.methods[request.method](params, emit))
        except Interrupted:
            message = failure(request.id, "cancelled", "cancelled")
        except Exception as error:  # noqa: BLE001 - whatever happened to one request, the next one is served
            message = failure_of(request.id, error)
            if message["error"]["code"] == "defect":
                traceback.print_exc()
        self._writer.send_line(encode(message))


def main(arguments: Sequence[str]) -> None:
    """Run the worker with the arguments of a command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--models", type=Path, action="append", default=[])
    options = parser.parse_args(arguments)
    requests, replies = take_over()
    Worker(requests, replies, scratch=options.scratch, model_folders=options.models).serve()


if __name__ == "__main__":
    main(sys.argv[1:])
