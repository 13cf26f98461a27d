"""SIGKILL at any moment: the final name is absent or complete, and --resume ends with the same bytes."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.blobs import write_scene

FULL_COUNT = 100
FAST_COUNT = 2
ROOT = Path(__file__).parents[2]


def start(scene: Path, output: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.fault.run_blobs", str(scene), str(output)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


_COUNT = "import sys, pyogrio; print(pyogrio.read_info(sys.argv[1], force_feature_count=True)['features'])"


def count_features(layer: Path) -> int:
    """GDAL of the wheels reads no GeoParquet.

    The others are opened in a process of their own: a file that a killed run left must not take the tests with it, and
    rasterio and pyogrio each bring a GDAL, of which this process has loaded that of rasterio.
    """
    if layer.suffix == ".parquet":
        return int(pq.read_metadata(layer).num_rows)
    counted = subprocess.run([sys.executable, "-c", _COUNT, layer], capture_output=True, text=True, timeout=120)
    assert counted.returncode == 0, f"{layer.name} cannot be opened: {counted.returncode} {counted.stderr[-500:]}"
    return int(counted.stdout)


def check_killed(tmp_path: Path, suffix: str, count: int, seed: int) -> None:
    rng = random.Random(seed)
    rectangles = [(x, y, x + 9, y + 7) for x in range(5, 580, 20) for y in range(5, 580, 20)]
    scene = write_scene(tmp_path / "s.tif", rectangles, width=600, height=600)
    # the same name in folders of their own: a GeoPackage names its table after the file
    reference = tmp_path / "reference" / f"found{suffix}"
    reference.parent.mkdir()
    process = start(scene, reference)
    assert process.stdout is not None
    process.stdout.readline()
    begin = time.monotonic()
    process.communicate(timeout=120)
    duration = time.monotonic() - begin  # of the run itself, without the imports
    assert process.returncode == 0
    for turn in range(count):
        output = tmp_path / str(turn) / f"found{suffix}"
        output.parent.mkdir()
        while True:  # killed again and again until one run gets through
            process = start(scene, output)
            assert process.stdout is not None
            process.stdout.readline()
            try:
                process.wait(timeout=rng.uniform(0, 1.5 * duration))
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
            if output.exists():
                assert count_features(output) == len(rectangles) * 2
        assert process.returncode == 0
        process.communicate()
        assert output.read_bytes() == reference.read_bytes()
        facts, expected = (json.loads(p.with_name(p.name + ".run.json").read_text()) for p in (output, reference))
        assert facts.pop("layer")["sha256"] == expected.pop("layer")["sha256"]
        assert facts == expected
        left = sorted(p.name for p in output.parent.iterdir())
        assert left == [output.name, output.name + ".run.json"]


def test_killed_runs_resume_to_the_same_bytes(tmp_path: Path) -> None:
    check_killed(tmp_path, ".geojson", FAST_COUNT, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".fgb", ".parquet", ".geojsonl"])
def test_a_hundred_kills(tmp_path: Path, suffix: str) -> None:
    check_killed(tmp_path, suffix, FULL_COUNT // 5, seed=2)
