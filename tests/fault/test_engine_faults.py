"""What the engine does when something goes wrong: requests, models, processes, clients."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from qgis_plugin.geoground_qgis.engine import Cancelled, EngineClient, EngineError
from qgis_plugin.geoground_qgis.engine import client as client_module
from tests.blobs import write_scene
from tests.engines.start import COMMAND, ROOT, alive, engine, family, run_params
from tests.engines.worker import HOSTILE, deaf_mark

FAST_STARTS = 50
RECTANGLES = [(10, 10, 30, 25), (100, 50, 140, 80)]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scene(tmp_path_factory.mktemp("scene") / "s.tif", RECTANGLES)


@pytest.fixture(scope="module")
def client() -> Iterator[EngineClient]:
    with engine() as client:
        yield client


def cancel_after_plan(client: EngineClient, scene: Path, model: str) -> float:
    """Cancel a run once its first chips are with the model; seconds until it has ended."""
    begun: list[float] = []

    def cancelled() -> bool:
        return bool(begun)

    def watch(event: dict[str, Any]) -> None:
        if event["event"] == "plan":
            begun.append(time.monotonic())

    with pytest.raises(Cancelled):
        client.call("run", run_params(scene, model=model), on_event=watch, cancelled=cancelled)
    return time.monotonic() - begun[0]


@pytest.mark.parametrize("model", ["endless", "waiting"])
def test_a_run_is_cancelled_within_two_seconds_and_the_worker_lives(
    client: EngineClient, scene: Path, model: str
) -> None:
    client.call("load", {"model": model})
    before = psutil.Process(client.pid).children()
    assert cancel_after_plan(client, scene, model) < 2
    assert psutil.Process(client.pid).children() == before
    events: list[str] = []
    client.call("load", {"model": model}, on_event=lambda event: events.append(event["event"]))
    assert events == []  # still loaded


def test_a_model_that_hears_nothing_is_killed_within_two_seconds(client: EngineClient, scene: Path) -> None:
    client.call("load", {"model": "deaf"})
    before = psutil.Process(client.pid).children()
    marks = [deaf_mark(process.pid) for process in before]
    asked: list[float] = []

    def cancelled() -> bool:
        if not asked and any(mark.exists() for mark in marks):
            asked.append(time.monotonic())
        return bool(asked)

    try:
        with pytest.raises(Cancelled):
            client.call("run", run_params(scene, model="deaf"), cancelled=cancelled)
    finally:
        for mark in marks:
            mark.unlink(missing_ok=True)
    assert time.monotonic() - asked[0] < 2
    assert alive(before, within_s=5) == []
    assert client.call("run", run_params(scene))["features"] == len(RECTANGLES)


def test_a_cancelled_run_leaves_its_journal_and_is_taken_up(client: EngineClient, scene: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.gpkg"
    done: list[int] = []

    def cancelled() -> bool:
        return bool(done)

    def watch(event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            done.append(event["chips_done"])

    params = run_params(scene, model="secondslow", output=str(output))
    with pytest.raises(Cancelled):
        client.call("run", params, on_event=watch, cancelled=cancelled)
    assert not output.exists()
    with pytest.raises(EngineError) as caught:
        client.call("run", params)
    assert caught.value.code == "journal"
    resumed: list[int] = []
    client.call(
        "run",
        run_params(scene, output=str(output), resume=True),
        on_event=lambda e: resumed.append(e.get("chips_resumed", 0)),
    )
    assert max(resumed) >= done[0] > 0
    assert output.exists()


def test_a_model_killed_by_the_system_is_a_clear_error(client: EngineClient, scene: Path) -> None:
    with pytest.raises(EngineError, match="SIGKILL") as caught:
        client.call("run", run_params(scene, model="dying"))
    assert caught.value.code == "worker-died"
    assert "memory" in caught.value.hint
    assert client.call("run", run_params(scene))["features"] == len(RECTANGLES)


@pytest.mark.parametrize(
    ("model", "code", "words"), [("broken", "defect", "a defect"), ("missing", "model", "no such")]
)
def test_a_model_that_fails_is_an_error_and_the_engine_lives(
    client: EngineClient, scene: Path, model: str, code: str, words: str
) -> None:
    pid = client.pid
    with pytest.raises(EngineError, match=words) as caught:
        client.call("run", run_params(scene, model=model))
    assert caught.value.code == code
    assert client.call("run", run_params(scene))["features"] == len(RECTANGLES)
    assert client.pid == pid


def test_prints_of_libraries_do_not_reach_the_protocol(scene: Path) -> None:
    log: list[str] = []
    with engine() as client:
        client._on_log = log.append
        assert client.call("run", run_params(scene, model="loud"))["features"] == len(RECTANGLES)
    assert {"written", "from C", '{"id": 1, "result": {"printed": true}}'} <= set(log)
    assert not [line for line in log if line.startswith("not understood")]


def test_hostile_answers_arrive_as_data(client: EngineClient, scene: Path, tmp_path: Path) -> None:
    found: list[dict[str, Any]] = []
    hostile = write_scene(tmp_path / "a\x1b[2J\u202e.tif", RECTANGLES)
    query = "<b>ship</b>\x1b[31m'; DROP TABLE x; --\u202e"
    client.call(
        "run",
        run_params(hostile, model="hostile", expressions=[query]),
        on_event=lambda e: found.extend(e["features"]) if e.get("stage") == "final" else None,
    )
    assert len(found) == len(RECTANGLES)
    for feature in found:
        properties = feature["properties"]
        assert (properties["label"], properties["reasoning"], properties["query"]) == (HOSTILE, HOSTILE, query)
        assert properties["source"] == hostile.name


def test_bad_rasters_are_errors(client: EngineClient, scene: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.tif"
    damaged.write_bytes(scene.read_bytes()[:300])
    plain = write_scene(tmp_path / "plain.tif", RECTANGLES, crs=None)
    for path in (damaged, tmp_path / "none.tif", tmp_path, plain, Path("/vsicurl/http://localhost:1/x.tif")):
        with pytest.raises(EngineError) as caught:
            client.call("run", run_params(path))
        assert caught.value.code == "input", path
    assert client.call("run", run_params(plain, pixel_coordinates=True))["crs"] is None


class Raw:
    """The engine without a client."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, line: bytes) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()
        reply = self.process.stdout.readline()
        assert reply.isascii()
        answer: dict[str, Any] = json.loads(reply)
        return answer


