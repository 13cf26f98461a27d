"""The engine as a process, asked through the client of the QGIS plugin."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely

from geogrounding.pipeline import ground
from qgis_plugin.geoground_qgis.engine import Cancelled, EngineClient, EngineError, command_for, flat
from tests.blobs import BlobModel, write_scene
from tests.engines.start import engine, run_params

RECTANGLES = [(10, 10, 30, 25), (100, 50, 140, 80), (200, 150, 260, 190)]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scene(tmp_path_factory.mktemp("scene") / "harbour.tif", RECTANGLES)


@pytest.fixture(scope="module")
def client() -> Iterator[EngineClient]:
    """One engine for all tests that leave it as it was."""
    with engine() as client:
        yield client


def gather(client: EngineClient, method: str, params: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    return client.call(method, params, on_event=events.append), events


def final_of(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [f for e in events if e["event"] == "features" and e["stage"] == "final" for f in e["features"]]


def test_hello_says_who_it_is(client: EngineClient) -> None:
    hello = client.start()
    assert hello["protocol"] == 1
    assert hello["pid"] == client.pid
    assert {"run", "plan", "train", "cancel"} <= set(hello["methods"])
    assert client.call("ping") == {}


def test_another_protocol_is_refused(client: EngineClient) -> None:
    with pytest.raises(EngineError, match="protocol 99") as caught:
        client.call("hello", {"protocol": 99})
    assert caught.value.code == "protocol"
    assert "Update the engine" in caught.value.hint


def test_features_come_while_it_runs_and_merged_at_the_end(client: EngineClient, scene: Path) -> None:
    result, events = gather(client, "run", run_params(scene))
    kinds = [event["event"] for event in events]
    assert kinds.index("plan") < kinds.index("progress")
    provisional = [f for e in events if e.get("stage") == "provisional" for f in e["features"]]
    assert len(provisional) > len(RECTANGLES)  # chips overlap
    assert kinds.index("features") < len(kinds) - 1 - kinds[::-1].index("progress")
    assert [f["id"] for f in provisional] == [f"p{n + 1}" for n in range(len(provisional))]

    final = final_of(events)
    expected = ground(scene, "ship", model=BlobModel(batch_size=2))
    assert [f["id"] for f in final] == list(expected["id"])
    for feature, row in zip(final, expected.itertuples(), strict=True):
        assert shapely.equals(shapely.geometry.shape(feature["geometry"]), row.geometry)
        assert shapely.from_wkt(flat(feature)["wkt"]).equals(row.geometry)
        for name in ("query", "label", "score", "reasoning", "model", "chip", "source", "outline", "area_m2"):
            assert feature["properties"][name] == getattr(row, name)
    assert [e["first"] for e in events if e.get("stage") == "final"] == [True]

    plan = next(event for event in events if event["event"] == "plan")
    assert plan["crs"]["id"] == "EPSG:32633"
    last = [event for event in events if event["event"] == "progress"][-1]
    assert last["chips_done"] == last["chips_total"] == plan["chips"] == result["chips"]
    assert result["complete"]
    assert result["features"] == len(RECTANGLES)
    assert result["crs"]["id"] == "EPSG:32633"
    assert result["output"] is None


def test_the_model_stays_loaded_until_another_is_wanted(scene: Path) -> None:
    with engine() as client:
        _, first = gather(client, "load", {"model": "blobs"})
        _, second = gather(client, "run", run_params(scene))
        _, third = gather(client, "run", run_params(scene, model_options={"device": "cpu"}))
        _, fourth = gather(client, "plan", run_params(scene, model_options={"device": "cpu"}))
    loading = ["loading" in [event["event"] for event in events] for events in (first, second, third, fourth)]
    assert loading == [True, False, True, False]


def test_a_plan_knows_chips_and_time(client: EngineClient, scene: Path) -> None:
    unknown = client.call("plan", run_params(scene, model="loud", measure=False))
    assert unknown["seconds"] is None
    plan = client.call("plan", run_params(scene, model="loud"))
    assert plan["chips"] == unknown["chips"] > 1
    assert plan["seconds"] == pytest.approx(plan["chips"] * plan["seconds_per_chip"], abs=0.06)
    assert client.call("plan", run_params(scene, model="loud"))["seconds_per_chip"] == plan["seconds_per_chip"]
    part = client.call("plan", run_params(scene, bbox=[0, 0, 64, 64], bbox_crs="pixels", measure=False))
    assert part["chips"] == 1
    assert part["area_scene_px"] == [0, 0, 64, 64]


def test_a_query_is_planned_and_a_layer_is_asked(client: EngineClient, tmp_path: Path) -> None:
    planned = client.call(
        "plan_query", {"query": "buildings larger than 50 m2 within 5 m of the river", "context": ["river"]}
    )
    assert planned["words"] == "find buildings larger than 50 m2 and within 5 m of a river"
    boxes = [shapely.box(5e5, 5e6, 5e5 + 10, 5e6 + 10), shapely.box(5e5 + 50, 5e6, 5e5 + 55, 5e6 + 5)]
    gpd.GeoDataFrame(geometry=boxes, crs=32633).to_file(tmp_path / "buildings.gpkg")
    gpd.GeoDataFrame(geometry=[shapely.LineString([(5e5, 5e6 - 3), (6e5, 5e6 - 3)])], crs=32633).to_file(
        tmp_path / "w.gpkg"
    )
    asked = {"source": str(tmp_path / "buildings.gpkg"), "context": {"river": str(tmp_path / "w.gpkg")}}
    for question in ({"plan": planned["plan"]}, {"query": planned["plan"]["query"]}):
        reply = client.call("ask", {**asked, **question})
        assert (reply["value"], reply["features"], reply["unknown"]) == (1, [1], [])
    with pytest.raises(EngineError, match="two ways"):
        client.call("plan_query", {"query": "buildings larger than 5 m"})
    edited = planned["plan"]
    edited["targets"][0]["steps"][0]["least"] = 80.0
    again = client.call("plan_query", {"plan": edited})
    assert again["sentences"] == [
        "Find buildings larger than 80 m2 and within 5 m of a river.",
        "Looked for: buildings, rivers.",
        "Step 1: of the buildings keep those that are larger than 80 m2.",
        "Step 2: of the buildings keep those that are within 5 m of a river.",
    ]
    edited["targets"][0]["steps"][0]["least"] = -80.0
    with pytest.raises(EngineError, match="never negative"):
        client.call("plan_query", {"plan": edited})


def test_an_extent_in_another_crs_gives_results_in_that_of_the_raster(client: EngineClient, scene: Path) -> None:
    _, everywhere = gather(client, "run", run_params(scene))
    wanted = shapely.geometry.shape(final_of(everywhere)[0]["geometry"])
    box = gpd.GeoSeries([wanted.buffer(2)], crs="EPSG:32633").to_crs("EPSG:4326").total_bounds
    _, events = gather(client, "run", run_params(scene, bbox=list(box), bbox_crs="EPSG:4326"))
    assert [shapely.geometry.shape(f["geometry"]).equals(wanted) for f in final_of(events)] == [True]


def test_a_layer_is_written_where_that_is_wanted(client: EngineClient, scene: Path, tmp_path: Path) -> None:
    output = tmp_path / "ships.gpkg"
    result, events = gather(client, "run", run_params(scene, output=str(output)))
    assert result["output"] == str(output)
    assert len(gpd.read_file(output)) == len(final_of(events)) == len(RECTANGLES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "ships.gpkg", "ships.gpkg.run.json"]
    with pytest.raises(EngineError, match="exists") as caught:
        client.call("run", run_params(scene, output=str(output)))
    assert caught.value.code == "output"
    assert client.call("run", run_params(scene, output=str(output), overwrite=True))["features"] == len(RECTANGLES)


def test_a_single_target(client: EngineClient, scene: Path) -> None:
    _, events = gather(client, "run", run_params(scene, expressions=["ship", "tank"], task="refer"))
    assert sorted(f["properties"]["query"] for f in final_of(events)) == ["ship", "tank"]


def test_nothing_found_is_a_final_block_too(client: EngineClient, scene: Path) -> None:
    result, events = gather(client, "run", run_params(scene, bbox=[40, 0, 90, 40], bbox_crs="pixels"))
    assert result["features"] == 0
    assert [(e["first"], e["features"]) for e in events if e.get("stage") == "final"] == [(True, [])]


def test_failed_chips_are_reported(client: EngineClient, scene: Path) -> None:
    result, events = gather(client, "run", run_params(scene, model="halfblind"))
    assert not result["complete"]
    assert result["failed"] == len(result["failed_chips"]) > 0
    assert result["failed_chips"][0]["reason"] == "too dark"
    assert len(final_of(events)) == len(RECTANGLES)


def test_information_about_scene_crs_and_environment(client: EngineClient, scene: Path) -> None:
    assert client.call("info", {"source": str(scene)})["crs"]["id"] == "EPSG:32633"
    assert client.call("crs", {"crs": "EPSG:4326"})["name"] == "WGS 84"
    with pytest.raises(EngineError, match="unknown") as caught:
        client.call("crs", {"crs": "EPSG:999999"})
    assert caught.value.code == "input"
    test = client.call("test")
    assert test["device"] in ("cpu", "cuda", "mps")
    assert test["packages"]["rasterio"]
    assert test["crs"]["id"] == "EPSG:32633"
    assert "builtin" in [model["name"] for model in test["models"]]


def test_models_of_a_folder_are_listed(client: EngineClient, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "mine"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "llava", "vision_config": {}}))
    (folder / "model.safetensors").write_bytes(b"0")
    names = [model["name"] for model in client.call("models", {"folders": [str(tmp_path / "models")]})["models"]]
    assert str(folder) in names
    assert str(folder) not in [model["name"] for model in client.call("models")["models"]]


def test_light_requests_and_the_heartbeat_are_answered_during_a_run(scene: Path) -> None:
    with engine() as client:
        run = client.request("run", run_params(scene, model="endless"))
        assert client.call("info", {"source": str(scene)}, timeout_s=60)["width"] == 300
        assert client.call("ping", timeout_s=10) == {}
        run.cancel()
        with pytest.raises(Cancelled):
            run.wait(timeout_s=10)


def test_runs_wait_for_each_other(scene: Path) -> None:
    with engine() as client:
        first = client.request("run", run_params(scene, model="endless"))
        second = client.request("run", run_params(scene))
        third = client.request("run", run_params(scene))
        third.cancel()
        with pytest.raises(Cancelled):
            third.wait(timeout_s=10)
        first.cancel()
        with pytest.raises(Cancelled):
            first.wait(timeout_s=10)
        assert second.wait(timeout_s=60)["features"] == len(RECTANGLES)


def test_an_idle_worker_gives_its_memory_back(scene: Path) -> None:
    with engine("0.05") as client:
        assert client.call("run", run_params(scene))["complete"]
        import psutil

        def children() -> list[Any]:
            return list(psutil.Process(client.pid).children())

        psutil.wait_procs(children(), timeout=20)
        assert children() == []
        assert client.call("run", run_params(scene))["complete"]


# Training


def train_params(folder: Path, expression: str, **more: Any) -> dict[str, Any]:
    settings = {"scene": "s.tif", "labels": "l.gpkg", "expression": expression}
    return {"output": str(folder), "settings": settings, **more}


def test_training_reports_its_steps(client: EngineClient, tmp_path: Path) -> None:
    result, events = gather(client, "train", train_params(tmp_path / "run", "pool"))
    steps = [event for event in events if event["event"] == "training"]
    assert [(e["step"], e["steps"], e["reward"]) for e in steps] == [(1, 3, 0.25), (2, 3, 0.5), (3, 3, 0.75)]
    assert steps[0]["loss"] is None  # NaN is no JSON
    assert result["model"] == str(tmp_path / "run")
    assert result["numbers"] == {"reward": 0.75}


def test_wrong_training_settings_are_refused_at_once(client: EngineClient, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="scene and labels") as caught:
        client.call("train", {"output": str(tmp_path / "run"), "settings": {"scene": "s.tif"}})
    assert caught.value.code == "settings"
    with pytest.raises(EngineError, match="memory ran out") as caught:
        client.call("train", train_params(tmp_path / "run", "no memory"))
    assert caught.value.code == "model"


def ended(pid: int, seconds: float = 10.0) -> bool:
    """Whether a process is gone, or only waits to be collected; a killed one needs a moment on a busy machine."""
    import psutil

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        threading.Event().wait(0.02)
    return False


@pytest.mark.parametrize("keep", [True, False])
def test_a_training_run_is_cancelled_with_its_children_while_others_go_on(
    client: EngineClient, scene: Path, tmp_path: Path, keep: bool
) -> None:
    started = threading.Event()
    children: queue.SimpleQueue[int] = queue.SimpleQueue()
    folder = tmp_path / "run"

    def watch(event: dict[str, Any]) -> None:
        if (folder / "child.json").exists():
            children.put(json.loads((folder / "child.json").read_text()))
            started.set()

    outcome: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            outcome.put(
                client.call(
                    "train",
                    train_params(folder, "endless", keep_cancelled=keep),
                    on_event=watch,
                    cancelled=cancelled.is_set,
                )
            )
        except EngineError as error:
            outcome.put(error)

    cancelled = threading.Event()
    thread = threading.Thread(target=ask)
    thread.start()
    assert started.wait(60)
    with pytest.raises(EngineError, match="under way") as caught:
        client.call("train", train_params(tmp_path / "other", "pool"))
    assert caught.value.code == "busy"
    assert client.call("run", run_params(scene))["complete"]
    begin = time.monotonic()
    cancelled.set()
    thread.join(10)
    assert time.monotonic() - begin < 2
    assert isinstance(outcome.get(), Cancelled)
    child = children.get()
    assert ended(child)
    assert folder.exists() is keep


# The real command


def test_the_command_line_serves_the_same(scene: Path, tmp_path: Path) -> None:
    """``python -I -m geogrounding_cli.main engine`` and ``geoground engine``, as QGIS starts them."""
    client = EngineClient(command_for(sys.executable))
    try:
        result, events = gather(client, "run", run_params(scene, model="null"))
        assert result["complete"]
        assert result["model"] == "null"
        assert final_of(events) == []
        about = client.diagnostics()
        assert about["running"]
        assert about["engine"]["pid"] == client.pid
    finally:
        client.close()
    assert client.diagnostics()["running"] is False


def test_a_person_can_type_requests() -> None:
    requests = (
        '{"id": "a", "method": "hello"}\n\nnonsense\n{"id": "b", "method": "shutdown"}\n{"id": 3, "method": "ping"}\n'
    )
    command = [sys.executable, "-m", "geogrounding_cli.main", "engine", "--idle-minutes", "1"]
    done = subprocess.run(command, input=requests, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert [reply["id"] for reply in replies] == ["a", None, "b"]
    assert done.stderr == ""


def test_outlines_are_drawn_again_from_the_masks_of_a_run(client: EngineClient, scene: Path, tmp_path: Path) -> None:
    masks = tmp_path / "out.masks"
    _, ran = gather(client, "run", run_params(scene, outline="mask", masks=str(masks)))
    result, events = gather(client, "redraw", {"masks": str(masks), "outline": "box"})
    assert result["features"] == len(RECTANGLES)
    assert result["crs"]["id"] == "EPSG:32633"
    boxes = [shapely.geometry.shape(f["geometry"]) for f in final_of(events)]
    expected = ground(scene, "ship", model=BlobModel(batch_size=2))
    assert [one.equals(other) for one, other in zip(boxes, expected.geometry, strict=True)] == [True] * len(boxes)
    _, again = gather(client, "redraw", {"masks": str(masks), "ids": [2]})
    assert final_of(again) == [feature for feature in final_of(ran) if feature["id"] == 2]
    _, none = gather(client, "redraw", {"masks": str(masks), "ids": []})
    assert [e["features"] for e in none] == [[]]
    for wrong in ({"outline": "blob"}, {"least_fit": 2.0}, {"simplify_m": -1.0}):
        with pytest.raises(EngineError) as caught:
            client.call("redraw", {"masks": str(masks), **wrong})
        assert caught.value.code == "bad-params"
    with pytest.raises(EngineError, match="no masks to keep") as caught:
        client.call("run", run_params(scene, masks=str(masks)))
    assert caught.value.code == "settings"
