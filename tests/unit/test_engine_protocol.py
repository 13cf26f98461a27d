"""Lines, requests, parameters and errors of the engine, without a process."""

from __future__ import annotations

import ast
import json
import math
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geogrounding.engine import parameters
from geogrounding.engine.interrupts import Interrupted, Interrupts
from geogrounding.engine.model_cache import Speed
from geogrounding.engine.processes import describe_end
from geogrounding.engine.protocol import HEAVY, LIGHT, PROTOCOL, RequestError, encode, failure_of, parse_request
from geogrounding.engine.train_process import _Steps
from geogrounding.engine.transport import LineReader, TooLong
from geogrounding.errors import GeogroundingError, OutputError, SceneError, SettingsError
from geogrounding.model_options import OPTION_NAMES, ModelOptions
from qgis_plugin.geoground_qgis.engine import EngineError, client, command_for, flat, launch

ROOT = Path(__file__).resolve().parents[2]
RUN = {"source": "a.tif", "expressions": ["ship"]}


def lines_of(data: bytes, limit: int = 100, step: int = 7) -> list[bytes | TooLong]:
    """What a reader makes of bytes that arrive in pieces."""
    reading, writing = os.pipe()

    def write() -> None:
        for start in range(0, len(data), step):
            os.write(writing, data[start : start + step])
        os.close(writing)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        return list(LineReader(reading, limit=limit))
    finally:
        thread.join()
        os.close(reading)


def test_lines_arrive_whole_whatever_the_pieces() -> None:
    for step in (1, 2, 3, 1000):
        assert lines_of(b"one\r\ntwo\n\n  \nthree\nhalf", step=step) == [b"one", b"two", b"three"]


def test_a_line_that_is_too_long_is_thrown_away_and_the_next_one_read() -> None:
    for step in (1, 50, 1000):
        found = lines_of(b"x" * 101 + b"\n" + b"y" * 100 + b"\n" + b"z" * 5000 + b"\nend\n", step=step)
        assert [line if isinstance(line, bytes) else "too long" for line in found] == [
            "too long",
            b"y" * 100,
            "too long",
            b"end",
        ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", "not JSON"),
        (b"hello", "not JSON"),
        (b'{"id": 1', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"id": 1, "method": "ping", "params": {"x": NaN}}', "NaN"),
        (b'{"id": 1' + b"0" * 5000 + b', "method": "ping"}', "not JSON"),
        (b"[1, 2]", "no object"),
        (b"null", "no object"),
        (b"{}", "id"),
        (b'{"id": true, "method": "ping"}', "id"),
        (b'{"id": 1.5, "method": "ping"}', "id"),
        (b'{"id": null, "method": "ping"}', "id"),
        (b'{"id": "' + b"x" * 65 + b'", "method": "ping"}', "64"),
        (b'{"id": 1}', "method"),
        (b'{"id": 1, "method": ["ping"]}', "method"),
        (b'{"id": 1, "method": "ping", "params": [1]}', "params"),
        (b'{"id": 1, "method": "ping", "extra": 1}', "extra"),
    ],
)
def test_what_is_no_request_is_refused_with_words(line: bytes, words: str) -> None:
    with pytest.raises(RequestError, match=words) as caught:
        parse_request(line)
    assert caught.value.code == "bad-request"
    assert caught.value.hint
    assert len(str(caught.value)) < 250


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_line_breaks_the_parser(line: bytes) -> None:
    try:
        request = parse_request(line)
    except RequestError:
        return
    assert isinstance(request.method, str)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(
    method=st.sampled_from(parameters.METHODS) | st.text(max_size=10),
    params=st.dictionaries(
        st.sampled_from(["source", "expressions", "bbox", "model", "crs", "request", "output", "settings", "scene"])
        | st.text(max_size=5),
        JSON_VALUES,
        max_size=5,
    ),
)
def test_no_parameters_break_the_validation(method: str, params: dict[str, Any]) -> None:
    try:
        checked = parameters.parse(method, params)
    except (RequestError, GeogroundingError):
        return
    assert isinstance(checked, parameters.Parameters)


