"""What a killed service makes of its jobs at its next start: answers and trainings go on, too."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from geogrounding.service.client import Client, ServerEvent
from tests.blobs import write_scene
from tests.engines.service import TOKEN, Running, service

RECTANGLES = [(10, 10, 30, 30), (100, 20, 140, 40), (50, 100, 90, 130), (200, 150, 220, 190)]
DEMO = Path(__file__).parents[2] / "examples" / "data" / "OSBS_029.tif"
KILLS = int(os.environ.get("GEOGROUND_KILLS", "2"))


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    (tmp_path / "scenes").mkdir()
    write_scene(tmp_path / "scenes" / "harbour.tif", RECTANGLES)
    with service(tmp_path) as started:
        yield started


def submit(client: httpx.Client, process: str, **inputs: Any) -> str:
    path = f"/processes/{process}/execution"
    answer = client.post(path, json={"inputs": inputs}, headers={"prefer": "respond-async"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["jobID"])


def until(running: Running, job: str, *names: str, after: int = 0) -> ServerEvent:
    """The first event of one of these names."""
    with Client(running.address, TOKEN) as client:
        return next(event for event in client.watch(job, after) if event.name in names)


def end(running: Running, job: str) -> list[ServerEvent]:
    with Client(running.address, TOKEN) as client:
        return list(client.watch(job))


def scene_of(client: httpx.Client) -> str:
    return str(client.get("/scenes").json()["scenes"][0]["id"])


def accepted_job(running: Running, client: httpx.Client) -> str:
    """A finished search whose features are all accepted."""
    job = submit(client, "ground", scene=scene_of(client), queries=["ship"])
    assert end(running, job)[-1].values["state"] == "successful"
    client.patch(f"/jobs/{job}/features", json={"review": "accepted"})
    return job


def test_an_answer_goes_on_by_its_journal(running: Running) -> None:
    running.gate.touch()
    with running.client() as client:
        question = "how many ships are there?"
        job = submit(client, "ask", scene=scene_of(client), question=question, model="gated")
        first = until(running, job, "progress")
        running.kill()
        running.start()  # the gate is still shut: the second attempt answers one batch more, and waits
        second = until(running, job, "progress", after=first.number)
        assert second.values["chips_resumed"] == first.values["chips_done"] > 0
        running.gate.unlink()
        assert end(running, job)[-1].values["state"] == "successful"
        assert client.get(f"/jobs/{job}/results").json()["report"]["value"] == len(RECTANGLES)
    assert not list((running.folder / "state" / "jobs" / job).glob("*.journal"))


def test_a_training_goes_on_from_its_checkpoint(running: Running) -> None:
    with running.client() as client:
        source = accepted_job(running, client)
        running.gate.touch()
        job = submit(client, "train", job=source, label="ship", name="ships", steps=3)
        first = until(running, job, "training")
        running.kill()
        assert "ships" not in running_models(running)
        running.gate.unlink()
        running.start()
        steps = [event.values["step"] for event in end(running, job) if event.name == "training"]
        assert first.values["step"] == 1
        assert steps == [1, 2, 3]
        assert client.get(f"/jobs/{job}").json()["status"] == "successful"
        assert "ships" in client.get("/models").json()["models"]


def running_models(running: Running) -> list[str]:
    """Models that a service in this state offers; half-trained ones are none."""
    from geogrounding.service.scenes import Scenes
    from geogrounding.service.shelf import Shelf
    from geogrounding.service.store import Store

    state = running.folder / "state"
    return Shelf(Store(state / "jobs.sqlite"), Scenes((), state / "uploads"), state, ()).model_names()


def test_a_cancelled_training_leaves_its_name_free(running: Running) -> None:
    with running.client() as client:
        source = accepted_job(running, client)
        running.gate.touch()
        inputs = {"job": source, "label": "ship", "name": "ships", "steps": 3}
        job = submit(client, "train", **inputs)
        until(running, job, "training")
        running.kill()
        running.start()
        until(running, job, "loading", after=until(running, job, "training").number)
        assert client.delete(f"/jobs/{job}").json()["status"] == "dismissed"
        running.gate.unlink()
        again = submit(client, "train", **{**inputs, "name": "others"})
        assert end(running, again)[-1].values["state"] == "successful"
        third = submit(client, "train", **inputs)
        assert end(running, third)[-1].values["state"] == "successful"


def test_an_orderly_end_is_no_failure_of_its_jobs(running: Running) -> None:
    running.gate.touch()
    with running.client() as client:
        job = submit(client, "ground", scene=scene_of(client), queries=["ship"], model="gated")
        until(running, job, "features")
        assert running.process is not None
        running.process.terminate()
        running.process.wait(60)
        running.kill()
        running.gate.unlink()
        running.start()
        assert end(running, job)[-1].values["state"] == "successful"
        assert client.get(f"/collections/{job}/items").json()["numberMatched"] == len(RECTANGLES)


def test_kills_at_any_moment_lose_and_double_nothing(running: Running) -> None:
    """GEOGROUND_KILLS=50 for the count of docs/performance.md."""
    chance = random.Random(0)
    for _ in range(KILLS):
        running.gate.touch()
        with running.client() as client:
            job = submit(client, "ground", scene=scene_of(client), queries=["ship"], model="gated")
        moment = chance.choice(("accepted", "running", "plan", "features", "opened"))
        if moment == "opened":  # somewhere in the last batches, the merge, or the writing
            until(running, job, "features")
            running.gate.unlink()
            with running.client() as client:
                for _ in range(chance.randrange(12)):
                    client.get(f"/jobs/{job}")
        elif moment != "accepted":
            until(running, job, *(("status",) if moment == "running" else (moment,)), after=1)
        running.kill()
        running.gate.unlink(missing_ok=True)
        running.start()
        assert end(running, job)[-1].values["state"] == "successful"
        with running.client() as client:
            found = client.get(f"/collections/{job}/items?limit=1000").json()
            shapes = {json.dumps(feature["geometry"]) for feature in found["features"]}
            assert found["numberMatched"] == len(shapes) == len(RECTANGLES)


@pytest.mark.slow
def test_a_real_training_goes_on_after_a_kill(tmp_path: Path) -> None:
    (tmp_path / "scenes").mkdir()
    shutil.copy(DEMO, tmp_path / "scenes")
    with service(tmp_path, real=True) as running, running.client() as client:
        found = submit(client, "ground", scene=scene_of(client), queries=["tree"], min_score=0.3)
        end(running, found)
        client.patch(f"/jobs/{found}/features", json={"review": "accepted"})
        job = submit(client, "train", job=found, label="oak", name="oaks", steps=14)
        with Client(running.address, TOKEN) as follower:
            next(e for e in follower.watch(job) if e.name == "training" and e.values["step"] >= 11)
        running.kill()
        running.start()
        steps = [event.values["step"] for event in end(running, job) if event.name == "training"]
        assert steps[-1] == 14
        assert steps.count(1) == 1  # it did not begin again
        asked = submit(client, "ground", scene=scene_of(client), queries=["oak"], model="oaks")
        assert end(running, asked)[-1].values["state"] == "successful"


@pytest.mark.slow
def test_searches_on_a_ray_cluster_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests import clusters

    clusters.prepare()
    (tmp_path / "scenes").mkdir()
    shutil.copy(DEMO, tmp_path / "scenes")
    found = []
    for executor in ("local", "ray"):
        monkeypatch.setenv("GEOGROUND_TEST_EXECUTOR", executor)
        folder = tmp_path / executor
        folder.mkdir()
        (folder / "scenes").symlink_to(tmp_path / "scenes")
        with service(folder, real=True) as running, running.client() as client:
            for query in ("tree", "car"):  # the second finds the workers warm
                job = submit(client, "ground", scene=scene_of(client), queries=[query])
                last = end(running, job)[-1].values
                assert last["state"] == "successful", last
                found.append(client.get(f"/collections/{job}/items?limit=1000").json()["features"])
    assert found[0]
    assert found[0] == found[2]
    assert found[1] == found[3]
