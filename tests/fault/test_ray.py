"""Runs on a real Ray cluster of several nodes: workers, nodes and the owner die, and the bytes stay the same."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner
from geogrounding_cli.main import geoground

from geogrounding.distributed.ray import RayExecutor, shares
from geogrounding.errors import ClusterError, GeogroundingError, ModelError, SceneError, SettingsError
from geogrounding.execution.report import Progress
from geogrounding.pipeline import run
from tests.blobs import BlobModel, write_scene
from tests.clusters import ROOT, add_node, answerers, cluster

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Ray leaves files of its log to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
FULL_COUNT = 20
NODES = 2
SIDE = 320


def load() -> BlobModel:
    """Batches of three: no part of a scene, no row of chips and no number of workers is a multiple of it."""
    return BlobModel(batch_size=3)


def load_broken() -> BlobModel:
    """A model that cannot be loaded."""
    raise ModelError("the weights are damaged", hint="Copy them again.")


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    with cluster(NODES) as made:
        yield made


@pytest.fixture(scope="module")
def executor(nodes: Any) -> Iterator[RayExecutor]:
    with RayExecutor(address=nodes.address, workers=2) as made:
        yield made


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quarter of it is without data, so that batches end at places that only reading can show."""
    rectangles = [(x, y, x + 9, y + 7) for x in range(5, SIDE - 20, 20) for y in range(5, SIDE - 20, 20)]
    path = tmp_path_factory.mktemp("scene") / "s.tif"
    write_scene(path, rectangles, width=SIDE, height=SIDE, nodata=0)
    import rasterio

    with rasterio.open(path, "r+") as raster:
        pixels = raster.read()
        pixels[:, 100:260, 100:260] = 0
        raster.write(pixels)
    return path


@pytest.fixture(scope="module")
def expected(scene: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, dict[str, Any]]:
    output = tmp_path_factory.mktemp("local") / "found.geojson"
    report = run(scene, output, "bright", "light", model=load)
    assert report.empty_chips > 0
    assert report.features > 100
    return output.read_bytes(), json.loads(output.with_name("found.geojson.run.json").read_text())


def check(output: Path, expected: tuple[bytes, dict[str, Any]]) -> None:
    assert output.read_bytes() == expected[0]
    assert json.loads(output.with_name(output.name + ".run.json").read_text()) == expected[1]
    assert sorted(p.name for p in output.parent.iterdir()) == [output.name, output.name + ".run.json"]


def place(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    return folder / "found.geojson"


def test_same_bytes_as_on_one_machine(
    executor: RayExecutor, scene: Path, expected: tuple[bytes, dict[str, Any]], tmp_path: Path
) -> None:
    seen: list[Progress] = []
    output = place(tmp_path, "ray")
    run(scene, output, "bright", "light", model=load, executor=executor, on_progress=seen.append)
    check(output, expected)
    assert [p.chips_done for p in seen] == sorted(p.chips_done for p in seen)
    assert len(seen) > 10


def kill_workers(executor: RayExecutor, scene: Path, output: Path, rng: random.Random) -> int:
    """Run, and kill workers at random batches."""
    killed: list[int] = []
    at = {rng.randrange(2, 12)}

    def strike(progress: Progress) -> None:
        if at and progress.chips_done // 3 >= min(at):
            at.clear()
            victims = answerers()
            victim = rng.choice(victims)
            victim.kill()
            killed.append(victim.pid)

    run(scene, output, "bright", "light", model=load, executor=executor, on_progress=strike)
    return len(killed)


def test_a_killed_worker_costs_nothing_but_time(
    executor: RayExecutor, scene: Path, expected: tuple[bytes, dict[str, Any]], tmp_path: Path
) -> None:
    output = place(tmp_path, "worker")
    assert kill_workers(executor, scene, output, random.Random(1)) == 1
    check(output, expected)


@pytest.mark.slow
def test_twenty_killed_workers(
    executor: RayExecutor, scene: Path, expected: tuple[bytes, dict[str, Any]], tmp_path: Path
) -> None:
    rng, killed = random.Random(2), 0
    for turn in range(FULL_COUNT):
        output = place(tmp_path, f"worker-{turn}")
        killed += kill_workers(executor, scene, output, rng)
        check(output, expected)
    assert killed == FULL_COUNT


def kill_node(nodes: Any, executor: RayExecutor, scene: Path, output: Path, rng: random.Random) -> int:
    """Run, and kill a whole node, its readers, pixels and worker, at a random batch; then bring another."""
    killed: list[Any] = []
    at = {rng.randrange(2, 12)}

    def strike(progress: Progress) -> None:
        if at and progress.chips_done // 3 >= min(at):
            at.clear()
            node = rng.choice(list(nodes.worker_nodes))
            killed.append(node)
            nodes.remove_node(node, allow_graceful=False)

    try:
        run(scene, output, "bright", "light", model=load, executor=executor, on_progress=strike)
    finally:
        for _ in killed:
            add_node(nodes, num_cpus=3)
    return len(killed)


def test_a_killed_node_costs_nothing_but_time(
    nodes: Any, executor: RayExecutor, scene: Path, expected: tuple[bytes, dict[str, Any]], tmp_path: Path
) -> None:
    output = place(tmp_path, "node")
    assert kill_node(nodes, executor, scene, output, random.Random(3)) == 1
    check(output, expected)


@pytest.mark.slow
def test_twenty_killed_nodes(
    nodes: Any, executor: RayExecutor, scene: Path, expected: tuple[bytes, dict[str, Any]], tmp_path: Path
) -> None:
    rng, killed = random.Random(4), 0
    for turn in range(FULL_COUNT):
        output = place(tmp_path, f"node-{turn}")
        killed += kill_node(nodes, executor, scene, output, rng)
        check(output, expected)
    assert killed == FULL_COUNT


def kill_owner(nodes: Any, scene: Path, output: Path, rng: random.Random) -> int:
    """Start the run in a process of its own, kill that once it has answered some batches, and resume, until it ends."""
    kills = 0
    journal = output.with_name(output.name + ".journal")
    while True:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.fault.run_ray", str(scene), str(output), nodes.address],
            cwd=ROOT,
            env={**os.environ, "RAY_ADDRESS": nodes.address},
        )
        begin = journal.stat().st_size if journal.exists() else 0
        wanted = rng.randrange(1, 6) if kills == 0 else 10**9
        while process.poll() is None:
            size = journal.stat().st_size if journal.exists() else 0
            if size > begin and journal.read_bytes().count(b"\n") > wanted:
                process.kill()
                kills += 1
                break
            time.sleep(0.01)
        if process.wait() == 0:
            return kills
        assert process.returncode == -9


