"""Outlines drawn again over HTTP: the same as ``geoground outline`` draws, with the checks of the other routes."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import geopandas
import httpx
import pytest
import shapely

from tests.blobs import write_scene
from tests.engines.service import Running, service

RECTANGLES = [(10, 10, 30, 30), (100, 20, 140, 40), (50, 100, 90, 130), (200, 150, 220, 190)]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("service")
    (folder / "scenes").mkdir()
    write_scene(folder / "scenes" / "harbour.tif", RECTANGLES)
    with service(folder) as started:
        yield started


@pytest.fixture(scope="module")
def job(running: Running) -> str:
    return run(running, outline="mask")


def run(running: Running, **inputs: Any) -> str:
    with running.client() as client:
        scene = client.get("/scenes").json()["scenes"][0]["id"]
        asked = {"inputs": {"scene": scene, "queries": ["ship"], **inputs}}
        assert client.post("/processes/ground/estimate", json=asked).status_code == 200
        answer = client.post("/processes/ground/execution", json=asked)
        assert answer.status_code == 200, answer.text
        return str(client.get("/jobs?limit=1").json()["jobs"][0]["jobID"])


def draw(running: Running, job: str, **body: Any) -> list[dict[str, Any]]:
    with running.client() as client:
        answer = client.post(f"/jobs/{job}/outlines", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/geo+json-seq"
    *records, end = answer.text.split("\n")
    assert end == ""
    assert all(record.startswith("\x1e") for record in records)
    return [json.loads(record[1:]) for record in records]


@pytest.mark.parametrize(
    "options", [{"outline": "regular"}, {"outline": "mask", "simplify_m": 3.0}, {"outline": "box"}]
)
def test_the_same_as_the_command_draws(running: Running, job: str, tmp_path: Path, options: dict[str, Any]) -> None:
    masks = running.folder / "state" / "jobs" / job / "result.masks"
    command = [
        str(Path(sys.executable).with_name("geoground")),
        "outline",
        str(masks),
        "-o",
        str(tmp_path / "other.gpkg"),
    ]
    command += [part for name, value in options.items() for part in (f"--{name.removesuffix('_m')}", str(value))]
    subprocess.run(command, check=True, capture_output=True)
    frame = geopandas.read_file(tmp_path / "other.gpkg").set_index("id")
    found = draw(running, job, **options)
    assert sorted(one["id"] for one in found) == sorted(frame.index)
    for one in found:
        row = frame.loc[one["id"]]
        assert one["properties"] == {"outline": row["outline"], "area_m2": pytest.approx(row["area_m2"])}
        there = geopandas.GeoSeries([shapely.geometry.shape(one["geometry"])], crs=4326).to_crs(frame.crs)[0]
        assert there.hausdorff_distance(row["geometry"]) < 0.01


def test_ids_are_those_of_the_features(running: Running, job: str) -> None:
    with running.client() as client:
        items = client.get(f"/collections/{job}/items").json()["features"]
    places = {one["id"]: shapely.geometry.shape(one["geometry"]) for one in items}
    chosen = sorted(places)[1:3]
    found = draw(running, job, outline="mask", ids=chosen)
    assert [one["id"] for one in found] == chosen
    assert all(shapely.geometry.shape(one["geometry"]).intersects(places[one["id"]]) for one in found)
    assert draw(running, job, ids=[]) == []


@pytest.mark.parametrize(
    "body",
    [
        {"outline": "circle"},
        {"simplify_m": -1},
        {"simplify_m": "1"},
        {"least_fit": 2},
        {"ids": [1.5]},
        {"ids": list(range(100_001))},
        {"masks": "/etc/passwd"},
    ],
)
def test_what_is_wrong_is_refused(running: Running, job: str, body: dict[str, Any]) -> None:
    with running.client() as client:
        answer = client.post(f"/jobs/{job}/outlines", json=body)
    assert answer.status_code in (400, 413, 422), answer.text


def test_other_jobs_and_strangers_are_refused(running: Running, job: str) -> None:
    boxes = run(running)
    with running.client() as client:
        assert client.post("/jobs/none/outlines", json={}).status_code == 404
        assert client.post("/jobs/..%2F..%2Fx/outlines", json={}).status_code in (404, 405)
        answer = client.post(f"/jobs/{boxes}/outlines", json={})
        assert answer.status_code == 409
        assert "no masks" in answer.json()["detail"]
    assert httpx.post(f"{running.address}/jobs/{job}/outlines", json={}, trust_env=False).status_code == 401


def test_many_at_once_and_readers_who_leave_block_no_one(running: Running, job: str) -> None:
    for _ in range(4):
        with running.client() as client, client.stream("POST", f"/jobs/{job}/outlines", json={}) as answer:
            assert answer.status_code == 200  # and away without a look at it
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: draw(running, job), range(6)))
    assert all(one == found[0] for one in found)
    assert len(found[0]) == len(RECTANGLES)


def test_a_damaged_file_is_an_error(running: Running) -> None:
    job = run(running, outline="mask")
    masks = running.folder / "state" / "jobs" / job / "result.masks"
    whole = gzip.decompress(masks.read_bytes())
    masks.write_bytes(gzip.compress(whole[:-40]))
    with running.client() as client, pytest.raises(httpx.RemoteProtocolError):
        client.post(f"/jobs/{job}/outlines", json={})
    masks.write_bytes(b"nothing")
    with running.client() as client:
        assert client.post(f"/jobs/{job}/outlines", json={}).status_code == 400
