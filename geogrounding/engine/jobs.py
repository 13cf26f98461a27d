"""What the worker does for each method. Parameters and results are described in docs/engine.md."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geogrounding.engine import parameters
from geogrounding.engine.machines import Machines
from geogrounding.engine.model_cache import Guarded, Speed, WarmModel
from geogrounding.execution.describe import (
    describe_crs,
    describe_feature,
    describe_plan,
    describe_report,
    describe_scene,
)
from geogrounding.messages import quote

if TYPE_CHECKING:
    from geogrounding.engine.interrupts import Emit, Interrupts
    from geogrounding.execution.report import Progress
    from geogrounding.execution.scan_plan import Plan
    from geogrounding.models.base import Model
    from geogrounding.models.segmenters.base import Segmenter
    from geogrounding.raster.scene import Scene
    from geogrounding.settings import RunOptions
    from geogrounding.vector.feature import Feature

BLOCK = 500
"""Features in one line: a quarter of a megabyte, which a client parses without its window standing still."""
EMIT_EVERY_S = 0.2
"""Progress and provisional features are sent so often, and once more at the end."""
MEASURED_CHIPS = 4
SLOW_CHIP_S = 2.0
"""A model that needs longer for its first chip is asked about one more of them for an estimate, not about several."""
TOO_SLOW_S = 30.0
"""A model that needs longer than that is not asked again."""
TRIED_CHIPS = 200
"""Chips read in search of some with valid pixels."""
MAX_FAILED_LISTED = 1_000

Method = Callable[[Any, "Emit"], dict[str, Any]]


class Jobs:
    """The methods, with what they share: the warm model and a folder for temporary files."""

    def __init__(self, *, scratch: Path, model_folders: Sequence[Path], interrupts: Interrupts) -> None:
        self._scratch, self._model_folders, self._interrupts = scratch, tuple(model_folders), interrupts
        self._warm, self._machines = WarmModel(interrupts.open), Machines()
        self.methods: dict[str, Method] = {
            "info": self.info,
            "crs": self.crs,
            "test": self.test,
            "models": self.models,
            "load": self.load,
            "plan": self.plan,
            "run": self.run,
            "plan_query": self.plan_query,
            "ask": self.ask,
            "cut_training_set": self.cut_training_set,
            "redraw": self.redraw,
        }

    def info(self, params: parameters.Info, _emit: Emit) -> dict[str, Any]:
        """What a scene is and how the built-in model would look at it."""
        return describe_scene(params.settings)

    def crs(self, params: parameters.Lookup, _emit: Emit) -> dict[str, Any]:
        """Look a coordinate system up: shows that the environment's PROJ finds its own database."""
        from pyproj import CRS
        from pyproj.exceptions import CRSError

        from geogrounding.errors import AreaError

        try:
            return describe_crs(CRS.from_user_input(params.crs))
        except CRSError as error:
            raise AreaError(
                f"the CRS {quote(params.crs)} is unknown",
                hint="Example: EPSG:4326. If that one is unknown too, another program's PROJ_DATA is in the way.",
            ) from error

    def test(self, params: parameters.Lookup, emit: Emit) -> dict[str, Any]:
        """What the settings page of a client shows: versions, device, a CRS, models. Imports torch."""
        import platform
        from importlib.metadata import PackageNotFoundError, version

        from geogrounding._version import __version__

        packages: dict[str, str | None] = {}
        for name in ("torch", "transformers", "trl", "peft", "rasterio", "pyproj", "shapely"):
            try:
                packages[name] = version(name)
            except PackageNotFoundError:
                packages[name] = None
        return {
            "geogrounding": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "packages": packages,
            **_device(),
            "crs": self.crs(params, emit),
            "models": self.models(parameters.Models(), emit)["models"],
        }

    def models(self, params: parameters.Models, _emit: Emit) -> dict[str, Any]:
        """Models that can run here, the results of training runs among them."""
        from geogrounding.models.catalog import available

        return {"models": [asdict(info) for info in available([*self._model_folders, *params.folders])]}

    def load(self, params: parameters.Load, emit: Emit) -> dict[str, Any]:
        """Load a model, so that the first question does not have to wait for it."""
        model = self._model(params, emit)
        return {"model": model.name, "fingerprint": model.fingerprint, "conventions": asdict(model.conventions)}

    def plan(self, params: parameters.Plan, emit: Emit) -> dict[str, Any]:
        """How many chips a run would look at, and how long it would take."""
        from geogrounding.execution.examples import model_like
        from geogrounding.execution.scan_plan import make_plan
        from geogrounding.execution.scene import open_scene

        with open_scene(params.settings) as scene:
            model: Model = self._model(params.model, emit)
            speed = self._speed(params)
            if params.settings.like is not None:
                model = model_like(scene, params.settings, model)
            plan = make_plan(scene, params.settings, model.conventions)
            per_chip = speed.guess(len(params.settings.expressions))
            measure = params.model.model_options.base_url is None if params.measure is None else params.measure
            if per_chip is None and measure:
                per_chip = self._measure(params, scene, plan, model, speed)
        return {**describe_plan(scene, plan, per_chip), "seconds_per_chip": per_chip}

    def plan_query(self, params: parameters.PlanQuery, _emit: Emit) -> dict[str, Any]:
        """A query taken apart, or a plan checked: the plan, and the same in words."""
        from geogrounding.asking import plan_query
        from geogrounding.query.describe import plan_text
        from geogrounding.query.plan import QueryPlan
        from geogrounding.query.plan_words import plan_sentences

        asked = params.query if params.plan is None else QueryPlan.read(json.dumps(params.plan))
        plan = plan_query(asked, names=params.context)
        return {
            "plan": plan.plain_values(), "words": plan_text(plan), "sentences": list(plan_sentences(plan)),
            "unread": list(plan.unread),
        }  # fmt: skip

    def ask(self, params: parameters.Ask, emit: Emit) -> dict[str, Any]:
        """The answer to a question about a raster or a vector layer."""
        from geogrounding.asking import ask, is_vector
        from geogrounding.query.plan import QueryPlan

        plan = params.query if params.plan is None else QueryPlan.read(json.dumps(params.plan))
        options: RunOptions = {} if is_vector(params.source) else {"min_score": params.min_score}
        with self._journal(params.output) as journal:
            reply = ask(
                params.source,
                plan,
                context=params.context,
                label_field=params.label_field,
                model=lambda: self._model(params, emit),
                output=params.output,
                overwrite=params.overwrite or params.resume,
                journal=journal,
                resume=params.resume,
                on_progress=_RunEvents(emit, self._interrupts.check).progress,
                **options,
            )
        return reply.json_values()

    def run(self, params: parameters.Run, emit: Emit) -> dict[str, Any]:
        """Ask, emit results while they are found, then the merged ones."""
        from geogrounding.execution.kept_masks import check_masks, write_masks
        from geogrounding.io.destination import Destination
        from geogrounding.io.write_layer import check_output
        from geogrounding.pipeline import walk_scene, write_result

        settings, output = params.settings, params.output
        replace = params.overwrite or params.resume
        if output is not None:
            check_output(output, overwrite=replace)
        if params.masks is not None:
            check_masks(settings)
        run_events = _RunEvents(emit, self._interrupts.check)

        def plan_made(scene: Scene, plan: Plan, model: Any) -> None:
            per_chip = self._speed(params).guess(len(settings.expressions))
            emit("plan", **describe_plan(scene, plan, per_chip), model=model.name)

        executor, load_model, load_segmenter = (
            self._machines.for_run(params)
            if params.executor == "ray"
            else (None, lambda: self._model(params.model, emit), lambda: self._segmenter(params, emit))
        )
        with (
            self._journal(output) as journal,
            walk_scene(
                settings,
                load_model,
                journal,
                segmenter=load_segmenter,
                executor=executor,
                resume=params.resume,
                overwrite=params.overwrite,
                on_plan=plan_made,
                on_progress=run_events.progress,
                on_features=run_events.found,
            ) as walk,
        ):
            self._interrupts.check()
            if params.masks is not None:
                write_masks(params.masks, walk.collection, walk.scene)
            if output is not None:
                write_result(walk, Destination(path=output, overwrite=replace))
                if walk.report.complete:
                    walk.journal.remove()
            run_events.final(walk.collection)
            looked_at = walk.report.seen_chips
            spent = walk.report.model_seconds + walk.report.waiting_seconds
            if looked_at and not run_events.resumed:
                self._speed(params).record(len(settings.expressions), spent / looked_at)
            report = describe_report(walk.report)
            report["failed_chips"] = report["failed_chips"][:MAX_FAILED_LISTED]
            return {
                **report,
                "failed": len(walk.report.failed_chips),
                "crs": None if walk.scene.crs is None else describe_crs(walk.scene.crs),
                "model": walk.model.name,
                "output": None if output is None else str(output.absolute()),
            }

    def redraw(self, params: parameters.Redraw, emit: Emit) -> dict[str, Any]:
        """Outlines drawn again from the masks that a run kept: no scene, no model."""
        from geogrounding.execution.kept_masks import open_masks

        masks = open_masks(params.masks)
        events = _RunEvents(emit, self._interrupts.check)
        features = masks.redraw(
            params.outline, simplify_m=params.simplify_m, least_fit=params.least_fit, ids=params.ids
        )
        return {"features": events.final(features), "crs": None if masks.crs is None else describe_crs(masks.crs)}

    def cut_training_set(self, params: parameters.Cut, _emit: Emit) -> dict[str, Any]:
        """Chips with labels from a raster and a layer, as a run with the built-in model would cut them."""
        from geogrounding.datasets.cut import CutOptions, cut_training_set
        from geogrounding.models.builtin import BUILTIN_CONVENTIONS

        options = CutOptions(**params.model_dump(exclude={"scene", "labels", "output"}))
        data = cut_training_set(
            params.scene, params.labels, out=params.output, options=options, conventions=BUILTIN_CONVENTIONS
        )
        with data.open("rb") as lines:
            samples = sum(1 for line in lines if line.strip())
        return {"data": str(data.absolute()), "samples": samples}

    def _model(self, wanted: parameters.Load, emit: Emit) -> Guarded:
        self._interrupts.check()
        if not self._warm.loaded(wanted):
            emit("loading", model=wanted.model)
        return self._warm.get(wanted)

    def _segmenter(self, params: parameters.Run, emit: Emit) -> Segmenter:
        from geogrounding.models.segmenters.load import load_segmenter

        options = params.model.model_options
        if params.segmenter != "builtin":
            emit("loading", model=params.segmenter)
        return load_segmenter(params.segmenter, device=options.device, dtype=options.dtype)

    @contextmanager
    def _journal(self, output: Path | None) -> Iterator[Path]:
        """Beside the layer, where it outlives a cut-off run; without a layer, in a folder that goes away."""
        if output is not None:
            yield output.with_name(output.name + ".journal")
            return
        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            yield Path(folder) / "run.journal"

    def _speed(self, params: parameters.Plan | parameters.Run) -> Speed:
        """What is known of the model's speed; to look for what resembles examples has a speed of its own."""
        like = params.settings.like is not None
        return self._warm.speed(params.model, like=like)

    def _measure(self, params: parameters.Plan, scene: Scene, plan: Plan, model: Model, speed: Speed) -> float | None:
        """Seconds per chip, from the first few chips with valid pixels; None when there are none."""
        from contextlib import closing

        from geogrounding.raster.reader import read_chips
        from geogrounding.raster.stretch import compute_stretch

        self._interrupts.check()
        stretch = compute_stretch(scene, params.settings.stretch)
        chips = (plan.grid[i] for i in range(min(len(plan.grid), TRIED_CHIPS)))
        with closing(read_chips(scene, chips, stretch)) as read:
            most = min(MEASURED_CHIPS, model.conventions.batch_size)
            images = list(islice((i.pixels for i in read if i.pixels is not None), most))
        if not images:
            return None
        questions = params.settings.questions
        begin = time.monotonic()
        model.ground(images[:1], questions)
        seconds = time.monotonic() - begin
        if seconds < TOO_SLOW_S:  # the first time is far slower than the others
            again = images if seconds < SLOW_CHIP_S else images[:1]
            if len(again) > 1:  # kernels are chosen for each size of a batch when it comes for the first time
                model.ground(again, questions)
            begin = time.monotonic()
            model.ground(again, questions)
            seconds = (time.monotonic() - begin) / len(again)
        speed.record(len(questions), seconds)
        return seconds


