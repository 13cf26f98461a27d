"""The service as ratios: page size, tiles beside rio-tiler, memory over many jobs, clients during a run.

python -m benchmarks.service [page] [tiles] [memory] [clients]     all of them by default
"""

from __future__ import annotations

import asyncio
import gzip
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import rasterio
from rio_tiler.io import Reader

from geogrounding.service.client import Client
from geogrounding.service.scenes import Scenes
from geogrounding.service.tiles import Tiles
from tests.blobs import UTM, write_scene
from tests.engines.service import TOKEN, Running, service

STATIC = Path(__file__).parents[1] / "geogrounding" / "service" / "static"
RECTANGLES = [(10, 10, 30, 30), (100, 20, 140, 40), (50, 100, 90, 130), (200, 150, 220, 190)]
DEMO = Path(__file__).parents[1] / "examples" / "data" / "OSBS_029.tif"


def page(_: Path) -> None:
    files = [path for path in STATIC.rglob("*") if path.suffix in (".html", ".js", ".mjs", ".css")]
    packed = sum(len(gzip.compress(path.read_bytes())) for path in files)
    print(f"page: {len(files)} files, {packed / 1e6:.2f} MB in gzip (goal 1.5)")


def tiles(folder: Path) -> None:
    side = 4096
    pixels = (
        np.random.default_rng(0).integers(0, 255, (3, side // 16, side // 16), np.uint8).repeat(16, 1).repeat(16, 2)
    )
    path = folder / "cog.tif"
    profile: dict[str, Any] = {"driver": "COG", "count": 3, "height": side, "width": side, "dtype": "uint8"}
    with rasterio.open(path, "w", crs="EPSG:32633", transform=UTM, compress="deflate", **profile) as out:
        out.write(pixels)
    (entry,) = Scenes((folder,), folder / "uploads").entries()
    made = Tiles()
    with Reader(str(path)) as reader:
        bounds = reader.get_geographic_bounds(reader.tms.rasterio_geographic_crs)
        places = [tile for zoom in (14, 16, 18) for tile in list(reader.tms.tiles(*bounds, zooms=zoom))[:20]]
        ours, theirs = [], []
        for place in places:
            begin = time.perf_counter()
            found = made.tile(entry, place.z, place.x, place.y)
            middle = time.perf_counter()
            reader.tile(place.x, place.y, place.z, resampling_method="bilinear", reproject_method="bilinear").render(
                img_format="PNG"
            )
            theirs.append(time.perf_counter() - middle)
            ours.append(middle - begin)
            assert found.png
    ratio = statistics.median(ours[5:]) / statistics.median(theirs[5:])
    print(f"tiles: {len(places)} of 256 px, median over that of rio-tiler alone {ratio:.2f} (goal 1.5)")


def submit(client: Any, scene: str, **more: Any) -> str:
    body = {"inputs": {"scene": scene, "queries": ["ship"], **more}}
    answer = client.post("/processes/ground/execution", json=body, headers={"prefer": "respond-async"})
    return str(answer.json()["jobID"])


def ended(running: Running, job: str) -> str:
    with Client(running.address, TOKEN) as client:
        return str(list(client.watch(job))[-1].values["state"])


def memory(folder: Path, first: int = 100, last: int = 1000) -> None:
    (folder / "scenes").mkdir()
    write_scene(folder / "scenes" / "harbour.tif", RECTANGLES)
    after: dict[int, list[int]] = {}
    with service(folder) as running, running.client() as client:
        assert running.process is not None
        process = psutil.Process(running.process.pid)
        scene = client.get("/scenes").json()["scenes"][0]["id"]
        for number in range(1, last + 1):
            job = submit(client, scene)
            if number % 3 == 0:
                assert ended(running, job) == "successful"
            if number in (first, last):
                assert ended(running, job) == "successful"
                workers = sum(child.memory_info().rss for child in process.children(recursive=True))
                after[number] = [process.memory_info().rss, workers]
    server, model = (late / early for early, late in zip(after[first], after[last], strict=True))
    kept = ", ".join(f"{late / 1e6:.0f} MB" for late in after[last])
    print(f"memory: after {last} jobs over after {first}: server {server:.2f}, worker {model:.2f} ({kept}; goal 1.2)")


def clients(folder: Path, count: int = 100, rounds: int = 3) -> None:
    (folder / "scenes").mkdir()
    (folder / "scenes" / DEMO.name).write_bytes(DEMO.read_bytes())
    seconds: dict[int, list[float]] = {0: [], count: []}
    cores: dict[int, list[float]] = {0: [], count: []}
    with service(folder, real=True) as running, running.client() as client:
        assert running.process is not None
        server = psutil.Process(running.process.pid)
        scene = client.get("/scenes").json()["scenes"][0]["id"]
        ended(running, submit(client, scene))
        for _ in range(rounds):
            for number, taken in seconds.items():
                with readers(running, scene, number) as follow:
                    before, begin = server.cpu_times(), time.perf_counter()
                    job = submit(client, scene, queries=["tree", "car", "building", "road"])
                    follow(job)
                    assert ended(running, job) == "successful"
                    after, lasted = server.cpu_times(), time.perf_counter() - begin
                cores[number].append((after.user + after.system - before.user - before.system) / lasted)
                taken.append(client.get(f"/jobs/{job}/results").json()["report"]["seconds"])
    ratio = statistics.median(seconds[0]) / statistics.median(seconds[count])
    share = statistics.median(cores[count])
    print(f"clients: chips/s with {count} readers of tiles and events over none {ratio:.2f} (goal 0.9)")
    print(f"clients: the server itself takes {share:.2f} of a core for them, {statistics.median(cores[0]):.2f} without")


@contextmanager
def readers(running: Running, scene: str, count: int) -> Iterator[Callable[[str], None]]:
    """Pages, in a process of their own: each looks at a tile again each second, and follows the job that it gets."""
    if not count:
        yield lambda _: None
        return
    path = f"/scenes/{scene}/tiles/WebMercatorQuad/20/285475/433649"
    command = [sys.executable, "-m", "benchmarks.service", "read", str(running.port), path, str(count)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()  # all have their first tile

    def follow(job: str) -> None:
        print(f"/jobs/{job}/events", file=process.stdin, flush=True)

    yield follow
    process.terminate()
    print(f"{process.communicate()[0].count('.')} tiles were read while the job ran", flush=True)


async def read(port: str, tile: str, count: str) -> None:
    """What browsers do, with little time of the processor: connections stay open, tiles are asked for by their ETag."""

    async def send(path: str, more: str = "") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
        await ask(writer, path, more)
        return reader, writer

    async def ask(writer: asyncio.StreamWriter, path: str, more: str = "") -> None:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {TOKEN}\r\n{more}\r\n"
        writer.write(head.encode())
        await writer.drain()

    async def follow(events: str) -> None:
        reader, _ = await send(events)
        while await reader.read(1 << 16):
            pass

    async def look() -> None:
        reader, writer = await send(tile)
        tag = ""
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            fields = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if ": " in line)
            await reader.readexactly(int(fields.get("content-length", "0")))
            assert head.split()[1] == ("304" if tag else "200"), head
            if not tag:
                first.release()
            else:
                print(".", end="", flush=True)
            tag = fields["etag"]
            await asyncio.sleep(1.0)
            await ask(writer, tile, f"If-None-Match: {tag}\r\n")

    first = asyncio.Semaphore(0)
    running = [asyncio.create_task(look()) for _ in range(int(count))]
    for _ in running:
        await first.acquire()
    print("ready", flush=True)
    events = (await asyncio.to_thread(sys.stdin.readline)).strip()
    await asyncio.gather(*running, *(follow(events) for _ in running))


PARTS = {"page": page, "tiles": tiles, "memory": memory, "clients": clients}


def main() -> None:
    if sys.argv[1:2] == ["read"]:
        asyncio.run(read(*sys.argv[2:]))
        return
    for name in sys.argv[1:] or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            PARTS[name](Path(folder))


if __name__ == "__main__":
    main()