@pytest.mark.parametrize(
    ("method", "params", "code", "words"),
    [
        ("fly", {}, "unknown-method", "Known: "),
        ("ping", {"x": 1}, "bad-params", "x"),
        ("run", {"expressions": ["ship"]}, "bad-params", "source"),
        ("run", RUN | {"source": 5}, "bad-params", "source"),
        ("run", RUN | {"expressions": "ship"}, "bad-params", "expressions"),
        ("run", RUN | {"bbox": [1, 2, 3]}, "bad-params", "bbox"),
        ("run", RUN | {"min_score": "0.5"}, "bad-params", "min_score"),
        ("run", RUN | {"tile_size": True}, "bad-params", "tile_size"),
        ("run", RUN | {"surprise": 1}, "bad-params", "surprise"),
        ("run", RUN | {"model_options": {"device": "cpu", "surprise": 1}}, "bad-params", "surprise"),
        ("run", RUN | {"expressions": ["a\0b"]}, "bad-params", "NUL"),
        ("run", RUN | {"source": "\ud800.tif"}, "bad-params", "surrogate"),
        ("run", RUN | {"open_options": {"\0": "x"}}, "bad-params", "NUL"),
        ("run", RUN | {"expressions": []}, "settings", "nothing to look for"),
        ("run", RUN | {"expressions": ["x"] * 65}, "settings", "65 expressions"),
        ("run", RUN | {"min_score": 7}, "settings", "minimum score"),
        ("plan", RUN | {"output": "a.gpkg"}, "bad-params", "output"),
        ("info", {"source": "a.tif", "model": "builtin"}, "bad-params", "model"),
        ("cancel", {}, "bad-params", "request"),
        ("train", {"output": "a", "method": "dpo"}, "bad-params", "method"),
        ("cut_training_set", {"scene": "a", "labels": "b"}, "bad-params", "output"),
    ],
)
def test_wrong_parameters_are_named(method: str, params: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises((RequestError, SettingsError)) as caught:
        parameters.parse(method, params)
    error = failure_of(3, caught.value)["error"]
    assert error["code"] == code
    assert words in error["message"] + error["hint"]


def test_settings_are_those_of_a_run() -> None:
    run = parameters.parse(
        "run",
        RUN | {"bbox": [1, 2, 3, 4], "bbox_crs": "pixels", "aoi": "a.gpkg", "bands": [4, 3, 2], "output": "o.gpkg"},
    )
    assert isinstance(run, parameters.Run)
    assert run.settings.bbox == (1.0, 2.0, 3.0, 4.0)
    assert run.settings.aoi == Path("a.gpkg")
    assert run.settings.bands == (4, 3, 2)
    assert run.output == Path("o.gpkg")
    assert run.model.model == "builtin"


def test_settings_of_a_training_run_are_checked_before_it_starts() -> None:
    train = parameters.parse("train", {"output": "a", "settings": {"scene": "s.tif", "labels": "l.gpkg", "stepz": 1}})
    assert isinstance(train, parameters.Train)
    with pytest.raises(SettingsError, match="stepz"):
        train.make_settings()


def test_an_api_key_is_not_shown() -> None:
    options = ModelOptions(api_key="secret", base_url="http://localhost")
    assert "secret" not in repr(options)
    assert options.given() == {"api_key": "secret", "base_url": "http://localhost"}


def test_messages_are_one_ascii_line_of_strict_json() -> None:
    line = encode({"id": 1, "event": "x", "text": "a\nb\u2028\x1b[2J\ud800é", "score": math.nan, "list": [math.inf, 1]})
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert line.isascii()
    assert b"\x1b" not in line
    said = json.loads(line, parse_constant=lambda name: pytest.fail(name))
    assert said["score"] is None
    assert said["list"] == [None, 1]


def test_errors_keep_their_kind_and_hint() -> None:
    assert failure_of(1, SceneError("bad", hint="do"))["error"] == {"code": "input", "message": "bad", "hint": "do"}
    assert failure_of(1, OutputError("bad"))["error"]["code"] == "output"
    assert failure_of(1, MemoryError())["error"]["code"] == "memory"
    assert failure_of(1, KeyError("x"))["error"]["code"] == "defect"
    assert failure_of(None, RequestError("bad-request", "no", request_id=4))["id"] == 4


def test_every_method_is_served_somewhere() -> None:
    session = {"hello", "ping", "cancel", "shutdown", "train"}
    assert session | LIGHT | HEAVY == set(parameters.METHODS)
    assert not LIGHT & HEAVY


def test_every_method_and_code_is_documented() -> None:
    text = (ROOT / "docs" / "engine.md").read_text(encoding="utf-8")
    for method in parameters.METHODS:
        assert f"### {method}\n" in text
    for field in (*parameters.Cut.model_fields, *parameters.Train.model_fields, *OPTION_NAMES):
        assert f"`{field}`" in text, field
    for name in parameters._SETTINGS:
        assert f"`{name}`" in text, name


def test_speed_is_scaled_by_questions_until_it_was_measured() -> None:
    speed = Speed()
    assert speed.guess(1) is None
    speed.record(2, 0.5)
    assert speed.guess(2) == 0.5
    assert speed.guess(4) == 1.0
    assert speed.guess(1) == 0.5
    speed.record(4, 0.6)
    assert speed.guess(4) == 0.6


def cancel_inside(interrupts: Interrupts, job: str) -> None:
    with interrupts.open():
        interrupts.cancel(job)
        for _ in range(10_000_000):  # the signal is delivered between two steps of this loop
            pass
    pytest.fail("it was not interrupted")


def test_a_job_is_interrupted_only_where_it_allows_it() -> None:
    interrupts = Interrupts()
    previous = signal.getsignal(signal.SIGINT)
    interrupts.install()
    try:
        with interrupts.job("a"):
            interrupts.cancel("b")
            interrupts.check()  # another job
            with interrupts.open():
                interrupts.cancel("b")
            interrupts.cancel("a")  # the signal comes, and is not heeded outside of open()
            with pytest.raises(Interrupted):
                interrupts.check()
            with pytest.raises(Interrupted), interrupts.open():
                pytest.fail("a cancelled job went into the model")
        with interrupts.job("c"), pytest.raises(Interrupted):
            cancel_inside(interrupts, "c")
        with interrupts.job("a"):
            interrupts.check()  # the id is free again
    finally:
        signal.signal(signal.SIGINT, previous)


def test_time_left_is_reported_from_the_second_step_on() -> None:
    events: list[dict[str, Any]] = []
    clock = iter([100.0, 110.0, 120.0])
    steps = _Steps(lambda: next(clock), lambda _name, **members: events.append(members))
    for step in (5, 6, 7):
        steps({"step": float(step), "steps": 10.0, "reward": 0.5, "kl": 0.1})
    assert [e["seconds_left"] for e in events] == [None, 40.0, 30.0]
    assert events[0]["step"] == 5
    assert events[0]["numbers"] == {"reward": 0.5, "kl": 0.1}


def test_ends_are_described() -> None:
    assert describe_end(3) == "exit code 3"
    assert describe_end(-9) == "SIGKILL"
    assert describe_end(-60) == "signal 60"


# The client


def test_client_and_engine_speak_the_same_protocol() -> None:
    assert client.PROTOCOL == PROTOCOL


@pytest.mark.parametrize(
    "path", sorted((ROOT / "qgis_plugin/geoground_qgis/engine").glob("*.py")), ids=lambda p: p.name
)
def test_the_client_needs_nothing_but_an_old_python(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 0}
    own = {"__future__", "collections", "json", "math", "os", "pathlib", "platform", "queue", "shutil", "signal"}
    own |= {"subprocess", "sys", "tempfile", "threading", "time", "typing", "collections.abc"}
    own |= {"contextlib", "http.client", "socket", "ssl", "urllib.parse"}  # an engine behind an address
    assert imported <= own


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_command_is_made_of_what_the_user_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python, geoground = program(tmp_path / "env/bin/python3"), program(tmp_path / "env/bin/geoground")
    module = ["-I", "-u", "-X", "utf8", "-m", "geogrounding_cli.main", "engine"]
    assert command_for(str(python)) == [str(python), *module]
    assert command_for(f' "{python}" ', ["--idle-minutes", "1"]) == [str(python), *module, "--idle-minutes", "1"]
    assert command_for(str(tmp_path / "env")) == [str(python), *module]
    assert command_for(str(geoground)) == [str(geoground), "engine"]
    link = tmp_path / "python"
    link.symlink_to(python)
    assert command_for(str(link))[0] == str(link), "the Python of an environment must not be resolved"
    monkeypatch.setenv("PATH", str(geoground.parent))
    assert command_for("geoground") == [str(geoground), "engine"]
    monkeypatch.setenv("HOME", str(tmp_path))
    assert command_for("~/env/bin/geoground") == [str(geoground), "engine"]


@pytest.mark.parametrize("named", ["", "  ", "/no/such/python", "relative/python", "geoground-of-no-one"])
def test_a_wrong_engine_is_an_error_with_a_hint(named: str) -> None:
    with pytest.raises(EngineError) as caught:
        command_for(named)
    assert caught.value.code == "no-engine"
    assert "Python" in caught.value.hint


def test_files_that_are_no_engine(tmp_path: Path) -> None:
    other = program(tmp_path / "notepad")
    dead = tmp_path / "python3"
    dead.write_text("")
    for named in (other, dead, tmp_path):
        with pytest.raises(EngineError):
            command_for(str(named))


def test_the_environment_of_qgis_stays_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PYTHONHOME", "PYTHONPATH", "PROJ_LIB", "PROJ_DATA", "GDAL_DATA", "QT_PLUGIN_PATH", "LD_PRELOAD"):
        monkeypatch.setenv(name, "/of/qgis")
    monkeypatch.setenv("OSGEO4W_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "bin"), "/usr/bin"]))
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    found = launch.clean_environment()
    assert "/of/qgis" not in found.values()
    assert found["PATH"] == "/usr/bin"
    assert found["HTTPS_PROXY"] == "http://proxy"


def test_a_feature_as_one_dictionary() -> None:
    square = [[[0, 0], [1.5, 0], [1.5, 2], [0, 0]]]
    feature = {"id": 3, "geometry": {"type": "Polygon", "coordinates": square}, "properties": {"label": "a"}}
    assert flat(feature) == {"id": 3, "label": "a", "wkt": "POLYGON ((0.0 0.0, 1.5 0.0, 1.5 2.0, 0.0 0.0))"}


@pytest.mark.parametrize(
    "geometry",
    [
        None,
        {},
        {"type": "Point", "coordinates": [0, 0]},
        {"type": "Polygon"},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[["a", 0]]]},
        {"type": "Polygon", "coordinates": [[[1e999, 0]]]},
        {"type": "Polygon", "coordinates": [[[0]]]},
    ],
)
def test_what_is_no_polygon_has_no_wkt(geometry: Any) -> None:
    assert flat({"id": 1, "geometry": geometry})["wkt"] == ""
