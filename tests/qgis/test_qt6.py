"""Everything that the plugin takes from Qt is in Qt 6 as well: each imported name, each enum member.

QGIS itself is not built with Qt 6 here, so that its own classes are taken as they are; names of Qt are looked up in
PyQt6, in a process of its own, since both versions cannot be loaded into one.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

from conftest import ROOT

SOURCES = sorted((ROOT / "qgis_plugin" / "geoground_qgis").rglob("*.py"))
LOOK_UP = """
import importlib, json, sys
missing = []
for module, chain in json.load(sys.stdin):
    found = importlib.import_module("PyQt6." + module)
    for name in chain:
        found = getattr(found, name, None)
        if found is None:
            missing.append(module + "." + ".".join(chain))
            break
json.dump(missing, sys.stdout)
"""


def names_of(path: Path) -> list[tuple[str, list[str]]]:
    """Names of Qt that a file uses, each with its module and the attributes behind it, such as Qt.Key.Key_Escape."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guarded = {id(n) for t in ast.walk(tree) if isinstance(t, ast.Try) for n in ast.walk(t)}  # compat.py
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.ImportFrom)
            and (node.module or "").startswith("qgis.PyQt.")
            and id(node) not in guarded
        ):
            modules |= {alias.name: node.module.removeprefix("qgis.PyQt.") for alias in node.names}
    found = [(module, [name]) for name, module in modules.items() if not name.startswith(("PYQT", "QT_"))]
    for node in ast.walk(tree):
        chain: list[str] = []
        part: ast.AST = node
        while isinstance(part, ast.Attribute):
            chain.insert(0, part.attr)
            part = part.value
        if chain and isinstance(part, ast.Name) and part.id in modules and part.id.startswith("Q"):
            found.append((modules[part.id], [part.id, *chain]))
    return [(module, ["pyqtSignal"] if chain == ["pyqtSignal"] else chain) for module, chain in found]


def test_every_name_of_qt_is_in_qt_6() -> None:
    wanted = sorted({(module, tuple(chain)) for path in SOURCES for module, chain in names_of(path)})
    assert len(wanted) > 100
    answer = subprocess.run(
        [sys.executable, "-I", "-c", LOOK_UP], input=json.dumps(wanted), capture_output=True, text=True, check=True
    )
    assert json.loads(answer.stdout) == []


def test_a_removed_name_is_noticed() -> None:
    removed = [("QtWidgets", ["QAction"]), ("QtCore", ["Qt", "AlignLeft"]), ("QtCore", ["Qt", "Key", "Key_A"])]
    answer = subprocess.run(
        [sys.executable, "-I", "-c", LOOK_UP], input=json.dumps(removed), capture_output=True, text=True, check=True
    )
    assert json.loads(answer.stdout) == ["QtWidgets.QAction", "QtCore.Qt.AlignLeft"]
