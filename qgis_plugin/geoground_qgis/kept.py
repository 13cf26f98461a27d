"""Results that stay: one GeoPackage beside the project, or one a day in the profile, and what is in it from before."""

from __future__ import annotations

from collections.abc import Iterator

from qgis.core import QgsLayerTreeGroup, QgsProject, QgsVectorLayer

from . import results, saving, settings
from .keeping import results_path, unfinished_in
from .messages import short
from .saving import GPKG, Target


def earlier(project: QgsProject) -> Iterator[tuple[Target, bool]]:
    """Result layers that were kept and are not open: of this project, and those of the last days without one.

    With each, whether its run came to its end.
    """
    files = [results_path(project), *sorted((settings.home() / "results").glob("*.gpkg"), reverse=True)[:10]]
    for path in dict.fromkeys(files):
        unfinished = unfinished_in(path)
        for table in saving.layers_in(path):
            target = Target(path, GPKG, table)
            layer = None if saving.readers(path, table) else saving.open_results(target)
            if layer is not None and layer.featureCount() != 0:
                yield target, table not in unfinished


def group_for(project: QgsProject, query: str) -> QgsLayerTreeGroup:
    """The group of a question, at the top of the tree; asked again, the old group takes the new layer in."""
    name, root = short(query), project.layerTreeRoot()
    for group in root.findGroups():
        if group.customProperty(results.QUERY) == query:
            return group
    group = root.insertGroup(0, name)
    group.setCustomProperty(results.QUERY, query)
    return group


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


def free_name(project: QgsProject, name: str, date: str) -> str:
    """The name, with the time where another layer has it: an answer to the same question before."""
    taken = {layer.name() for layer in project.mapLayers().values()}
    if name not in taken:
        return name
    timed = f"{name} {date[11:16]}"
    return timed if timed not in taken else f"{name} {date[11:19]}"
