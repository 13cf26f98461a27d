"""An executor on Ray: the batches of a run on the cores and graphics cards of one machine or of a cluster.

Chips are read by tasks, some parts of a scene ahead, and answered by actors that keep a model loaded each
(``distributed.pool``). The owner forms batches from what was read, as a local run does, and hands them back in order:
what a run writes does not depend on workers. Pixels go from reader to worker through Ray's object store and never
through the owner. Parts that are lost with a machine are read again.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

from geogrounding.distributed.lasting import in_lasting_thread
from geogrounding.distributed.turns import Turns
from geogrounding.distributed.worker import Answered, ChipState, Identities, SceneJob, read_part
from geogrounding.errors import ClusterError, GeogroundingError, SettingsError
from geogrounding.execution.executor import (
    Identity,
    ModelIdentity,
    ModelSource,
    SegmenterSource,
    batches_of,
)
from geogrounding.execution.journal import ChipRecord
from geogrounding.execution.report import Clock
from geogrounding.execution.scan_plan import Plan
from geogrounding.messages import first_line, quote
from geogrounding.models.base import Model
from geogrounding.models.segmenters.base import Segmenter
from geogrounding.raster.grid import Chip
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import Stretch
from geogrounding.settings import RunSettings

if TYPE_CHECKING:
    from geogrounding.distributed.pool import Pool

PART_BYTES = 32 * 2**20
"""Pixels of the neighbouring chips that one task reads: enough that blocks on its edge, read twice, weigh little."""
MOST_CHIPS = 256
MOST_READS = 5
"""Times that a part is read whose reader is lost."""
REACH_S = 20.0
STARTS = 3
"""Times that a cluster is started on this machine: Ray gives up after half a minute."""
KEPT_READERS = 16
"""Processes of a cluster that is started here which stay for the next readers."""
OBJECT_STORE_BYTES = 2**30
"""Shared memory of a cluster that is started here: a few parts for each worker; Ray puts on disk what is more."""


class RayExecutor:
    """Answers chips on the workers of a Ray cluster. A context manager; use one for all scenes that share a model."""

    def __init__(
        self,
        *,
        workers: int | None = None,
        gpus_per_worker: float | None = None,
        address: str | None = None,
        scenes_in_flight: int = 1,
    ) -> None:
        """Check the options; the cluster is connected to when the executor is entered.

        Args:
            workers: loaded models; None is one for each card, or each core of a cluster without cards.
            gpus_per_worker: cards of each, also a part of one such as 0.5; None is 1 where the cluster has cards.
            address: of a running cluster; None takes RAY_ADDRESS, or else starts one on this machine.
            scenes_in_flight: scenes that will be answered at the same time, by threads of the caller that each work
                inside ``turns.taken()``.

        Raises:
            SettingsError: a number is not positive.
        """
        if workers is not None and workers < 1:
            raise SettingsError(f"at least one worker is needed, not {workers}")
        if gpus_per_worker is not None and not 0 <= gpus_per_worker < 1024:
            raise SettingsError(f"{gpus_per_worker} is no number of graphics cards")
        self._wanted, self._gpus, self._address = workers, gpus_per_worker, address
        self._scenes = max(1, scenes_in_flight)
        self.turns = Turns()
        """Of threads that walk scenes at the same time."""
        self._connected_here = False
        self._end = threading.Event()
        self._pool: Pool | None = None
        self._sources: tuple[ModelSource, SegmenterSource] | None = None

    def __enter__(self) -> Self:
        """Check that Ray is here; the cluster is connected to when the first scene has been opened.

        Raises:
            ClusterError: Ray is not installed.
        """
        if find_spec("ray") is None:
            raise ClusterError("Ray is not installed here", hint='pip install "geogrounding[ray]"')
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the workers; the cluster stays, unless it was started for this executor."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None
        if self._connected_here:
            import ray

            ray.shutdown()
            self._connected_here = False
        self._end.set()

    @property
    def workers(self) -> int:
        """How many workers there are; 0 before the first scene."""
        return 0 if self._pool is None else self._pool.size

    @property
    def room(self) -> int:
        """How many workers the cluster has room for; after the first scene."""
        return shares(None, self._gpus)[0]

    def identify(self, settings: RunSettings, model: ModelSource, segmenter: SegmenterSource) -> Identities:
        """Model and segmenter as they are without a scene.

        Raises:
            GeogroundingError: they cannot be loaded.
        """
        future = self._pool_for(model, segmenter).call(lambda worker: worker.identify.remote(settings))
        described: Identities = self.turns.wait_for(future.result)
        return described

    @contextmanager
    def answering(
        self, scene: Scene, settings: RunSettings, model: ModelSource, segmenter: SegmenterSource
    ) -> Iterator[RayAnswering]:
        """Get ready for a scene; see ``Executor``.

        Raises:
            SettingsError: a loaded model, or another than before, was given.
            ClusterError: the cluster cannot be reached, or is another version, or no worker can be had.
            ModelError: the model cannot be loaded.
        """
        pool = self._pool_for(model, segmenter)
        job = SceneJob.of(uuid.uuid4().hex, scene, settings)
        described = self.turns.wait_for(pool.call(lambda worker: worker.describe.remote(job)).result)
        yield RayAnswering(
            job=job,
            fingerprint=scene.fingerprint,
            model=described.model,
            segmenter=described.segmenter,
            pool=pool,
            turns=self.turns,
            parts_ahead=max(2, -(-2 * pool.size // self._scenes)),
        )

    def _pool_for(self, model: ModelSource, segmenter: SegmenterSource) -> Pool:
        for source, kind in ((model, Model), (segmenter, Segmenter)):
            if isinstance(source, kind):
                raise SettingsError(
                    "a loaded model cannot be sent to other processes",
                    hint="Pass its name, or a function that loads it.",
                )
        if self._pool is None:
            self._end = threading.Event()
            self._connected_here = in_lasting_thread(partial(_connect, self._address), self._end)
            from geogrounding.distributed.pool import Pool

            workers, cpus, gpus = shares(self._wanted, self._gpus)
            self._sources = (model, segmenter)
            self._pool = Pool(model, segmenter, workers=workers, cpus=cpus, gpus=gpus)
        elif self._sources != (model, segmenter):
            raise SettingsError("a RayExecutor keeps one model", hint="Make another RayExecutor for another model.")
        return self._pool


@dataclass(frozen=True, slots=True, kw_only=True)
class _FarChip:
    """A chip whose pixels are in the object store."""

    state: ChipState
    pixels: Any
    """A reference; None for an empty or failed chip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RayAnswering:
    """One scene on the workers of a cluster."""

    job: SceneJob
    fingerprint: str
    model: ModelIdentity
    segmenter: Identity | None
    pool: Pool
    turns: Turns
    parts_ahead: int

    def planned(self, settings: RunSettings, *, again: bool = False) -> RunSettings:
        """Have a worker's model make plans; see ``Answering``."""
        made = self.pool.call(lambda worker: worker.plan.remote(self.job, settings, again))
        planned: RunSettings = self.turns.wait_for(made.result)
        return planned

    def batches(
        self, plan: Plan, stretch: Stretch, chips: Sequence[int], clock: Clock
    ) -> Generator[list[ChipRecord], None, None]:
        """Answer chips batch by batch; see ``Answering``.

        ``clock`` counts as "model" the time in which nothing could be done but wait for an answer.
        """
        ahead = 2 * self.pool.size + 1
        waiting: deque[Future[Any]] = deque()
        groups = batches_of(self._read(plan, stretch, chips), self.model.conventions.batch_size)
        try:
            while True:
                while waiting and (waiting[0].done() or len(waiting) >= ahead):
                    yield self._records(waiting.popleft(), clock)
                with clock.count("waiting"):
                    group = next(groups, None)
                if group is None:
                    break
                waiting.append(self._ask(plan, group))
            while waiting:
                yield self._records(waiting.popleft(), clock)
        finally:
            for future in waiting:
                future.cancel()

    def _ask(self, plan: Plan, group: list[_FarChip]) -> Future[Any]:
        states, pixels = [chip.state for chip in group], [chip.pixels for chip in group]
        questions, least_score = plan.composition.questions, plan.sure_score
        return self.pool.call(lambda worker: worker.answer.remote(self.job, questions, least_score, states, *pixels))

    def _records(self, future: Future[Any], clock: Clock) -> list[ChipRecord]:
        with clock.count("model"):
            answered: Answered = self.turns.wait_for(future.result)
        expected = (self.model.fingerprint, None if self.segmenter is None else self.segmenter.fingerprint)
        if answered.fingerprints != expected:
            raise ClusterError(
                f"workers have different weights of {quote(self.model.name)}",
                hint="Every machine must see the same model: use shared storage, or install the same package.",
            )
        return answered.records

    def _read(self, plan: Plan, stretch: Stretch, chips: Sequence[int]) -> Iterator[_FarChip]:
        """Chips in order, some parts of the scene ahead."""
        parts = parts_of(plan.grid, chips)
        upcoming = ([plan.grid[i] for i in part] for part in parts)
        under_way: deque[tuple[list[Chip], list[Any]]] = deque()
        for part in islice(upcoming, self.parts_ahead):
            under_way.append((part, self._start(part, stretch)))
        while under_way:
            part, references = under_way.popleft()
            states, pixels = self._states(part, references, stretch)
            for following in islice(upcoming, 1):
                under_way.append((following, self._start(following, stretch)))
            for state, reference in zip(states, pixels, strict=True):
                yield _FarChip(state=state, pixels=reference if state.has_pixels else None)

    def _start(self, part: list[Chip], stretch: Stretch) -> list[Any]:
        """References to the states of chips, and to the pixels of each."""
        import ray

        task = ray.remote(read_part).options(
            num_cpus=0,  # a core that is set aside for readers would stand idle; they are few, and bounded here
            num_returns=len(part) + 1,
            max_retries=MOST_READS,
            scheduling_strategy="SPREAD",
        )
        references: Any = task.remote(self.job, self.fingerprint, part, stretch)
        return list(references)

    def _states(self, part: list[Chip], references: list[Any], stretch: Stretch) -> tuple[list[ChipState], list[Any]]:
        import ray
        from ray.exceptions import RayError, RayTaskError

        for _ in range(MOST_READS):
            try:
                states: Any = self.turns.wait_for(partial(ray.get, references[0]))
            except RayTaskError as error:
                raise ClusterError(
                    f"a worker cannot read: {first_line(error.cause)}",
                    hint="Every machine needs the same installation of geogrounding.",
                ) from None
            except RayError:
                references = self._start(part, stretch)
                continue
            if isinstance(states, GeogroundingError):
                raise states
            return states, references[1:]
        raise ClusterError(
            f"{MOST_READS} readers were lost over the same chips of {self.job.scene.name}",
            hint="Is there too little memory? --resume goes on.",
        )


