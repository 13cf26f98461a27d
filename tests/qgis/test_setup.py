"""An engine without a terminal: made offline from a folder of wheels, gone on with, removed."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from geoground_qgis import own_engine
from geoground_qgis.dock import Dock
from geoground_qgis.engine_link import Cancelled, EngineError
from geoground_qgis.own_engine import Recipe, install, proxy
from geoground_qgis.setup_dialog import SetupDialog
from qgis.core import QgsSettings

Until = Callable[..., None]


def never() -> bool:
    return False


def write_wheel(folder: Path, name: str, requires: str = "") -> None:
    """A wheel with one module that says its name."""
    folder.mkdir(exist_ok=True)
    info, files = f"{name}-9.9.dist-info", {f"{name}.py": f"NAME = {name!r}\n"}
    files[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.9\nProvides-Extra: training\n{requires}"
    )
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = ""
    with zipfile.ZipFile(folder / f"{name}-9.9-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{path},sha256={digest},{len(text)}\n"
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    write_wheel(folder, "geogrounding", "Requires-Dist: teaching; extra == 'training'\n")
    write_wheel(folder, "teaching")
    return folder


def test_offline_from_a_folder_of_wheels_and_on_after_an_interruption(dock: Dock, wheels: Path, until: Until) -> None:
    dialog = SetupDialog(dock)
    made: list[str] = []
    dialog.ready.connect(made.append)
    dialog.python.setCurrentText(sys.executable)
    dialog.source.setFilePath(str(wheels))
    dialog.offline.setChecked(True)
    (wheels / "teaching-9.9-py3-none-any.whl").rename(wheels / "away.txt")  # the first try fails halfway
    dialog.start_button.click()
    until(lambda: bool(dialog.outcome.text()) and dialog.start_button.isEnabled(), 400)
    assert "failed" in dialog.outcome.text()
    assert own_engine.exists()
    assert dialog.start_button.text() == "Go on"
    (wheels / "away.txt").rename(wheels / "teaching-9.9-py3-none-any.whl")
    dialog.start_button.click()
    until(lambda: bool(made), 400)
    assert Path(made[0]).is_relative_to(own_engine.home())
    said = subprocess.run(
        [made[0], "-I", "-c", "import geogrounding, teaching, sys; print(sys.prefix)"], capture_output=True, text=True
    )
    assert said.stdout.strip() == str(own_engine.home()), said.stderr
    assert subprocess.run([sys.executable, "-I", "-c", "import teaching"], capture_output=True).returncode != 0
    dialog.remove_button.click()
    assert not own_engine.home().exists()
    dialog.reject()
    dialog.deleteLater()


def test_an_environment_that_was_cut_off_while_it_was_made_is_gone_on_with(wheels: Path) -> None:
    """QGIS was killed after the Python was there and before its pip: the next try makes the environment whole."""
    folder = own_engine.home()
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", str(folder)], check=True)
    (folder / own_engine.MARK).touch()
    assert subprocess.run([str(own_engine.python_of(folder)), "-m", "pip"], capture_output=True).returncode != 0
    recipe = Recipe(sys.executable, str(wheels), offline=True)
    made, said = [], []
    for _ in range(2):
        made.append(install(recipe, said.append, never))
    assert subprocess.run([made[0], "-I", "-c", "import geogrounding, teaching"]).returncode == 0
    assert sum("Making an environment" in line for line in said) == 1, "the second try finds it whole"


def test_the_panel_takes_the_engine_that_was_set_up(dock: Dock, until: Until) -> None:
    from geoground_qgis import settings

    dock.take_engine("/somewhere/good/python")
    assert settings.load().engine == "/somewhere/good/python"


@pytest.mark.parametrize(
    ("python", "source", "said"),
    [
        (sys.executable, "/nowhere", "There is no geogrounding"),
        (sys.executable, "", "There is no geogrounding"),
        ("/bin/false", None, "cannot make environments"),
        ("/nowhere/python", None, "cannot make environments"),
    ],
)
def test_what_cannot_work_is_said_and_makes_nothing(python: str, source: str | None, said: str, wheels: Path) -> None:
    recipe = Recipe(python=python, source=str(wheels) if source is None else source, offline=True)
    with pytest.raises(EngineError, match=said) as caught:
        install(recipe, print, never)
    assert caught.value.hint
    assert not own_engine.exists()


def test_a_folder_of_somebody_else_is_neither_used_nor_deleted(wheels: Path) -> None:
    own_engine.home().mkdir(parents=True)
    (own_engine.home() / "precious.txt").touch()
    with pytest.raises(EngineError, match="not from here"):
        install(Recipe(python=sys.executable, source=str(wheels), offline=True), print, never)
    own_engine.remove()
    assert (own_engine.home() / "precious.txt").exists()


def test_a_cancelled_set_up_ends_its_program(wheels: Path) -> None:
    with pytest.raises(Cancelled):
        install(Recipe(python=sys.executable, source=str(wheels), offline=True), print, lambda: True)


def test_the_proxy_of_qgis_reaches_pip() -> None:
    store = QgsSettings()
    values = {
        "proxyEnabled": True,
        "proxyHost": "gate",
        "proxyPort": "3128",
        "proxyUser": "a@b",
        "proxyPassword": "p:w",
    }
    for name, value in values.items():
        store.setValue(f"proxy/{name}", value)
    try:
        assert proxy()["HTTPS_PROXY"] == "http://a%40b:p%3Aw@gate:3128"
    finally:
        store.remove("proxy")
    assert proxy() == {}
