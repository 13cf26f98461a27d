"""The widgets of the tab that reviews, without behaviour."""

from __future__ import annotations

from qgis.core import QgsMapLayerProxyModel
from qgis.gui import QgsCollapsibleGroupBox
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from . import results
from .forms import ReadingBox, column, form, layer_box, menu_button, plain_label, shrinking, tool
from .messages import tr
from .score_chart import ScoreChart

LARGEST_M2 = 1e9
"""Of the boxes for sizes."""


class ReviewForm(QWidget):
    """Which layer, what of it is shown, facts and reasoning of a result, verdicts, corrections, *Save as*."""

    # Widgets from top to bottom, in the order in which they stand.
    def __init__(self, parent: QWidget | None = None) -> None:  # noqa: PLR0915
        super().__init__(parent)
        layout = column(self)
        rows = form()
        self.choice = layer_box(QgsMapLayerProxyModel.Filter.PolygonLayer)
        self.earlier = menu_button(tr("Earlier"), tr("Open results that were kept before"))
        choice = QHBoxLayout()
        choice.addWidget(self.choice, 1)
        choice.addWidget(self.earlier)
        rows.addRow(tr("Results"), choice)
        score = QHBoxLayout()
        self.slider, self.threshold = QSlider(Qt.Orientation.Horizontal), QLabel("0.00")
        self.slider.setRange(0, 100)
        self.slider.setToolTip(tr("Results that score lower are hidden, not deleted"))
        self.chart = ScoreChart()
        bars = QVBoxLayout()
        bars.setSpacing(0)
        bars.addWidget(self.chart)
        bars.addWidget(self.slider)
        score.addLayout(bars)
        score.addWidget(self.threshold)
        rows.addRow(tr("Hide below"), score)
        layout.addLayout(rows)
        self.counts = plain_label()
        layout.addWidget(self.counts)
        layout.addWidget(self._view())

        moves = QHBoxLayout()
        self.previous, self.next = QPushButton(tr("◀ Previous")), QPushButton(tr("Next ▶"))
        self.zoom_button = tool(tr("Zoom"))
        self.pick_button = tool(tr("Pick"), tr("Click a result on the map to review it"))
        self.pick_button.setCheckable(True)
        for widget in (self.previous, self.zoom_button, self.pick_button, self.next):
            moves.addWidget(widget)
        layout.addLayout(moves)
        self.facts = plain_label()
        layout.addWidget(self.facts)
        self.reasoning = ReadingBox()
        self.reasoning.setPlaceholderText(tr("Reasoning: select a result on the map, or press Next."))
        layout.addWidget(self.reasoning, 1)

        verdicts = QHBoxLayout()
        self.accept, self.reject = QPushButton(tr("✔ Accept")), QPushButton(tr("✘ Reject"))
        self.reopen = tool(tr("Reopen"), tr("Neither accepted nor rejected"))
        self.undo_button = tool(tr("Undo"), tr("Take the last verdict back, and go back to its result (key U)"))
        for widget in (self.accept, self.reject, self.reopen, self.undo_button):
            verdicts.addWidget(widget)
        layout.addLayout(verdicts)
        self.step_on = QCheckBox(tr("Then go to the next open one"))
        self.step_on.setChecked(True)
        layout.addWidget(self.step_on)
        layout.addWidget(self._corrections())
        ends = QHBoxLayout()
        self.like_button = QPushButton(tr("Find all like this"))
        self.like_button.setToolTip(
            tr("The selected results, or else the accepted ones, become examples; rejected ones are not meant")
        )
        self.save = QPushButton(tr("Save as"))
        self.save.setMenu(self._save_menu())
        ends.addWidget(self.like_button)
        ends.addWidget(self.save)
        layout.addLayout(ends)

    def _view(self) -> QWidget:
        """Sizes, order, colours, labels, the area that was asked about."""
        self.view_box = QgsCollapsibleGroupBox(tr("Show"))
        self.view_box.setCollapsed(True)
        rows = form(self.view_box)
        self.smallest, self.largest = _size_box(), _size_box()
        sizes = QHBoxLayout()
        sizes.addWidget(self.smallest, 1)
        sizes.addWidget(QLabel("–"))
        sizes.addWidget(self.largest, 1)
        rows.addRow(tr("Size"), sizes)
        self.order, self.colours = QComboBox(), QComboBox()
        self.order.addItem(tr("surest first"), 1)
        self.order.addItem(tr("least sure first"), -1)
        self.colours.addItem(tr("by verdict"), False)
        self.colours.addItem(tr("by score"), True)
        for title, box in ((tr("Order"), self.order), (tr("Colours"), self.colours)):
            shrinking(box)
            rows.addRow(title, box)
        self.labels = QCheckBox(tr("Scores on the map"))
        self.labels.setToolTip(tr("From 1:1500"))
        self.area_asked = QCheckBox(tr("Area that was asked about"))
        rows.addRow(self.labels)
        rows.addRow(self.area_asked)
        return self.view_box

    def _corrections(self) -> QWidget:
        """Tools for shapes, and the outlines as a whole."""
        self.correct_box = QgsCollapsibleGroupBox(tr("Correct"))
        self.correct_box.setCollapsed(True)
        inside = QVBoxLayout(self.correct_box)
        tools = QGridLayout()  # in one row the panel would be wider than the map can spare
        self.add_one = tool(tr("Add"), tr("Draw one that was missed; it counts as accepted"))
        self.vertices = tool(tr("Corners"), tr("Move, add and delete corners"))
        self.split = tool(tr("Split"), tr("Draw a line through results"))
        self.merge = tool(tr("Merge"), tr("Make the selected results one, with the attributes of the surest"))
        self.delete = tool(tr("Delete"), tr("Delete the selected results"))
        self.keep_edits = tool(tr("Save edits"), tr("Until then Ctrl+Z takes corrections back"))
        for place, widget in enumerate((self.add_one, self.vertices, self.split, self.merge, self.delete)):
            tools.addWidget(widget, place // 3, place % 3)
        tools.addWidget(self.keep_edits, 2, 0, 1, 3)
        for widget in (self.add_one, self.vertices, self.split, self.merge, self.delete, self.keep_edits):
            widget.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        inside.addLayout(tools)
        self.shape_box = QWidget()
        rows = form(self.shape_box)
        rows.setContentsMargins(0, 0, 0, 0)
        self.outline = QComboBox()
        for outline, label in (
            ("mask", tr("outlines")),
            ("regular", tr("outlines with right angles")),
            ("oriented", tr("turned boxes")),
            ("box", tr("boxes")),
        ):
            self.outline.addItem(label, outline)
        shrinking(self.outline)
        simplify = QHBoxLayout()
        self.simplify, self.tolerance = QSlider(Qt.Orientation.Horizontal), QLabel()
        self.simplify.setRange(-1, 100)
        simplify.addWidget(self.simplify)
        simplify.addWidget(self.tolerance)
        rows.addRow(tr("Draw"), self.outline)
        rows.addRow(tr("Simplify"), simplify)
        inside.addWidget(self.shape_box)
        return self.correct_box

    def _save_menu(self) -> QMenu:
        menu = QMenu(self.save)
        for which, title in (
            (results.ALL, tr("All results")),
            (results.SHOWN, tr("What is not hidden")),
            (results.ACCEPTED, tr("Accepted ones")),
        ):
            formats = menu.addMenu(title)
            for driver, label in (
                ("GPKG", "GeoPackage…"),
                ("GeoJSON", "GeoJSON…"),
                ("FlatGeobuf", "FlatGeobuf…"),
                ("ESRI Shapefile", tr("Shapefile (texts are cut at 254 characters)…")),
                ("KML", "KML…"),
                ("CSV", tr("CSV (shapes as WKT)…")),
            ):
                formats.addAction(label).setData((driver, which))
        return menu


def _size_box() -> QDoubleSpinBox:
    """A limit in m²; 0 is none."""
    box = QDoubleSpinBox()
    box.setRange(0.0, LARGEST_M2)
    box.setDecimals(1)
    box.setSuffix(" m²")
    box.setSpecialValueText(tr("any"))
    box.setKeyboardTracking(False)
    shrinking(box)
    return box
