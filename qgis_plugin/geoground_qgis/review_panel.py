"""The tab that reviews: a slider for the score, the reasoning, accept, reject, next, save."""

from __future__ import annotations

from itertools import islice

from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtGui import QHideEvent, QShowEvent
from qgis.PyQt.QtWidgets import QAbstractButton, QWidget

from . import results
from .compat import QAction
from .facts import facts_of, text_of
from .kept import earlier
from .layer_watch import LayerWatch
from .messages import short, tr
from .pick_tool import PickTool, hit
from .ranking import Ranking
from .review_form import ReviewForm
from .review_view import ReviewView
from .shortcuts import Shortcuts
from .verdicts import AT_ONCE, Bulk, History, Verdicts, set_review, verdict_of, verdicts_of

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
    like_requested = pyqtSignal(object, bool)
    """What looks like results of this layer is wanted; whether only the selected ones are examples."""
    said = pyqtSignal(str)
    """Something that the user asked for could not be done."""

    def __init__(self, canvas: QgsMapCanvas, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._watch = LayerWatch(self)
        self._history, self._bulk = History(), Bulk(self)
        self._noted: Verdicts | None = None
        """Verdicts that were there before those that are being written; None: they are not noted."""
        self._shortcuts = Shortcuts()
        self._pick = PickTool(canvas)
        self.ranking = Ranking(self)
        self.view = ReviewView(self, canvas, self)
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
        if layer is None or layer.selectedFeatureCount() != 1:
            return None
        return layer.selectedFeatureIds()[0]

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
        following = self.ranking.step(self.current, step * self.view.direction)
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
        one = hit(self._canvas, layer, place, set(self.ranking.shown()))
        layer.selectByIds([] if one is None else [one])

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
        chosen = self.ranking.only_shown(layer.selectedFeatureIds())
        if not len(chosen) or not self._write(layer, Verdicts.same(chosen, verdict), note=True):
            return
        following = self.ranking.next_open(int(chosen[-1]), self.view.direction)
        if self.step_on.isChecked() and verdict != results.OPEN and following is not None:
            layer.selectByIds([following])
            self.zoom()

    def undo(self) -> None:
        """Take the last verdict back, and go back to its result."""
        layer = self.layer
        before = self._history.take_back(layer, self.ranking.known) if layer is not None else None
        if layer is None or not before:
            self._show_current()
            return
        if self._write(layer, before, note=False):
            layer.selectByIds(before.ids.tolist())
            self.zoom()
            self._show_current()

    def _write(self, layer: QgsVectorLayer, verdicts: Verdicts, *, note: bool) -> bool:
        """Write verdicts into the layer and the ranking; says so where the layer takes none.

        Returns:
            Whether all are written, or were there; very many are only begun.
        """
        if layer.customProperty(results.HELD) == results.SAVING:
            self.said.emit(tr("The layer is being saved; try again in a moment."))
            return False
        if len(verdicts) > AT_ONCE and not layer.isEditable():
            before = self.ranking.verdicts(verdicts.ids)
            changed = before.codes != verdicts.codes
            if not self._bulk.busy and changed.any():
                self._noted = before.only(changed) if note else None
                self._bulk.start(layer, verdicts.only(changed))
                self._show_current()
            return False
        before = verdicts_of(layer, verdicts.ids)
        verdicts = verdicts.within(before)
        if not len(verdicts):  # a run has just replaced what was selected
            return False
        verdicts = verdicts.changing(before)
        if not len(verdicts):
            return True
        before = before.within(verdicts)
        self._watch.mute(True)
        try:
            written = set_review(layer, verdicts)
        finally:
            self._watch.mute(False)
        if not written:
            self._refused(layer)
            return False
        if note:
            self._history.add(before)
        self._take_verdicts(verdicts)
        return True

    def _bulk_progressed(self, written: int) -> None:
        self.counts.setText(tr("{n} verdicts written…").format(n=f"{written:,}"))

    def _bulk_ended(self, written: Verdicts) -> None:
        before, self._noted = self._noted, None
        if before is not None and len(written):
            self._history.add(before.only(slice(len(written))))
        self._take_verdicts(written)
        layer = self.layer
        if layer is not None and not len(written):
            self._refused(layer)

    def _refused(self, layer: QgsVectorLayer) -> None:
        self.said.emit(tr("The layer “{name}” cannot be changed.").format(name=layer.name()))
        self.refresh()

    def _shown_changed(self) -> None:
        """Other results are shown: those that are not are neither selected nor counted."""
        layer = self.layer
        if layer is not None:
            self.ranking.show_only(self.view.shown)
            shown = self.ranking.only_shown(layer.selectedFeatureIds())
            if len(shown) != layer.selectedFeatureCount():
                layer.selectByIds(shown.tolist())
            self._show_counts()

    def close_connections(self) -> None:
        """Let go of the layer and the project."""
        self.ranking.stop()
        self._bulk.stop()
        self._watch.follow(None)
        self._pick_toggled(False)
        self.view.close()
        self._canvas.mapToolSet.disconnect(self._tool_changed)
        self._pick.deleteLater()  # it belongs to the map, which lives on
        self._shortcuts.close()
        project = QgsProject.instance()
        project.layersAdded.disconnect(self._offer_results)
        project.layersRemoved.disconnect(self._offer_results)

    def add_keys(self, *widgets: QWidget) -> None:
        """Let the keys work while one of these widgets, or one inside it, has the focus and this tab is open."""
        self._shortcuts.add(self._keys(), widgets, enabled=self.isVisible())

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """The keys belong to this tab from now on."""
        super().showEvent(event)
        self._shortcuts.enable(True)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """The keys belong to others again."""
        super().hideEvent(event)
        self._shortcuts.enable(False)

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
        for target, whole in islice(earlier(QgsProject.instance()), MOST_EARLIER):
            text = short(f"{target.table} – {target.path.name}").replace("&", "&&")
            action = menu.addAction(text if whole else tr("{layer} (unfinished)").format(layer=text))
            action.setData(target)
        if menu.isEmpty():
            menu.addAction(tr("none")).setEnabled(False)

    def _earlier_chosen(self, action: QAction) -> None:
        if action.data() is not None:
            self.reopen_requested.emit(action.data())

    def _ranked(self) -> None:
        self.chart.show_scores(self.ranking.scores)
        self._show_counts()

    def _judged(self, verdicts: dict[int, str]) -> None:
        self._take_verdicts(Verdicts.of({one: verdict_of(verdict) for one, verdict in verdicts.items()}))

    def _take_verdicts(self, verdicts: Verdicts) -> None:
        self.ranking.judge(verdicts)
        self._show_counts()

    def _find_like(self) -> None:
        layer = self.layer
        if layer is not None:
            self.like_requested.emit(layer, bool(layer.selectedFeatureCount()))

    def _shapes_saved(self, ids: list[int]) -> None:
        """Shapes that were changed by hand are measured again, and never drawn again from a mask."""
        layer = self.layer
        if layer is not None:
            results.note_drawn(layer, ids)
            self.refresh()

    def _show_counts(self) -> None:
        counts, total = self.ranking.counts(), self.ranking.total
        said = tr("1 result") if total == 1 else tr("{n} results").format(n=f"{total:,}")
        text = tr("{results}: {a} accepted, {r} rejected, {o} open").format(
            results=said, a=f"{counts['accepted']:,}", r=f"{counts['rejected']:,}", o=f"{counts['open']:,}"
        )
        self.counts.setText(text + (tr(", {h} hidden").format(h=f"{counts['hidden']:,}") if counts["hidden"] else ""))
        for widget in (self.previous, self.next, self.zoom_button, self.slider, self.save, self.like_button):
            widget.setEnabled(bool(total))
        self._show_current()

    def _show_current(self) -> None:
        layer, current = self.layer, self.current
        self.ranking.visit(current)
        for widget in (self.accept, self.reject, self.reopen):
            widget.setEnabled(layer is not None and bool(layer.selectedFeatureCount()) and not self._bulk.busy)
        self.undo_button.setEnabled(layer is not None and bool(len(self._history)) and not self._bulk.busy)
        feature = layer.getFeature(current) if layer is not None and current is not None else None
        if feature is None or not feature.isValid():
            self.facts.setText("")
            self.reasoning.setPlainText("")
            return
        self.facts.setText(facts_of(feature))
        self.reasoning.setPlainText(text_of(feature["reasoning"]))

    def _layer_chosen(self, *_: object) -> None:
        layer = self.layer
        self._watch.follow(layer)
        self._history.clear()
        self.view.follow(layer)
        self.ranking.show_only(self.view.shown)
        for widget in (self.correct_box, self.view_box):
            widget.setEnabled(layer is not None)
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
        self.ranking.changed.connect(self._ranked)
        self._bulk.progressed.connect(self._bulk_progressed)
        self._bulk.ended.connect(self._bulk_ended)
        self.view.changed.connect(self._shown_changed)
        self.like_button.clicked.connect(self._find_like)
        # No lambdas: one that holds the panel would keep it alive after QGIS has thrown it away.
        self.previous.clicked.connect(self._go_back)
        self.next.clicked.connect(self._go_on)
        self.zoom_button.clicked.connect(self.zoom)
        self._pick.clicked.connect(self.pick)
        self.pick_button.toggled.connect(self._pick_toggled)
        self._canvas.mapToolSet.connect(self._tool_changed)
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
        watch.verdicts_changed.connect(self._judged)
        watch.shapes_saved.connect(self._shapes_saved)
        watch.fields_changed.connect(self._offer_results)
        watch.gone.connect(self._forget_layer)
        project = QgsProject.instance()
        project.layersAdded.connect(self._offer_results)
        project.layersRemoved.connect(self._offer_results)
