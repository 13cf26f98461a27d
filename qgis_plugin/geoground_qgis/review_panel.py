"""The tab that reviews: a slider for the score, the reasoning, accept, reject, next, save."""

from __future__ import annotations

from itertools import islice

from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QHideEvent, QKeySequence, QShowEvent
from qgis.PyQt.QtWidgets import QAbstractButton, QWidget

from . import results
from .compat import QAction, QShortcut
from .kept import earlier
from .layer_watch import LayerWatch
from .messages import short, tr
from .pick_tool import PickTool, hit
from .ranking import Ranking
from .review_form import ReviewForm
from .verdicts import History, set_review, verdicts_of

ROOM = 3.0
"""Zooming to a result shows this many times its size."""
MOST_EARLIER = 40
"""Kept layers in the menu."""


class ReviewPanel(ReviewForm):
    """Goes through the results of one layer, best score first."""

    save_requested = pyqtSignal(object, str, str)
    """Layer, format, which results: ``all``, ``shown`` or ``accepted``."""
    reopen_requested = pyqtSignal(object)
    """A kept layer is wanted again: its ``Target``."""
    said = pyqtSignal(str)
    """Something that the user asked for could not be done."""

    def __init__(self, canvas: QgsMapCanvas, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._watch = LayerWatch(self)
        self._history = History()
        self._shortcuts: list[QShortcut] = []
        self._pick = PickTool(canvas)
        self.ranking = Ranking(self)
        self._connect()
        self._offer_results()

    # What is shown

    @property
    def layer(self) -> QgsVectorLayer | None:
        """The layer under review."""
        layer = self.choice.currentLayer()
        return layer if results.is_result(layer) else None

    @property
    def current(self) -> int | None:
        """Id of the selected feature, where exactly one is selected."""
        layer = self.layer
        selected = layer.selectedFeatureIds() if layer is not None else []
        return selected[0] if len(selected) == 1 else None

    def show_layer(self, layer: QgsVectorLayer) -> None:
        """Review this layer."""
        self._offer_results()
        self.choice.setLayer(layer)

    def refresh(self) -> None:
        """Read the layer again, after results came or went."""
        self.ranking.load(self.layer)

    # What the user does

    def go(self, step: int) -> None:
        """Select the next (1) or previous (-1) result that is shown, and zoom to it."""
        layer = self.layer
        following = self.ranking.step(self.current, step, self._hidden_below())
        if layer is not None and following is not None:
            layer.selectByIds([following])
            self.zoom()

    def zoom(self) -> None:
        """Show the selected result on the map."""
        layer, current = self.layer, self.current
        if layer is None or current is None:
            return
        feature = layer.getFeature(current)
        if not feature.hasGeometry():
            return
        target = self._canvas.mapSettings().destinationCrs()
        transform = QgsCoordinateTransform(layer.crs(), target, QgsProject.instance())
        try:
            box = QgsRectangle(transform.transformBoundingBox(feature.geometry().boundingBox()))
        except QgsCsException:
            return
        box.scale(ROOM)
        self._canvas.setExtent(box)
        self._canvas.refresh()

    def pick(self, place: QgsRectangle) -> None:
        """Select the result at a place of the map, without moving the map."""
        layer = self.layer
        if layer is None:
            return
        one = hit(self._canvas, layer, place, set(self.ranking.shown(self._hidden_below())))
        layer.selectByIds([] if one is None else [one])

    def show_labels(self, shown: bool) -> None:
        """Write the scores beside the results, or not."""
        layer = self.layer
        if layer is not None:
            layer.setLabelsEnabled(shown)
            layer.triggerRepaint()

    def _pick_toggled(self, on: bool) -> None:
        if on:
            self._canvas.setMapTool(self._pick)
        elif self._canvas.mapTool() is self._pick:
            self._canvas.unsetMapTool(self._pick)

    def _tool_changed(self, tool: object, *_: object) -> None:
        self.pick_button.setChecked(tool is self._pick)

    def judge(self, verdict: str) -> None:
        """Mark the selected results that are shown, and go to the next open one."""
        layer = self.layer
        if layer is None:
            return
        chosen = self.ranking.only_shown(list(layer.selectedFeatureIds()), self._hidden_below())
        if not chosen or not self._write(layer, dict.fromkeys(chosen, verdict), note=True):
            return
        following = self.ranking.next_open(chosen[-1], self._hidden_below())
        if self.step_on.isChecked() and verdict != results.OPEN and following is not None:
            layer.selectByIds([following])
            self.zoom()

    def undo(self) -> None:
        """Take the last verdict back, and go back to its result."""
        layer = self.layer
        before = self._history.take_back(layer) if layer is not None else {}
        if layer is None or not before:
            self._show_current()
            return
        if self._write(layer, before, note=False):
            layer.selectByIds(list(before))
            self.zoom()
            self._show_current()

    def _write(self, layer: QgsVectorLayer, verdicts: dict[int, str], *, note: bool) -> bool:
        """Write verdicts into the layer and the ranking; says so where the layer takes none."""
        if layer.customProperty(results.HELD) == results.SAVING:
            self.said.emit(tr("The layer is being saved; try again in a moment."))
            return False
        before = verdicts_of(layer, list(verdicts))
        self._watch.mute(True)
        try:
            written = set_review(layer, verdicts)
        finally:
            self._watch.mute(False)
        if not written:
            self.said.emit(tr("The layer “{name}” cannot be changed.").format(name=layer.name()))
            self.refresh()
            return False
        if note:
            self._history.add(before)
        self.ranking.judge(verdicts)
        return True

    def set_threshold(self, percent: int) -> None:
        """Hide results that score lower."""
        self.threshold.setText(f"{percent / 100:.2f}")
        layer = self.layer
        if layer is not None:
            results.hide_below(layer, percent / 100)
            selected = list(layer.selectedFeatureIds())
            shown = self.ranking.only_shown(selected, percent / 100)
            if len(shown) != len(selected):
                layer.selectByIds(shown)
            self._show_counts()

    def close_connections(self) -> None:
        """Let go of the layer and the project."""
        self.ranking.stop()
        self._watch.follow(None)
        self._pick_toggled(False)
        self._canvas.mapToolSet.disconnect(self._tool_changed)
        self._pick.deleteLater()  # it belongs to the map, which lives on
        for shortcut in self._shortcuts:
            shortcut.deleteLater()
        self._shortcuts = []
        project = QgsProject.instance()
        project.layersAdded.disconnect(self._offer_results)
        project.layersRemoved.disconnect(self._offer_results)

    def add_keys(self, *widgets: QWidget) -> None:
        """Let the keys work while one of these widgets, or one inside it, has the focus and this tab is open."""
        for widget in widgets:
            for key, button in self._keys():
                shortcut = QShortcut(QKeySequence(key), widget)
                shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
                shortcut.setEnabled(self.isVisible())
                shortcut.activated.connect(button.click)
                self._shortcuts.append(shortcut)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """The keys belong to this tab from now on."""
        super().showEvent(event)
        for shortcut in self._shortcuts:
            shortcut.setEnabled(True)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """The keys belong to others again."""
        super().hideEvent(event)
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)

    def _keys(self) -> tuple[tuple[str, QAbstractButton], ...]:
        return (
            ("A", self.accept),
            ("R", self.reject),
            ("N", self.next),
            ("P", self.previous),
            ("U", self.undo_button),
        )

    def _go_back(self) -> None:
        self.go(-1)

    def _go_on(self) -> None:
        self.go(1)

    def _accept(self) -> None:
        self.judge(results.ACCEPTED)

    def _reject(self) -> None:
        self.judge(results.REJECTED)

    def _reopen(self) -> None:
        self.judge(results.OPEN)

    def _save_chosen(self, action: QAction) -> None:
        if self.layer is not None:
            self.save_requested.emit(self.layer, *action.data())

    def _fill_earlier(self) -> None:
        menu = self.earlier.menu()
        menu.clear()
        for target in islice(earlier(QgsProject.instance()), MOST_EARLIER):
            action = menu.addAction(short(f"{target.table} – {target.path.name}").replace("&", "&&"))
            action.setData(target)
        if menu.isEmpty():
            menu.addAction(tr("none")).setEnabled(False)

    def _earlier_chosen(self, action: QAction) -> None:
        if action.data() is not None:
            self.reopen_requested.emit(action.data())

    def _hidden_below(self) -> float:
        return self.slider.value() / 100

    def _show_counts(self) -> None:
        counts, total = self.ranking.counts(self._hidden_below()), self.ranking.total
        said = tr("1 result") if total == 1 else tr("{n} results").format(n=f"{total:,}")
        text = tr("{results}: {a} accepted, {r} rejected, {o} open").format(
            results=said, a=f"{counts['accepted']:,}", r=f"{counts['rejected']:,}", o=f"{counts['open']:,}"
        )
        self.counts.setText(text + (tr(", {h} hidden").format(h=f"{counts['hidden']:,}") if counts["hidden"] else ""))
        for widget in (self.previous, self.next, self.zoom_button, self.slider, self.save):
            widget.setEnabled(bool(total))
        self._show_current()

    def _show_current(self) -> None:
        layer, current = self.layer, self.current
        for widget in (self.accept, self.reject, self.reopen):
            widget.setEnabled(layer is not None and bool(layer.selectedFeatureIds()))
        self.undo_button.setEnabled(layer is not None and bool(len(self._history)))
        feature = layer.getFeature(current) if layer is not None and current is not None else None
        if feature is None or not feature.isValid():
            self.facts.setText("")
            self.reasoning.setPlainText("")
            return
        self.facts.setText(_facts(feature))
        self.reasoning.setPlainText(_text(feature["reasoning"]))

    def _layer_chosen(self, *_: object) -> None:
        layer = self.layer
        self._watch.follow(layer)
        self._history.clear()
        if layer is not None:
            percent = round(results.hidden_below(layer) * 100)
            self.slider.blockSignals(True)
            self.slider.setValue(percent)
            self.slider.blockSignals(False)
            self.threshold.setText(f"{percent / 100:.2f}")
            self.labels.blockSignals(True)
            self.labels.setChecked(layer.labelsEnabled())
            self.labels.blockSignals(False)
        self.refresh()

    def _forget_layer(self) -> None:
        self.ranking.stop()
        self._history.clear()

    def _forget_ids(self) -> None:
        self._history.clear()
        self._show_current()

    def _offer_results(self, *_: object) -> None:
        """Only results of questions are in the list."""
        layers = QgsProject.instance().mapLayers().values()
        self.choice.setExceptedLayerList([layer for layer in layers if not results.is_result(layer)])
        if self.layer is None or self.layer is not self._watch.layer:
            self._layer_chosen()

    def _connect(self) -> None:
        self.choice.layerChanged.connect(self._layer_chosen)
        self.save.menu().triggered.connect(self._save_chosen)
        self.earlier.menu().aboutToShow.connect(self._fill_earlier)
        self.earlier.menu().triggered.connect(self._earlier_chosen)
        self.ranking.changed.connect(self._show_counts)
        self.slider.valueChanged.connect(self.set_threshold)
        # No lambdas: one that holds the panel would keep it alive after QGIS has thrown it away.
        self.previous.clicked.connect(self._go_back)
        self.next.clicked.connect(self._go_on)
        self.zoom_button.clicked.connect(self.zoom)
        self._pick.clicked.connect(self.pick)
        self.pick_button.toggled.connect(self._pick_toggled)
        self._canvas.mapToolSet.connect(self._tool_changed)
        self.labels.toggled.connect(self.show_labels)
        self.accept.clicked.connect(self._accept)
        self.reject.clicked.connect(self._reject)
        self.reopen.clicked.connect(self._reopen)
        self.undo_button.clicked.connect(self.undo)
        for key, button in self._keys():
            if button is not self.undo_button:
                button.setToolTip(tr("Key {key}, while this tab is open").format(key=key))
        watch = self._watch
        watch.selection_changed.connect(self._show_current)
        watch.rows_changed.connect(self.refresh)
        watch.ids_changed.connect(self._forget_ids)
        watch.verdicts_changed.connect(self.ranking.judge)
        watch.fields_changed.connect(self._offer_results)
        watch.gone.connect(self._forget_layer)
        project = QgsProject.instance()
        project.layersAdded.connect(self._offer_results)
        project.layersRemoved.connect(self._offer_results)


def _facts(feature: QgsFeature) -> str:
    score, area = _number(feature["score"]), _number(feature["area_m2"])
    parts = [_text(feature["label"]) or tr("no label")]
    if score is not None:
        parts.append(tr("score {s}").format(s=f"{score:.2f}"))
    if area is not None:
        parts.append(f"{area:,.1f} m²" if area < 100 else f"{area:,.0f} m²")
    verdict = {results.ACCEPTED: tr("accepted"), results.REJECTED: tr("rejected")}.get(_text(feature["review"]))
    return " · ".join([*parts, *([verdict] if verdict else [])])


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
