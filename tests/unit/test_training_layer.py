"""A raster and a layer become chips with labels in the right places, and what cannot work is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from PIL import Image

from geogrounding.datasets import CutOptions, cut_training_set, read_samples
from geogrounding.datasets.cut import notes_of_cut
from geogrounding.datasets.dihedral import turn_pixels
from geogrounding.datasets.sample import turned
from geogrounding.errors import InputError
from geogrounding.execution.scan_plan import make_plan
from geogrounding.models.base import Conventions
from geogrounding.raster.grid import ChipGrid
from geogrounding.raster.reader import read_chips
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import compute_stretch
from geogrounding.raster.tiling import Tiling
from geogrounding.settings import RunSettings
from tests import rasters
from tests.unit.training_layers import cut, layer, scene

TURNED = Affine.translation(400_000, 5_000_000) @ Affine.rotation(30) @ Affine.scale(0.5, -0.5)


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("transform", [rasters.NORTH_UP, TURNED], ids=["north-up", "turned"])
@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:4326", "EPSG:3857"])
def test_labels_lie_where_the_polygons_do(tmp_path: Path, transform: Affine, crs: str) -> None:
    """One chip as large as the scene: boxes in chip pixels are the boxes that were drawn, whatever the CRS."""
    boxes = [(10.0, 20.0, 40.0, 50.0), (100.0, 90.0, 130.0, 150.0)]
    data = cut(tmp_path, scene(tmp_path, transform=transform), layer(tmp_path, boxes, transform=transform, to=crs),
               tile_size_px=256)  # fmt: skip
    (sample,) = read_samples(data, on_error="refuse").samples
    assert np.abs(sample.boxes_px - boxes).max() < 0.02
    assert sample.size_px == (200, 160)
    assert (sample.expression, sample.category, sample.task, sample.labels) == ("ship", "ship", "detect", ("ship",) * 2)


def test_chips_are_those_of_a_run(tmp_path: Path) -> None:
    """Pixels and windows equal what the grid, the stretch and the reader of a run give."""
    raster = scene(tmp_path)
    data = cut(tmp_path, raster, layer(tmp_path, [(90, 70, 110, 90)]), scales=(1.0, 2.0))
    by_window = {tuple(record["window_scene_px"]): record for record in records(data)}
    with Scene.open(raster) as opened:
        tiling = Tiling(tile_size_px=64, overlap_px=16, scales=(1.0, 2.0))
        grid = ChipGrid(opened.width, opened.height, tiling=tiling)
        images = {image.chip.window_scene_px: image for image in read_chips(opened, grid, compute_stretch(opened))}
    assert by_window.keys() <= images.keys()
    assert {record["width"] for record in by_window.values()} == {64}
    for window, record in by_window.items():
        pixels = images[window].pixels
        assert pixels is not None
        assert np.array_equal(np.asarray(Image.open(data.parent / record["image"])), pixels)
    assert {images[window].chip.level for window in by_window} == {0, 1}


def test_chips_are_those_that_a_model_would_be_asked_about(tmp_path: Path) -> None:
    """A model for 1 to 2 m looks at a scene of 0.5 m at every second pixel."""
    wanted = Conventions(
        tile_size_px=48, overlap_px=8, coordinates="per-mille", scales=(1.0, 2.0), ground_resolution_m=(1.0, 2.0)
    )
    raster, labels = scene(tmp_path), layer(tmp_path, [(90, 70, 110, 90)])
    options = CutOptions(expression="ship", negatives=9.0)
    data = cut_training_set(raster, labels, out=tmp_path / "cut", options=options, conventions=wanted)
    with Scene.open(raster) as opened:
        plan = make_plan(opened, RunSettings(source=str(raster), expressions=("ship",)), wanted)
    assert plan.tiling.scales[0] == pytest.approx(2.0, rel=1e-3)
    assert {tuple(r["window_scene_px"]) for r in records(data)} <= {chip.window_scene_px for chip in plan.grid}
    assert json.loads((data.parent / "cut.json").read_text())["plan"] == plan.describe()


def test_a_raster_of_16_bits_gets_the_stretch_of_the_scene(tmp_path: Path) -> None:
    array = rasters.noise((3, 160, 200)).astype(np.uint16) * 100
    raster = rasters.write(tmp_path / "scene.tif", array)
    data = cut(tmp_path, raster, layer(tmp_path, [(10, 10, 30, 30), (150, 120, 170, 140)]), stretch="0,65535")
    with Scene.open(raster) as opened:
        expected = compute_stretch(opened, "0,65535").apply(array)
    for record in records(data):
        x0, y0, x1, y1 = (int(value) for value in record["window_scene_px"])
        assert np.array_equal(np.asarray(Image.open(data.parent / record["image"])), expected[y0:y1, x0:x1])
    assert json.loads((data.parent / "cut.json").read_text())["stretch"]["method"] == "0,65535"


def test_a_polygon_of_which_too_little_is_seen_is_no_label(tmp_path: Path) -> None:
    """Chips without overlap at x = 64: 20 of 40 pixels on each side."""
    raster, labels = scene(tmp_path, size=(128, 64)), layer(tmp_path, [(44, 10, 84, 30), (5, 40, 15, 50)])
    data = cut(tmp_path, raster, labels, overlap_px=0, least_visible=0.6, negatives=5.0)
    got = records(data)
    assert [record["window_scene_px"][0] for record in got] == [0]  # nor is the right chip a negative
    assert json.loads(got[0]["solution"].strip("`json\n")) == [{"bbox_2d": [5, 40, 15, 50], "label": "ship"}]


def test_a_polygon_is_cut_at_the_edge_of_the_chip(tmp_path: Path) -> None:
    raster, labels = scene(tmp_path, size=(128, 64)), layer(tmp_path, [(44, 10, 84, 30)])
    data = cut(tmp_path, raster, labels, overlap_px=0, least_visible=0.5)
    boxes = [sample.boxes_px.tolist() for sample in read_samples(data).samples]
    assert boxes == [[[44, 10, 64, 30]], [[0, 10, 20, 30]]]


def test_the_visible_share_is_of_the_polygon_not_of_its_box(tmp_path: Path) -> None:
    """A triangle whose right half holds a quarter of its box's left half: by boxes it would be half, it is 3/4."""
    points = [rasters.NORTH_UP @ p for p in ((44, 10), (84, 30), (44, 50))]
    frame = gpd.GeoDataFrame(geometry=[shapely.Polygon(points)], crs="EPSG:32633")
    frame.to_file(tmp_path / "t.gpkg", engine="pyogrio")
    data = cut(tmp_path, scene(tmp_path, size=(128, 64)), tmp_path / "t.gpkg", overlap_px=0, least_visible=0.7)
    (sample,) = read_samples(data).samples
    assert sample.boxes_px.tolist() == [[44, 10, 64, 50]]


