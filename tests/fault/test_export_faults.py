"""Full disks, failing calls and kills: the final name holds the old layer or the whole new one, and nothing is left."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest

from geogrounding.errors import ModelError, OutputError
from geogrounding.io import formats
from geogrounding.io import write_layer as export
from geogrounding.io.destination import EXTENSIONS, sidecar_path
from geogrounding.io.write_layer import write_layer
from geogrounding.vector.feature import Feature
from tests.unit.features import UTM, some_features

ROOT = Path(__file__).parents[2]
FULL_KILLS = 100
FAST_KILLS = 2

all_formats = pytest.mark.parametrize("extension", EXTENSIONS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    made.mkdir()
    return made


def no_room(*_: object, **__: object) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def fail_on_call(function: Callable[..., Any], number: int) -> Callable[..., Any]:
    """The function, but its call of this number (from 0) finds the disk full."""
    calls = 0

    def failing(*arguments: Any, **settings: Any) -> Any:
        nonlocal calls
        calls += 1
        return no_room() if calls == number + 1 else function(*arguments, **settings)

    return failing


def content(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.rglob("*")}


Breaking = Callable[[pytest.MonkeyPatch], None]
FAILURES: dict[str, Breaking] = {
    "folder": lambda patch: patch.setattr(Path, "mkdir", no_room),
    "fsync of the description": lambda patch: patch.setattr(os, "fsync", fail_on_call(os.fsync, 0)),
    "fsync of the layer": lambda patch: patch.setattr(os, "fsync", fail_on_call(os.fsync, 1)),
    "fsync of the folder": lambda patch: patch.setattr(os, "fsync", fail_on_call(os.fsync, 2)),
    "rename of the description": lambda patch: patch.setattr(os, "replace", fail_on_call(os.replace, 0)),
    "rename of the layer": lambda patch: patch.setattr(os, "replace", fail_on_call(os.replace, 1)),
    "description": lambda patch: patch.setattr(Path, "write_text", no_room),
    "reading back": lambda patch: patch.setattr(export, "_sha256", no_room),
}


@all_formats
@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("there", [True, False], ids=["old layer", "no layer"])
def test_each_step_fails_once(
    folder: Path, extension: str, failure: str, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / f"ships{extension}"
    if there:
        write_layer(path, some_features(3), crs=UTM, metadata={"run": "old"})
    before = content(folder)
    with monkeypatch.context() as patch:
        FAILURES[failure](patch)
        with pytest.raises(OutputError) as raised:
            write_layer(path, some_features(30), crs=UTM, metadata={"run": "new"}, overwrite=True)
    assert raised.value.exit_code == 5
    assert raised.value.hint
    assert content(folder) == before
    assert write_layer(path, some_features(30), crs=UTM, metadata={"run": "new"}, overwrite=True) == 30


@all_formats
def test_a_writer_that_loses_features_silently_is_found_out(
    folder: Path, extension: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / f"ships{extension}"
    chosen = formats.FORMATS[extension]
    monkeypatch.setattr(chosen, "count", lambda *_: 29)
    with pytest.raises(OutputError, match="29 of 30"):
        write_layer(path, some_features(30), crs=UTM, metadata={})
    assert content(folder) == {}


@all_formats
def test_a_file_cut_short_is_found_out(folder: Path, extension: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """GDAL often says nothing when the disk is full; reading back must find it for a cut at any place."""
    path = folder / f"ships{extension}"
    chosen = formats.FORMATS[extension]
    whole = type(chosen).write
    for share in np.linspace(0.02, 0.999, 6):

        def cut_short(target: Path, batches: Any, plan: Any, share: float = float(share)) -> None:
            whole(chosen, target, batches, plan)
            os.truncate(target, int(target.stat().st_size * share))

        monkeypatch.setattr(chosen, "write", cut_short)
        with pytest.raises(OutputError):
            write_layer(path, some_features(1_000), crs=UTM, metadata={})
        assert content(folder) == {}


@all_formats
def test_an_error_of_the_features_is_not_taken_for_one_of_the_disk(folder: Path, extension: str) -> None:
    def breaking_off() -> Iterator[Feature]:
        yield from some_features(3)
        raise ModelError("the journal is gone")

    with pytest.raises(ModelError, match="the journal is gone"):
        write_layer(folder / f"ships{extension}", breaking_off(), crs=UTM, metadata={})
    assert content(folder) == {}


def run_writer(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.fault.write_ships", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


FULL_DISKS = [(extension, limit) for extension in EXTENSIONS for limit in (0, 1_000, 30_000, 100_000, 300_000)]
FAST_DISKS = [(".gpkg", 30_000), (".geojson", 30_000)]


@pytest.mark.parametrize(
    ("extension", "limit"),
    [*FAST_DISKS, *(pytest.param(*disk, marks=pytest.mark.slow) for disk in FULL_DISKS if disk not in FAST_DISKS)],
)
def test_a_full_disk(folder: Path, extension: str, limit: int) -> None:
    path = folder / f"ships{extension}"
    write_layer(path, some_features(3), crs=UTM, metadata={"run": "old"})
    before = content(folder)
    process = run_writer(path, 20_000 if limit > 30_000 else 3_000, limit)
    said, problems = process.communicate(timeout=120)
    assert process.returncode == 5, said + problems
    assert "Traceback" not in problems
    assert content(folder) == before


def check_after_a_kill(path: Path, old: str) -> bool:
    """The layer is the old one or a whole new one; returns whether it is new."""
    about = json.loads(sidecar_path(path).read_text(encoding="utf-8"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest == old:
        return False
    assert about["layer"]["sha256"] == digest
    assert formats.FORMATS[path.suffix].count(path) == about["layer"]["features"] == 3_000
    return True


@pytest.mark.parametrize("kills", [FAST_KILLS, pytest.param(FULL_KILLS, marks=pytest.mark.slow)], ids=["fast", "full"])
def test_kills_at_random_moments(folder: Path, kills: int) -> None:
    random = np.random.default_rng(9)
    for number in range(kills):
        path = folder / f"ships{EXTENSIONS[number % len(EXTENSIONS)]}"
        write_layer(path, some_features(3), crs=UTM, metadata={"run": "old"}, overwrite=True)
        old = hashlib.sha256(path.read_bytes()).hexdigest()
        process = run_writer(path, 3_000)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        deadline = time.monotonic() + float(random.uniform(0.0, 0.6))
        while time.monotonic() < deadline and process.poll() is None:
            pass
        process.send_signal(signal.SIGKILL)
        process.communicate()
        check_after_a_kill(path, old)
        # The next writer removes what the killed one left.
        write_layer(path, some_features(3), crs=UTM, metadata={"run": "old"}, overwrite=True)
        assert not [*folder.glob(".*")]
    for extension in (".gpkg", ".fgb"):
        if (folder / f"ships{extension}").exists():
            assert pyogrio.read_info(folder / f"ships{extension}")["features"] == 3


def test_leftovers_of_a_living_process_are_kept(folder: Path) -> None:
    path = folder / "ships.fgb"
    write_layer(path, some_features(3), crs=UTM, metadata={})
    from geogrounding.io.atomic import partial_folder

    with partial_folder(path) as mine:
        name = mine.name.removesuffix(str(os.getpid()))
    theirs, dead = folder / f"{name}{os.getppid()}", folder / f"{name}4194999"
    theirs.mkdir()
    dead.mkdir()
    write_layer(path, some_features(4), crs=UTM, metadata={}, overwrite=True)
    assert theirs.is_dir()
    assert not dead.exists()
    shutil.rmtree(theirs)
