"""The training parts in one small file: they read as before, and the file keeps to its size."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from geogrounding.errors import InputError
from recipes.builtin_model import __main__ as recipe
from recipes.builtin_model.pack import pack
from recipes.builtin_model.sets import BANEPA_WINDOW_PX, read_part


@pytest.fixture
def sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One set of small images, one of them a TIFF, and a small scene with outlines."""
    monkeypatch.setitem(BANEPA_WINDOW_PX, "train", (0, 0, 192, 288))
    rng = np.random.default_rng(0)
    root = tmp_path / "data"
    for split in ("train", "test"):
        images, boxes = [], []
        (root / "rsod" / "images").mkdir(parents=True, exist_ok=True)
        for n in range(6):
            smooth = rng.integers(60, 200, (12, 16, 3)).astype(np.uint8)
            name = f"{split}_{n}.{'tif' if n == 2 else 'png'}"
            Image.fromarray(smooth).resize((320, 240), Image.Resampling.BICUBIC).save(root / "rsod" / "images" / name)
            images.append({"id": n, "file_name": name, "width": 320, "height": 240})
            boxes.append({"id": n, "image_id": n, "category_id": 3, "bbox": [20 + n, 30, 40, 40], "iscrowd": 0})
        labels = {"images": images, "annotations": boxes, "categories": [{"id": 3, "name": "storage tank"}]}
        (root / "rsod" / f"{split}.json").write_text(json.dumps(labels))
    folder = root / "banepa-buildings"
    folder.mkdir()
    profile = {"driver": "GTiff", "width": 192, "height": 384, "count": 3, "dtype": "uint8", "crs": "EPSG:4326"}
    transform = rasterio.transform.from_origin(85.5, 27.6, 1e-6, 1e-6)
    scene = np.asarray(Image.fromarray(rng.integers(60, 200, (32, 16, 3)).astype(np.uint8)).resize((192, 384)))
    with rasterio.open(folder / "banepa_dev.tif", "w", transform=transform, **profile) as file:
        file.write(scene.transpose(2, 0, 1))
    corners = [[85.5001, 27.5999], [85.5002, 27.5999], [85.5002, 27.5998], [85.5001, 27.5998], [85.5001, 27.5999]]
    outline = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [corners]}}
    (folder / "banepa_dev_buildings.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": [outline]})
    )
    return root


def test_what_is_packed_reads_as_before(tmp_path: Path, sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "views.zip"
    recipe.main(["pack", "--data", str(sets), "--out", str(out)])
    assert "WebP of quality 85, large images x 1.0" in capsys.readouterr().out
    with zipfile.ZipFile(out) as archive:
        assert not any("test" in name for name in archive.namelist()), "test parts stay where they are"
        archive.extractall(tmp_path / "views")
    for part in ("train", "dev"):
        before, after = read_part(sets, part), read_part(tmp_path / "views", part)
        assert [p.path.name for p in before] == [p.path.name for p in after]
        for one, other in zip(before, after, strict=True):
            np.testing.assert_allclose(one.boxes_px, other.boxes_px, atol=1e-6)
            np.testing.assert_array_equal(one.labels, other.labels)
            assert one.known == other.known
            difference = one.pixels().astype(float) - other.pixels()
            assert np.abs(difference).mean() < 3
    x0, y0, x1, y1 = BANEPA_WINDOW_PX["train"]
    with rasterio.open(tmp_path / "views" / "banepa-buildings" / "banepa_dev.tif") as scene:
        assert (scene.width, scene.height) == (x1 - x0, y1 - y0)


def test_it_keeps_to_its_size(tmp_path: Path, sets: Path) -> None:
    out = tmp_path / "views.zip"
    best = pack(sets, out)
    whole = out.stat().st_size
    assert pack(sets, out, most_bytes=whole * 3 // 4) != best
    assert out.stat().st_size <= whole * 3 // 4
    with pytest.raises(InputError, match="do not fit"):
        pack(sets, out, most_bytes=1000)
    assert out.stat().st_size <= whole * 3 // 4, "the file of before stays"
    assert not list(tmp_path.glob("*.partial"))
    assert pack(sets, out, only_open=True)
    with zipfile.ZipFile(out) as archive:
        assert {name.split("/")[0] for name in archive.namelist()} == {"banepa-buildings"}
    with pytest.raises(InputError, match="no training part"):
        pack(tmp_path / "nothing", out)


def test_large_images_are_reduced_with_their_boxes(tmp_path: Path, sets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recipes.builtin_model.pack.STEPS", ((85, 0.5),))
    monkeypatch.setattr("recipes.builtin_model.pack.LARGE_PX", 300)
    pack(sets, tmp_path / "views.zip")
    with zipfile.ZipFile(tmp_path / "views.zip") as archive:
        archive.extractall(tmp_path / "views")
    before, after = (
        next(p for p in read_part(root, "train") if p.source == "rsod") for root in (sets, tmp_path / "views")
    )
    assert after.pixels().shape == (120, 160, 3)
    np.testing.assert_allclose(after.boxes_px, before.boxes_px / 2)
