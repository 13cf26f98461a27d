"""An engine that is a service of the team (``geoground serve``): the same questions, answered there.

A file of this machine is sent once, under a name made of what is in it; a layer of the service's own is named by its
id. Places go there in longitude and latitude and come back in the CRS of the raster.
"""

from __future__ import annotations

import hashlib
import json
import queue
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from qgis.core import QgsCoordinateReferenceSystem, QgsRectangle

from .engine.errors import Cancelled, EngineError
from .engine.service import Following, Service
from .messages import tr
from .rasters import wkt2
from .remote_places import MAP_CRS, SCENE, crs_of, features, layer_crs, placed, rectangle, shapes, union

ENDINGS = frozenset({".tif", ".tiff", ".jp2", ".j2k", ".png", ".jpg", ".jpeg", ".img", ".ntf", ".webp", ".bmp"})
LOOKED_AT_BYTES = 256 << 20
"""Larger files are not read only to estimate whether the service has them."""
FINAL_BLOCK = 1_000
OnEvent = Callable[[dict[str, Any]], None]
Stop = Callable[[], bool]


def _never() -> bool:
    return False


class RemoteEngine:
    """Answers the methods of docs/engine.md that the plugin uses, as ``engine.EngineClient`` does; for any thread."""

    pid = None

    def __init__(self, service: Service) -> None:
        """Nothing is sent yet."""
        self.service = service
        self._closed = False
        self._scenes: dict[tuple[str, int, int], str] = {}
        """(path, time, size) of files that the service has -> id there."""
        self._methods: dict[str, Callable[[dict[str, Any], OnEvent, Stop], dict[str, Any]]] = {
            "test": self._test,
            "models": self._models,
            "load": lambda *_: {},
            "plan": self._plan,
            "plan_query": self._plan_query,
            "run": self._run,
            "redraw": self._redraw,
            "train": self._train,
        }

    def call(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        *,
        on_event: OnEvent | None = None,
        cancelled: Stop = _never,
        timeout_s: float | None = None,
    ) -> dict[str, Any]:
        """Ask and wait; ``on_event`` is called in this thread.

        Raises:
            Cancelled: the user stopped it.
            EngineError: the service refuses, fails or cannot be reached.
        """
        act = self._methods.get(method)
        if act is None:
            raise EngineError(tr("A server does not do this ({method}).").format(method=method), _local(), "service")
        return act(params or {}, on_event or (lambda _event: None), lambda: cancelled() or self._closed)

    def close(self) -> None:
        """What waits ends."""
        self._closed = True

    def diagnostics(self) -> dict[str, Any]:
        """For a bug report; the service keeps its own log."""
        return {"command": [self.service.address], "running": not self._closed, "log": []}

    def _test(self, _params: dict[str, Any], _emit: OnEvent, _stop: Stop) -> dict[str, Any]:
        return {**self.service.json("GET", "/engine"), **self._models({}, _emit, _stop)}

    def _models(self, _params: dict[str, Any], _emit: OnEvent, _stop: Stop) -> dict[str, Any]:
        names = self.service.json("GET", "/models")["models"]
        return {"models": [{"name": str(name), "kind": "service"} for name in names]}

    def _plan_query(self, params: dict[str, Any], _emit: OnEvent, _stop: Stop) -> dict[str, Any]:
        return dict(self.service.json("POST", "/plan_query", params))

    def _plan(self, params: dict[str, Any], _emit: OnEvent, stop: Stop) -> dict[str, Any]:
        """Chips and seconds; of a raster that the service does not have yet, how much will be sent."""
        source = params["source"]
        scene = source[len(SCENE) :] if source.startswith(SCENE) else self._known(Path(source), stop)
        if scene is None:
            return {"chips": 0, "seconds": None, "upload_bytes": Path(source).stat().st_size}
        found = self.service.json("POST", "/processes/ground/estimate", {"inputs": self._inputs(params, scene)})
        return {"chips": int(found["chips"]), "seconds": found.get("seconds")}

    def _run(self, params: dict[str, Any], emit: OnEvent, stop: Stop) -> dict[str, Any]:
        source, output = str(params["source"]), params.get("output")
        note = None if output is None else Path(f"{output}.journal")
        job = self._begun(note) if params.get("resume") else None
        if job is None:
            scene = source[len(SCENE) :] if source.startswith(SCENE) else self._send(Path(source), emit, stop)
            job = self._submit("ground", self._inputs(params, scene))
            if note is not None:
                note.write_text(json.dumps({"service": self.service.address, "job": job}), encoding="utf-8")
        target = QgsCoordinateReferenceSystem(MAP_CRS) if source.startswith(SCENE) else None
        try:
            report = self._follow(job, emit, stop, target)
        except Cancelled:
            if note is not None:
                note.unlink(missing_ok=True)  # there is nothing to go on from
            raise
        crs = self._emit_results(job, emit, stop, target)
        if params.get("masks"):  # they stay there; this says where
            there = {"service": self.service.address, "job": job, "crs": crs.toWkt(wkt2())}
            Path(params["masks"]).write_text(json.dumps(there), encoding="utf-8")
        return report

    def _redraw(self, params: dict[str, Any], emit: OnEvent, stop: Stop) -> dict[str, Any]:
        """Other outlines for the results of a run, from the masks that the service keeps."""
        try:
            kept = json.loads(Path(params["masks"]).read_text(encoding="utf-8"))
            job, target = str(kept["job"]), QgsCoordinateReferenceSystem.fromWkt(str(kept["crs"]))
        except (OSError, ValueError, KeyError, TypeError):  # masks of an engine of this computer
            raise EngineError(tr("These outlines were not drawn by the server."), _local(), "service") from None
        if kept.get("service") != self.service.address:
            raise EngineError(tr("These outlines were drawn by another server."), str(kept.get("service")), "service")
        wanted = {name: params[name] for name in ("outline", "simplify_m", "ids") if params.get(name) is not None}
        count, block = 0, list[dict[str, Any]]()
        for feature in self.service.records(f"/jobs/{quote(job, safe='')}/outlines", wanted, stop):
            block.append(feature)
            count += 1
            if len(block) == FINAL_BLOCK:
                emit({"event": "features", "stage": "final", "features": placed(block, target)})
                block = []
        emit({"event": "features", "stage": "final", "features": placed(block, target)})
        return {"features": count}

    def _train(self, params: dict[str, Any], emit: OnEvent, stop: Stop) -> dict[str, Any]:
        asked = params["settings"]
        source, labels = str(asked["scene"]), Path(asked["labels"])
        label = asked.get("expression")
        examples = list(shapes(labels, asked.get("expression_field")))
        if label is None:
            words = {word for _, word in examples}
            if len(words) != 1:
                raise EngineError(
                    tr("A server teaches one word at a time, and the field holds {n}.").format(n=len(words)),
                    tr("Select the examples of one word, and enter it."),
                )
            label = words.pop()
        scene = source[len(SCENE) :] if source.startswith(SCENE) else self._send(Path(source), emit, stop)
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(params["output"]).name).strip("-")[:40] or "model"
        inputs = {
            "scene": scene,
            "examples": [shape for shape, _ in examples],
            "label": label,
            "name": name,
            "learn": params.get("method", "sft"),
            "complete": not asked.get("partial", True),
        }
        if asked.get("unlike"):
            inputs["unlike"] = [shape for shape, _ in shapes(Path(asked["unlike"]))]
        if asked.get("steps") is not None:
            inputs["steps"] = asked["steps"]
        return self._follow(self._submit("train", inputs), emit, stop, None)

    # Rasters

    def _known(self, path: Path, stop: Stop) -> str | None:
        """The id of a file that the service has; None where it has not, or where only reading it would say."""
        stat = _stat(path)
        known = self._scenes.get((str(path), stat.st_mtime_ns, stat.st_size))
        if known is not None or stat.st_size > LOOKED_AT_BYTES:
            return known
        return self._there(path, _name_of(path, stop))

    def _there(self, path: Path, name: str) -> str | None:
        for scene in self.service.json("GET", "/scenes")["scenes"]:
            if scene.get("uploaded") and scene["name"] == name:
                return self._note(path, str(scene["id"]))
        return None

    def _send(self, path: Path, emit: OnEvent, stop: Stop) -> str:
        """The id of a file at the service, where it is sent first if need be."""
        stat = _stat(path)
        known = self._scenes.get((str(path), stat.st_mtime_ns, stat.st_size))
        if known is not None:
            return known
        if path.suffix.lower() not in ENDINGS:
            raise EngineError(
                tr("A server does not take files such as {name}.").format(name=path.name),
                tr("Save the layer as a GeoTIFF (Export ▸ Save As), and ask about that one."),
            )
        name = _name_of(path, stop)
        there = self._there(path, name)
        if there is not None:
            return there
        described = self.service.upload(name, path, lambda share: emit({"event": "upload", "share": share}), stop)
        if described.get("problem"):
            raise EngineError(str(described["problem"]), str(described.get("hint", "")), "service")
        return self._note(path, str(described["id"]))

    def _note(self, path: Path, scene: str) -> str:
        stat = _stat(path)
        self._scenes[str(path), stat.st_mtime_ns, stat.st_size] = scene
        return scene

    # Jobs

    def _inputs(self, params: dict[str, Any], scene: str) -> dict[str, Any]:
        """Inputs of the process ``ground`` from parameters of the engine's method."""
        names = ("task", "model", "min_score", "outline", "resolution_m", "bands", "stretch", "plans")
        inputs: dict[str, Any] = {name: params[name] for name in names if params.get(name) is not None}
        inputs["scene"], inputs["queries"] = scene, list(params["expressions"])
        if "bbox" in params:
            inputs["area"] = rectangle(QgsRectangle(*params["bbox"]), crs_of(str(params["source"])))
        if "aoi" in params:
            inputs["area"] = union(Path(params["aoi"]))
        for name in ("like", "unlike"):
            if name in params:
                inputs[name] = [shape for shape, _ in shapes(Path(params[name]))]
        if "contexts" in params:
            inputs["contexts"] = {
                name: {
                    "type": "FeatureCollection",
                    "features": [{"type": "Feature", "geometry": shape} for shape, _ in shapes(Path(path))],
                }
                for name, path in params["contexts"].items()
            }
        return inputs

    def _submit(self, process: str, inputs: dict[str, Any]) -> str:
        body = {"inputs": inputs}
        status = self.service.json("POST", f"/processes/{process}/execution", body, Prefer="respond-async")
        return str(status["jobID"])

    def _begun(self, note: Path | None) -> str | None:
        """The job of a run that was left, where the service still has it."""
        try:
            kept = json.loads(note.read_text(encoding="utf-8")) if note is not None else {}
        except (OSError, ValueError):
            return None
        if not isinstance(kept, dict) or kept.get("service") != self.service.address:
            return None
        try:
            status = self.service.json("GET", f"/jobs/{kept['job']}")
        except EngineError:
            return None
        return str(kept["job"]) if status["status"] in ("accepted", "running", "successful") else None

    def _follow(
        self, job: str, emit: OnEvent, stop: Stop, target: QgsCoordinateReferenceSystem | None
    ) -> dict[str, Any]:
        """Pass the events of a job on until it has ended well; its report."""
        following = self.service.follow(job)
        try:
            for name, values in _polled(following, stop):
                if name == "plan" and target is None and values.get("crs"):
                    target = QgsCoordinateReferenceSystem.fromWkt(str(values["crs"]["wkt"]))
                if name == "features":
                    found = placed(values["features"], target)
                    emit({"event": "features", "stage": "provisional", "first": False, "features": found})
                elif name == "status":
                    self._take_status(job, values, emit)
                else:
                    emit({"event": name, **values})
        except Cancelled:
            self._give_up(job)
            raise
        except EngineError:  # the job failed, or goes on where it cannot be reached
            raise
        except BaseException:  # who listens has failed: no one waits for it any more
            self._give_up(job)
            raise
        finally:
            following.stop()
        return dict(self.service.json("GET", f"/jobs/{job}/results")["report"])

    def _give_up(self, job: str) -> None:
        with suppress(EngineError):
            if self.service.json("GET", f"/jobs/{job}")["status"] in ("accepted", "running"):
                self.service.json("DELETE", f"/jobs/{job}")

    def _take_status(self, job: str, values: dict[str, Any], emit: OnEvent) -> None:
        state = values.get("state")
        if state in ("accepted", "interrupted"):
            status = self.service.json("GET", f"/jobs/{job}")
            if status["status"] == "accepted":
                emit({"event": "waiting", "jobs_ahead": int(status.get("jobs_ahead", 0))})
        elif state == "failed":
            status = self.service.json("GET", f"/jobs/{job}")
            error = status.get("error") or {}
            raise EngineError(str(status["message"]), str(error.get("hint") or ""), str(error.get("code") or ""))
        elif state == "dismissed":
            raise EngineError(tr("The job was cancelled on the server."), code="service")

    def _emit_results(
        self, job: str, emit: OnEvent, stop: Stop, target: QgsCoordinateReferenceSystem | None
    ) -> QgsCoordinateReferenceSystem:
        """The merged features, in the CRS of the raster or in ``target``; that CRS."""
        with TemporaryDirectory(prefix="geogrounding-") as folder:
            path = Path(folder) / "found.gpkg"
            reviews = "&".join(f"review={name}" for name in ("open", "accepted", "rejected"))
            self.service.download(f"/jobs/{job}/export?format=gpkg&{reviews}", path, stop)
            first, block = True, list[dict[str, Any]]()
            for feature in features(path, target):
                block.append(feature)
                if len(block) == FINAL_BLOCK:
                    emit({"event": "features", "stage": "final", "first": first, "features": block})
                    first, block = False, []
            if block or first:
                emit({"event": "features", "stage": "final", "first": first, "features": block})
            return target or layer_crs(path)


