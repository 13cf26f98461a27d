"""Many scenes, many workers, a table of a million rows: ratios of one run each.

    python -m benchmarks.scale ray            # 2 workers over this process, built-in model, 40 scenes, all warm
    python -m benchmarks.scale waiting        # 4 workers over this process, a model that only waits
    python -m benchmarks.scale scenes         # memory and time of the main process: 10,000 scenes over 100
    python -m benchmarks.scale scenes --executor ray --counts 100 1000
    python -m benchmarks.scale chips          # processor time of the built-in model for a chip
    python -m benchmarks.scale postgis        # 1,000,000 polygons to PostGIS over the same to a GeoPackage

``ray`` needs two cores that do nothing else. ``postgis`` starts a server of its own, as the tests do.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from pyproj import CRS
from rasterio.transform import from_origin

from geogrounding.execution.executor import Executor, ModelSource
from geogrounding.models.base import Conventions, Model
from geogrounding.types import Answer, Question
from geogrounding.vector.feature import Feature
from tests.databases import Server, server

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "data" / "OSBS_029.tif"
WAIT_S = 0.25
"""What a server far away takes for a batch."""
IN_FLIGHT = 4


class WaitingModel:
    """Waits for each batch as for a server, and finds nothing."""

    name = "waiting"
    fingerprint = "waiting-1"
    conventions = Conventions(tile_size_px=64, overlap_px=0, coordinates="resized-pixels", batch_size=4)

    def ground(self, images: Sequence[Any], questions: Sequence[Question]) -> list[list[Answer]]:
        time.sleep(WAIT_S)
        return [[Answer() for _ in questions] for _ in images]

    def close(self) -> None:
        pass


def load_waiting() -> WaitingModel:
    from benchmarks.scale import WaitingModel as Imported  # the same class in every process, not that of __main__

    return Imported()


def load_builtin() -> Model:
    from geogrounding.models.load import load_model

    return load_model("builtin")


def small_raster(path: Path, side_px: int) -> None:
    pixels = np.random.default_rng(0).integers(1, 255, (3, side_px, side_px), np.uint8)
    profile = {"width": side_px, "height": side_px, "count": 3, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(path, "w", driver="GTiff", transform=from_origin(500_000, 5e6, 0.5, 0.5), **profile) as out:
        out.write(pixels)


def run_all(scenes: Sequence[Path], folder: Path, model: ModelSource, executor: Executor | None, query: str) -> float:
    """Seconds for all scenes; with an executor several are under way together, as in a batch."""
    from geogrounding.distributed.turns import Turns
    from geogrounding.pipeline import run

    turns: Turns | None = getattr(executor, "turns", None)

    def one(scene: Path) -> None:
        output = folder / f"{scene.stem}.geojson"
        if turns is None:
            run(scene, output, query, model=model, overwrite=True)
            return
        with turns.taken():
            run(scene, output, query, model=model, executor=executor, overwrite=True)

    begin = time.monotonic()
    with ThreadPoolExecutor(max_workers=1 if turns is None else IN_FLIGHT) as threads:
        list(threads.map(one, scenes))
    return time.monotonic() - begin


def compare(load: Callable[[], Model], scene: Path, *, scenes: int, workers: int, query: str) -> dict[str, Any]:
    """Seconds of both ways over copies of a scene, after each has answered some; and whether the bytes are equal."""
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    from geogrounding.distributed.ray import RayExecutor

    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        copies = [folder / f"{n:04d}.tif" for n in range(scenes)]
        for copy in copies:
            copy.hardlink_to(scene) if scene.stat().st_dev == folder.stat().st_dev else copy.write_bytes(
                scene.read_bytes()
            )
        for name in ("local", "ray"):
            (folder / name).mkdir()
        with closing(load()) as model:
            run_all(copies[:1], folder / "local", model, None, query)
            local = run_all(copies, folder / "local", model, None, query)
        with RayExecutor(workers=workers, scenes_in_flight=IN_FLIGHT) as executor:
            run_all(copies[: 2 * workers], folder / "ray", load, executor, query)
            far = run_all(copies, folder / "ray", load, executor, query)
        same = all(
            (folder / "local" / f"{c.stem}.geojson").read_bytes() == (folder / "ray" / f"{c.stem}.geojson").read_bytes()
            for c in copies
        )
    return {
        "scenes": scenes,
        "workers": workers,
        "local_s": round(local, 2),
        "ray_s": round(far, 2),
        "throughput_over_local": round(local / far, 2),
        "same_bytes": same,
    }


def ray(scenes: int) -> dict[str, Any]:
    return compare(load_builtin, EXAMPLE, scenes=scenes, workers=2, query="tree")


def waiting(scenes: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        scene = Path(folder) / "scene.tif"
        small_raster(scene, 512)
        return compare(load_waiting, scene, scenes=scenes, workers=4, query="anything")


def chips(side: int) -> dict[str, Any]:
    """Processor seconds of a run for each chip, the model loaded: what a core needs, whatever else the machine does."""
    from geogrounding.pipeline import run

    with rasterio.open(EXAMPLE) as example:
        profile, pixels = example.profile, example.read()
    copies = -(-side // pixels.shape[1])
    profile |= {"width": side, "height": side}
    with tempfile.TemporaryDirectory() as text, closing(load_builtin()) as model:
        folder = Path(text)
        with rasterio.open(folder / "scene.tif", "w", **profile) as out:
            out.write(np.tile(pixels, (1, copies, copies))[:, :side, :side])
        run(EXAMPLE, folder / "warm.geojson", "tree", model=model)
        begin = time.process_time()
        report = run(folder / "scene.tif", folder / "found.geojson", "tree", model=model)
        seconds = time.process_time() - begin
    return {
        "chips": report.chips,
        "found": report.features,
        "processor_s_per_chip": round(seconds / report.chips, 3),
        "chips_per_core_second": round(report.chips / seconds, 2),
    }


def many_scenes(number: int, executor: str) -> None:
    """In the child: a batch of so many small scenes; print what the main process needed."""
    from geogrounding_cli.main import geoground

    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        small_raster(folder / "scene.tif", 256)
        links = [folder / "scenes" / f"{n % 100:02d}" / f"{n:06d}.tif" for n in range(number)]
        for link in links:
            link.parent.mkdir(parents=True, exist_ok=True)
            link.hardlink_to(folder / "scene.tif")
        (folder / "list.txt").write_text("\n".join(map(str, links)))
        (folder / "queries.txt").write_text("anything\n")
        arguments = ["batch", "--manifest", str(folder / "list.txt"), "--queries", str(folder / "queries.txt"), "-q"]
        arguments += ["-o", str(folder / "out"), "--model", "null", "--executor", executor]
        if executor == "ray":
            arguments += ["--workers", "2"]
        begin, cpu = time.monotonic(), time.process_time()
        geoground(arguments, standalone_mode=False)
        seconds, cpu = time.monotonic() - begin, time.process_time() - cpu
        table = (folder / "out" / "summary.csv").stat().st_size
        journal = journal_bytes(links[0], folder)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps({
            "scenes": number,
            "peak_mib": round(peak_mib, 1),
            "ms_per_scene": round(1000 * seconds / number, 1),
            "cpu_ms_per_scene": round(1000 * cpu / number, 1),
            "summary_bytes_per_scene": round(table / number),
            "journal_bytes_per_scene": journal,
        })
    )  # fmt: skip


def journal_bytes(scene: Path, folder: Path) -> int:
    """Size of the journal of a scene, which is gone when its layer is written."""
    from geogrounding.pipeline import walk_scene
    from geogrounding.settings import RunSettings

    path = folder / "one.journal"
    with walk_scene(RunSettings(source=str(scene), expressions=("anything",)), "null", path):
        return path.stat().st_size


def scenes_grow(counts: Sequence[int], executor: str) -> dict[str, Any]:
    rows = []
    for number in counts:
        command = [sys.executable, "-m", "benchmarks.scale", "scenes", "--child", str(number), "--executor", executor]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    return {
        "executor": executor,
        "memory_ratio": round(rows[-1]["peak_mib"] / rows[0]["peak_mib"], 3),
        "cpu_per_scene_ratio": round(rows[-1]["cpu_ms_per_scene"] / rows[0]["cpu_ms_per_scene"], 2),
    }


def polygons(number: int) -> Iterator[Feature]:
    for n in range(1, number + 1):
        x, y = 500_000.0 + 2 * (n % 1000), 4_600_000.0 + 2 * (n // 1000)
        yield Feature(
            id=n,
            query="ship",
            label="ship",
            score=0.5 + (n % 100) / 250,
            reasoning="It is bright, longer than wide, and lies on dark water beside the pier.",
            model="builtin",
            chip="0/0/0",
            source="scene.tif",
            outline="box",
            area_m2=1.0,
            geometry_crs=shapely.box(x, y, x + 1, y + 1),
        )


def postgis(number: int, rounds: int) -> dict[str, Any]:
    from geogrounding.io.database import Table
    from geogrounding.io.postgis import write_table
    from geogrounding.io.write_layer import write_layer

    crs = CRS.from_epsg(32633)
    seconds: dict[str, list[float]] = {"geopackage": [], "postgis": []}
    with server(fsync=True) as database, tempfile.TemporaryDirectory() as folder:
        for n in range(rounds):
            file = partial(write_layer, Path(folder) / f"{n}.gpkg")
            table = partial(write_table, Table.parse(database.address(table=f"work.t{n}")))
            for name, write in (("geopackage", file), ("postgis", table)):
                begin = time.monotonic()
                written = write(polygons(number), crs=crs, metadata={"round": n})
                seconds[name].append(time.monotonic() - begin)
                assert written == number
        sizes = {"geopackage": (Path(folder) / "0.gpkg").stat().st_size, "postgis": table_bytes(database, "work.t0")}
    best = {name: round(min(values), 1) for name, values in seconds.items()}
    return {
        "polygons": number,
        "seconds": best,
        "ratio": round(best["postgis"] / best["geopackage"], 2),
        "bytes_per_polygon": {name: round(size / number) for name, size in sizes.items()},
    }


def table_bytes(database: Server, table: str) -> int:
    """With its indexes."""
    import psycopg

    with psycopg.connect(host=str(database.folder), port=database.port, user="postgres", dbname="gis") as connection:
        row = connection.execute("SELECT pg_total_relation_size(%s::regclass)", (table,)).fetchone()
    assert row is not None
    return int(row[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["ray", "waiting", "scenes", "chips", "postgis"])
    parser.add_argument("--scenes", type=int, help="default: 40 for ray, 12 for waiting")
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 10_000])
    parser.add_argument("--executor", choices=["local", "ray"], default="local")
    parser.add_argument("--polygons", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        many_scenes(options.child, options.executor)
        return
    done: dict[str, Callable[[], dict[str, Any]]] = {
        "ray": partial(ray, options.scenes or 40),
        "waiting": partial(waiting, options.scenes or 12),
        "scenes": partial(scenes_grow, options.counts, options.executor),
        "chips": partial(chips, 1500),
        "postgis": partial(postgis, options.polygons, options.rounds),
    }
    print(json.dumps(done[options.what](), indent=1))


if __name__ == "__main__":
    main()
