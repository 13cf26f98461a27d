"""Collects the texts of the plugin: python qgis_plugin/translations.py writes geoground_qgis/i18n/geogrounding.ts.

To translate: copy that file to geogrounding_LANGUAGE.ts (such as geogrounding_de.ts), fill it in with Qt Linguist, and
run ``lrelease`` on it; the plugin loads geogrounding_LANGUAGE.qm by the language of QGIS.
"""

from __future__ import annotations

import ast
import html
import sys
from collections.abc import Iterator
from pathlib import Path

PLUGIN = Path(__file__).resolve().parent / "geoground_qgis"
TARGET = PLUGIN / "i18n" / "geogrounding.ts"
CONSTANTS = {"TITLE", "GROUP", "HELP", "LENGTHS"}
"""Texts that are defined in one place and handed to ``tr`` in another."""


def collect() -> str:
    """The file of all texts, sorted, without translations."""
    texts: dict[str, str] = {}
    for path in sorted(PLUGIN.rglob("*.py")):
        for text in texts_of(ast.parse(path.read_text(encoding="utf-8"))):
            texts.setdefault(text, path.relative_to(PLUGIN).as_posix())
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<!DOCTYPE TS>", '<TS version="2.1" sourcelanguage="en">']
    lines += ["<context>", "    <name>geogrounding</name>"]
    for text, place in sorted(texts.items()):
        lines += [
            "    <message>",
            f'        <location filename="../{place}"/>',
            f"        <source>{html.escape(text, quote=False)}</source>",
            '        <translation type="unfinished"></translation>',
            "    </message>",
        ]
    return "\n".join([*lines, "</context>", "</TS>", ""])


def texts_of(tree: ast.AST) -> Iterator[str]:
    """Literal arguments of ``tr``, and texts of the constants above."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr" and node.args:
            if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
                yield node.args[0].value
        elif isinstance(node, ast.Assign):
            names, values = _pairs(node)
            for name, value in zip(names, values):
                if name in CONSTANTS:
                    yield from (
                        part.value
                        for part in ast.walk(value)
                        if isinstance(part, ast.Constant) and _is_text(part.value)
                    )


def _pairs(node: ast.Assign) -> tuple[list[str], list[ast.expr]]:
    target = node.targets[0]
    if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
        return [part.id if isinstance(part, ast.Name) else "" for part in target.elts], list(node.value.elts)
    return [target.id if isinstance(target, ast.Name) else ""], [node.value]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


if __name__ == "__main__":
    TARGET.write_text(collect(), encoding="utf-8")
    sys.stdout.write(f"{TARGET}\n")
