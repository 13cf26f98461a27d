"""The desktop of QGIS under Xvfb: a new profile, the zip, the real engine, the built-in model, a real raster.

The images are kept in out/qgis/ of the checkout, to be looked at.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ENGINE, ROOT, alive

sys.path.insert(0, str(ROOT / "qgis_plugin"))
from package import build
from pulse import LIMIT_S

pytestmark = [
    pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="no xvfb-run"),
    pytest.mark.skipif(not ENGINE.is_file(), reason="no engine: make .venv first"),
]
START_S = 600.0


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """A profile of QGIS that has never been used."""
    home = tmp_path / "profiles" / "default"
    (home / "QGIS").mkdir(parents=True)
    (home / "QGIS" / "QGIS3.ini").write_text("[qgis]\ncheckVersion=false\n")
    return tmp_path


@pytest.fixture
def play(profile: Path, scene: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Start the desktop with a part of desktop.py."""

    def start(name: str, out: Path, **variables: str) -> subprocess.Popen[bytes]:
        out.mkdir(parents=True, exist_ok=True)
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("QT_QPA", "PYTHON"))}
        environment |= {
            "GEOGROUND_TEST_FOLDER": str(Path(__file__).parent),
            "GEOGROUND_TEST_PLAY": name,
            "GEOGROUND_TEST_OUT": str(out),
            "GEOGROUND_TEST_SCENE": str(scene),
            "GEOGROUND_TEST_ENGINE": str(ENGINE),
            "GEOGROUND_TEST_ZIP": str(build(profile / "dist")),
            "HOME": str(profile),
            "XDG_RUNTIME_DIR": str(profile),
            **variables,
        }
        command = ["xvfb-run", "-a", "-s", "-screen 0 1400x900x24 -nolisten tcp", "qgis", "--noversioncheck"]
        command += ["--nologo", "--profiles-path", str(profile), "--profile", "default"]
        command += ["--code", str(Path(__file__).with_name("desktop.py"))]
        with (out / "qgis.log").open("wb") as log:
            return subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )

    return start


def wait_for(condition: Callable[[], Any], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)  # another process does it: there is nothing to wait on


def read(out: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    report = out / "report.json"
    wait_for(lambda: report.is_file() or process.poll() is not None, START_S)
    assert report.is_file(), (out / "qgis.log").read_text(errors="replace")[-2000:]
    found = json.loads(report.read_text(encoding="utf-8"))
    assert "error" not in found, found["error"]
    return found


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_from_a_first_start_to_a_model_of_ones_own(play: Callable[..., subprocess.Popen[bytes]]) -> None:
    """The zip in a new profile, the settings, a question, its results one by one, ten of them as a lesson."""
    out = ROOT / "out" / "qgis"
    shutil.rmtree(out, ignore_errors=True)
    process = play("tour", out)
    try:
        report = read(out, process)
        assert report["installed"]
        assert report["welcome"]
        assert not report["welcome_after"]
        assert "The engine works." in report["tested"]
        assert "EPSG:32633" in report["tested"]
        assert {one["outcome"] for one in report["asked"]} == {"done"}
        # Of a question that is answered in one batch the last results come with the end of the run.
        assert any(one["while_running"] > 0 for one in report["asked"])
        found = report["layers"]["tree"]
        assert found["count"] > 10
        assert found["inside"]
        assert found["crs"] == "EPSG:32617"
        assert found["reasoning"] == found["count"]
        assert 0 < report["drawn"]["count"] < found["count"]
        assert report["drawn"]["touch"]
        assert 0.05 < report["drawn"]["share"] < 0.5
        assert report["reasoning_shown"]
        assert (report["counts"]["accepted"], report["counts"]["rejected"]) == (10, 1)
        assert "hidden" in report["counts_hidden"]
        with sqlite3.connect(out / "accepted.gpkg") as saved:
            (table,) = saved.execute("select table_name from gpkg_contents").fetchone()
            assert saved.execute(f"select count(*) from \"{table}\" where review = 'accepted'").fetchone() == (10,)
        assert report["pythons"] >= 1
        assert report["like"]["count"] > 4
        assert report["like"]["tab"] == 0
        vertices = report["outlines"]["corners"]
        assert vertices["simple"] < vertices["mask"]
        assert vertices["mask again"] == vertices["mask"]  # the masks are kept, so that nothing is lost on the way
        assert report["outlines"]["kinds"] == ["mask"]
        assert report["taught"]["outcome"] == "done", report["taught"]
        assert report["taught"]["points"] > 1
        assert report["taught"]["chosen"] == "scrub-oaks"
        assert report["layers_after"]["scrub oak"]["count"] > 10
        assert report["longest_block_s"] < LIMIT_S, report["longest_block"]
        for name in (
            "welcome",
            "setup",
            "settings",
            "found",
            "drawn",
            "review",
            "like",
            "outlines-simple",
            "teach",
            "taught",
        ):
            assert (out / f"{name}.png").stat().st_size > 20_000
        wait_for(lambda: process.poll() is not None, 30)
        wait_for(lambda: not alive(report["engine"]), 10)
    finally:
        end(process)


def test_no_engine_is_left_when_qgis_is_killed(play: Callable[..., subprocess.Popen[bytes]], tmp_path: Path) -> None:
    process = play("hang", tmp_path / "out")
    try:
        engine = read(tmp_path / "out", process)["engine"]
        children = descendants(engine)
        assert alive(engine)
        assert children, "the worker is a child of the engine"
    finally:
        end(process)
    wait_for(lambda: not any(map(alive, [engine, *children])), 10)


def test_a_run_that_was_killed_with_qgis_goes_on_at_the_next_start(
    play: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    process = play("cut_short", tmp_path / "first")
    try:
        before = read(tmp_path / "first", process)
    finally:
        end(process)
    assert before["running"]
    kept = list((tmp_path / "profiles" / "default" / "geogrounding" / "results").glob("*.gpkg"))
    assert len(kept) == 1
    with sqlite3.connect(kept[0]) as file:  # what was on the map is in the file
        assert file.execute('select count(*) from "tree (OSBS_029)"').fetchone()[0] > 0
        assert file.execute("select description from gpkg_contents where table_name like 'tree%'").fetchone() == (
            "geogrounding: running",
        )
    done, total = before["chips"]
    assert 0 < done < total
    process = play("go_on", tmp_path / "second")
    try:
        after = read(tmp_path / "second", process)
    finally:
        end(process)
    assert after["offered"].startswith("Continue: tree (OSBS_029)")
    found = after["gone_on"]
    assert found["outcome"] == "done"
    assert found["first"] >= done
    assert found["count"] > 0
    assert found["kept"]
    assert not found["offered"]


def descendants(pid: int) -> list[int]:
    """Processes started by a process, directly or not."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = dict(map(int, line.split()) for line in listed.splitlines())
    found, new = [], {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new}
        found += new
    return found
