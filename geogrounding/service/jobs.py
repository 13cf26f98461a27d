"""Jobs from their first row to their end: queued, handed to the engine, followed, taken up again after a restart."""

from __future__ import annotations

import json
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from geogrounding.errors import SettingsError
from geogrounding.packaged import default_model
from geogrounding.service.engine_link import EngineLink
from geogrounding.service.hub import Hub
from geogrounding.service.inputs import PROCESSES, Inputs, Train, engine_request, read_inputs
from geogrounding.service.queue import in_order
from geogrounding.service.results import Results
from geogrounding.service.scenes import Scenes
from geogrounding.service.settings import Limits
from geogrounding.service.shelf import Shelf
from geogrounding.service.store import ENDED, WAITING, Event, Job, Store

TICK_S = 1.0
JOURNAL_RETRIES = 20
"""A journal may still be held by the worker of a killed service, which ends within a second."""
_LOG = logging.getLogger("geogrounding.service")


class TooManyJobsError(SettingsError):
    """The queue, or the user's share of it, is full."""


class Jobs:
    """All jobs of a service; for any thread."""

    def __init__(
        self,
        *,
        store: Store,
        scenes: Scenes,
        folder: Path,
        limits: Limits,
        model_folders: Sequence[Path] = (),
        machines: dict[str, Any] | None = None,
        worker_command: Sequence[str] | None = None,
        training_command: Sequence[str] | None = None,
    ) -> None:
        """Take up what a former service left; nothing runs before ``start``."""
        self.store, self.hub, self.limits = store, Hub(), limits
        self._folder = folder
        self.shelf = Shelf(store, scenes, folder, tuple(model_folders), machines or {})
        self._lock = threading.RLock()
        self._running: dict[str, str] = {}
        """Lane -> job: the engine runs one job with the warm model, and one training beside it."""
        self._results: dict[str, Results] = {}
        self._dismissed: set[str] = set()
        self._ended_by: dict[str, str] = {}
        """Jobs that are being cancelled by the service -> why."""
        self._last_turn: dict[str, float] = {}
        self._stopped = threading.Event()
        self._commands = (worker_command, training_command)
        self._engine: EngineLink | None = None
        for job in store.jobs(states=("running",)):
            store.change(job.id, state="interrupted", message="The service was stopped; the job goes on.")
            self._publish(job.id, "status", {"state": "interrupted"})

    def start(self) -> None:
        """Start the engine and serve the queue."""
        worker, training = self._commands
        self._engine = EngineLink(
            self._take,
            model_folders=self.shelf.model_folders,
            worker_command=worker,
            training_command=training,
        )
        self._engine.start("call-warm", "load", {})  # so that the first user need not wait for the model
        threading.Thread(target=self._tick, name="job clock", daemon=True).start()
        self._serve()

    def close(self) -> None:
        """Stop the engine; running jobs go on at the next start."""
        self._stopped.set()
        if self._engine is not None:
            self._engine.close()

    @property
    def engine(self) -> EngineLink:
        """The engine, once started."""
        assert self._engine is not None
        return self._engine

    @property
    def idle(self) -> bool:
        """Whether the warm model has nothing to do."""
        return "model" not in self._running

    # What clients ask for

    def submit(self, process: str, values: object, user: str) -> Job:
        """Keep a job, and run it when its turn comes.

        Raises:
            SettingsError: its inputs are wrong; TooManyJobsError where too many wait.
            LookupError: it names a scene, model or job that does not exist.
        """
        inputs = read_inputs(process, values)
        with self._lock:
            if self.store.count(WAITING) >= self.limits.waiting_jobs:
                raise TooManyJobsError(f"{self.limits.waiting_jobs} jobs are waiting", hint="Try again later.")
            if self.store.count(WAITING, user) >= self.limits.waiting_jobs_per_user:
                raise TooManyJobsError(
                    f"{self.limits.waiting_jobs_per_user} of your jobs are waiting", hint="Wait for one to end."
                )
            self._check_room()
            job_id = secrets.token_hex(8)
            folder = self.shelf.folder(job_id)
            folder.mkdir()
            try:
                engine_request(inputs, self.shelf, folder)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            now = time.time()
            job = Job(
                id=job_id,
                process=process,
                user=user,
                state="accepted",
                inputs=inputs.model_dump(mode="json", exclude_unset=True),
                title=inputs.title,
                created=now,
                updated=now,
            )
            self.store.add(job)
            self._publish(job_id, "status", {"state": "accepted"})
            self._serve()
        return self.job(job_id)

    def job(self, job_id: str) -> Job:
        """One job.

        Raises:
            LookupError: there is none of this id.
        """
        job = self.store.job(job_id)
        if job is None:
            raise LookupError(job_id)
        return job

    def ahead(self, job: Job) -> int:
        """How many jobs come before one that waits, the running one among them."""
        with self._lock:
            order = in_order(self._waiting(_lane(job.process)), self._last_turn)
            place = next((i for i, waiting in enumerate(order) if waiting.id == job.id), 0)
            return place + (_lane(job.process) in self._running)

    def dismiss(self, job_id: str) -> Job:
        """Cancel a job that waits or runs; remove one that has ended, with its results.

        Raises:
            LookupError: there is none of this id.
        """
        with self._lock:
            job = self.job(job_id)
            if job.ended:
                self.store.remove(job_id)
                shutil.rmtree(self.shelf.folder(job_id), ignore_errors=True)
                return job
            running = job_id in self._running.values()
            self._finish(job, "dismissed", "Cancelled.")
            if not running:
                self._drop_model(job)
            if running:
                self._dismissed.add(job_id)
                self.engine.cancel(job_id)
            return self.job(job_id)

    # The queue

    def _serve(self) -> None:
        """Hand the next job of each free lane to the engine."""
        with self._lock:
            if self._engine is None or self._stopped.is_set():
                return
            for lane in ("model", "training"):
                while lane not in self._running:
                    order = in_order(self._waiting(lane), self._last_turn)
                    if not order:
                        break
                    self._begin(lane, order[0])

    def _waiting(self, lane: str) -> list[Job]:
        return [job for job in self.store.jobs(states=WAITING) if _lane(job.process) == lane]

    def _begin(self, lane: str, job: Job) -> None:
        folder = self.shelf.folder(job.id)
        try:
            inputs = read_inputs(job.process, job.inputs)
            params = self._resumed(inputs, folder) if job.attempts else None
            params = params or engine_request(inputs, self.shelf, folder)
        except (LookupError, SettingsError, OSError, ValueError) as error:
            said = "a scene or model that it needs is gone" if isinstance(error, LookupError) else str(error)
            self._finish(job, "failed", said, error={"code": "input", "message": said})
            return
        self._running[lane] = job.id
        self._last_turn[job.user] = time.time()
        self.store.change(
            job.id, state="running", message="", attempts=job.attempts + 1, started=job.started or time.time()
        )
        self._results[job.id] = Results(self.shelf.layer(job.id), job.attempts + 1, self.limits.live_features)
        self._publish(job.id, "status", {"state": "running"})
        self.engine.start(job.id, inputs.method, params)

    def _resumed(self, inputs: Inputs, folder: Path) -> dict[str, Any] | None:
        """Parameters that take an interrupted request up; None begins it again."""
        from geogrounding.training.run_folder import last_checkpoint

        if not isinstance(inputs, Train):
            return {**engine_request(inputs, self.shelf, folder), "resume": True}
        output = self.shelf.models / inputs.name
        if last_checkpoint(output) is not None:  # its record holds the settings that it was begun with
            params = {"method": inputs.learn, "output": str(output), "keep_cancelled": False, "resume": True}
            return {**params, "settings": {}}
        shutil.rmtree(output, ignore_errors=True)
        return None

    # What the engine answers

    def _take(self, job_id: str, message: dict[str, Any]) -> None:
        """An event or the end of a job's request; in the thread of the engine link."""
        if self._stopped.is_set():
            return  # the service ends: its jobs go on at the next start
        try:
            with self._lock:
                if "event" in message:
                    if job_id not in self._dismissed:
                        self._take_event(job_id, message)
                elif "result" in message:
                    self._take_result(job_id, message["result"])
                else:
                    self._take_error(job_id, message["error"])
        except Exception:  # noqa: BLE001 - one job's trouble must not stop the others
            _LOG.exception("job %s", job_id)
            job = self.store.job(job_id)
            if job is not None and not job.ended:
                self._finish(job, "failed", "unexpected: see the log of the service", error={"code": "defect"})
            if "event" not in message:
                self._leave(job_id)
                self._serve()
            else:
                self.engine.cancel(job_id)

    def _take_event(self, job_id: str, message: dict[str, Any]) -> None:
        name = message["event"]
        results = self._results[job_id]
        if name == "features":
            shown = results.take(message)
            if shown:
                self._publish(job_id, "features", {"type": "FeatureCollection", "features": shown})
            return
        values = {key: value for key, value in message.items() if key not in ("id", "event")}
        if name == "plan":
            results.plan(message.get("crs"))
        if name == "progress":
            done, total = message["chips_done"], message["chips_total"]
            self.store.change(job_id, progress=int(100 * done / total) if total else 0)
        if name == "training":
            self.store.change(job_id, progress=int(100 * message["step"] / max(1, message["steps"])))
        event = self._publish(job_id, name, values)
        if name == "progress":
            self.store.drop_events(job_id, "progress", before=event.number)

    def _take_result(self, job_id: str, result: dict[str, Any]) -> None:
        job = self.store.job(job_id)
        results = self._results.get(job_id)
        if job is not None and not job.ended and results is not None:
            if job.process == "ask":
                results.read(self.shelf.folder(job_id))
            self._keep_speed(job, result)
            shown = {key: value for key, value in result.items() if key not in ("output", "crs")}
            if job.process == "train":
                shown["model"] = Path(str(result["model"])).name
            self._finish(job, "successful", "", result=shown)
        elif job is not None and job.state == "dismissed":  # it was done before it heard of that
            self._drop_model(job)
        self._leave(job_id)
        self._serve()

    def _take_error(self, job_id: str, error: dict[str, Any]) -> None:
        job = self.store.job(job_id)
        self._leave(job_id)
        if job is not None:
            self._drop_model(job)
        if job is not None and not job.ended:
            why = self._ended_by.pop(job_id, "")
            if why == "turn" and error["code"] == "cancelled":
                self.store.change(job_id, state="interrupted", message="Another user's turn; the job goes on after it.")
                self._publish(job_id, "status", {"state": "interrupted"})
            elif error["code"] == "journal" and 1 < job.attempts < JOURNAL_RETRIES:
                self.store.change(job_id, state="interrupted", message="Waiting for the journal.")
                threading.Timer(0.5, self._serve).start()
                return
            else:
                said = "It took longer than the service allows." if why == "time" else str(error["message"])
                self._finish(job, "failed", said, error=error)
        self._serve()

    def _finish(self, job: Job, state: str, message: str, **changes: Any) -> None:
        """The last change of a job; events that its results replace are forgotten."""
        now = time.time()
        done = {"progress": 100} if state == "successful" else {}
        with self.store.transaction():
            self.store.change(job.id, state=state, message=message, finished=now, **done, **changes)
            event = self.store.add_event(job.id, "status", json.dumps({"state": state, "message": message}))
            self.store.drop_events(job.id, "progress", "features", "loading", before=event.number)
        self.hub.publish(job.id, event)
        self._forget_old()

    def _leave(self, job_id: str) -> None:
        self._results.pop(job_id, None)
        self._dismissed.discard(job_id)
        for lane, running in list(self._running.items()):
            if running == job_id:
                del self._running[lane]

    def _publish(self, job_id: str, name: str, values: dict[str, Any]) -> Event:
        event = self.store.add_event(job_id, name, json.dumps(values, separators=(",", ":")))
        self.hub.publish(job_id, event)
        return event

    def _keep_speed(self, job: Job, result: dict[str, Any]) -> None:
        unseen = result.get("empty_chips", 0) + result.get("passed_over_chips", 0)
        chips, spent = result.get("chips", 0) - unseen, result.get("model_seconds", 0)
        if job.process == "ground" and chips > 0 and job.attempts == 1:
            self.store.set_speed(job.inputs.get("model") or default_model(), spent / chips / len(job.inputs["queries"]))

    def _drop_model(self, job: Job) -> None:
        """Remove what a training left that has not ended well; its name is free again."""
        if job.process == "train" and job.attempts:
            shutil.rmtree(self.shelf.models / str(job.inputs["name"]), ignore_errors=True)

    # Limits

    def _tick(self) -> None:
        """Look once a second whether a job has had its time."""
        while not self._stopped.wait(TICK_S):
            with self._lock:
                for lane, job_id in list(self._running.items()):
                    job = self.store.job(job_id)
                    if job is not None and not job.ended and job_id not in self._ended_by:
                        self._check_time(lane, job)

    def _check_time(self, lane: str, job: Job) -> None:
        now = time.time()
        others = any(waiting.user != job.user for waiting in self._waiting(lane))
        if job.started is not None and now - job.started > self.limits.job_s:
            self._ended_by[job.id] = "time"
        elif job.process == "ground" and others and now - self._last_turn.get(job.user, now) > self.limits.turn_s:
            self._ended_by[job.id] = "turn"
        else:
            return
        self.engine.cancel(job.id)

    def _forget_old(self) -> None:
        for job in self.store.jobs(states=ENDED, offset=self.limits.kept_jobs):
            self.store.remove(job.id)
            shutil.rmtree(self.shelf.folder(job.id), ignore_errors=True)

    def _check_room(self) -> None:
        if shutil.disk_usage(self._folder).free < self.limits.free_bytes:
            raise TooManyJobsError("the disk of the service is nearly full", hint="Remove old jobs.")


def _lane(process: str) -> str:
    """``model`` for what needs the warm model, ``training`` for what has a process of its own."""
    return "training" if PROCESSES[process].method == "train" else "model"