def test_negatives_show_no_part_of_a_target(tmp_path: Path) -> None:
    names = ["ship", "crane"]
    data = cut(
        tmp_path, scene(tmp_path), layer(tmp_path, [(10, 10, 30, 30), (150, 120, 170, 140)], names),
        expression_field="what", negatives=1.0,
    )  # fmt: skip
    got = records(data)
    shown = [r for r in got if r["solution"] != "None"]
    absent = [r for r in got if r["solution"] == "None"]
    assert len(shown) == len(absent) == 2
    for record in absent:
        x0, y0, x1, y1 = record["window_scene_px"]
        drawn = shapely.box(10, 10, 30, 30) if record["expression"] == "ship" else shapely.box(150, 120, 170, 140)
        assert not shapely.box(x0, y0, x1, y1).intersects(drawn)
    assert len({(r["image"], r["expression"]) for r in got}) == 4


def test_the_choice_of_negatives_follows_the_seed(tmp_path: Path) -> None:
    raster, labels = scene(tmp_path), layer(tmp_path, [(10, 10, 30, 30)])
    made = []
    for number, seed in enumerate((1, 1, 2)):
        folder = tmp_path / str(number)
        folder.mkdir()
        made.append(cut(folder, raster, labels, negatives=3.0, seed=seed).read_text())
    assert made[0] == made[1] != made[2]


def test_each_word_of_a_field_is_an_expression(tmp_path: Path) -> None:
    names = ["ship", "crane", None, "  "]
    boxes = [(10.0, 10.0, 20.0, 20.0), (30, 30, 40, 40), (50, 10, 60, 20), (10, 50, 20, 60)]
    data = cut(tmp_path, scene(tmp_path, size=(64, 64)), layer(tmp_path, boxes, names), expression_field="what")
    assert [(s.expression, len(s.boxes_px)) for s in read_samples(data).samples] == [("crane", 1), ("ship", 1)]
    record = json.loads((data.parent / "cut.json").read_text())
    assert record["left_out_features"] == {"no text in the field what": 2}


