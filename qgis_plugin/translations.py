"""The texts of the plugin and their translations: python qgis_plugin/translations.py.

Writes geoground_qgis/i18n/geogrounding.ts with all texts, brings the file of each language to the same texts (what is
translated stays, what is new is marked unfinished, for Qt Linguist), and lets ``lrelease`` make the .qm files that QGIS
loads by its language. The .qm files are kept in the repository, so that the zip is complete wherever it is built; a
test holds them against the texts.
"""

from __future__ import annotations

import ast
import html
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from pathlib import Path

PLUGIN = Path(__file__).resolve().parent / "geoground_qgis"
FOLDER = PLUGIN / "i18n"
NAME = "geogrounding"
LANGUAGES = ("de", "es", "fr", "ja", "pt", "zh")
CONSTANTS = {"TITLE", "GROUP", "HELP", "LENGTHS"}
"""Texts that are defined in one place and handed to ``tr`` in another."""


def collect() -> dict[str, str]:
    """All texts, sorted, each with the first file that has it."""
    texts: dict[str, str] = {}
    for path in sorted(PLUGIN.rglob("*.py")):
        for text in texts_of(ast.parse(path.read_text(encoding="utf-8"))):
            texts.setdefault(text, path.relative_to(PLUGIN).as_posix())
    return dict(sorted(texts.items()))


def known(language: str) -> dict[str, str]:
    """The translations that a language has, by text."""
    path = FOLDER / f"{NAME}_{language}.ts"
    if not path.is_file():
        return {}
    messages = ET.parse(path).iter("message")  # noqa: S314 - a file of this repository
    found = {m.findtext("source", ""): m.find("translation") for m in messages}
    return {
        text: node.text or ""
        for text, node in found.items()
        if node is not None and node.get("type") != "unfinished" and node.text
    }


def render(texts: Mapping[str, str], translations: Mapping[str, str], language: str = "") -> str:
    """A file for Qt Linguist."""
    target = f' language="{language}"' if language else ""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        "<!DOCTYPE TS>",
        f'<TS version="2.1" sourcelanguage="en"{target}>',
    ]
    lines += ["<context>", f"    <name>{NAME}</name>"]
    for text, place in texts.items():
        done = translations.get(text, "")
        state = "" if done else ' type="unfinished"'
        lines += [
            "    <message>",
            f'        <location filename="../{place}"/>',
            f"        <source>{html.escape(text, quote=False)}</source>",
            f"        <translation{state}>{html.escape(done, quote=False)}</translation>",
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


def main() -> None:
    """Write all files."""
    texts = collect()
    (FOLDER / f"{NAME}.ts").write_text(render(texts, {}), encoding="utf-8")
    for language in LANGUAGES:
        translations = known(language)
        path = FOLDER / f"{NAME}_{language}.ts"
        path.write_text(render(texts, translations, language), encoding="utf-8")
        missing = sum(text not in translations for text in texts)
        sys.stdout.write(f"{path.name}: {len(texts) - missing} of {len(texts)}\n")
        compile_file(path, path.with_suffix(".qm"))


def compile_file(source: Path, target: Path) -> None:
    """Make the file that QGIS loads.

    Raises:
        SystemExit: ``lrelease`` is missing or fails.
    """
    program = shutil.which("lrelease")
    if program is None:
        raise SystemExit("lrelease is missing: apt install qttools5-dev-tools")
    subprocess.run([program, "-silent", str(source), "-qm", str(target)], check=True)  # noqa: S603


if __name__ == "__main__":
    main()
