"""Changing the plan of a question before the run: its words and numbers in a table, the plan in words above it."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from .background import Calls
from .engine_link import Link
from .forms import plain_label
from .messages import PROBLEM, joined, short, tr
from .understanding import Understood, leaves, read_value, replaced, understand

HIDDEN = frozenset({"version", "kind", "unread", "remarks", "said", "known"})
"""Parts of a plan that say what it is, not what is looked for."""


class PlanDialog(QDialog):
    """One question at a time; the engine checks every change, and only plans that it takes can be kept."""

    def __init__(self, link: Link, found: list[Understood], contexts: list[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("How the questions are understood"))
        self._link, self._contexts = link, contexts
        self._calls = Calls(self)
        self._found = {one.question: one for one in found}
        self.changed: dict[str, dict[str, Any]] = {}
        """Plans that were changed and checked, by question."""
        layout = QVBoxLayout(self)
        self.question = QComboBox()
        for one in found:
            self.question.addItem(short(one.question, 80), one.question)
        layout.addWidget(self.question)
        self.words = plain_label()
        layout.addWidget(self.words)
        self.table = QTableWidget(0, 2)
        self.table.setHorizontalHeaderLabels([tr("Part"), tr("Value")])
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.verticalHeader().hide()
        layout.addWidget(self.table, 1)
        buttons = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(buttons.Ok | buttons.Cancel)
        layout.addWidget(self.buttons)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.question.currentIndexChanged.connect(self._show)
        self.table.itemChanged.connect(self._edited)
        self.resize(520, 480)
        self._show()

    def done(self, outcome: int) -> None:
        """The dialog closes; no answer is waited for."""
        self._calls.forget()
        super().done(outcome)

    def _show(self, *_: object) -> None:
        one = self._found[self.question.currentData()]
        self._say("\n".join(one.lines))
        self.table.blockSignals(True)
        self.table.setRowCount(0)
        for path, value in leaves(one.plan):
            if HIDDEN.isdisjoint(path):
                row = self.table.rowCount()
                self.table.insertRow(row)
                name = QTableWidgetItem(" ▸ ".join(str(p + 1) if isinstance(p, int) else p for p in path))
                name.setFlags(Qt.ItemFlag.ItemIsEnabled)
                item = QTableWidgetItem(str(value))
                item.setData(Qt.ItemDataRole.UserRole, (path, value))
                self.table.setItem(row, 0, name)
                self.table.setItem(row, 1, item)
        self.table.resizeColumnToContents(0)
        self.table.blockSignals(False)

    def _edited(self, item: QTableWidgetItem) -> None:
        path, before = item.data(Qt.ItemDataRole.UserRole)
        question = self.question.currentData()
        try:
            plan = replaced(self._found[question].plan, path, read_value(item.text(), before))
        except ValueError:
            self._say(tr("“{text}” does not fit here.").format(text=item.text()), problem=True)
            return
        self.buttons.setEnabled(False)
        self._calls.start(
            "check",
            lambda cancelled: understand(self._link, [question], {question: plan}, self._contexts, cancelled),
            self._take,
            lambda message, hint: self._say(joined(message, hint), problem=True),
        )

    def _take(self, found: list[Understood]) -> None:
        for one in found:
            self._found[one.question] = one
            self.changed[one.question] = one.plan
        self._show()

    def _say(self, text: str, *, problem: bool = False) -> None:
        self.words.setText(text)
        self.words.setStyleSheet(PROBLEM if problem else "")
        self.buttons.setEnabled(True)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(not problem)