def test_refer_takes_single_targets(tmp_path: Path) -> None:
    names = ["ship", "ship", "crane"]
    boxes = [(10.0, 10.0, 20.0, 20.0), (30, 30, 40, 40), (50, 10, 60, 20)]
    data = cut(tmp_path, scene(tmp_path, size=(64, 64)), layer(tmp_path, boxes, names), expression_field="what",
               task="refer")  # fmt: skip
    assert [(s.expression, s.task) for s in read_samples(data).samples] == [("crane", "refer")]


def test_an_area_of_interest_bounds_the_chips(tmp_path: Path) -> None:
    raster, labels = scene(tmp_path), layer(tmp_path, [(10, 10, 30, 30), (150, 120, 170, 140)])
    aoi = layer(tmp_path, [(0, 0, 100, 100)], file="aoi.gpkg")
    data = cut(tmp_path, raster, labels, aoi=aoi, negatives=10.0)
    windows = [record["window_scene_px"] for record in records(data)]
    assert windows
    assert all(x1 <= 100 and y1 <= 100 for _, _, x1, y1 in windows)
    circle = gpd.read_file(aoi).geometry.iloc[0].centroid.buffer(8)
    gpd.GeoDataFrame(geometry=[circle], crs="EPSG:32633").to_file(tmp_path / "small.gpkg", engine="pyogrio")
    with pytest.raises(InputError, match="no chip of 64 px lies inside the area of interest"):
        cut(tmp_path / "b", raster, labels, aoi=tmp_path / "small.gpkg")


def test_chips_without_data_are_left_out(tmp_path: Path) -> None:
    array = rasters.noise((3, 64, 128))
    array[:, :, 64:] = 0
    raster = rasters.write(tmp_path / "scene.tif", array, nodata=0)
    labels = layer(tmp_path, [(10, 10, 30, 30), (90, 10, 110, 30)])
    data = cut(tmp_path, raster, labels, overlap_px=0)
    assert [record["window_scene_px"][0] for record in records(data)] == [0]
    assert json.loads((data.parent / "cut.json").read_text())["samples"]["without data"] == 1


def test_a_damaged_block_loses_its_chips_only(tmp_path: Path) -> None:
    raster = scene(tmp_path, size=(128, 64))
    rasters.corrupt_block(raster, 1, 0)
    labels = layer(tmp_path, [(10, 10, 30, 30), (90, 10, 110, 30)])
    data = cut(tmp_path, raster, labels, overlap_px=0)
    assert json.loads((data.parent / "cut.json").read_text())["samples"]["damaged"] == 1
    (tmp_path / "b").mkdir()
    with pytest.raises(InputError, match="no chip with a label could be read: a block cannot be decoded"):
        cut(tmp_path / "b", raster, layer(tmp_path, [(90, 10, 110, 30)], file="b.gpkg"), overlap_px=0)
    assert list((tmp_path / "b").iterdir()) == []


def test_parts_of_a_multipolygon_are_objects(tmp_path: Path) -> None:
    parts = [shapely.transform(shapely.box(*b), lambda xy: np.array([rasters.NORTH_UP @ tuple(p) for p in xy]))
             for b in ((5, 5, 15, 15), (40, 40, 50, 50))]  # fmt: skip
    frame = gpd.GeoDataFrame(geometry=[shapely.MultiPolygon(parts)], crs="EPSG:32633")
    frame.to_file(tmp_path / "m.gpkg", engine="pyogrio")
    (sample,) = read_samples(cut(tmp_path, scene(tmp_path, size=(64, 64)), tmp_path / "m.gpkg")).samples
    assert sample.boxes_px.tolist() == [[5, 5, 15, 15], [40, 40, 50, 50]]


def test_a_polygon_that_crosses_itself_is_one_object(tmp_path: Path) -> None:
    bow_tie = shapely.Polygon([rasters.NORTH_UP @ p for p in ((10, 10), (50, 50), (50, 10), (10, 50))])
    spike = shapely.Polygon([rasters.NORTH_UP @ p for p in ((2, 52), (8, 52), (8, 58), (2, 58), (2, 60), (2, 58))])
    gpd.GeoDataFrame(geometry=[bow_tie, spike], crs="EPSG:32633").to_file(tmp_path / "b.gpkg", engine="pyogrio")
    data = cut(tmp_path, scene(tmp_path, size=(64, 64)), tmp_path / "b.gpkg")
    (sample,) = read_samples(data).samples
    assert sample.boxes_px.tolist() == [[2, 52, 8, 58], [10, 10, 50, 50]]
    assert notes_of_cut(data.parent) == ("b.gpkg: 2 polygons crossed themselves and were repaired",)