class _RunEvents:
    """Sends progress and features of one run, not too often, and looks whether the run was cancelled."""

    def __init__(self, emit: Emit, check: Callable[[], None]) -> None:
        self._emit, self._check = emit, check
        self._held: list[dict[str, Any]] = []
        self._number = 0
        self._emitted_at = 0.0
        self.resumed = 0

    def found(self, features: list[Feature]) -> None:
        """Provisional features of a batch; sent with the progress that follows."""
        for feature in features:
            self._number += 1
            self._held.append(describe_feature(feature, f"p{self._number}"))

    def progress(self, progress: Progress) -> None:
        """A batch is done."""
        self._check()
        self.resumed = progress.chips_resumed
        now = time.monotonic()
        if now - self._emitted_at < EMIT_EVERY_S and progress.chips_done < progress.chips_total:
            return
        self._emitted_at = now
        self._send("provisional", self._held)
        self._held = []
        self._emit("progress", **asdict(progress))

    def final(self, features: Iterator[Feature] | Any) -> int:
        """The merged features, which take the place of all provisional ones; at least one block, be it empty.

        Returns:
            How many there are.
        """
        self._held = []
        count = 0
        block: list[dict[str, Any]] = []
        first = True
        for feature in features:
            count += 1
            block.append(describe_feature(feature, feature.id))
            if len(block) == BLOCK:
                self._check()
                self._emit("features", stage="final", first=first, features=block)
                block, first = [], False
        if block or first:
            self._emit("features", stage="final", first=first, features=block)
        return count

    def _send(self, stage: str, features: list[dict[str, Any]]) -> None:
        for start in range(0, len(features), BLOCK):
            self._emit("features", stage=stage, first=False, features=features[start : start + BLOCK])


def _device() -> dict[str, Any]:
    """What models run on when no device is named."""
    from importlib.util import find_spec

    if find_spec("torch") is None:
        return {"device": None, "device_name": "torch is not installed: pip install torch"}
    import torch

    if torch.cuda.is_available():
        return {"device": "cuda", "device_name": torch.cuda.get_device_name(0)}
    if torch.backends.mps.is_available():
        return {"device": "mps", "device_name": "Apple GPU"}
    return {"device": "cpu", "device_name": f"{torch.get_num_threads()} threads"}
