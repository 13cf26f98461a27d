"""Results for other programs, read back by those programs' own readers."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
import yaml
from click.testing import CliRunner, Result
from geogrounding_cli.main import geoground
from PIL import Image
from pycocotools.coco import COCO

from tests.blobs import UTM, write_scene

RECTANGLES = [(10, 10, 30, 26), (60, 40, 95, 60), (120, 20, 140, 44), (200, 150, 220, 160), (300, 20, 330, 60)]

TILE = 128


def call(*arguments: object) -> Result:
    return CliRunner().invoke(geoground, ["export", *map(str, arguments)])


def crs_polygon(x0: float, y0: float, x1: float, y1: float) -> shapely.Polygon:
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    return shapely.Polygon([UTM @ corner for corner in corners])


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "scene.tif", RECTANGLES, width=384, height=256)


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    shapes = [crs_polygon(*rectangle) for rectangle in RECTANGLES]
    hole = crs_polygon(307, 30, 320, 48)
    shapes[4] = shapes[4].difference(hole)
    frame = gpd.GeoDataFrame(
        {
            "id": [1, 2, 3, 4, 5],
            "query": ["ship"] * 5,
            "label": ["ship", "ship", "pier", "ship", "pier"],
            "score": [0.9, 0.8, 0.7, 0.6, None],
            "reasoning": ["é" * 200, "short", "=1+1", "", "a\nb"],
            "review": ["accepted", "accepted", "rejected", "accepted", "accepted"],
            "distance_to_river": [1.0, 2.0, 3.0, 4.0, 5.0],
            "distance_to_road": [1.0, 2.0, 3.0, 4.0, 5.0],
        },
        geometry=shapes,
        crs="EPSG:32633",
    )
    path = tmp_path / "found.gpkg"
    frame.to_file(path)
    return path


@pytest.mark.parametrize("shape", ["box", "oriented", "mask"])
def test_coco_shows_the_bright_pixels(scene: Path, layer: Path, tmp_path: Path, shape: str) -> None:
    output = tmp_path / "out" / "coco.json"
    output.parent.mkdir()
    done = call(layer, "-o", output, "--scene", scene, "--annotate", shape, "--tile-size", TILE)
    assert done.exit_code == 0, done.output
    data = COCO(str(output))
    assert [c["name"] for c in data.loadCats(data.getCatIds())] == ["pier", "ship"]
    total = 0
    for image in data.loadImgs(data.getImgIds()):
        pixels = np.asarray(Image.open(output.parent / image["file_name"]))
        assert pixels.shape == (image["height"], image["width"], 3)
        union = np.zeros(pixels.shape[:2], bool)
        for annotation in data.loadAnns(data.getAnnIds(imgIds=image["id"])):
            with warnings.catch_warnings():  # of pycocotools with numpy 2
                warnings.simplefilter("ignore", DeprecationWarning)
                mask = data.annToMask(annotation)
            union |= np.array(mask, dtype=bool)
            total += 1
        bright = pixels[..., 0] > 128
        if shape == "mask":  # the hole of the fifth is bright in the raster and not in the layer
            assert not (union & ~bright).any()
            assert (bright & ~union).sum() in (0, (320 - 307) * (48 - 30))
        else:
            np.testing.assert_array_equal(union, bright)
    assert total == len(RECTANGLES) + 1  # the third lies on two chips, which show 40% and 60% of it
    assert sorted(p.name for p in output.parent.iterdir()) == ["coco-images", "coco.json"]


@pytest.mark.parametrize("shape", ["box", "oriented", "mask"])
def test_yolo_lines_lie_on_the_objects(scene: Path, layer: Path, tmp_path: Path, shape: str) -> None:
    folder = tmp_path / "yolo"
    done = call(
        layer, "-o", folder, "--scene", scene, "--annotate", shape, "--tile-size", TILE, "--only", "review=accepted",
        "--validation", 0.4,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    described = yaml.safe_load((folder / "data.yaml").read_text())
    assert described["names"] == {0: "pier", 1: "ship"}
    lines = 0
    for part in {described["train"], described["val"]}:
        for image in (folder / part).glob("*.png"):
            pixels = np.asarray(Image.open(image))[..., 0]
            height, width = pixels.shape
            label = folder / "labels" / Path(part).name / f"{image.stem}.txt"
            for line in label.read_text().splitlines():
                values = np.array([float(v) for v in line.split()[1:]])
                assert ((values >= 0) & (values <= 1)).all()
                if shape == "box":
                    cx, cy, w, h = values * [width, height, width, height]
                    x0, y0, x1, y1 = cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2
                else:
                    ring = values.reshape(-1, 2) * [width, height]
                    (x0, y0), (x1, y1) = ring.min(axis=0), ring.max(axis=0)
                box = np.zeros_like(pixels, bool)
                box[round(y0) : round(y1), round(x0) : round(x1)] = True
                assert box.any()
                assert (pixels[box] > 128).all()
                lines += 1
    assert lines == 4


def test_shapefile_says_what_it_cannot_hold(layer: Path, tmp_path: Path) -> None:
    output = tmp_path / "labels.shp"
    done = call(layer, "-o", output)
    assert done.exit_code == 0, done.output
    assert "distance_to_river -> distance_t" in done.output
    assert "1 of reasoning were cut" in done.output
    frame = gpd.read_file(output)
    assert len(frame) == len(RECTANGLES)
    assert frame.crs.to_epsg() == 32633
    assert frame.reasoning[0] == "é" * 127
    assert list(frame.distance_1) == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert call(layer, "-o", output).exit_code == 5


def test_points_kml_and_csv(layer: Path, tmp_path: Path) -> None:
    original = gpd.read_file(layer)
    for name in ("points.gpkg", "points.geojson", "points.parquet", "points.fgb"):
        done = call(layer, "-o", tmp_path / name, "--geometry", "point")
        assert done.exit_code == 0, done.output
        read = gpd.read_parquet if name.endswith("parquet") else gpd.read_file
        points = read(tmp_path / name).sort_values("id", ignore_index=True)
        assert set(points.geom_type) == {"Point"}
        assert original.geometry.buffer(0.01).contains(points.geometry.to_crs(original.crs)).all()
    assert call(layer, "-o", tmp_path / "found.kml").exit_code == 0
    assert pyogrio.read_info(tmp_path / "found.kml")["features"] == len(RECTANGLES)
    kml = gpd.read_file(tmp_path / "found.kml").to_crs(32633)
    assert shapely.hausdorff_distance(kml.union_all(), original.union_all()) < 0.05
    assert call(layer, "-o", tmp_path / "found.csv").exit_code == 0
    table = gpd.pd.read_csv(tmp_path / "found.csv")
    assert list(table.reasoning)[2] == "=1+1"
    assert gpd.GeoSeries.from_wkt(table.WKT).equals(gpd.GeoSeries(original.geometry.values))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["-o", "coco.json"], 2, "--scene"),
        (["-o", "out.xyz"], 5, "no format for export"),
        (["-o", "nowhere/out.shp"], 5, "does not exist"),
        (["-o", "out.shp", "--only", "nothing=1"], 3, "no field 'nothing'"),
        (["-o", "out.shp", "--only", "review=maybe"], 3, "no feature"),
        (["-o", "coco.json", "--scene", "SCENE", "--label-field", "missing"], 3, "--label-field"),
        (["-o", "coco.json", "--scene", "OTHER"], 3, ""),
    ],
)
def test_what_cannot_be_is_refused(
    layer: Path,
    scene: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    far = rasterio.transform.from_origin(700_000.0, 5_600_000.0, 0.5, 0.5)
    other = write_scene(tmp_path / "other.tif", RECTANGLES, width=384, height=256, transform=far)
    places: dict[str, Any] = {"SCENE": scene, "OTHER": other}
    before = sorted(tmp_path.iterdir())
    done = call(layer, *[places.get(argument, argument) for argument in arguments])
    assert done.exit_code == code, done.output
    assert message in done.output
    assert "Traceback" not in done.output
    assert sorted(tmp_path.iterdir()) == before


def test_a_kill_leaves_no_half_document(scene: Path, layer: Path, tmp_path: Path) -> None:
    """The document comes last, so where it is, its images are."""
    output = tmp_path / "coco.json"
    call(layer, "-o", output, "--scene", scene, "--tile-size", TILE)
    document = json.loads(output.read_text())
    assert all((tmp_path / image["file_name"]).is_file() for image in document["images"])