def test_a_killed_owner_goes_on_with_resume(
    nodes: Any, scene: Path, expected: tuple[bytes, dict[str, Any]], tmp_path: Path
) -> None:
    output = place(tmp_path, "owner")
    assert kill_owner(nodes, scene, output, random.Random(5)) == 1
    check(output, expected)


@pytest.mark.slow
def test_twenty_killed_owners(nodes: Any, scene: Path, expected: tuple[bytes, dict[str, Any]], tmp_path: Path) -> None:
    rng, killed = random.Random(6), 0
    for turn in range(FULL_COUNT):
        output = place(tmp_path, f"owner-{turn}")
        killed += kill_owner(nodes, scene, output, rng)
        check(output, expected)
    assert killed >= FULL_COUNT


def test_scenes_share_the_workers_in_turns(executor: RayExecutor, scene: Path, tmp_path: Path) -> None:
    outputs = [place(tmp_path, f"s{n}") for n in range(3)]
    failures: list[GeogroundingError] = []

    def walk(output: Path) -> None:
        try:
            with executor.turns.taken():
                run(scene, output, "bright", model=load, executor=executor)
        except GeogroundingError as error:
            failures.append(error)

    threads = [threading.Thread(target=walk, args=(output,)) for output in outputs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len({output.read_bytes() for output in outputs}) == 1
    assert executor.workers == 2


def test_errors_arrive_as_they_are(executor: RayExecutor, scene: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="keeps one model"):
        run(scene, tmp_path / "a.geojson", "bright", model=load_broken, executor=executor)
    with pytest.raises(SettingsError, match="loaded model"):
        run(scene, tmp_path / "a.geojson", "bright", model=load(), executor=executor)
    with RayExecutor(workers=1) as other:
        with pytest.raises(ModelError, match="weights are damaged") as caught:
            run(scene, tmp_path / "a.geojson", "bright", model=load_broken, executor=other)
        assert caught.value.hint == "Copy them again."
    assert list(tmp_path.glob("a.geojson*")) == []


def test_another_raster_of_the_same_name_is_refused(scene: Path, tmp_path: Path) -> None:
    from geogrounding.distributed.worker import SceneJob, read_part
    from geogrounding.raster.scene import Scene

    with Scene.open(scene) as opened:
        job = SceneJob.of("k", opened, None)  # type: ignore[arg-type]
        found = read_part(job, "0" * 64, [opened.grid()[0]], opened.stretch)
    assert isinstance(found[0], SceneError)
    assert "not the raster" in str(found[0])


def test_other_software_is_refused() -> None:
    from dataclasses import replace

    from geogrounding.distributed.pool import check_software
    from geogrounding.distributed.worker import software

    check_software(software())
    with pytest.raises(ClusterError, match=r"geogrounding 0\.0\.1"):
        check_software(replace(software(), geogrounding="0.0.1"))
    with pytest.raises(ClusterError, match=r"Python 3\.9"):
        check_software(replace(software(), python="3.9.1"))


def test_a_worker_dies_over_every_batch() -> None:
    """A batch that kills whatever looks at it ends the run with a message and not in a circle."""
    from geogrounding.distributed.pool import MOST_LOST, Pool

    class Order:
        lost = MOST_LOST + 1

    from concurrent.futures import Future

    order: Any = Order()
    order.future = Future()
    Pool._again(Pool.__new__(Pool), order)
    with pytest.raises(ClusterError, match="lost over the same chips"):
        order.future.result()


def test_a_batch_over_the_cluster_writes_what_one_process_writes(
    nodes: Any, scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The largest file begins first, and the table is in the order that was given."""
    monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    small = write_scene(tmp_path / "small.tif", [], width=64, height=64)
    arguments = ["batch", str(small), str(tmp_path / "gone.tif"), str(scene), "--model", "null", "-q"]
    (tmp_path / "queries.txt").write_text("bright\n")
    tables = []
    for name, options in (("local", []), ("ray", ["--executor", "ray", "--workers", "2"])):
        out = ["--queries", str(tmp_path / "queries.txt"), "-o", str(tmp_path / name)]
        done = CliRunner().invoke(geoground, [*arguments, *out, *options])
        assert done.exit_code == 6, done.output
        with (tmp_path / name / "summary.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        tables.append([(row["scene"], row["layer"], row["status"], row["chips"], row["key"]) for row in rows])
        again = CliRunner().invoke(geoground, [*arguments, *out, *options, "--resume", "--dry-run", "--no-probe"])
        assert "3 (2 done already, 1 cannot be used)" in again.stdout
    assert tables[0] == tables[1]
    assert [row[2] for row in tables[0]] == ["done", "failed", "done"]
    for name in ("small.geojson", f"{scene.stem}.geojson"):
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()


@pytest.mark.parametrize(
    ("cores", "cards", "workers", "gpus", "expected"),
    [
        ([8, 4], [0, 0], None, None, (12, 1.0, 0.0)),
        ([2], [0], 4, None, (4, 0.5, 0.0)),
        ([8], [2], None, None, (2, 0.0, 1.0)),
        ([8, 8], [1, 1], None, 0.5, (4, 0.0, 0.5)),
        ([8, 8], [1, 2], None, 2.0, (1, 0.0, 2.0)),
        ([8], [1], 4, 0.25, (4, 0.0, 0.25)),
        ([8], [1], 3, 0.5, "3 workers with 0.5"),
        ([8], [1], None, 2.0, "no place"),
        ([0], [0], None, None, "no cores"),
    ],
)
def test_cores_and_cards_of_workers(
    monkeypatch: pytest.MonkeyPatch,
    cores: list[int],
    cards: list[int],
    workers: int | None,
    gpus: float | None,
    expected: tuple[int, float, float] | str,
) -> None:
    import ray

    nodes = [{"Alive": True, "Resources": {"CPU": c, "GPU": g}} for c, g in zip(cores, cards, strict=True)]
    dead = {"Alive": False, "Resources": {"CPU": 64, "GPU": 8}}
    monkeypatch.setattr(ray, "nodes", lambda: [*nodes, dead])
    if isinstance(expected, str):
        with pytest.raises(ClusterError, match=expected) as caught:
            shares(workers, gpus)
        assert caught.value.hint
    else:
        assert shares(workers, gpus) == expected


def test_a_cluster_that_is_not_there(scene: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from geogrounding_cli.main import main; sys.argv = ['geoground', 'run', sys.argv[1], 'x', '-o', "
        "sys.argv[2], '--model', 'null', '--executor', 'ray']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(scene), str(tmp_path / "x.gpkg")],
        cwd=ROOT,
        env={**os.environ, "RAY_ADDRESS": "127.0.0.1:1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == ClusterError.exit_code, done.stderr
    assert "Error: no cluster can be used at '127.0.0.1:1'" in done.stderr
    assert list(tmp_path.glob("x.gpkg*")) == []
    assert psutil.pid_exists(os.getpid())


def test_a_cluster_outlives_the_thread_that_started_it(scene: Path, tmp_path: Path) -> None:
    """Runs in threads of their own, one after the other, on a cluster that the first of them starts."""
    script = """if True:
        import sys, threading
        from geogrounding.distributed.ray import RayExecutor
        from geogrounding.pipeline import run
        with RayExecutor(workers=1) as executor:
            for n in range(2):
                job = lambda: run(sys.argv[1], f"{sys.argv[2]}/{n}.geojson", "x", model="null", executor=executor)
                thread = threading.Thread(target=job)
                thread.start()
                thread.join()
    """
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    subprocess.run(
        [sys.executable, "-c", script, str(scene), str(tmp_path)], cwd=ROOT, env=environment, check=True, timeout=300
    )
    assert {path.name for path in tmp_path.glob("*.geojson")} == {"0.geojson", "1.geojson"}
