"""How much of a run is spent in the model, and how much faster it is than asking chip by chip.

    python benchmarks/overhead.py SCENE "airplane"                   # any raster or image
    python benchmarks/overhead.py SCENE "airplane" --plain-chips 20  # fewer chips in the plain loop

Both ways ask the built-in model the same question about the same chips, in one process: first ``geogrounding.run``,
then a plain loop that reads a window with rasterio, calls the processor and ``generate``, and goes to the next. The
plain loop takes the first ``--plain-chips`` chips and is compared by chips per second.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

import rasterio
from rasterio.windows import Window

from geogrounding.execution.scan_plan import make_plan
from geogrounding.execution.scene import open_scene
from geogrounding.models.builtin import BUILTIN_CONVENTIONS, WEIGHTS
from geogrounding.models.load import load_model
from geogrounding.pipeline import run
from geogrounding.raster.grid import Chip
from geogrounding.settings import RunSettings


def plain_loop(settings: RunSettings, chips: list[Chip]) -> float:
    """Seconds that a script of transformers and rasterio takes for these chips, loading left out."""
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    import geogrounding.models.builtin.register  # noqa: F401 - registers the classes

    processor: Any = AutoProcessor.from_pretrained(WEIGHTS)
    model: Any = AutoModelForImageTextToText.from_pretrained(WEIGHTS, dtype=torch.float32).eval()
    begin = time.monotonic()
    with rasterio.open(settings.source) as source, torch.inference_mode():
        for chip in chips:
            x0, y0, x1, y1 = chip.window_scene_px
            width, height = chip.size_px
            window = Window(x0, y0, x1 - x0, y1 - y0)
            pixels = source.read((1, 2, 3), window=window, out_shape=(3, height, width)).transpose(1, 2, 0)
            inputs = processor(images=pixels, text=f"{settings.task}: {settings.expressions[0]}", return_tensors="pt")
            output = model.generate(**inputs, max_new_tokens=336, do_sample=False)
            processor.batch_decode(output)
    return time.monotonic() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene")
    parser.add_argument("query")
    parser.add_argument("--plain-chips", type=int, default=60)
    arguments = parser.parse_args()
    settings = RunSettings(source=arguments.scene, expressions=(arguments.query,), pixel_coordinates=True)
    model = load_model("builtin")
    with tempfile.TemporaryDirectory() as folder:
        run(settings, Path(folder) / "warm.geojson", model=model)
        report = run(settings, Path(folder) / "timed.geojson", model=model)
    with open_scene(settings) as scene:
        chips = list(islice(make_plan(scene, settings, BUILTIN_CONVENTIONS).grid, arguments.plain_chips))
    plain_loop(settings, chips[:2])
    plain_seconds = plain_loop(settings, chips)
    ours, plain = report.chips / report.seconds, len(chips) / plain_seconds
    values = {
        "chips": report.chips,
        "features": report.features,
        "seconds": round(report.seconds, 2),
        "share_in_model": round(report.model_seconds / report.seconds, 3),
        "share_waiting_for_chips": round(report.waiting_seconds / report.seconds, 3),
        "chips_per_second": round(ours, 2),
        "plain_chips_per_second": round(plain, 2),
        "times_faster": round(ours / plain, 2),
    }
    print(json.dumps(values, indent=2))


if __name__ == "__main__":
    main()
