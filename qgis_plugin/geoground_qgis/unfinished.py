"""Runs that were cancelled, failed or ended with QGIS: what was asked, and the journal to go on from."""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from . import settings
from .results import now
from .saving import GPKG, Target

REQUEST, OUTPUT = "request.json", "found.gpkg"
LOST_S = 2 * 24 * 3600.0
MOST = 10
"""Unfinished runs that are kept; older ones are deleted."""


@dataclass(frozen=True)
class Unfinished:
    """A run that can go on where it ended."""

    params: dict[str, Any]
    """Of the request, with the path that its journal lies beside."""
    name: str
    """Of the raster, for people."""
    crs_wkt: str
    date: str
    exported: bool = False
    """The raster is an export in the folder of the run, which is kept with it."""
    area_wkt: str = ""
    """The area asked about in the CRS of the raster, to be shown; empty: all of it."""
    kept: dict[str, list[str]] = field(default_factory=dict)
    """The GeoPackage and the table that the results of each question are kept in."""

    @property
    def questions(self) -> tuple[str, ...]:
        """What is asked."""
        return tuple(str(question) for question in self.params["expressions"])

    @property
    def tables(self) -> dict[str, Target]:
        """Where results are kept, by question."""
        return {question: Target(Path(path), GPKG, table) for question, (path, table) in self.kept.items()}

    @property
    def folder(self) -> Path:
        """Where the request, the journal and the result lie."""
        return Path(self.params["output"]).parent

    def text(self) -> str:
        """For people: what, where, when."""
        return f"{'; '.join(self.questions)} ({self.name}) {self.date[:16].replace('T', ' ')}"

    def discard(self) -> None:
        """It is done, or not wanted."""
        shutil.rmtree(self.folder, ignore_errors=True)


def new_folder() -> Path:
    """A folder for a run and the files that are made for it."""
    for old in unfinished()[MOST - 1 :]:
        old.discard()
    for lost in _home().iterdir():  # begun, and never answered: QGIS ended while the raster was exported
        if not (lost / f"{OUTPUT}.journal").exists() and time.time() - lost.stat().st_mtime > LOST_S:
            shutil.rmtree(lost, ignore_errors=True)
    folder = _home() / uuid.uuid4().hex
    folder.mkdir()
    return folder


def begin(
    folder: Path,
    params: dict[str, Any],
    name: str,
    crs_wkt: str,
    *,
    exported: bool = False,
    area_wkt: str = "",
    tables: Mapping[str, Target] | None = None,
) -> Unfinished:
    """Note a run before it starts, so that it can be continued even after a crash of QGIS."""
    run = Unfinished({**params, "output": str(folder / OUTPUT)}, name, crs_wkt, now(), exported, area_wkt)
    return kept_in(run, tables or {})


def kept_in(run: Unfinished, tables: Mapping[str, Target]) -> Unfinished:
    """A run with these tables, noted."""
    run = replace(run, kept={question: [str(one.path), one.table] for question, one in tables.items()})
    (run.folder / REQUEST).write_text(json.dumps(asdict(run)), encoding="utf-8")
    return run


def unfinished() -> list[Unfinished]:
    """The runs that have a journal, newest first; a damaged record counts as none."""
    found = []
    for record in _home().glob(f"*/{REQUEST}"):
        try:
            run = Unfinished(**json.loads(record.read_text(encoding="utf-8")))
            usable = bool(run.questions) and run.folder == record.parent and run.tables is not None
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            continue
        if usable and (record.parent / f"{OUTPUT}.journal").exists():
            found.append(run)
    return sorted(found, key=lambda run: run.date, reverse=True)


def _home() -> Path:
    folder = settings.home() / "runs"
    folder.mkdir(exist_ok=True)
    return folder
