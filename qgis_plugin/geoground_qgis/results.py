"""Result layers: their attributes, their style, and which results are shown or accepted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsDefaultValue,
    QgsDistanceArea,
    QgsEditorWidgetSetup,
    QgsExpression,
    QgsExpressionContextUtils,
    QgsFeature,
    QgsFeatureRequest,
    QgsFields,
    QgsGeometry,
    QgsProject,
    QgsProperty,
    QgsRuleBasedRenderer,
    QgsSymbolLayer,
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
DRAWN = "drawn"
"""Outline of a result whose shape was drawn or changed by hand."""
FILLING, SAVING = "filling", "saving"
MIN_SCORE, MIN_AREA, MAX_AREA = "geogrounding_min_score", "geogrounding_min_area", "geogrounding_max_area"
"""Variables of the layer: the style hides what scores lower, and what is smaller or larger (m²). What gives no score or
area is always shown."""

COLOURS = ("#e07b00", "#2563c9", "#a3269c", "#0f8a8a", "#b8860b", "#d12f5b", "#5b52c7", "#4d7a12")
QUERY, COLOUR, SOURCE, HELD, ASKED = (f"{NAME}/{name}" for name in ("query", "colour", "source", "held", "asked"))
"""Custom properties of layers and groups: the question, the colour of open results, the name of the raster, whether
the layer is read-only because the plugin writes to it, and the request that it answers, as JSON."""
_BY_SCORE = f'coalesce("score", 1) >= coalesce(to_real(@{MIN_SCORE}), 0)'
SHOWN_IF = (
    f'{_BY_SCORE} and ("area_m2" is null or ("area_m2" >= coalesce(to_real(@{MIN_AREA}), 0) and '
    f'"area_m2" <= coalesce(to_real(@{MAX_AREA}), 1e15)))'
)
"""The condition of the style under which a result is drawn."""
_SHOWN_BEFORE = (f'coalesce("score", 1) >= coalesce(@{MIN_SCORE}, 0)', _BY_SCORE)
"""As earlier versions wrote it: by the score alone, and at first as a text, since QGIS keeps variables of layers as
text, and the SQL of a GeoPackage compares a number with a text as smaller, so that nothing was drawn."""
_SCORE_COLOUR = 'color_hsv(120 * min(max(coalesce("score", 1), 0), 1), 100, 60)'
"""Dark enough to stand out from the light line below, also in the middle of the scale."""
VERDICTS = (OPEN, ACCEPTED, REJECTED)


@dataclass(frozen=True)
class Shown:
    """Which results are shown: by score, and by area in m²."""

    score: float = 0.0
    smallest: float = 0.0
    largest: float = math.inf

    def includes(self, score: object, area: object) -> bool:
        """Whether a result is shown."""
        sure = not isinstance(score, (int, float)) or score >= self.score
        return sure and (not isinstance(area, (int, float)) or self.smallest <= area <= self.largest)


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
    line = _open_line(layer)
    if line is not None:
        line.setColor(QColor(colour))
    layer.triggerRepaint()


def dress(layer: QgsVectorLayer, query: str, source: str, asked: str, colour: str) -> None:
    """Make a layer with the attributes of results one of a question about a raster: style, properties, form.

    ``asked`` is the request and the area, as JSON.
    """
    apply_style(layer, colour)
    show_only(layer, Shown())
    for name, text in ((QUERY, query), (SOURCE, source), (ASKED, asked)):
        layer.setCustomProperty(name, text)
    layer.setCustomProperty("skipMemoryLayersCheck", 0)
    prepare_form(layer)


def colour_by_score(layer: QgsVectorLayer, *, by_score: bool) -> None:
    """Draw open results from red (score 0) over yellow to green, or in the colour of their question."""
    line = _open_line(layer)
    if line is not None:
        colour = QgsProperty.fromExpression(_SCORE_COLOUR) if by_score else QgsProperty()
        line.setDataDefinedProperty(QgsSymbolLayer.Property.PropertyStrokeColor, colour)
        layer.triggerRepaint()


def coloured_by_score(layer: QgsVectorLayer) -> bool:
    """Whether open results are drawn by their score."""
    line = _open_line(layer)
    return line is not None and line.dataDefinedProperties().isActive(QgsSymbolLayer.Property.PropertyStrokeColor)


def _open_line(layer: QgsVectorLayer) -> QgsSymbolLayer | None:
    """The coloured line of open results, above the light one that sets it off; None in another style."""
    renderer = layer.renderer()
    if isinstance(renderer, QgsRuleBasedRenderer):
        for rule in renderer.rootRule().children():
            if rule.label() == "open" and rule.symbol() is not None and rule.symbol().symbolLayerCount() > 1:
                return rule.symbol().symbolLayer(1)
    return None


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
            rule.setFilterExpression(_mended(rule.filterExpression()))
    labeling = layer.labeling()
    if labeling is not None and labeling.type() == "simple":
        settings = labeling.settings()
        properties = settings.dataDefinedProperties()
        changed = False
        for key in properties.propertyKeys():
            text = properties.property(key).expressionString()
            if _mended(text) != text:
                properties.setProperty(key, QgsProperty.fromExpression(_mended(text)))
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


def reload(layer: QgsVectorLayer) -> None:
    """Let a layer read its rows again, those of before under the same ids; what is selected stays selected.

    QGIS takes rows that are read again for other rows, and forgets the selection.
    """
    selected = layer.selectedFeatureIds()
    layer.reload()
    layer.selectByIds(selected)


def release(layer: QgsVectorLayer) -> None:
    """Let a layer be edited again; one that the user made read-only stays so."""
    if layer.customProperty(HELD):
        layer.removeCustomProperty(HELD)
        layer.setReadOnly(False)


def _mended(expression: str) -> str:
    """The condition of an earlier version as it is today."""
    if MIN_AREA in expression:
        return expression
    for before in _SHOWN_BEFORE:
        expression = expression.replace(before, SHOWN_IF) if MIN_AREA not in expression else expression
    return expression


def show_only(layer: QgsVectorLayer, shown: Shown) -> None:
    """Hide other results on the map; nothing is deleted."""
    largest = shown.largest if math.isfinite(shown.largest) else 1e15
    _set_variables(layer, {MIN_SCORE: shown.score, MIN_AREA: shown.smallest, MAX_AREA: largest})
    layer.triggerRepaint()


def _set_variables(layer: QgsVectorLayer, values: Mapping[str, Any]) -> None:
    """Set variables of a layer and keep its others; ``setLayerVariable`` would add one more entry at every call."""
    names, texts = (layer.customProperty(key) or [] for key in ("variableNames", "variableValues"))
    known = dict(zip([names] if isinstance(names, str) else names, [texts] if isinstance(texts, str) else texts))
    if values or len(known) != len(names if not isinstance(names, str) else [names]):
        QgsExpressionContextUtils.setLayerVariables(layer, {**known, **values})


def shown_of(layer: QgsVectorLayer) -> Shown:
    """Which results of a layer are shown."""
    scope = QgsExpressionContextUtils.layerScope(layer)

    def number(name: str, default: float) -> float:
        try:
            return float(scope.variable(name))
        except (TypeError, ValueError):
            return default

    largest = number(MAX_AREA, math.inf)
    return Shown(number(MIN_SCORE, 0.0), number(MIN_AREA, 0.0), largest if largest < 1e15 else math.inf)


def chosen(layer: QgsVectorLayer, which: str) -> Iterator[int]:
    """Ids of the results that are ``SHOWN`` on the map, or that have the verdict ``which``."""
    shown = shown_of(layer)
    for feature in layer.getFeatures():
        if shown.includes(feature["score"], feature["area_m2"]) if which == SHOWN else feature["review"] == which:
            yield feature.id()


def prepare_form(layer: QgsVectorLayer) -> None:
    """What a result that is drawn by hand gets without being asked, and how its attributes are edited.

    Its area is measured in an equal-area projection.
    """
    texts = {"query": str(layer.customProperty(QUERY) or ""), "source": str(layer.customProperty(SOURCE) or "")}
    texts |= {"label": texts["query"], "outline": DRAWN, "review": ACCEPTED, "reasoning": "", "model": ""}
    defaults = {name: QgsDefaultValue(QgsExpression.quotedString(text)) for name, text in texts.items()}
    defaults["date"] = QgsDefaultValue("format_date(now(), 'yyyy-MM-ddTHH:mm:ss')")
    defaults["area_m2"] = QgsDefaultValue("round(area(transform($geometry, @layer_crs, 'EPSG:6933')), 2)")
    for name, value in defaults.items():
        index = layer.fields().indexOf(name)
        if index >= 0:
            layer.setDefaultValueDefinition(index, value)
    verdicts = {"map": [{verdict or "–": verdict} for verdict in VERDICTS]}
    minutes = {
        "display_format": "yyyy-MM-dd HH:mm",
        "field_iso_format": True,
        "allow_null": True,
        "calendar_popup": True,
    }
    for name, setup in (("review", ("ValueMap", verdicts)), ("date", ("DateTime", minutes))):
        layer.setEditorWidgetSetup(layer.fields().indexOf(name), QgsEditorWidgetSetup(*setup))
    form = layer.editFormConfig()
    form.setReadOnly(layer.fields().indexOf("date"), True)  # saved by a form it would lose its offset
    form.setSuppress(type(form).FeatureFormSuppress.SuppressOn)
    layer.setEditFormConfig(form)


def note_drawn(layer: QgsVectorLayer, ids: list[int]) -> None:
    """Measure shapes on the ellipsoid that were changed by hand, and note that they were."""
    outline, area = (layer.fields().indexOf(name) for name in ("outline", "area_m2"))
    measure = QgsDistanceArea()
    measure.setSourceCrs(layer.crs(), QgsProject.instance().transformContext())
    measure.setEllipsoid("WGS84")
    values = {
        one.id(): {outline: DRAWN, area: round(measure.measureArea(one.geometry()), 2)}
        for one in layer.getFeatures(QgsFeatureRequest().setFilterFids(ids))
    }
    layer.dataProvider().changeAttributeValues(
        {k: {i: v for i, v in row.items() if i >= 0} for k, row in values.items()}
    )


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