@pytest.fixture(scope="module")
def raw() -> Iterator[Raw]:
    raw = Raw()
    yield raw
    raw.process.communicate(timeout=20)
    assert raw.process.returncode == 0


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"nonsense", "bad-request"),
        (b"\x00\xff\xfe", "bad-request"),
        (b"[" * 200_000, "bad-request"),
        (b'{"id": 1, "method": "run", "params": ' + b'{"x":' * 500 + b"1" + b"}" * 501, "bad-params"),
        (b"x" * (3 << 20), "too-long"),
        (b'{"id": 1, "method": "\\u001b[2J"}', "unknown-method"),
        (b'{"id": 1, "method": "run"}', "bad-params"),
        (b'{"id": 1, "method": "run", "params": {"source": {}, "expressions": 3}}', "bad-params"),
        (b'{"id": 1, "method": "run", "params": {"source": "a", "expressions": ["\\ud800"]}}', "bad-params"),
        (b'{"id": 1, "method": "run", "params": {"source": "a", "expressions": [""]}}', "settings"),
        (b'{"id": 1, "method": "cancel", "params": {"request": [1]}}', "bad-params"),
        (b'{"id": 1, "method": "crs", "params": {"crs": "' + b"(" * 19_000 + b'"}}', "input"),
    ],
    ids=range(12),
)
def test_a_bad_request_is_answered_and_the_next_one_served(raw: Raw, line: bytes, code: str) -> None:
    assert raw.ask(line)["error"]["code"] == code
    assert raw.ask(b'{"id": "still there", "method": "ping"}') == {"id": "still there", "result": {}}


def test_an_id_under_way_cannot_be_used_again(raw: Raw, scene: Path) -> None:
    endless = json.dumps({"id": 5, "method": "run", "params": run_params(scene, model="endless")}).encode()
    assert raw.ask(endless)["event"] == "loading"
    assert raw.ask(b"")["event"] == "plan"
    answer = raw.ask(b'{"id": 5, "method": "ping"}')
    assert answer["error"]["code"] == "bad-request"
    replies = [raw.ask(b'{"id": 6, "method": "cancel", "params": {"request": 5}}'), raw.ask(b"")]
    assert sorted(reply["id"] for reply in replies) == [5, 6]
    assert raw.ask(b'{"id": 6, "method": "cancel", "params": {"request": 5}}')["result"] == {"found": False}


