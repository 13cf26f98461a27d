"""Workers that answer batches of chips: one actor and one thread of the owner's process for each.

A thread keeps two batches at its worker, so that the next one is there when the first is answered. A batch whose
worker is lost goes back into the queue, before all later ones, and the thread gets a new worker as soon as there is
room for one; a batch that has cost more than ``MOST_LOST`` workers ends the run. The order of answers is the owner's
business: every batch has a future.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, PriorityQueue
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError

from geogrounding.distributed.worker import Answerer, Software, software
from geogrounding.errors import ClusterError, GeogroundingError
from geogrounding.execution.executor import ModelSource, SegmenterSource
from geogrounding.messages import first_line

IN_FLIGHT = 2
"""Batches at a worker: one being answered, one on its way."""
MOST_LOST = 5
"""Workers that one batch, or one start, may cost."""
PATIENCE_S = 600.0
"""How long a lost worker's place on the cluster is waited for."""
SOON_S, LATER_S = 0.05, 1.0
"""How often a thread that waits for an answer looks whether there is more to send, and whether the pool was closed."""
_LAST = 2**62


@dataclass(order=True, slots=True)
class _Order:
    """A call to any worker, waiting for its turn."""

    number: int
    submit: Callable[[Any], Any] | None = field(compare=False)
    """From an actor to the reference of its answer; None ends the thread that takes it."""
    future: Future[Any] = field(compare=False, default_factory=Future)
    lost: int = field(compare=False, default=0)
    """Workers that were lost over it."""
    running: bool = field(compare=False, default=False)
    """Whether it was sent once, so that it cannot be cancelled any more."""