def in_scene(*boxes: tuple[float, float, float, float]) -> list[shapely.Polygon]:
    """Boxes given in pixels of the scene as polygons in its CRS."""
    return [shapely.transform(shapely.box(*box), lambda xy: np.array([rasters.NORTH_UP @ tuple(p) for p in xy]))
            for box in boxes]  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "boxes"),
    [
        ([(5, 5, 15, 15), (15, 5, 25, 15)], [[5, 5, 25, 15]]),  # they share an edge
        ([(5, 5, 15, 15), (12, 12, 30, 30)], [[5, 5, 30, 30]]),  # they overlap
        ([(5, 5, 15, 15), (15, 15, 30, 30)], [[5, 5, 15, 15], [15, 15, 30, 30]]),  # they touch at a corner
        ([(5, 5, 15, 15), (10, 5, 20, 15), (40, 40, 50, 50)], [[5, 5, 20, 15], [40, 40, 50, 50]]),
    ],
)
def test_parts_that_share_an_edge_are_one_object(
    tmp_path: Path, parts: list[tuple[float, float, float, float]], boxes: list[list[float]]
) -> None:
    frame = gpd.GeoDataFrame(geometry=[shapely.MultiPolygon(in_scene(*parts))], crs="EPSG:32633")
    frame.to_file(tmp_path / "m.gpkg", engine="pyogrio")
    (sample,) = read_samples(cut(tmp_path, scene(tmp_path, size=(64, 64)), tmp_path / "m.gpkg")).samples
    assert np.abs(sample.boxes_px - boxes).max() <= 0.01


WRAPS = {
    "the scene's own": [shapely.box(179.7, 0.3, 180.3, 0.6)],
    "split at 180": [shapely.MultiPolygon([shapely.box(179.7, 0.3, 180, 0.6), shapely.box(-180, 0.3, -179.7, 0.6)])],
    "both sides in one ring": [shapely.Polygon([(179.7, 0.3), (-179.7, 0.3), (-179.7, 0.6), (179.7, 0.6)])],
    "one turn west": [shapely.box(-180.3, 0.3, -179.7, 0.6)],
}


@pytest.mark.parametrize("labels", WRAPS.values(), ids=list(WRAPS))
@pytest.mark.parametrize("west", [179.0, -181.0])
def test_longitudes_of_any_wrap_meet(tmp_path: Path, labels: list[shapely.Geometry], west: float) -> None:
    """A scene of 2 x 1 degrees across the antimeridian, 0.01 degrees a pixel."""
    transform = Affine.translation(west, 1) @ Affine.scale(0.01, -0.01)
    raster = rasters.write(tmp_path / "s.tif", rasters.noise((3, 100, 200)), crs="EPSG:4326", transform=transform)
    frame = gpd.GeoDataFrame(geometry=labels, crs="EPSG:4326")
    frame.to_file(tmp_path / "l.gpkg", engine="pyogrio")
    (sample,) = read_samples(cut(tmp_path, raster, tmp_path / "l.gpkg", tile_size_px=256)).samples
    assert np.abs(sample.boxes_px - [[70, 40, 130, 70]]).max() <= 0.02


@pytest.mark.parametrize("shift", [0.0, 360.0])
def test_longitudes_of_0_to_360_meet_a_projected_scene(tmp_path: Path, shift: float) -> None:
    """UTM zone 1 north begins at 180 degrees west; labels at 182 or at -178."""
    transform = Affine.translation(400_000, 5_000_000) @ Affine.scale(10, -10)
    raster = rasters.write(tmp_path / "s.tif", rasters.noise((3, 64, 64)), crs="EPSG:32601", transform=transform)
    square = gpd.GeoSeries([shapely.box(400_100, 4_999_700, 400_300, 4_999_900)], crs="EPSG:32601").to_crs("EPSG:4326")
    moved = shapely.transform(square.iloc[0], lambda xy: xy + np.array([shift, 0.0]))
    gpd.GeoDataFrame(geometry=[moved], crs="EPSG:4326").to_file(tmp_path / "l.gpkg", engine="pyogrio")
    (sample,) = read_samples(cut(tmp_path, raster, tmp_path / "l.gpkg")).samples
    assert np.abs(sample.boxes_px - [[10, 10, 30, 30]]).max() < 0.3


def test_too_many_chips_are_thinned_by_seed(tmp_path: Path) -> None:
    labels = layer(tmp_path, [(x, y, x + 10, y + 10) for x in range(5, 190, 20) for y in range(5, 150, 20)])
    assert len(records(cut(tmp_path, scene(tmp_path), labels, max_chips=3))) == 3


