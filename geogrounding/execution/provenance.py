"""What a result depends on: written beside the layer, and digested into the key of the journal.

Nothing here may differ between two runs of the same command on the same input: no times, no host, no folders.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geogrounding._version import __version__
from geogrounding.execution.executor import Described, DescribedModel
from geogrounding.execution.scan_plan import Plan
from geogrounding.models.base import Conventions
from geogrounding.raster.georeference import code_of_crs
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import Stretch
from geogrounding.settings import RunSettings
from geogrounding.sources.names import shown

if TYPE_CHECKING:
    from geogrounding.execution.report import RunReport

PACKAGES = ("rasterio", "shapely", "pyproj", "pyogrio", "numpy", "torch", "transformers", "peft")
MAX_FAILED_LISTED = 10_000
"""Failed chips written out one by one; beyond that only their number is."""


_FIRST_CONVENTIONS = (
    "tile_size_px",
    "overlap_px",
    "coordinates",
    "scales",
    "ground_resolution_m",
    "batch_size",
    "min_score",
    "taught",
    "scene_questions",
)
"""Fields of ``Conventions`` in the key of every journal, so that an older journal still fits the same run."""


def run_key(
    scene: Scene,
    settings: RunSettings,
    plan: Plan,
    stretch: Stretch,
    model: DescribedModel,
    segmenter: Described | None = None,
) -> dict[str, str]:
    """Digests of everything that changes an answer, by name; merging and export may change between two tries."""
    parts = {
        "input": scene.fingerprint,
        "questions": [
            [asdict(q) for q in plan.composition.questions],
            settings.expressions,
            settings.task,
            *_plans(settings),
        ],
        "bands": [list(scene.bands), scene.nodata],
        "stretch": stretch.describe(),
        "chips": plan.describe() | _order(plan),
        "model": [model.name, model.fingerprint, _conventions_key(model.conventions)],
        "version": __version__,
    }
    if segmenter is not None:
        parts["segmenter"] = [segmenter.name, segmenter.fingerprint, plan.sure_score]
    return {
        name: hashlib.sha256(json.dumps(value, default=str).encode()).hexdigest()[:16] for name, value in parts.items()
    }


def _order(plan: Plan) -> dict[str, str]:
    """In which order a journal counts chips of several levels; the first journals began with the finest."""
    return {"order": "coarsest level first"} if plan.grid.level_count > 1 else {}


def _conventions_key(conventions: Conventions) -> dict[str, Any]:
    """Conventions as the first journals digested them: fields that came later only where they are not the default."""
    plain = asdict(conventions)
    key = {name: plain[name] for name in _FIRST_CONVENTIONS}
    usual = asdict(Conventions(**{name: plain[name] for name in ("tile_size_px", "overlap_px", "coordinates")}))
    return key | {name: value for name, value in plain.items() if name not in key and value != usual[name]}


def describe_run(
    scene: Scene,
    settings: RunSettings,
    plan: Plan,
    stretch: Stretch,
    model: DescribedModel,
    report: RunReport,
    *,
    segmenter: Described | None = None,
) -> dict[str, Any]:
    """Settings, versions, stretch, counts and failed chips in plain values."""
    return {
        "geogrounding": __version__,
        "source": {
            "name": scene.name,
            "width": scene.width,
            "height": scene.height,
            "crs": None if scene.crs is None else code_of_crs(scene.crs) or scene.crs.name,
            "bands": list(scene.bands),
            "ground_resolution_m": scene.ground_resolution_m,
            "fingerprint": scene.fingerprint,
        },
        "settings": _plain_settings(settings),
        "stretch": stretch.describe(),
        "grid": plan.describe(),
        "asked": [question.expression for question in plan.composition.questions],
        "min_score": plan.min_score,
        "model": {"name": model.name, "fingerprint": model.fingerprint, "conventions": asdict(model.conventions)},
        "segmenter": None if segmenter is None else {"name": segmenter.name, "fingerprint": segmenter.fingerprint},
        "result": {
            "complete": report.complete,
            "features": report.features,
            "chips": report.chips,
            "empty_chips": report.empty_chips,
            "passed_over_chips": report.passed_over_chips,
            "failed_chips": [{"chip": c, "reason": r} for c, r in report.failed_chips[:MAX_FAILED_LISTED]],
            "failed_chips_count": len(report.failed_chips),
            "dropped_answers": dict(report.drops),
            **({"warnings": list(report.warnings)} if report.warnings else {}),
            **({"answers": dict(report.answers)} if report.answers else {}),
            **({"notices": list(report.notices)} if report.notices else {}),
        },
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
    }


def _plans(settings: RunSettings) -> list[dict[str, str]]:
    """What else decides the answers; nothing for runs without plans, whose keys stay as they were."""
    return [dict(settings.plans)] if settings.plans else []


def _plain_settings(settings: RunSettings) -> dict[str, Any]:
    """The settings without folders: paths are private, and would make equal runs differ."""
    plain = asdict(settings)
    plain["source"] = Path(shown(settings.source)).name
    plain["aoi"] = None if settings.aoi is None else settings.aoi.name
    plain["trusted_folders"] = [folder.name for folder in settings.trusted_folders]
    plain["contexts"] = {name: path.name for name, path in settings.contexts.items()}
    # Runs without them are described as ever.
    return {name: value for name, value in plain.items() if value or name not in ("contexts", "plans", "assets")}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