class Pool:
    """Workers with a model each."""

    def __init__(self, model: ModelSource, segmenter: SegmenterSource, *, workers: int, cpus: float, gpus: float):
        """Start workers; each loads its model when it is first asked.

        Args:
            model: as a name or a function that loads it.
            segmenter: the same.
            workers: how many.
            cpus: cores of each, as Ray counts them.
            gpus: graphics cards of each, also a part of one.
        """
        # max_restarts stays 0: a new worker in place of a lost one is asked for here, where its batches are known.
        self._actor = ray.remote(Answerer).options(
            num_cpus=cpus, num_gpus=gpus, max_restarts=0, max_task_retries=0, scheduling_strategy="SPREAD"
        )
        self._arguments = (ray.put(model), ray.put(segmenter))
        self._queue: PriorityQueue[_Order] = PriorityQueue()
        self._numbers = itertools.count()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._serving = workers
        self._failure: GeogroundingError | None = None
        self.size = workers
        self._threads = [
            threading.Thread(target=self._serve, name=f"ray-worker-{n}", daemon=True) for n in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def call(self, submit: Callable[[Any], Any]) -> Future[Any]:
        """Have something done by any worker; earlier calls first."""
        order = _Order(next(self._numbers), submit)
        with self._lock:
            if self._failure is None:
                self._queue.put(order)
                return order.future
        order.future.set_exception(self._failure)
        return order.future

    def close(self) -> None:
        """End threads and workers; calls that wait are cancelled."""
        self._closing.set()
        self._drop(ClusterError("the workers were stopped"))
        for _ in self._threads:
            self._queue.put(_Order(_LAST, None))
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        """Keep one worker busy until the pool is closed, or no worker can be had."""
        sent: deque[tuple[_Order, Any]] = deque()
        error: GeogroundingError | None = None
        try:
            while not self._closing.is_set():
                worker = self._hire()
                try:
                    self._feed(worker, sent)
                finally:
                    _let_go(worker)
                if sent and not self._closing.is_set():
                    sent[0][0].lost += 1
                    for order, _ in sent:
                        self._again(order)
                    sent.clear()
        except GeogroundingError as failure:
            error = failure
        except Exception as failure:  # noqa: BLE001 (a thread that ends without a word would leave the owner waiting)
            error = ClusterError(f"the cluster failed: {first_line(failure)}")
        for order, _ in sent:
            order.future.set_exception(error or ClusterError("the workers were stopped"))
        if error is not None:
            self._leave(error)

    def _feed(self, worker: Any, sent: deque[tuple[_Order, Any]]) -> None:
        """Send calls to a worker and pass its answers on, until it is lost (``sent`` is then not empty) or no more
        come.
        """
        while not self._closing.is_set():
            order = self._next(wait=not sent) if len(sent) < IN_FLIGHT else None
            if order is not None:
                if order.submit is None:
                    return
                sent.append((order, order.submit(worker)))
                continue
            order, reference = sent[0]
            ready, _ = ray.wait([reference], timeout=SOON_S if len(sent) < IN_FLIGHT else LATER_S)
            if ready:
                if not _pass_on(order, reference):
                    return
                sent.popleft()

    def _next(self, *, wait: bool) -> _Order | None:
        """The first call that was not cancelled meanwhile; None where none waits and ``wait`` is not set."""
        while True:
            try:
                order = self._queue.get(block=wait)
            except Empty:
                return None
            if order.submit is None or order.running or order.future.set_running_or_notify_cancel():
                order.running = True
                return order

    def _again(self, order: _Order) -> None:
        """Queue a call again whose worker is lost."""
        if order.lost > MOST_LOST:
            order.future.set_exception(
                ClusterError(
                    f"{order.lost} workers were lost over the same chips",
                    hint="Is there too little memory for the model? Fewer workers need less; --resume goes on.",
                )
            )
        else:
            self._queue.put(order)

    def _hire(self) -> Any:
        """A worker that runs the same software.

        Raises:
            ClusterError: none could be had in time, or it runs other software.
        """
        problem = "none came"
        for _ in range(MOST_LOST):
            worker: Any = self._actor.remote(*self._arguments)
            reference = worker.software.remote()
            waited = 0.0
            while waited < PATIENCE_S and not self._closing.is_set():
                ready, _ = ray.wait([reference], timeout=1.0)
                if ready:
                    break
                waited += 1.0
            try:
                check_software(ray.get(reference, timeout=0.0))
            except GetTimeoutError:
                _let_go(worker)
                break
            except RayError as error:
                problem = _reason(error)
                continue
            except ClusterError:
                _let_go(worker)
                raise
            return worker
        raise ClusterError(
            f"a worker cannot be started: {problem}",
            hint="`ray status` shows what the cluster has; every machine needs geogrounding installed.",
        )

    def _leave(self, error: GeogroundingError) -> None:
        """One worker less. Without any left, or with other software somewhere, all that waits fails."""
        with self._lock:
            self._serving -= 1
            if self._serving and not isinstance(error, OtherSoftwareError):
                return
            self._failure = error
        self._drop(error)

    def _drop(self, error: GeogroundingError) -> None:
        while True:
            try:
                order = self._queue.get_nowait()
            except Empty:
                return
            if order.submit is not None and not order.future.cancel():
                order.future.set_exception(error)


class OtherSoftwareError(ClusterError):
    """A worker runs another version."""


def _pass_on(order: _Order, reference: Any) -> bool:
    """Give an answer to whoever waits for it; False where the worker is lost."""
    try:
        value = ray.get(reference)
    except RayTaskError as error:  # Answerer catches what models raise: the call itself failed
        value = ClusterError(
            f"a worker cannot do its part: {_reason(error)}",
            hint="Every machine needs the same installation of geogrounding, and of the model's package.",
        )
    except RayError:
        return False
    if isinstance(value, GeogroundingError):
        order.future.set_exception(value)
    else:
        order.future.set_result(value)
    return True


def check_software(there: Software) -> None:
    """Refuse a worker whose results could differ.

    Raises:
        ClusterError: it runs another version of geogrounding or Python.
    """
    here = software()
    if there.geogrounding != here.geogrounding or there.python.split(".")[:2] != here.python.split(".")[:2]:
        raise OtherSoftwareError(
            f"other software on {there.host}: geogrounding {there.geogrounding} with Python {there.python}, here "
            f"{here.geogrounding} with {here.python}",
            hint="Install the same version on every machine of the cluster.",
        )


def _let_go(worker: Any) -> None:
    try:
        ray.kill(worker)
    except (RayError, RuntimeError, ValueError):  # it is lost already, or so is the cluster
        pass


def _reason(error: BaseException) -> str:
    """The last line that says something: Ray puts the traceback of the worker before it."""
    lines: Sequence[str] = [line.strip() for line in str(error).splitlines() if line.strip()]
    return first_line(RuntimeError(lines[-1] if lines else type(error).__name__))