# Processes that die


def test_an_engine_killed_in_a_run_is_a_clear_error_and_restarts(scene: Path) -> None:
    with engine() as client:
        client.call("load", {"model": "waiting"})
        processes = family(client.pid or 0)
        assert len(processes) == 2
        request = client.request("run", run_params(scene, model="waiting"))
        os.kill(client.pid or 0, signal.SIGKILL)
        with pytest.raises(EngineError, match="ended unexpectedly") as caught:
            request.wait(timeout_s=20)
        assert caught.value.code == "engine-died"
        assert alive(processes, within_s=10) == []
        assert client.call("run", run_params(scene))["features"] == len(RECTANGLES)


CLIENT = """
import sys
import threading
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tests.engines.start import COMMAND, family, run_params
from qgis_plugin.geoground_qgis.engine import EngineClient
client = EngineClient(COMMAND)
client.call("load", {"model": "endless"})
settings = {"scene": "s.tif", "labels": "l.gpkg", "expression": "endless"}
training = client.request("train", {"output": sys.argv[3], "settings": settings})
seen = []
def watch(event):
    seen.append(event)
    if len(seen) == 4:  # loading, two steps, the child is there
        raise StopIteration
request = client.request("run", run_params(Path(sys.argv[2]), model="endless"))
training._connection.post = lambda *_: None  # what stops watching would cancel it
try:
    training.wait(watch)
except StopIteration:
    pass
print(*[p.pid for p in family(client.pid)], flush=True)
sys.stdin.read()
"""


def test_a_killed_client_leaves_no_orphan(scene: Path, tmp_path: Path) -> None:
    """QGIS killed in the middle of a run and a training: engine, worker, training and its child end by themselves."""
    process = subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(ROOT), str(scene), str(tmp_path / "run")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    orphans = [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]
    assert len(orphans) == 4
    assert all(orphan.is_running() for orphan in orphans)
    process.kill()
    process.communicate()
    assert alive(orphans, within_s=10) == []


def test_an_engine_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "PING_S", 0.05)
    monkeypatch.setattr(client_module, "SILENCE_S", 0.5)
    with engine() as client:
        client.start()
        pid = client.pid or 0
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(EngineError, match="silent") as caught:
            client.call("ping")
        assert caught.value.code == "engine-silent"
        assert alive([psutil.Process(pid)] if psutil.pid_exists(pid) else [], within_s=5) == []


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-c", "import sys; sys.exit('no module named geogrounding')"],
        [sys.executable, "-c", "print('hello'); import sys; sys.stderr.write('it broke')"],
        ["/no/such/program"],
    ],
)
def test_an_engine_that_does_not_start_says_why(command: list[str]) -> None:
    client = EngineClient(command)
    with pytest.raises(EngineError) as caught:
        client.call("ping")
    assert caught.value.code in ("engine-died", "no-engine")
    assert caught.value.hint
    if "-c" in command:
        assert "no module named geogrounding" in str(caught.value) or "it broke" in client.diagnostics()["log"]
    client.close()
    with pytest.raises(EngineError, match="closed"):
        client.call("ping")


TALK = """
import json, sys
for line in sys.stdin:
    print(json.dumps({"id": json.loads(line)["id"], "result": {"protocol": NUMBER}}))
"""


def test_another_program_that_answers_is_no_engine() -> None:
    client = EngineClient([sys.executable, "-u", "-c", TALK.replace("NUMBER", "7")])
    with pytest.raises(EngineError, match="another protocol"):
        client.call("ping")
    client.close()


def test_fifty_starts_leave_nothing_behind() -> None:
    """With an engine that says hello and nothing more, so that it is the client that is tried."""
    talk = TALK.replace("NUMBER", "1")
    me = psutil.Process()
    before = (me.num_fds(), threading.active_count(), len(me.children()))
    for turn in range(FAST_STARTS):
        client = EngineClient([sys.executable, "-S", "-E", "-u", "-c", talk])
        client.start()
        client.restart() if turn % 2 else client.close()
        client.close()
    assert (me.num_fds(), threading.active_count(), len(me.children())) == before