def test_targets_too_small_at_a_scale_are_no_labels(tmp_path: Path) -> None:
    """6 px are 1.5 chip pixels at scale 4."""
    data = cut(tmp_path, scene(tmp_path), layer(tmp_path, [(100, 80, 106, 86)]), scales=(1.0, 4.0))
    assert {
        record["width"] / (record["window_scene_px"][2] - record["window_scene_px"][0]) for record in records(data)
    } == {1}


def test_the_real_scene_gives_boxes_around_its_buildings(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "banepa-buildings"
    data = cut_training_set(
        folder / "banepa_dev.tif", folder / "banepa_dev_buildings.geojson", out=tmp_path / "cut",
        options=CutOptions(expression="building", tile_size_px=512, overlap_px=0, scales=(2.0,)),
    )  # fmt: skip
    samples = read_samples(data, on_error="refuse").samples
    assert sum(len(sample.boxes_px) for sample in samples) > 700  # of 971, those on cut edges left out


def test_what_is_not_meant_stands_on_the_chips_that_show_it(tmp_path: Path) -> None:
    """Beside the targets where there are some; else on a chip of its own, unless a part of a target is there."""
    meant: list[tuple[float, float, float, float]] = [(10, 10, 30, 30), (60, 100, 70, 110)]
    places: list[tuple[float, float, float, float]] = [(40, 12, 52, 22), (150, 100, 166, 120)]
    raster, labels = scene(tmp_path), layer(tmp_path, meant)
    unlike = layer(tmp_path, places, file="unlike.gpkg")
    data = cut(tmp_path, raster, labels, unlike=unlike, overlap_px=0)
    samples = read_samples(data, on_error="refuse").samples
    shown = set()
    for sample, record in zip(samples, records(data), strict=True):
        x0, y0, x1, y1 = record["window_scene_px"]
        whole = [box for box in places if x0 <= box[0] and y0 <= box[1] and box[2] <= x1 and box[3] <= y1]
        found = np.add(sample.unlike_px, [x0, y0, x0, y0]).round().tolist()
        assert all(list(box) in found for box in whole)
        shown.add((len(sample.boxes_px), len(found)))
        assert len(sample.boxes_px) + len(found) > 0
        assert len(sample.boxes_px) or not any(x0 < b[2] and y0 < b[3] and b[0] < x1 and b[1] < y1 for b in meant)
    assert shown == {(0, 1), (1, 0), (1, 1)}


def test_what_is_not_meant_is_turned_with_its_chip(tmp_path: Path) -> None:
    raster, labels = scene(tmp_path), layer(tmp_path, [(10, 10, 30, 30)])
    data = cut(tmp_path, raster, labels, unlike=layer(tmp_path, [(40, 12, 52, 22)], file="u.gpkg"), overlap_px=0)
    sample = read_samples(data, on_error="refuse").samples[0]
    assert len(sample.boxes_px) == 1
    image = np.zeros((64, 64, 3), np.uint8)
    image[12:22, 40:52] = 255
    for turn in range(8):
        (box,) = turned(sample, turn).unlike_px.round().astype(int)
        rows, columns = np.nonzero(turn_pixels(image, turn)[..., 0])
        assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_what_is_not_meant_is_read_as_the_labels_are(tmp_path: Path) -> None:
    """A row that is not a ship says nothing about cars; one that is too small to be seen is left out."""
    raster = scene(tmp_path)
    labels = layer(tmp_path, [(90, 70, 110, 90), (20, 20, 32, 30)], ["ship", "car"])
    places: list[tuple[float, float, float, float]] = [(150, 100, 166, 120), (60, 20, 80, 40), (5, 5, 6, 6)]
    unlike = layer(tmp_path, places, ["ship", "shed", "car"], file="unlike.gpkg")
    data = cut(tmp_path, raster, labels, unlike=unlike, expression_field="what", overlap_px=0)
    near = [(r["expression"], r["solution"]) for r in records(data) if "unlike" in r]
    assert near
    assert set(near) == {("ship", "None")}


@pytest.mark.parametrize("unlike", [7, [3], [[1, 2, 3]], [[9, 9, 2, 2]], ["abcd"]])
def test_what_is_not_meant_has_boxes(tmp_path: Path, unlike: Any) -> None:
    data = cut(tmp_path, scene(tmp_path), layer(tmp_path, [(10, 10, 30, 30)]))
    first = {**records(data)[0], "unlike": unlike}
    data.write_text(json.dumps(first) + "\n")
    with pytest.raises(InputError, match=r"unlike|box"):
        read_samples(data, on_error="refuse")
