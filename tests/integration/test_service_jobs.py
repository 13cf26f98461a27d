"""Jobs of the service over HTTP: an independent client, events, results, review, restart, two users."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import morecantile
import pyogrio
import pytest
from owslib.ogcapi.features import Features  # type: ignore[import-untyped]
from owslib.ogcapi.processes import Processes  # type: ignore[import-untyped]
from pyproj import Transformer

from geogrounding.service.client import Client
from tests.blobs import UTM, write_scene
from tests.engines.service import TOKEN, Running, service

RECTANGLES = [(10, 10, 30, 30), (100, 20, 140, 40), (50, 100, 90, 130), (200, 150, 220, 190)]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("service")
    (folder / "scenes").mkdir()
    write_scene(folder / "scenes" / "harbour.tif", RECTANGLES)
    many = [(x, y, x + 6, y + 6) for x in range(4, 290, 24) for y in range(4, 190, 24)]
    write_scene(folder / "scenes" / "many.tif", many)
    with service(folder) as started:
        yield started


def scene_id(client: httpx.Client, name: str = "harbour.tif") -> str:
    return next(str(s["id"]) for s in client.get("/scenes").json()["scenes"] if s["name"] == name)


def submit(client: httpx.Client, **inputs: Any) -> str:
    inputs = {"scene": scene_id(client), "queries": ["ship"], **inputs}
    answer = client.post("/processes/ground/execution", json={"inputs": inputs}, headers={"prefer": "respond-async"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["jobID"])


def events(running: Running, job: str, after: int = 0) -> list[tuple[int, str, dict[str, Any]]]:
    with Client(running.address, TOKEN) as client:
        return [(event.number, event.name, event.values) for event in client.watch(job, after)]


def boxes_lonlat() -> list[tuple[float, float, float, float]]:
    """Bounds of the rectangles in degrees, by pyproj alone."""
    transformer = Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)
    found = []
    for x0, y0, x1, y1 in RECTANGLES:
        west, north = UTM * (x0, y0)
        east, south = UTM * (x1, y1)
        found.append(transformer.transform_bounds(west, south, east, north))
    return sorted(found)


def bounds(feature: dict[str, Any]) -> tuple[float, float, float, float]:
    xs, ys = zip(*feature["geometry"]["coordinates"][0], strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def test_an_independent_client_runs_a_job_and_reads_its_features(running: Running) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    processes = Processes(running.address, headers=headers)
    assert {"ground", "ask", "train"} == {process["id"] for process in processes.processes()}
    assert processes.process("ground")["inputs"]["queries"]["minOccurs"] == 1
    with running.client() as client:
        result = processes.execute("ground", {"scene": scene_id(client), "queries": ["ship"]})
    found = result["features"]["value"]["features"]
    assert sorted(bounds(feature) for feature in found) == [pytest.approx(box, abs=2e-7) for box in boxes_lonlat()]
    features = Features(running.address, headers=headers)
    (job, *_) = features.feature_collections()
    west, south, east, north = boxes_lonlat()[0]
    near = features.collection_items(job, bbox=[west, south, east, north])
    assert [bounds(feature) for feature in near["features"]] == [pytest.approx(boxes_lonlat()[0], abs=2e-7)]
    pages = [features.collection_items(job, limit=3, offset=offset)["features"] for offset in (0, 3)]
    assert [len(page) for page in pages] == [3, 1]
    assert len({feature["id"] for page in pages for feature in page}) == 4


def test_events_replay_from_the_last_one(running: Running) -> None:
    running.gate.touch()
    with running.client() as client:
        job = submit(client, model="gated")
        with Client(running.address, TOKEN) as follower:
            first = []
            for event in follower.watch(job):
                first.append(event)
                if event.name == "features":
                    break
        assert client.get(f"/jobs/{job}").json()["status"] == "running"
        assert client.get(f"/jobs/{job}/results").status_code == 404
        running.gate.unlink()
        later = events(running, job, first[-1].number)
        numbers = [event.number for event in first] + [number for number, _, _ in later]
        assert numbers == sorted(set(numbers))
        assert later[-1][1:] == ("status", {"state": "successful", "message": ""})
        provisional = [f for e in first if e.name == "features" for f in e.values["features"]]
        assert bounds(provisional[0]) in [pytest.approx(box, abs=2e-7) for box in boxes_lonlat()]
        replayed = events(running, job)
        assert [values["state"] for _, name, values in replayed if name == "status"] == [
            "accepted",
            "running",
            "successful",
        ]
        assert "features" not in [name for _, name, _ in replayed]  # the results replace them


def test_a_hundred_followers_get_the_same_events(running: Running) -> None:
    running.gate.touch()
    with running.client() as client:
        job = submit(client, model="gated")
    got: list[list[int]] = []
    threads = [
        threading.Thread(target=lambda: got.append([number for number, _, _ in events(running, job)]))
        for _ in range(30)
    ]
    for thread in threads:
        thread.start()
    running.gate.unlink()
    for thread in threads:
        thread.join(60)
    ends = {numbers[-1] for numbers in got}
    assert len(got) == 30
    assert len(ends) == 1


def test_killed_in_mid_job_it_goes_on_and_doubles_nothing(tmp_path: Path) -> None:
    (tmp_path / "scenes").mkdir()
    write_scene(tmp_path / "scenes" / "harbour.tif", RECTANGLES)
    with service(tmp_path) as running:
        running.gate.touch()
        with running.client() as client:
            job = submit(client, model="gated")
            second = submit(client)
        with Client(running.address, TOKEN) as follower:
            next(event for event in follower.watch(job) if event.name == "features")
        running.kill()
        running.gate.unlink()
        running.start()
        for one in (job, second):
            assert events(running, one)[-1][2]["state"] == "successful"
        with running.client() as client:
            states = [values["state"] for _, name, values in events(running, job) if name == "status"]
            assert states == ["accepted", "running", "interrupted", "running", "successful"]
            report = client.get(f"/jobs/{job}/results").json()["report"]
            assert report["complete"]
            assert report["features"] == len(RECTANGLES)
            found = client.get(f"/collections/{job}/items").json()
            assert sorted(map(bounds, found["features"])) == [pytest.approx(box, abs=2e-7) for box in boxes_lonlat()]


def test_a_worker_that_dies_fails_its_job_and_no_other(running: Running) -> None:
    with running.client() as client:
        job, after = submit(client, model="dying"), submit(client)
        assert events(running, job)[-1][2]["state"] == "failed"
        assert events(running, after)[-1][2]["state"] == "successful"
        assert client.get(f"/jobs/{job}/results").status_code == 500
        assert "SIGKILL" in client.get(f"/jobs/{job}").json()["message"]


def test_users_take_turns(running: Running) -> None:
    running.gate.touch()
    with running.client() as ann, running.client(**{"x-geoground-user": "ben"}) as ben:
        running_job = submit(ann, model="gated")
        with Client(running.address, TOKEN) as follower:
            next(event for event in follower.watch(running_job) if event.name == "features")
        of_ann = [submit(ann), submit(ann)]
        of_ben = submit(ben)
        ahead = {job: ann.get(f"/jobs/{job}").json()["jobs_ahead"] for job in (*of_ann, of_ben)}
        assert ahead == {of_ben: 1, of_ann[0]: 2, of_ann[1]: 3}
        running.gate.unlink()
        for job in (*of_ann, of_ben):
            events(running, job)
        started = {job: ann.get(f"/jobs/{job}").json()["started"] for job in (*of_ann, of_ben)}
        assert started[of_ben] < started[of_ann[0]] < started[of_ann[1]]


def test_cancelling_and_removing(running: Running) -> None:
    running.gate.touch()
    with running.client() as client:
        job, waiting = submit(client, model="gated"), submit(client)
        assert client.delete(f"/jobs/{waiting}").json()["status"] == "dismissed"
        assert client.delete(f"/jobs/{job}").json()["status"] == "dismissed"
        assert events(running, job)[-1][2]["state"] == "dismissed"
        running.gate.unlink()
        after = submit(client)
        assert events(running, after)[-1][2]["state"] == "successful"
        assert client.delete(f"/jobs/{after}").status_code == 200
        gone = client.get(f"/jobs/{after}")
        assert gone.status_code == 404
        assert gone.json()["type"].endswith("/no-such-job")


def test_review_is_kept_and_exported(running: Running, tmp_path: Path) -> None:
    with running.client() as client:
        job = submit(client, queries=["ship", "boat"])
        events(running, job)
        ids = [f["id"] for f in client.get(f"/collections/{job}/items?query=ship").json()["features"]]
        assert client.patch(f"/jobs/{job}/features/{ids[0]}", json={"review": "accepted"}).status_code == 200
        assert client.patch(f"/jobs/{job}/features/{ids[1]}", json={"review": "rejected"}).status_code == 200
        west, south, east, north = boxes_lonlat()[0]
        moved = [[west, south], [east, south], [east, north + 1e-5], [west, north + 1e-5], [west, south]]
        shape = {"type": "Polygon", "coordinates": [moved]}
        changed = client.patch(f"/jobs/{job}/features/{ids[2]}", json={"geometry": shape, "review": "accepted"}).json()
        assert changed["properties"]["edited"]
        drawn = client.post(f"/jobs/{job}/features", json={"geometry": shape, "query": "ship", "label": "ship"}).json()
        assert drawn["properties"]["review"] == "accepted"
        client.patch(f"/jobs/{job}/features/{drawn['id']}", json={"deleted": True})
        crossed = {"type": "Polygon", "coordinates": [[[15, 41.5], [15.1, 41.6], [15.1, 41.5], [15, 41.6], [15, 41.5]]]}
        refused = client.patch(f"/jobs/{job}/features/{ids[0]}", json={"geometry": crossed})
        assert refused.status_code == 400
        assert "crosses itself" in refused.json()["detail"]
        summary = client.get(f"/collections/{job}").json()["summary"]
        assert summary["reviews"] == {"accepted": 2, "rejected": 1, "open": 5}
        for name in ("geojson", "gpkg"):
            path = tmp_path / f"accepted.{name}"
            path.write_bytes(client.get(f"/jobs/{job}/export", params={"format": name}).content)
            frame = pyogrio.read_dataframe(path)
            assert list(frame["label"]) == ["ship", "ship"]
        assert frame.crs.to_epsg() == 32633
        coco = client.get(f"/jobs/{job}/export", params={"format": "coco", "review": "open"}).json()
        assert sorted(a["bbox"] for a in coco["annotations"] if a["category_id"] == 1)[0] == [10, 10, 20, 20]


def test_results_are_there_after_their_raster_is_gone(running: Running, tmp_path: Path) -> None:
    good = write_scene(tmp_path / "good.tif", RECTANGLES).read_bytes()
    with running.client() as client:
        scene = client.post("/scenes", params={"name": "Häfen 1.tif"}, content=good).json()["id"]
        job = submit(client, scene=scene, queries=["ship", "a/../b"])
        events(running, job)
        path = f"/jobs/{job}/export?review=open&format="
        named = client.get(path + "coco").headers["content-disposition"]
        assert named == "attachment; filename*=utf-8''H%C3%A4fen-1-ship-a-b.coco.json"
        assert client.delete(f"/scenes/{scene}").status_code == 204
        assert len(client.get(path + "geojson").json()["features"]) == 2 * len(RECTANGLES)
        refused = client.get(path + "coco")
        assert refused.status_code == 400
        assert "is gone" in refused.json()["detail"]


def test_many_features_come_as_vector_tiles(running: Running, tmp_path: Path) -> None:
    with running.client() as client:
        job = submit(client, scene=scene_id(client, "many.tif"))
        events(running, job)
        results = client.get(f"/jobs/{job}/results").json()
        assert results["features"]["href"] == f"/collections/{job}/items"
        total = client.get(f"/collections/{job}/items?limit=1").json()["numberMatched"]
        assert total == 96
        x, y, z = morecantile.tms.get("WebMercatorQuad").tile(*boxes_lonlat()[0][:2], 12)
        tile = client.get(f"/collections/{job}/tiles/WebMercatorQuad/{z}/{x}/{y}")
        path = tmp_path / "tile.mvt"
        path.write_bytes(tile.content)
        frame = pyogrio.read_dataframe(path, layer="features", X=x, Y=y, Z=z)
        assert len(frame) == total
        assert set(frame["query"]) == {"ship"}
        assert frame["area_m2"].between(8.9, 9.1).all()
        for more, count in (
            ("area_from=8.5&area_to=9.5", 96),
            ("area_to=8", 0),
            ("without=ship", 0),
            ("without=x", 96),
        ):
            page = client.get(f"/collections/{job}/items?limit=1&{more}").json()
            assert page["numberMatched"] == count, more
        small = client.patch(f"/jobs/{job}/features", json={"review": "accepted", "area_to": 8}).json()
        assert small["changed"] == 0
        placed = frame.to_crs("EPSG:32633")
        assert abs(placed.total_bounds - [500_002, 4_599_907, 500_137, 4_599_998]).max() < 6  # a unit is 2.4 m


def test_questions_are_answered(running: Running) -> None:
    with running.client() as client:
        inputs = {"scene": scene_id(client), "question": "how many ships are there?"}
        answer = client.post("/processes/ask/execution", json={"inputs": inputs})
        assert answer.status_code == 200, answer.text
        assert answer.json()["report"]["value"] == 4
        assert len(answer.json()["features"]["value"]["features"]) == 4


def test_an_estimate_counts_chips(running: Running) -> None:
    with running.client() as client:
        body = {"inputs": {"scene": scene_id(client), "queries": ["ship"]}}
        estimate = client.post("/processes/ground/estimate", json=body).json()
        job = submit(client)
        plan = next(values for _, name, values in events(running, job) if name == "plan")
        assert estimate["chips"] == plan["chips"]
        assert json.dumps(estimate["seconds"]) != "null"


def test_an_estimate_while_a_job_runs_depends_on_what_is_asked(running: Running) -> None:
    """The chips are then those of the built-in model, which looks for trees at a finer resolution than for tracks."""
    running.gate.touch()
    with running.client() as client:

        def chips(query: str) -> int:
            inputs = {"scene": scene_id(client), "queries": [query]}
            return int(client.post("/processes/ground/estimate", json={"inputs": inputs}).json()["chips"])

        job = submit(client, model="gated")
        with Client(running.address, TOKEN) as watching:
            next(event for event in watching.watch(job) if event.name == "progress")  # one batch is answered; it waits
        tree, track = chips("tree"), chips("running track")
        running.gate.unlink()
        events(running, job)
    assert (tree, track) == (6, 1)
