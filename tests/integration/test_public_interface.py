"""What users import as ``gg.*``: sources of every kind, options by name."""

from __future__ import annotations

import typing
from dataclasses import fields
from pathlib import Path

import pytest
import rasterio
from rasterio.io import MemoryFile

import geogrounding as gg
from geogrounding.errors import SettingsError
from geogrounding.settings import RunOptions
from tests.blobs import BlobModel

SCENE = Path(__file__).resolve().parents[2] / "examples/data/OSBS_029.tif"


@pytest.fixture
def blobs() -> BlobModel:
    return BlobModel()


def test_keyword_options_are_the_fields_of_the_settings() -> None:
    hints = typing.get_type_hints(gg.RunSettings)
    wanted = {f.name: hints[f.name] for f in fields(gg.RunSettings) if f.name not in ("source", "expressions")}
    assert typing.get_type_hints(RunOptions) == wanted


def test_a_path_an_open_scene_and_a_dataset_give_the_same(blobs: BlobModel) -> None:
    by_path = gg.ground(SCENE, "tree", model=blobs)
    with gg.Scene.open(SCENE) as scene:
        by_scene = gg.ground(scene, "tree", model=blobs)
        again = gg.ground(scene, "tree", model=blobs)  # it was left open
        streamed = list(gg.stream(scene, "tree", model=blobs))
    with rasterio.open(SCENE) as dataset:
        by_dataset = gg.ground(dataset, "tree", model=blobs)
    assert len(by_path)
    assert by_path.equals(by_scene)
    assert by_path.equals(again)
    assert by_path.equals(by_dataset)
    assert streamed


def test_run_takes_a_raster_with_options_or_settings(blobs: BlobModel, tmp_path: Path) -> None:
    one, other = tmp_path / "one.geojson", tmp_path / "other.geojson"
    options: RunOptions = {"bbox": (0, 0, 200, 200), "bbox_crs": "pixels"}
    gg.run(str(SCENE), str(one), "tree", model=blobs, **options)
    gg.run(gg.RunSettings(source=str(SCENE), expressions=("tree",), **options), other, model=blobs)
    assert one.read_bytes() == other.read_bytes()
    with pytest.raises(SettingsError, match="stand in the RunSettings"):
        gg.run(gg.RunSettings(source=str(SCENE), expressions=("tree",)), other, "ship", model=blobs, overwrite=True)


def test_options_that_come_too_late_are_refused(blobs: BlobModel) -> None:
    with gg.Scene.open(SCENE) as scene, pytest.raises(SettingsError, match=r"bands: decided when .* opened"):
        gg.ground(scene, "tree", model=blobs, bands=(1,))


def test_what_is_no_raster_on_disk_is_refused(blobs: BlobModel) -> None:
    with pytest.raises(SettingsError, match="a int is no raster"):
        gg.ground(7, "tree", model=blobs)
    with MemoryFile(SCENE.read_bytes()) as memory, memory.open() as dataset:
        with pytest.raises(SettingsError, match="is not a file") as refused:
            gg.ground(dataset, "tree", model=blobs)
        assert "GeoTIFF" in str(refused.value.hint)


def test_a_misspelt_option_is_an_error(blobs: BlobModel) -> None:
    with pytest.raises(TypeError, match="min_scores"):
        gg.ground(SCENE, "tree", model=blobs, min_scores=0.5)  # type: ignore[call-arg]  # the point of the test
