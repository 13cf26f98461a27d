"""The model server dies or falls silent in the middle of a run: nothing hangs, every chip has an answer or a reason."""

from __future__ import annotations

import signal
import threading
from typing import Any

import numpy as np
import pytest

from geogrounding.errors import ModelError
from geogrounding.models.openai.model import OpenAIServer
from geogrounding.types import Answer, Question
from tests.integration.chat_server import ServerProcess

SHIP = Question(expression="ship")
CONCURRENCY = 3
PATIENCE_S = 60


def images(count: int) -> list[Any]:
    image = np.zeros((56, 56, 3), np.uint8)
    image[10:20, 10:20] = 255
    return [image] * count


class Asking(threading.Thread):
    """``ground`` in a thread of its own, so that a hang fails the test instead of stopping it."""

    def __init__(self, server: OpenAIServer, count: int) -> None:
        super().__init__(daemon=True)
        self.server, self.count = server, count
        self.answers: list[list[Answer]] = []
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.answers = self.server.ground(images(self.count), [SHIP])
        except BaseException as error:
            self.error = error

    def finish(self) -> Asking:
        self.join(PATIENCE_S)
        assert not self.is_alive(), "ground() hangs"
        return self


@pytest.mark.parametrize("killer", [signal.SIGKILL, signal.SIGTERM])
def test_killed_server_fails_the_rest_of_the_batch_and_ends_the_run_at_the_next(killer: signal.Signals) -> None:
    slept: list[float] = []
    with ServerProcess(answers=5) as process:
        server = OpenAIServer(process.url, concurrency=CONCURRENCY, sleep=slept.append)
        asking = Asking(server, 12)
        # Five are answered; now every connection holds a request without a reply.
        assert [process.line() for _ in range(CONCURRENCY)] == ["held"] * CONCURRENCY
        process.signal(killer)
        asking.finish()
        assert asking.error is None
        errors = [row[0].error for row in asking.answers]
        assert sum(error is None for error in errors) == 5
        assert all("no connection to http://127.0.0.1" in error for error in errors if error is not None)
        assert all(row[0].detections for row in asking.answers if row[0].error is None)
        asking = Asking(server, 4).finish()
        assert isinstance(asking.error, ModelError)
        assert "--resume" in asking.error.hint
        server.close()
    assert 0 < sum(slept) < 200


def test_server_that_dies_before_the_first_answer_ends_the_run() -> None:
    with ServerProcess(answers=0) as process:
        server = OpenAIServer(process.url, concurrency=CONCURRENCY, sleep=lambda _: None)
        asking = Asking(server, 6)
        assert [process.line() for _ in range(CONCURRENCY)] == ["held"] * CONCURRENCY
        process.signal(signal.SIGKILL)
        assert isinstance(asking.finish().error, ModelError)
        server.close()


def test_silent_server_runs_into_the_timeout() -> None:
    with ServerProcess(answers=0) as process:
        server = OpenAIServer(process.url, concurrency=CONCURRENCY, sleep=lambda _: None, timeout_s=0.5, max_retries=1)
        asking = Asking(server, 2 * CONCURRENCY).finish()
        assert isinstance(asking.error, ModelError)
        assert "no reply within 0.5 s" in str(asking.error)
        server.close()


def test_stopped_process_runs_into_the_timeout() -> None:
    with ServerProcess() as process:
        server = OpenAIServer(process.url, concurrency=CONCURRENCY, sleep=lambda _: None, timeout_s=0.5, max_retries=0)
        process.signal(signal.SIGSTOP)
        asking = Asking(server, 2 * CONCURRENCY).finish()
        process.signal(signal.SIGCONT)
        assert isinstance(asking.error, ModelError)
        server.close()


def test_new_server_at_the_same_address_is_used_again() -> None:
    with ServerProcess(answers=1) as process:
        server = OpenAIServer(process.url, concurrency=1, sleep=lambda _: None, max_retries=1)
        assert server.ground(images(1), [SHIP])[0][0].detections
        asking = Asking(server, 1)
        assert process.line() == "held"
        process.signal(signal.SIGKILL)
        assert isinstance(asking.finish().error, ModelError)
        port = process.url.split(":")[2].split("/")[0]
        with ServerProcess(port=int(port)):
            assert server.ground(images(1), [SHIP])[0][0].detections
        server.close()


def test_closing_from_another_thread_ends_the_wait_between_attempts() -> None:
    waiting = threading.Event()
    server = OpenAIServer("http://127.0.0.1:9", model="m", concurrency=1, max_retries=50)
    # The default sleep is a wait on the stop flag; announce that it has begun.
    client = server._client
    wait = client._sleep

    def announced(seconds: float) -> object:
        waiting.set()
        return wait(seconds)

    client._sleep = announced
    asking = Asking(server, 1)
    assert waiting.wait(PATIENCE_S)
    server.close()
    assert isinstance(asking.finish().error, ModelError)
