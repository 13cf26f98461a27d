"""Results described as STAC: valid by pystac and the schemas of STAC that it brings, and true."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pystac
import pytest
from pystac.validation.local_validator import LocalValidator

from tests.blobs import BlobModel
from tests.kinds.doors import command
from tests.rasters import write


@pytest.fixture(autouse=True)
def _model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geogrounding.models.load.load_model", lambda *_, **__: BlobModel())


def scene(folder: Path, name: str, **options: Any) -> Path:
    values = np.ones((3, 128, 128), np.uint8)
    values[:, 40:60, 30:50] = 250
    return write(folder / f"{name}.tif", values, photometric="rgb", **options)


def check(path: Path) -> dict[str, Any]:
    """An item that the core schema of STAC takes, offline; extensions have a look of their own below."""
    plain: dict[str, Any] = json.loads(path.read_text())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its successor fetches schemas
        validator = LocalValidator().item_validator(plain["stac_version"])
    errors = [error.message for error in validator.iter_errors(plain)]
    assert errors == []
    pystac.Item.from_dict(plain)
    return plain


def test_a_batch_is_a_catalogue(tmp_path: Path) -> None:
    scenes = [scene(tmp_path, name) for name in ("a", "b")]
    (tmp_path / "q.txt").write_text("bright\n")
    out = tmp_path / "out"
    out.mkdir()
    arguments = ("batch", *scenes, "--queries", tmp_path / "q.txt", "-o", out, "-f", "gpkg")
    result = command(*arguments, "--stac-output", out / "catalog.json")
    assert result.exit_code == 0, result.output
    plain = check(out / "items" / "a.json")
    west, south, east, north = plain["bbox"]
    assert 13.7 < west < east < 13.8
    assert 45.1 < south < north < 45.2
    properties = plain["properties"]
    assert properties["proj:code"] == "EPSG:32633"
    assert properties["processing:expression"] == {"format": "geogrounding-query", "expression": ["bright"]}
    assert set(properties["processing:software"]) == {"geogrounding"}
    assert properties["geogrounding:features"] == 1
    layer = (out / "items" / plain["assets"]["layer"]["href"]).resolve()
    assert len(pyogrio.read_dataframe(layer)) == 1
    described = json.loads((out / "items" / plain["assets"]["run"]["href"]).read_text())
    assert described["layer"]["features"] == 1
    (source,) = [link["href"] for link in plain["links"] if link["rel"] == "derived_from"]
    assert (out / "items" / source).resolve() == scenes[0].resolve()
    catalogue = pystac.Catalog.from_file(str(out / "catalog.json"))
    assert [item.id for item in catalogue.get_items()] == ["a", "b"]
    index = pyogrio.read_dataframe(out / "items.parquet") if "Parquet" in pyogrio.list_drivers() else None
    assert index is None or list(index["id"]) == ["a", "b"]


def test_the_index_is_a_list_of_scenes_again(tmp_path: Path) -> None:
    from geogrounding.sources.items import read_documents

    result = command(
        "run", scene(tmp_path, "a"), "bright", "-o", tmp_path / "a.gpkg", "--stac-output", tmp_path / "catalog.json"
    )
    assert result.exit_code == 0, result.output
    (document,) = read_documents(str(tmp_path / "items.parquet"), allow_remote=False)
    assert document["id"] == "a"
    assert document["assets"]["layer"]["type"] == "application/geopackage+sqlite3"


def test_across_the_antimeridian_and_without_a_place(tmp_path: Path) -> None:
    from affine import Affine

    far = scene(tmp_path, "far", crs="EPSG:4326", transform=Affine(0.01, 0, 179.5, 0, -0.01, 10))
    nowhere = scene(tmp_path, "nowhere", crs=None, transform=None)
    catalogue = tmp_path / "catalog.json"
    assert command("run", far, "bright", "-o", tmp_path / "far.gpkg", "--stac-output", catalogue).exit_code == 0
    pixels = command(
        "run", nowhere, "bright", "--pixel-coordinates", "-o", tmp_path / "nowhere.gpkg", "--stac-output", catalogue
    )
    assert pixels.exit_code == 0, pixels.output
    crossing = check(tmp_path / "items" / "far.json")
    assert crossing["geometry"]["type"] == "MultiPolygon"
    assert crossing["bbox"][0] > crossing["bbox"][2]
    assert check(tmp_path / "items" / "nowhere.json")["geometry"] is None


def test_what_is_no_catalogue_is_refused_before_the_work(tmp_path: Path) -> None:
    raster = scene(tmp_path, "a")
    other = tmp_path / "other.json"
    other.write_text("{}")
    for catalogue in (other, tmp_path / "none" / "catalog.json", tmp_path / "catalog.txt"):
        result = command("run", raster, "bright", "-o", tmp_path / "a.gpkg", "--stac-output", catalogue)
        assert result.exit_code == 5, result.output
        assert not (tmp_path / "a.gpkg").exists()
    assert other.read_text() == "{}"
