"""Result layers: attributes, style, and text that means harm."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from fakes import box
from geoground_qgis import messages, results, saving
from geoground_qgis.result_writer import ResultWriter
from geoground_qgis.saving import Target
from panels import contrast, painted
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsFeature,
    QgsProject,
    QgsVectorLayer,
)
from qgis.gui import QgsAttributeEditorContext, QgsAttributeForm
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import QComboBox

Until = Callable[..., None]
UTM = QgsCoordinateReferenceSystem("EPSG:32617")
HOSTILE = [
    "<b>bold</b><script>alert(1)</script>",
    "[% 1 + 1 %] [% @project_path %]",
    "\" || 'x' || \"score",
    "' OR 1=1 --",
    "<img src='http://example.com/x.png'>&amp;&lt;",
    "=cmd|' /C calc'!A0",
    "line\nbreak\ttab",
    "عربي ‮right-to-left‬",
    "%1 %n {0} {name}",
    "@geogrounding_min_score",
]


@pytest.fixture
def write(until: Until) -> Callable[..., QgsVectorLayer]:
    def write(*found: dict, query: str = "tree") -> QgsVectorLayer:
        writer = ResultWriter(QgsProject.instance(), [query], UTM, "scene")
        writer.add(found)
        until(lambda: writer.idle)
        return writer.layers[0]

    return write


def context_of(layer: QgsVectorLayer, feature: QgsFeature) -> QgsExpressionContext:
    context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
    context.setFeature(feature)
    context.setFields(layer.fields())
    return context


def plain(html: str) -> str:
    """What a person reads in a piece of HTML."""
    from qgis.PyQt.QtGui import QTextDocument

    document = QTextDocument()
    document.setHtml(html)
    return document.toPlainText()


def test_attributes(write: Callable[..., QgsVectorLayer]) -> None:
    layer = write(box(1, 2, 3, number=7, score=None))
    feature = next(layer.getFeatures())
    assert [field.name() for field in layer.fields()] == [name for name, _ in results.FIELDS]
    assert (feature["id"], feature["query"], feature["label"], feature["area_m2"]) == (7, "tree", "tree", 9)
    assert not isinstance(feature["score"], float)
    assert feature["review"] == ""
    assert feature["date"].startswith("20")
    assert feature.geometry().asWkt() == "Polygon ((1 2, 4 2, 4 5, 1 5, 1 2))"


def test_dates_are_read_as_dates(write: Callable[..., QgsVectorLayer]) -> None:
    """The text of the file has seconds and an offset; forms and tables show what people read."""
    layer = write(box(0, 0, 4))
    index = layer.fields().indexOf("date")
    setup = layer.editorWidgetSetup(index)
    formatter = QgsApplication.fieldFormatterRegistry().fieldFormatter(setup.type())
    stored = next(layer.getFeatures())["date"]
    shown = formatter.representValue(layer, index, setup.config(), None, stored)
    assert datetime.fromisoformat(shown) == datetime.fromisoformat(stored).replace(tzinfo=None, second=0)


def test_a_verdict_in_a_form_changes_the_verdict_only(write: Callable[..., QgsVectorLayer]) -> None:
    layer = write(box(0, 0, 4))
    results.release(layer)
    before = next(layer.getFeatures())
    assert layer.startEditing()
    form = QgsAttributeForm(layer, before)
    form.setMode(QgsAttributeEditorContext.Mode.SingleEditMode)
    form.show()
    (verdict,) = (one for one in form.findChildren(QComboBox) if one.itemText(0) == "–")
    verdict.setCurrentIndex(verdict.findText("accepted"))
    assert form.save()
    names = [field.name() for field in layer.fields()]
    after = next(layer.getFeatures())
    assert {name for name in names if before[name] != after[name]} == {"review"}
    assert after["review"] == "accepted"
    layer.rollBack()


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_is_shown_literally(write: Callable[..., QgsVectorLayer], hostile: str) -> None:
    layer = write(box(0, 0, 1, query=hostile, label=hostile, reasoning=hostile), query=hostile)
    feature = next(layer.getFeatures())
    assert (feature["query"], feature["label"], feature["reasoning"]) == (hostile,) * 3
    context = context_of(layer, feature)
    tip = QgsExpression.replaceExpressionText(layer.mapTipTemplate(), context)
    assert " ".join(plain(tip).split()).count(" ".join(hostile.split())) == 3
    label = layer.labeling().settings()
    assert label.isExpression
    assert QgsExpression(label.fieldName).evaluate(context) == "0.90"
    assert not label.format().allowHtmlFormatting()
    assert plain(messages.literal(hostile)).split() == messages._printable(hostile).split()
    group = QgsProject.instance().layerTreeRoot().findGroups()[0]
    assert group.name() == messages.short(hostile)
    assert "\n" not in layer.name()


@pytest.mark.parametrize(
    "geometry",
    [
        None,
        "POINT (1 1)",
        {"type": "Point", "coordinates": [1, 1]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, float("nan")], [1, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], ["x", 1], [1, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0, 0, 0]]]},
    ],
)
def test_what_is_no_polygon_is_left_out_and_counted(until: Until, geometry: object) -> None:
    writer = ResultWriter(QgsProject.instance(), ["tree"], UTM, "scene")
    bad = box(0, 0, 1)
    bad["geometry"] = geometry
    writer.add([bad, box(5, 5, 1), {"nonsense": 1}])
    until(lambda: writer.idle)
    assert writer.count == 1
    assert writer.unusable == 1
    assert writer.layers[0].featureCount() == 1


def test_what_waits_when_it_is_closed_is_dropped_without_an_error(
    until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new project in mid-run, with temporary layers: QGIS would show an error of Python."""
    errors: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, _error, _trace: errors.append(kind))
    writer = ResultWriter(QgsProject.instance(), ["tree"], UTM, "scene")
    writer.add([box(i, 0, 1, number=i) for i in range(3)])
    writer.close()
    turns: list[int] = []
    timer = QTimer()
    timer.timeout.connect(lambda: turns.append(1))
    timer.start(0)
    until(lambda: len(turns) > 20)
    assert errors == []
    assert writer.count == 0


