"""Result layers: their attributes, their style, and which results are shown or accepted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsExpressionContextUtils,
    QgsFeature,
    QgsFields,
    QgsGeometry,
    QgsProperty,
    QgsRuleBasedRenderer,
    QgsVectorLayer,
)
from qgis.PyQt.QtGui import QColor

from .engine import flat
from .messages import NAME

FIELDS = (
    ("id", "int8"),
    ("query", "string"),
    ("label", "string"),
    ("score", "double"),
    ("reasoning", "string"),
    ("model", "string"),
    ("chip", "string"),
    ("source", "string"),
    ("outline", "string"),
    ("area_m2", "double"),
    ("date", "string"),
    ("review", "string"),
)
"""Attributes of a result, with their kind as the memory provider calls it."""

OPEN, ACCEPTED, REJECTED = "", "accepted", "rejected"
ALL, SHOWN = "all", "shown"
FILLING, SAVING = "filling", "saving"
MIN_SCORE = "geogrounding_min_score"
"""Variable of the layer: the style hides what scores lower. What gives no score is always shown."""

COLOURS = ("#e07b00", "#2563c9", "#a3269c", "#0f8a8a", "#b8860b", "#d12f5b", "#5b52c7", "#4d7a12")
QUERY, COLOUR, SOURCE, HELD = (f"{NAME}/{name}" for name in ("query", "colour", "source", "held"))
"""Custom properties of layers and groups: the question, the colour of open results, the name of the raster, and
whether the layer is read-only because the plugin writes to it."""
_THRESHOLD = f"coalesce(to_real(@{MIN_SCORE}), 0)"
_THRESHOLD_BEFORE = f"coalesce(@{MIN_SCORE}, 0)"
"""As version 0.1 wrote it: QGIS keeps variables of layers as text, and the SQL of a GeoPackage compares a number with a
text as smaller, so that nothing was drawn."""


def result_fields() -> QgsFields:
    """The attributes as QGIS has them; built by a provider, because the classes of types differ between Qt 5 and 6."""
    return memory_layer("fields").fields()


def now() -> str:
    """Local date and time to the second, with its offset."""
    return datetime.now(timezone.utc).astimezone().isoformat(timespec="seconds")


def to_feature(
    fields: QgsFields, found: Mapping[str, Any], date: str, *, exported: str | None = None
) -> QgsFeature | None:
    """A result of the engine (GeoJSON, in the CRS of the raster) as a feature; None where it is no polygon.

    ``exported`` is the name of a raster that the engine saw as a temporary copy: that is the source, not the copy.

    Texts are kept as they came: they are data, and every place that shows them shows them literally.
    """
    values = flat(found)
    geometry = QgsGeometry.fromWkt(values["wkt"])
    if geometry.isNull() or geometry.isEmpty():
        return None
    feature = QgsFeature(fields)
    feature.setGeometry(geometry)
    for name, kind in FIELDS:
        index, value = fields.indexOf(name), values.get(name)
        if index < 0 or value is None or name in ("date", "review"):
            continue
        try:
            feature.setAttribute(index, {"int8": int, "double": float, "string": str}[kind](value))
        except (TypeError, ValueError, OverflowError):  # such as the id of a provisional result
            continue
    if exported is not None and fields.indexOf("source") >= 0:
        feature.setAttribute("source", exported)
    for name, value in (("date", date), ("review", OPEN)):
        if fields.indexOf(name) >= 0:
            feature.setAttribute(name, value)
    return feature


def style_path() -> Path:
    """The style of results."""
    return Path(__file__).parent / "styles" / "result.qml"


def apply_style(layer: QgsVectorLayer, colour: str = COLOURS[0]) -> None:
    """Give a layer with the attributes of results their style, open results in ``colour``."""
    layer.loadNamedStyle(str(style_path()))
    root = layer.renderer().rootRule()
    for rule in root.children():
        if rule.label() == "open":
            rule.symbol().symbolLayer(1).setColor(QColor(colour))  # above the light line that sets it off
    layer.triggerRepaint()


def mend_layer(layer: QgsVectorLayer) -> None:
    """Bring a result layer of an earlier version or of an interrupted session to today's state; harmless otherwise.

    The threshold of the style compares numbers, each variable of the layer is there once, and the layer can be edited
    (while a run fills it, it cannot).
    """
    release(layer)
    _set_variables(layer, {})
    renderer = layer.renderer()
    if isinstance(renderer, QgsRuleBasedRenderer):
        for rule in renderer.rootRule().children():
            rule.setFilterExpression(rule.filterExpression().replace(_THRESHOLD_BEFORE, _THRESHOLD))
    labeling = layer.labeling()
    if labeling is not None and labeling.type() == "simple":
        settings = labeling.settings()
        properties = settings.dataDefinedProperties()
        changed = False
        for key in properties.propertyKeys():
            text = properties.property(key).expressionString()
            if _THRESHOLD_BEFORE in text:
                properties.setProperty(key, QgsProperty.fromExpression(text.replace(_THRESHOLD_BEFORE, _THRESHOLD)))
                changed = True
        if changed:
            settings.setDataDefinedProperties(properties)
            labeling = labeling.clone()
            labeling.setSettings(settings)
            layer.setLabeling(labeling)
    layer.triggerRepaint()


def hold(layer: QgsVectorLayer, why: str) -> None:
    """Keep the user from editing a layer while the plugin is ``FILLING`` or ``SAVING`` it."""
    layer.setCustomProperty(HELD, why)
    layer.setReadOnly(True)


def release(layer: QgsVectorLayer) -> None:
    """Let a layer be edited again; one that the user made read-only stays so."""
    if layer.customProperty(HELD):
        layer.removeCustomProperty(HELD)
        layer.setReadOnly(False)


def hide_below(layer: QgsVectorLayer, score: float) -> None:
    """Hide results with a lower score on the map; nothing is deleted."""
    _set_variables(layer, {MIN_SCORE: score})
    layer.triggerRepaint()


def _set_variables(layer: QgsVectorLayer, values: Mapping[str, Any]) -> None:
    """Set variables of a layer and keep its others; ``setLayerVariable`` would add one more entry at every call."""
    names, texts = (layer.customProperty(key) or [] for key in ("variableNames", "variableValues"))
    known = dict(zip([names] if isinstance(names, str) else names, [texts] if isinstance(texts, str) else texts))
    if values or len(known) != len(names if not isinstance(names, str) else [names]):
        QgsExpressionContextUtils.setLayerVariables(layer, {**known, **values})


def hidden_below(layer: QgsVectorLayer) -> float:
    """The score below which results are hidden."""
    value = QgsExpressionContextUtils.layerScope(layer).variable(MIN_SCORE)
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def chosen(layer: QgsVectorLayer, which: str) -> list[int]:
    """Ids of the results that are ``SHOWN`` (not hidden by their score), or ``ACCEPTED``."""
    least, found = hidden_below(layer), []
    for feature in layer.getFeatures():
        score = feature["score"]
        sure = not isinstance(score, (int, float)) or score >= least
        if sure if which == SHOWN else feature["review"] == ACCEPTED:
            found.append(feature.id())
    return found


def is_result(layer: object) -> bool:
    """Whether a layer holds results that can be reviewed."""
    if not isinstance(layer, QgsVectorLayer) or not layer.isValid():
        return False
    names = {field.name() for field in layer.fields()}
    return {"query", "score", "reasoning", "review"} <= names


def memory_layer(name: str) -> QgsVectorLayer:
    """A temporary layer with the attributes of results."""
    columns = "&".join(f"field={column}:{kind}" for column, kind in FIELDS)
    return QgsVectorLayer(f"Polygon?{columns}", name, "memory")
