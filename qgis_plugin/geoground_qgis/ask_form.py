"""The widgets of the tab that asks, without behaviour."""

from __future__ import annotations

from qgis.core import QgsMapLayerProxyModel
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QToolButton,
    QWidget,
)

from .area_choice import AreaChoice
from .ask_options import AskOptions
from .forms import ShortenedButton, column_with_foot, form, layer_box, menu_button, plain_label, tool
from .like_choice import LikeChoice
from .messages import tr
from .server_menu import ServerButton


class AskForm(QWidget):
    """Raster, questions and how they are understood, area, options, estimate, Run."""

    # Widgets from top to bottom, in the order in which they stand.
    def __init__(self, canvas: QgsMapCanvas, parent: QWidget | None = None) -> None:  # noqa: PLR0915
        super().__init__(parent)
        layout, foot = column_with_foot(self)
        rows = form()
        self.layer = layer_box(QgsMapLayerProxyModel.Filter.RasterLayer)
        self.more = menu_button("+", tr("Ask about more rasters in the same run"))
        rasters = QHBoxLayout()
        rasters.addWidget(self.layer, 1)
        rasters.addWidget(self.more)
        rows.addRow(tr("Raster"), rasters)
        self.server_rasters = ServerButton(canvas)
        rows.addRow("", self.server_rasters)
        self.demo = QPushButton(tr("Load a demo raster"))
        rows.addRow("", self.demo)
        layout.addLayout(rows)

        head = QHBoxLayout()
        head.addWidget(QLabel(tr("What to look for")))
        head.addStretch(1)
        self.history = menu_button(tr("History"), tr("Questions asked before"))
        self.history.setAutoRaise(True)
        head.addWidget(self.history)
        layout.addLayout(head)
        self.question = QPlainTextEdit()
        self.question.setPlaceholderText(tr("airplane\nthe largest storage tank\n(one question a line)"))
        self.question.setTabChangesFocus(True)
        self.question.setFixedHeight(4 * self.question.fontMetrics().lineSpacing() + 12)
        layout.addWidget(self.question)
        self.understood = plain_label()
        self.edit_plan = tool(tr("Edit…"), tr("Change numbers and words of the plan before the run"))
        self.edit_plan.setAutoRaise(True)
        plan = QHBoxLayout()
        plan.addWidget(self.understood, 1)
        plan.addWidget(self.edit_plan)
        layout.addLayout(plan)

        self.area = AreaChoice(canvas)
        layout.addWidget(self.area)
        self.like = LikeChoice()
        layout.addWidget(self.like)
        self.options = AskOptions()
        self.model, self.task, self.outline = self.options.model, self.options.task, self.options.outline
        self.resolution, self.min_score = self.options.resolution, self.options.min_score
        layout.addWidget(self.options)
        layout.addStretch(1)

        self.estimate = plain_label()
        foot.addWidget(self.estimate)
        self.open_settings = QPushButton(tr("Open settings…"))
        self.open_settings.setVisible(False)
        foot.addWidget(self.open_settings)
        self.allow_export = QCheckBox(tr("Export anyway"))
        self.allow_export.setVisible(False)
        foot.addWidget(self.allow_export)
        self.progress = QProgressBar()
        self.progress.setTextVisible(True)
        foot.addWidget(self.progress)
        self.run_button, self.cancel_button = QPushButton(tr("Run")), QPushButton(tr("Cancel"))
        self.run_button.setDefault(True)
        foot.addWidget(self.run_button)
        foot.addWidget(self.cancel_button)
        self.resume_box = QWidget()
        resume = QHBoxLayout(self.resume_box)
        resume.setContentsMargins(0, 0, 0, 0)
        self.resume_button = ShortenedButton()
        self.unfinished: QToolButton = menu_button("▾", tr("Runs that ended early"))
        resume.addWidget(self.resume_button, 1)
        resume.addWidget(self.unfinished)
        foot.addWidget(self.resume_box)
