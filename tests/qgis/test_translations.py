"""What QGIS loads is made of the translations, and is taken by its language; more in tests/unit/test_qgis_plugin.py."""

from __future__ import annotations

from pathlib import Path

import pytest
import translations
from conftest import ROOT
from geoground_qgis import plugin as plugin_module
from geoground_qgis.messages import tr
from qgis.core import QgsSettings
from qgis.PyQt.QtCore import QCoreApplication

FOLDER = ROOT / "qgis_plugin" / "geoground_qgis" / "i18n"


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_the_files_that_qgis_loads_are_made_of_these_texts(language: str, tmp_path: Path) -> None:
    source = FOLDER / f"geogrounding_{language}.ts"
    translations.compile_file(source, tmp_path / "made.qm")
    assert (tmp_path / "made.qm").read_bytes() == source.with_suffix(".qm").read_bytes()


@pytest.mark.parametrize(
    ("locale", "run"), [("de", "Starten"), ("pt_BR", "Executar"), ("zh_CN", "运行"), ("en", "Run")]
)
def test_the_language_of_qgis_is_taken(locale: str, run: str) -> None:
    before = QgsSettings().value("locale/userLocale", "")
    QgsSettings().setValue("locale/userLocale", locale)
    translator = plugin_module._translator()
    try:
        assert tr("Run") == run
        assert "7" in tr("{n} chips").format(n=7)
    finally:
        if translator is not None:
            QCoreApplication.removeTranslator(translator)
        QgsSettings().setValue("locale/userLocale", before)
    assert tr("Run") == "Run"
