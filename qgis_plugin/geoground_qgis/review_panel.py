"""The tab that reviews: a slider for the score, the reasoning, accept, reject, next, save."""

from __future__ import annotations

from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsExpression,
    QgsFeature,
    QgsMapLayerProxyModel,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.gui import QgsMapCanvas, QgsMapLayerComboBox
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QKeySequence
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from . import results
from .compat import QAction, QShortcut
from .messages import tr
from .ranking import Ranking

ROOM = 3.0
"""Zooming to a result shows this many times its size."""


class ReviewPanel(QWidget):
    """Goes through the results of one layer, best score first."""

    save_requested = pyqtSignal(object, str, str)
    """Layer, format (``GPKG`` or ``GeoJSON``), which results: ``all``, ``shown`` or ``accepted``."""

    def __init__(self, canvas: QgsMapCanvas, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._connected: QgsVectorLayer | None = None
        self.ranking = Ranking(self)
        self._build()
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
        """Read the layer anew, after results came or went."""
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

    def judge(self, verdict: str) -> None:
        """Mark the selected results, and go to the next open one."""
        layer = self.layer
        if layer is None or not layer.selectedFeatureIds():
            return
        chosen = list(layer.selectedFeatureIds())
        set_review(layer, chosen, verdict)
        self.ranking.judge(chosen, verdict)
        following = self.ranking.next_open(chosen[-1], self._hidden_below())
        if self.step_on.isChecked() and verdict != results.OPEN and following is not None:
            layer.selectByIds([following])
            self.zoom()

    def set_threshold(self, percent: int) -> None:
        """Hide results that score lower."""
        self.threshold.setText(f"{percent / 100:.2f}")
        layer = self.layer
        if layer is not None:
            results.hide_below(layer, percent / 100)
            self._show_counts()

    def close_connections(self) -> None:
        """Let go of the layer and the project."""
        self.ranking.stop()
        self._disconnect_layer()
        project = QgsProject.instance()
        project.layersAdded.disconnect(self._offer_results)
        project.layersRemoved.disconnect(self._offer_results)

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
        for widget in (self.accept, self.reject):
            widget.setEnabled(layer is not None and bool(layer.selectedFeatureIds()))
        self.reopen.setEnabled(self.accept.isEnabled())
        if layer is None or current is None:
            self.facts.setText("")
            self.reasoning.setPlainText("")
            return
        feature = layer.getFeature(current)
        self.facts.setText(_facts(feature))
        self.reasoning.setPlainText(_text(feature["reasoning"]))

    def _layer_chosen(self, *_: object) -> None:
        self._disconnect_layer()
        layer = self.layer
        if layer is not None:
            layer.selectionChanged.connect(self._show_current)
            layer.willBeDeleted.connect(self._forget_layer)
            self._connected = layer
            percent = round(results.hidden_below(layer) * 100)
            self.slider.blockSignals(True)
            self.slider.setValue(percent)
            self.slider.blockSignals(False)
            self.threshold.setText(f"{percent / 100:.2f}")
        self.refresh()

    def _forget_layer(self) -> None:
        self.ranking.stop()
        self._connected = None

    def _disconnect_layer(self) -> None:
        if self._connected is not None:
            self._connected.selectionChanged.disconnect(self._show_current)
            self._connected.willBeDeleted.disconnect(self._forget_layer)
            self._connected = None

    def _offer_results(self, *_: object) -> None:
        """Only results of questions are in the list."""
        layers = QgsProject.instance().mapLayers().values()
        self.choice.setExceptedLayerList([layer for layer in layers if not results.is_result(layer)])
        self._layer_chosen()

    # Building

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.choice = QgsMapLayerComboBox()
        self.choice.setFilters(QgsMapLayerProxyModel.Filter.PolygonLayer)
        self.choice.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        form.addRow(tr("Results"), self.choice)
        score = QHBoxLayout()
        self.slider, self.threshold = QSlider(Qt.Orientation.Horizontal), QLabel("0.00")
        self.slider.setRange(0, 100)
        self.slider.setToolTip(tr("Results that score lower are hidden, not deleted"))
        score.addWidget(self.slider)
        score.addWidget(self.threshold)
        form.addRow(tr("Hide below"), score)
        layout.addLayout(form)
        self.counts = _plain_label()
        layout.addWidget(self.counts)

        moves = QHBoxLayout()
        self.previous, self.next = QPushButton(tr("◀ Previous")), QPushButton(tr("Next ▶"))
        self.zoom_button = QToolButton()
        self.zoom_button.setText(tr("Zoom"))
        for widget in (self.previous, self.zoom_button, self.next):
            moves.addWidget(widget)
        layout.addLayout(moves)
        self.facts = _plain_label()
        layout.addWidget(self.facts)
        layout.addWidget(QLabel(tr("Reasoning")))
        self.reasoning = QPlainTextEdit()
        self.reasoning.setReadOnly(True)
        self.reasoning.setPlaceholderText(tr("Select a result on the map, or press Next."))
        layout.addWidget(self.reasoning, 1)

        verdicts = QHBoxLayout()
        self.accept, self.reject = QPushButton(tr("✔ Accept")), QPushButton(tr("✘ Reject"))
        self.reopen = QToolButton()
        self.reopen.setText(tr("Undo"))
        self.reopen.setToolTip(tr("Neither accepted nor rejected"))
        for widget in (self.accept, self.reject, self.reopen):
            verdicts.addWidget(widget)
        layout.addLayout(verdicts)
        self.step_on = QCheckBox(tr("Then go to the next open one"))
        self.step_on.setChecked(True)
        layout.addWidget(self.step_on)
        self.save = QPushButton(tr("Save as"))
        menu = QMenu(self.save)
        for which, title in (
            (results.ALL, tr("All results")),
            (results.SHOWN, tr("What is not hidden")),
            (results.ACCEPTED, tr("Accepted ones")),
        ):
            menu.addSection(title)
            for driver, label in (("GPKG", tr("GeoPackage…")), ("GeoJSON", tr("GeoJSON…"))):
                menu.addAction(label).setData((driver, which))
        menu.triggered.connect(self._save_chosen)
        self.save.setMenu(menu)
        layout.addWidget(self.save)

    def _connect(self) -> None:
        self.choice.layerChanged.connect(self._layer_chosen)
        self.ranking.changed.connect(self._show_counts)
        self.slider.valueChanged.connect(self.set_threshold)
        # No lambdas: one that holds the panel would keep it alive after QGIS has thrown it away.
        self.previous.clicked.connect(self._go_back)
        self.next.clicked.connect(self._go_on)
        self.zoom_button.clicked.connect(self.zoom)
        self.accept.clicked.connect(self._accept)
        self.reject.clicked.connect(self._reject)
        self.reopen.clicked.connect(self._reopen)
        for key, button in (("A", self.accept), ("R", self.reject), ("N", self.next), ("P", self.previous)):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(button.click)
            button.setToolTip(tr("Key {key}, while this panel has the focus").format(key=key))
        project = QgsProject.instance()
        project.layersAdded.connect(self._offer_results)
        project.layersRemoved.connect(self._offer_results)


def set_review(layer: QgsVectorLayer, feature_ids: list[int], verdict: str) -> None:
    """Write a verdict: through the edit buffer where the user is editing, else straight into the layer."""
    index = layer.fields().indexOf("review")
    if layer.isEditable():
        for feature_id in feature_ids:
            layer.changeAttributeValue(feature_id, index, verdict)
    else:
        layer.dataProvider().changeAttributeValues({feature_id: {index: verdict} for feature_id in feature_ids})
    layer.triggerRepaint()


def accepted_only() -> str:
    """The filter of accepted results."""
    return f"{QgsExpression.quotedColumnRef('review')} = {QgsExpression.quotedString(results.ACCEPTED)}"


def _plain_label() -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label


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
