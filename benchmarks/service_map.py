"""A job of a million polygons in the browser: frame times while it pans, beside the same map without polygons.

python -m benchmarks.service_map [POLYGONS]     1,000,000 by default; Chromium as in `make test-browser`

Frames are those of requestAnimationFrame while the map is moved at a steady pace. Without a graphics card Chromium
draws in software, so that the ratio says more than the milliseconds.
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
from playwright.sync_api import Page, sync_playwright
from pyproj import CRS

from geogrounding.service.client import Client
from geogrounding.service.layers import Layer
from tests.blobs import write_scene
from tests.engines.service import TOKEN, Running, service

SPACING_M = 12.0
BLOCK = 10_000
ARGUMENTS = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
PAN = """([zoom, lon, lat]) => new Promise((resolve) => {
  const map = geoground.view.map;
  map.jumpTo({center: [lon, lat], zoom});
  map.once("idle", () => {
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
        drawn: map.getLayer("result-fill") ? map.queryRenderedFeatures({layers: ["result-fill"]}).length : 0,
      }));
    };
    requestAnimationFrame(frame);
  });
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


def measure(page: Page, zoom: float, lon: float, lat: float) -> dict[str, Any]:
    """Milliseconds of frames while the map pans for four seconds, and until it has come to rest after it."""
    found = page.evaluate(PAN, [zoom, lon, lat])
    times = np.array(found["times"])
    return {
        "frames": len(times),
        "median_ms": float(np.median(times)),
        "p95_ms": float(np.percentile(times, 95)),
        "worst_ms": float(times.max()),
        "rest_ms": found["idle"],
        "drawn": found["drawn"],
    }


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
    from pyproj import Transformer

    to_lonlat = Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)
    lon, lat = to_lonlat.transform(500_000 + middle, 4_600_000 - middle)
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(300_000)
    page.goto(f"{running.address}/?token={TOKEN}")
    page.wait_for_selector("body[data-ready]")
    zooms = (11, 13, 15, 17)
    without = {zoom: measure(page, zoom, lon, lat) for zoom in zooms}
    page.goto(f"{running.address}/#job={job}")
    page.reload()
    page.wait_for_selector("#right:not([hidden])")
    for zoom in zooms:
        found = measure(page, zoom, lon, lat)
        ratio = found["median_ms"] / without[zoom]["median_ms"]
        print(f"zoom {zoom}: median frame over that without features {ratio:.2f}; {json.dumps(found)}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