def test_a_layer_that_the_user_removed_is_passed_over(until: Until) -> None:
    writer = ResultWriter(QgsProject.instance(), ["tree", "car"], UTM, "scene")
    writer.add([box(0, 0, 1)])
    until(lambda: writer.idle)
    QgsProject.instance().removeMapLayer(writer.layers[0])
    writer.add([box(0, 0, 1), box(0, 0, 1, query="car"), box(0, 0, 1, query="not asked")])
    until(lambda: writer.idle)
    assert writer.layers[0].featureCount() == 1
    assert writer.removed == 1
    writer.replace([])
    until(lambda: writer.idle)
    assert writer.layers[0].featureCount() == 0


def test_asked_again_the_layer_joins_the_group(write: Callable[..., QgsVectorLayer]) -> None:
    write(box(0, 0, 1))
    write(box(0, 0, 1))
    (group,) = QgsProject.instance().layerTreeRoot().findGroups()
    assert len(group.findLayers()) == 2


@pytest.mark.parametrize("ground", range(0, 256, 15))
def test_rejected_outlines_are_seen_over_dark_and_light_imagery(
    write: Callable[..., QgsVectorLayer], ground: int
) -> None:
    layer = write(box(404215, 3285110, 3))
    rule = next(rule for rule in layer.renderer().rootRule().children() if rule.label() == "rejected")
    lines = [line.color() for line in rule.symbol().symbolLayers()]
    shown = [
        QColor(*(round(line.alphaF() * part + (1 - line.alphaF()) * ground) for part in line.getRgb()[:3]))
        for line in lines
    ]
    assert max(contrast(colour, QColor(ground, ground, ground)) for colour in shown) >= 3.0


def test_low_scores_are_hidden_on_the_map(write: Callable[..., QgsVectorLayer]) -> None:
    layer = write(
        box(0, 0, 5, label="low", score=0.2),
        box(20, 0, 5, label="high", score=0.8),
        box(40, 0, 5, label="none", score=None),
    )
    assert painted(layer) == {"low", "high", "none"}
    results.show_only(layer, results.Shown(0.5))
    assert results.shown_of(layer).score == 0.5
    assert painted(layer) == {"high", "none"}
    assert layer.featureCount() == 3


@pytest.mark.parametrize(("driver", "crs"), [("GPKG", "EPSG:32617"), ("GeoJSON", "EPSG:4326")])
@pytest.mark.parametrize("only_second", [False, True])
def test_saved_files_hold_what_the_layer_holds(
    write: Callable[..., QgsVectorLayer], tmp_path: Path, until: Until, driver: str, crs: str, only_second: bool
) -> None:
    layer = write(box(404220, 3285110, 5, label="<b>one</b>", number=1), box(404230, 3285110, 5, label="two", number=2))
    first, second = sorted(feature.id() for feature in layer.getFeatures())
    layer.selectByIds([first])
    outcomes: list[str] = []
    path = tmp_path / f"saved{saving.ENDINGS[driver]}"
    task = saving.write_results(
        layer,
        Target(path, driver),
        [second] if only_second else None,
        lambda written: outcomes.append(str(written.path)),
        lambda why: outcomes.append(f"! {why}"),
    )
    until(lambda: bool(outcomes))
    assert task is not None
    assert outcomes == [str(path)]
    assert layer.selectedFeatureIds() == [first]
    saved = QgsVectorLayer(str(path), "saved")
    assert saved.crs().authid() == crs
    assert [feature["label"] for feature in saved.getFeatures()] == (["two"] if only_second else ["<b>one</b>", "two"])
    assert results.is_result(saved)


def test_a_folder_that_is_not_there_is_said(write: Callable[..., QgsVectorLayer], tmp_path: Path, until: Until) -> None:
    outcomes: list[str] = []
    path = tmp_path / "no" / "where.gpkg"
    task = saving.write_results(
        write(box(0, 0, 1)), Target(path, "GPKG"), None, outcomes.append, lambda why: outcomes.append(f"! {why}")
    )
    until(lambda: bool(outcomes))
    assert task is not None
    assert outcomes[0].startswith("! ")


def test_a_temporary_layer_lives_on_in_its_file(
    write: Callable[..., QgsVectorLayer], tmp_path: Path, until: Until
) -> None:
    layer = write(box(404220, 3285110, 5))
    outcomes: list[Target] = []
    task = saving.write_results(layer, Target(tmp_path / "kept.gpkg", "GPKG"), None, outcomes.append, outcomes.append)
    until(lambda: bool(outcomes))
    assert task is not None
    assert saving.keep_in_file(layer, outcomes[0])
    assert layer.providerType() == "ogr"
    assert layer.renderer().type() == "RuleRenderer"
    assert results.is_result(layer)
    assert layer.featureCount() == 1
