"""The QGIS plugin as files: what can be checked without QGIS. Its other tests are in tests/qgis (make test-qgis)."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "qgis_plugin" / "geoground_qgis"
SOURCES = sorted(PLUGIN.rglob("*.py"))
STANDARD = set(sys.stdlib_module_names)


COMES_WITH_QGIS = {"qgis", "osgeo", "numpy"}
"""Processing and GDAL's own Python package need numpy."""


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"qgis_plugin_{name}", ROOT / "qgis_plugin" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def imported(path: Path) -> set[str]:
    """Top-level modules that a file imports, relative ones aside."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(str(node.module).partition(".")[0])
    return found


def test_there_is_a_plugin() -> None:
    assert len(SOURCES) > 25


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PLUGIN).as_posix())
def test_a_file_suits_every_qgis(path: Path) -> None:
    """The grammar of Python 3.9, the standard library and what comes with QGIS, Qt only through qgis.PyQt."""
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
    allowed = STANDARD if path.parent.name == "engine" else STANDARD | COMES_WITH_QGIS
    assert imported(path) <= allowed
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 420


def test_the_zip_is_complete_small_and_always_the_same(tmp_path: Path) -> None:
    package = load("package")
    made = package.build(tmp_path / "one")
    assert made.stat().st_size < 1_000_000
    assert made.read_bytes() == package.build(tmp_path / "two").read_bytes()
    with zipfile.ZipFile(made) as archive:
        names = set(archive.namelist())
    assert {f"geoground_qgis/{name}" for name in ("__init__.py", "metadata.txt", "icon.svg", "LICENSE")} <= names
    assert {f"geoground_qgis/{path.relative_to(PLUGIN).as_posix()}" for path in SOURCES} <= names
    assert all(name.startswith("geoground_qgis/") for name in names)
    assert not any("__pycache__" in name or name.endswith((".safetensors", ".pyc")) for name in names)


def test_texts_for_translators_are_up_to_date() -> None:
    translations = load("translations")
    written = (PLUGIN / "i18n" / "geogrounding.ts").read_text(encoding="utf-8")
    assert written == translations.render(translations.collect(), {}), "run python qgis_plugin/translations.py"


LANGUAGES = ("de", "es", "fr", "ja", "pt", "zh")
SAME = {"train.jsonl", "{found}.", "greenhouse", "{h} h {m} min", "{m} min {s} s", "{n} s", "{n} rasters: {text}"}
"""Texts that may be the same in another language, besides those of one or two words."""


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"\{\w+\}|%p%", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_untranslated_or_loses_a_placeholder(language: str) -> None:
    translations = load("translations")
    assert translations.LANGUAGES == LANGUAGES
    texts, done = translations.collect(), translations.known(language)
    assert set(done) == set(texts)
    assert {text: done[text] for text in texts if placeholders(text) != placeholders(done[text])} == {}
    assert [text for text in texts if done[text] == text and text not in SAME and len(text.split()) > 2] == []
    assert (PLUGIN / "i18n" / f"geogrounding_{language}.qm").stat().st_size > 10_000


def test_placeholder_addresses_are_not_uploaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = load("package")
    general = {**package.metadata(), "email": "a@b.example", "homepage": "https://qgis.org", "tracker": "https://x.org"}
    general["screenshot"] = "https://x.org/found.jpg"
    monkeypatch.setattr(package, "metadata", lambda: {**general, "repository": "https://example.com/x"})
    with pytest.raises(SystemExit, match="repository, email"):
        package.build(tmp_path, upload=True)
    monkeypatch.setattr(package, "metadata", lambda: {**general, "repository": "https://a.org", "email": "a@a.org"})
    assert package.build(tmp_path, upload=True).is_file()


def test_metadata_without_a_version_of_the_library_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = load("package")
    (tmp_path / "geogrounding").mkdir()
    (tmp_path / "geogrounding" / "_version.py").write_text('__version__ = "9.9.9"\n')
    monkeypatch.setattr(package, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match=r"9\.9\.9"):
        package.metadata()