def parts_of(grid: Sequence[Chip], chips: Sequence[int]) -> Iterator[Sequence[int]]:
    """Neighbouring chips that are read together; as many for every worker count."""
    if not chips:
        return
    width, height = grid[chips[-1]].size_px  # those of the finest level are the largest
    size = max(1, min(MOST_CHIPS, PART_BYTES // (width * height * 3)))
    for start in range(0, len(chips), size):
        yield chips[start : start + size]


def _connect(address: str | None) -> bool:
    """Connect to a cluster, or start one on this machine; False where this process is connected already."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anyone
    os.environ.setdefault("RAY_agent_register_timeout_ms", "120000")
    os.environ.setdefault("RAY_gcs_server_port_wait_time_s", "120")
    # Ray ends idle processes beyond the number of cores, and actors count: each reader would be a new process, which
    # costs about a second of a core.
    os.environ.setdefault("RAY_num_workers_soft_limit", str(KEPT_READERS))
    os.environ.setdefault("RAY_idle_worker_killing_time_threshold_ms", "60000")
    import ray

    if ray.is_initialized():
        return False
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    _check_reachable(address)
    here: dict[str, Any] = (
        {"object_store_memory": OBJECT_STORE_BYTES, "include_dashboard": False} if address == "local" else {}
    )
    for attempt in range(STARTS):
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL, **here)
            return True
        except Exception as error:  # RuntimeError, ConnectionError, ValueError, TimeoutError, by version and address
            reason = " ".join(str(error).split()) or type(error).__name__
            if "timed out during startup" in reason and attempt + 1 < STARTS:  # a busy machine
                continue
            place = "could be started here" if address == "local" else f"can be used at {quote(address)}"
            raise ClusterError(
                f"no cluster {place}: {first_line(RuntimeError(reason))}",
                hint="RAY_ADDRESS names a running cluster of the same versions of Ray and Python; without it, Ray runs "
                "on this machine.",
            ) from error
    raise AssertionError("every start returns or raises")


def _check_reachable(address: str) -> None:
    """Refuse a cluster that no one answers for: Ray would try for minutes.

    Raises:
        ClusterError: nothing listens at the address.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return  # "local", "auto" and whatever Ray reads otherwise
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=REACH_S).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(
            f"no cluster can be used at {quote(address)}: {first_line(error)}",
            hint="RAY_ADDRESS is what the head of the cluster printed; without it, Ray runs on this machine.",
        ) from None


def shares(workers: int | None, gpus: float | None) -> tuple[int, float, float]:
    """How many workers, and how many cores and cards each gets.

    Raises:
        ClusterError: the cluster has no place for them.
    """
    import ray

    every: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    nodes = [node["Resources"] for node in every if node["Alive"]]
    cores, cards = [int(n.get("CPU", 0)) for n in nodes], [float(n.get("GPU", 0)) for n in nodes]
    if gpus is None:
        gpus = 1.0 if any(cards) else 0.0
    if gpus:
        places = sum(int(card / gpus + 1e-6) for card in cards)
        if not places or (workers is not None and workers > places):
            raise ClusterError(
                f"the cluster has no place for {workers or 1} workers with {gpus:g} graphics cards each",
                hint=f"It has {sum(cards):g} cards; give fewer --workers, or fewer --gpus-per-worker, such as 0.5.",
            )
        return workers or places, 0.0, gpus
    if not sum(cores):
        raise ClusterError("the cluster has no cores", hint="Its nodes were started without any.")
    workers = workers or sum(cores)
    share = 1
    while sum(core * share for core in cores) < workers:
        share += 1
    return workers, round(1.0 / share - 5e-5, 4) if share > 1 else 1.0, 0.0
