"""Enums are scoped throughout: Qt 6 has no others."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from conftest import ROOT
from qgis import core, gui
from qgis.PyQt import QtCore, QtGui, QtWidgets

SOURCES = sorted((ROOT / "qgis_plugin" / "geoground_qgis").rglob("*.py"))
MODULES = (core, gui, QtCore, QtGui, QtWidgets)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_enums_are_scoped(path: Path) -> None:
    """``Class.Member`` is a method, a class or an enum, and never a number, which a member of an unscoped enum is."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id.startswith("Q"):
            owner = next((getattr(module, node.value.id) for module in MODULES if hasattr(module, node.value.id)), None)
            assert owner is not None, node.value.id
            member = getattr(owner, node.attr, None)
            assert not isinstance(member, int), f"line {node.lineno}: {node.value.id}.{node.attr}"