def _polled(following: Following, stop: Stop) -> Iterator[tuple[str, dict[str, Any]]]:
    """Events, read in a thread of their own, so that ``stop`` is asked ten times a second."""
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    end = object()

    def read() -> None:
        try:
            for event in following.events():
                waiting.put(event)
            waiting.put(end)
        except BaseException as error:  # noqa: BLE001 - it is raised where the events are awaited
            waiting.put(error)

    threading.Thread(target=read, name="geogrounding service", daemon=True).start()
    while True:
        if stop():
            raise Cancelled
        try:
            event = waiting.get(timeout=0.1)
        except queue.Empty:
            continue
        if event is end:
            return
        if isinstance(event, BaseException):
            raise event
        yield event


def _name_of(path: Path, stop: Stop) -> str:
    """The name of a file at the service: its own, and a digest of what is in it."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                if stop():
                    raise Cancelled
                digest.update(block)
    except OSError as error:
        raise EngineError(f"{path}: {error.strerror or error}") from error
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", path.stem).strip("-_")[:60] or "raster"
    return f"{stem}-{digest.hexdigest()[:12]}{path.suffix.lower()}"


def _stat(path: Path) -> Any:
    try:
        return path.stat()
    except OSError as error:
        raise EngineError(f"{path}: {error.strerror or error}") from error


def _local() -> str:
    return tr("It needs an engine on this computer: see the settings.")
