"""A job of a million polygons in the browser: frames while it pans, beside the same map with the polygons hidden.

python -m benchmarks.service_map [POLYGONS]     1,000,000 by default; Chromium as in `make test-browser`

Frames are those of requestAnimationFrame while the map is moved at a steady pace, with and without polygons by turns.
Without a graphics card Chromium draws in software, so that ratios say more than milliseconds: that of the medians of a
frame, and that of the processor time of all processes of the browser per frame (reading tiles included), which other
work on the machine disturbs less.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from playwright.sync_api import Page, sync_playwright
from pyproj import CRS, Transformer

from geogrounding.service.client import Client
from geogrounding.service.layers import Layer
from tests.blobs import write_scene
from tests.engines.service import TOKEN, Running, service

SPACING_M = 12.0
BLOCK = 10_000
ARGUMENTS = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
ZOOMS = (11, 13, 15, 17)
ROUNDS = 3
SHOW = """(visibility) => {
  for (const id of ["image", "result-fill", "result-line", "selected"]) {
    geoground.view.map.setLayoutProperty(id, "visibility", visibility);
  }
}"""
GO = """([zoom, lon, lat]) => new Promise((resolve) => {
  geoground.view.map.jumpTo({center: [lon, lat], zoom});
  geoground.view.map.once("idle", resolve);
})"""
PAN = """() => new Promise((resolve) => {
  const map = geoground.view.map;
  const times = [];
  let last = performance.now();
  const begin = last;
  const frame = (now) => {
    times.push(now - last);
    last = now;
    map.panBy([4, 2], {animate: false});
    if (now - begin < 4000) requestAnimationFrame(frame);
    else map.once("idle", () => resolve({
      times: times.slice(2), idle: performance.now() - now,
      drawn: map.queryRenderedFeatures({layers: ["result-fill"]}).length,
    }));
  };
  requestAnimationFrame(frame);
})"""


def fill(layer: Layer, count: int) -> None:
    """Rectangles in rows and columns, as a town of equal streets would have them."""
    random = np.random.default_rng(0)
    side = int(np.ceil(np.sqrt(count)))
    layer.begin(CRS.from_epsg(32633))
    for start in range(0, count, BLOCK):
        block = []
        for number in range(start, min(count, start + BLOCK)):
            x, y = 500_000 + (number % side) * SPACING_M, 4_600_000 - (number // side) * SPACING_M
            width, height = (float(value) for value in random.uniform(3, 9, 2))
            ring = [[x, y], [x + width, y], [x + width, y + height], [x, y + height], [x, y]]
            properties = {
                "query": "roof", "label": "roof", "score": round(float(random.uniform()), 3), "reasoning": "A roof.",
                "model": "none", "chip": "0/0/0", "source": "scene", "outline": "box",
                "area_m2": round(width * height, 2),
            }  # fmt: skip
            geometry = {"type": "Polygon", "coordinates": [ring]}
            block.append({"id": number + 1, "geometry": geometry, "properties": properties})
        layer.add(block)


def prepare(folder: Path, count: int) -> str:
    """A finished job with that many features; its id."""
    (folder / "scenes").mkdir()
    write_scene(folder / "scenes" / "harbour.tif", [(10, 10, 30, 30)])
    with service(folder) as running, running.client() as client:
        scene = client.get("/scenes").json()["scenes"][0]["id"]
        body = {"inputs": {"scene": scene, "queries": ["roof"]}}
        answer = client.post("/processes/ground/execution", json=body, headers={"prefer": "respond-async"})
        job = str(answer.json()["jobID"])
        with Client(running.address, TOKEN) as follower:
            list(follower.watch(job))
    begin = time.perf_counter()
    fill(Layer(folder / "state" / "jobs" / job / "features.sqlite"), count)
    print(f"{count:,} features kept in {time.perf_counter() - begin:.0f} s", flush=True)
    return job


def processor_s() -> float:
    """Processor time of the browser's processes, which the driver started."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            if "chrom" in process.name():
                times = process.cpu_times()
                total += times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return total


def measure(page: Page, zoom: float, lon: float, lat: float) -> dict[str, Any]:
    """Milliseconds of frames while the map pans for four seconds, and until it has come to rest after it."""
    page.evaluate(GO, [zoom, lon, lat])
    before = processor_s()
    found = page.evaluate(PAN)
    return {**found, "processor_ms": 1000 * (processor_s() - before) / len(found["times"])}


def main(count: int) -> None:
    """Print a line for each zoom."""
    with tempfile.TemporaryDirectory(prefix="geoground-map-") as name, sync_playwright() as playwright:
        folder = Path(name)
        job = prepare(folder, count)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(ARGUMENTS))
        with service(folder) as running:
            compare(running, browser, job, count)
        browser.close()


def compare(running: Running, browser: Any, job: str, count: int) -> None:
    """Pan over the features, and over the same place without them."""
    middle = int(np.ceil(np.sqrt(count))) * SPACING_M / 2
    to_lonlat = Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)
    lon, lat = to_lonlat.transform(500_000 + middle, 4_600_000 - middle)
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(300_000)
    page.goto(f"{running.address}/?token={TOKEN}")
    page.wait_for_selector("body[data-ready]")
    page.goto(f"{running.address}/#job={job}")
    page.reload()
    page.wait_for_selector("#right:not([hidden])")
    for zoom in ZOOMS:
        found: dict[str, list[dict[str, Any]]] = {"none": [], "visible": []}
        for visibility in ("none", "visible") * ROUNDS:
            page.evaluate(SHOW, visibility)
            found[visibility].append(measure(page, zoom, lon, lat))
        values = {
            "frame": [np.median([time for one in found[kind] for time in one["times"]]) for kind in found],
            "processor": [np.median([one["processor_ms"] for one in found[kind]]) for kind in found],
        }
        ratios = {name: round(float(with_them / without), 2) for name, (without, with_them) in values.items()}
        milliseconds = {name: [round(float(value)) for value in both] for name, both in values.items()}
        drawn, rest = found["visible"][-1]["drawn"], found["visible"][-1]["idle"]
        line = {"ratios": ratios, "ms without and with": milliseconds, "outlines": drawn, "rest_ms": round(rest)}
        print(f"zoom {zoom}: {json.dumps(line)}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
