"""``geoground info`` and ``geoground models``: true, quick, and without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from geogrounding_cli.main import geoground

from tests.blobs import write_scene

HEAVY = ("torch", "transformers", "geopandas", "pandas", "pyarrow", "httpx", "rich.progress")


def info(*arguments: object) -> Any:
    return CliRunner().invoke(geoground, ["info", *map(str, arguments)])


def test_facts_of_the_example_scene(example_scene: Path) -> None:
    result = info(example_scene, "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert (facts["width"], facts["height"], facts["band_count"], facts["dtype"]) == (400, 400, 3, "uint8")
    assert facts["crs"] == {"id": "EPSG:32617", "name": "WGS 84 / UTM zone 17N"}
    assert facts["bounds_crs"] == pytest.approx([404211.9, 3285102.9, 404251.9, 3285142.9])
    assert facts["ground_resolution_m"] == pytest.approx(0.1, rel=1e-3)
    assert facts["stretch"] == {"method": "auto"}
    levels = facts["grid"]["levels"]
    assert sum(level["columns"] * level["rows"] for level in levels) == facts["estimate"]["chips"]


def test_facts_for_people(example_scene: Path) -> None:
    result = info(example_scene)
    assert result.exit_code == 0
    for words in ("OSBS_029.tif", "400 x 400 pixels", "EPSG:32617", "0.1 m", "auto (values as they are)", "Chips"):
        assert words in result.stdout


def test_options_change_the_grid(example_scene: Path) -> None:
    def facts(*arguments: str) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(info(example_scene, "--json", *arguments).stdout)
        return loaded

    one = facts("--tile-size", "400", "--overlap", "0", "--scales", "1")
    assert one["estimate"]["chips"] == 1
    four = facts("--tile-size", "200", "--overlap", "0", "--scales", "1,2")
    assert four["estimate"]["chips"] == 5
    assert [(level["columns"], level["rows"]) for level in four["grid"]["levels"]] == [(2, 2), (1, 1)]
    part = facts(
        "--tile-size", "200", "--overlap", "0", "--scales", "1", "--bbox", "404211.9,3285122.9,404231.9,3285142.9"
    )
    assert part["estimate"]["chips"] == 1
    assert part["grid"]["area_scene_px"] == [0, 0, 200, 200]


def test_what_is_to_be_read_is_of_the_chips_expected(example_scene: Path) -> None:
    estimate = json.loads(info(example_scene, "car", "--json").stdout)["estimate"]
    assert estimate["chips_expected"] < estimate["chips"]
    assert estimate["megapixels_read"] == round(estimate["chips_expected"] * 336**2 / 1e6, 1)
    text = info(example_scene, "car").stdout
    assert f"about {estimate['chips_expected']} looked at" in text
    assert f"{estimate['megapixels_read']} megapixels" in text


def test_an_image_without_coordinates_is_described_too(tmp_path: Path) -> None:
    image = write_scene(tmp_path / "plain.tif", [], crs=None)
    result = info(image)
    assert result.exit_code == 0, result.output
    assert "--pixel-coordinates" in result.stdout
    assert json.loads(info(image, "--json").stdout)["crs"] is None


def test_floats_with_nan(tmp_path: Path) -> None:
    path = tmp_path / "s.tif"
    values = np.arange(100 * 100, dtype=np.float32).reshape(1, 100, 100)
    values[0, :10] = np.nan
    with rasterio.open(
        path, "w", driver="GTiff", width=100, height=100, count=1, dtype="float32", nodata=float("nan"),
        crs="EPSG:4326", transform=rasterio.transform.from_origin(10, 50, 1e-5, 1e-5),
    ) as out:  # fmt: skip
        out.write(values)
    facts = json.loads(info(path, "--json").stdout)
    assert facts["mask"] is True
    assert facts["stretch"]["low"][0] > 1000
    assert facts["hidden_by"]["nodata"] == 0.1
    assert "hidden: nodata 10%" in info(path).stdout


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    result = info(tmp_path / "none.tif")
    assert result.exit_code == 3
    assert result.stderr.startswith("Error: ")


def test_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen2_5_vl\x1b[31m", "vision_config": {}}))
    (folder / "model.safetensors").write_bytes(b"\0" * 2_000_000)
    result = CliRunner().invoke(geoground, ["models", str(tmp_path)])
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert lines["builtin"].split()[1] == "builtin"
    assert "2 MB" in lines[str(folder)]
    assert "\x1b" not in result.stdout
    listed = json.loads(CliRunner().invoke(geoground, ["models", "--json", str(tmp_path)]).stdout)
    assert {"name", "kind", "licence", "size_mb", "present", "note"} == set(listed[0])
    assert listed[0]["name"] == "builtin"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["batch", "--help"], ["info", "SCENE"], ["models"]]
)
def test_heavy_packages_are_not_imported(arguments: list[str], example_scene: Path) -> None:
    arguments = [str(example_scene) if argument == "SCENE" else argument for argument in arguments]
    code = f"""
import atexit, sys
atexit.register(lambda: print(*sorted(m for m in {HEAVY!r} if m in sys.modules), file=sys.stderr))
from geogrounding_cli.main import main
main()
"""
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120, check=True
    )
    assert result.stdout
    assert result.stderr.split() == []


NOT_FOR_A_RUN = (
    "transformers",
    "tokenizers",
    "sympy",
    "scipy",
    "geopandas",
    "pandas",
    "pyogrio",
    "torch._dynamo",
    "peft",
    "ray",
)


def test_a_run_imports_no_more_than_it_needs(example_scene: Path, tmp_path: Path) -> None:
    """A query for a class, written as GeoJSON: imports without a use were half of its time."""
    code = f"""
import atexit, sys
atexit.register(lambda: print("imported:", *(m for m in {NOT_FOR_A_RUN!r} if m in sys.modules), file=sys.stderr))
from geogrounding_cli.main import main
main()
"""
    out = tmp_path / "trees.geojson"
    arguments = ["run", str(example_scene), "tree", "-o", str(out), "--model", "builtin"]
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=300, check=True
    )
    assert json.loads(out.read_text())["features"]
    assert result.stderr.splitlines()[-1] == "imported:"


def test_help_needs_neither_numpy_nor_rasterio() -> None:
    code = """
import sys, geogrounding_cli.main as m
try:
    m.main()
except SystemExit:
    print([name for name in ("numpy", "rasterio") if name in sys.modules])
"""
    result = subprocess.run(
        [sys.executable, "-c", code, "--help"], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout.endswith("[]\n")


def test_what_is_looked_for_decides_the_resolutions(example_scene: Path) -> None:
    def resolutions(*query: str) -> list[float]:
        facts = json.loads(info(example_scene, *query, "--json").stdout)
        return [facts["ground_resolution_m"] * level["scale"] for level in facts["grid"]["levels"]]

    (car, *_), (track, *_) = resolutions("car"), resolutions("running track")
    assert car < 0.25
    assert track > 0.5
    assert resolutions("car", "running track")[0] == car
