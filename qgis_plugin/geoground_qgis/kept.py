"""Results that stay: one GeoPackage beside the project, or one a day in the profile, and what is in it from before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from qgis.core import QgsProject, QgsVectorLayer

from . import results, saving, settings
from .result_writer import group_for
from .saving import GPKG, Target


def results_path(project: QgsProject) -> Path:
    """The GeoPackage that results of this project are kept in: in the folder of the settings, or beside the project.

    A project that was never saved has no folder; its results are kept in the profile, a file a day.
    """
    chosen = settings.load().results_folder
    stem = Path(project.fileName()).stem if project.fileName() else ""
    if chosen:
        folder = Path(chosen)
    elif stem:
        folder = Path(project.homePath() or Path(project.fileName()).parent)
    else:
        folder = settings.home() / "results"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / (f"{stem}_results.gpkg" if stem else f"{date.today().isoformat()}.gpkg")


def earlier(project: QgsProject) -> Iterator[Target]:
    """Result layers that were kept and are not open: of this project, and those of the last days without one."""
    files = [results_path(project), *sorted((settings.home() / "results").glob("*.gpkg"), reverse=True)[:10]]
    for path in dict.fromkeys(files):
        for table in saving.layers_in(path):
            target = Target(path, GPKG, table)
            if not saving.readers(path, table) and results.is_result(saving.open_table(target)):
                yield target


def reopen(project: QgsProject, target: Target) -> QgsVectorLayer:
    """Put a kept layer into the project again, in the style it was kept with, in the group of its question."""
    layer = saving.open_table(target)
    layer.loadDefaultStyle()
    results.mend_layer(layer)
    query = str(layer.customProperty(results.QUERY) or target.table)
    layer.setCustomProperty(results.QUERY, query)
    project.addMapLayer(layer, False)
    group_for(project, query).insertLayer(0, layer).setExpanded(False)
    return layer
