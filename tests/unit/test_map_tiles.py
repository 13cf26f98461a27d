"""Images of crowded tiles: every feature is where pyproj and a plain division say, and filters hold."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pyproj import CRS, Transformer

from geogrounding.service.layers import Layer, Wanted
from geogrounding.service.map_tiles import COLOURS, CROWDED, REJECTED, SIDE_PX, MapTiles
from geogrounding.service.vector_tiles import vector_tile

UTM = CRS.from_epsg(32633)
MERCATOR = Transformer.from_crs(UTM, "EPSG:3857", always_xy=True)
WORLD_M = 2 * 20037508.342789244
COLUMNS, ROWS, SPACING = 30, 20, 20.0
Z = 14
QUERIES = ["roof", "pool"]


def where(z: int, easting: float, northing: float) -> tuple[int, int, float, float]:
    """Tile and pixel of a place."""
    x, y = MERCATOR.transform(easting, northing)
    column, row = (x / WORLD_M + 0.5) * 2**z, (0.5 - y / WORLD_M) * 2**z
    return int(column), int(row), column % 1 * SIDE_PX, row % 1 * SIDE_PX


def centre(number: int) -> tuple[float, float]:
    """Of the box with this number, which starts at 1."""
    column, row = (number - 1) % COLUMNS, (number - 1) // COLUMNS
    return 499_400 + column * SPACING, 4_600_000 - row * SPACING


def feature(number: int, shape: Sequence[Any], query: str = "roof", score: float | None = 0.5) -> dict[str, Any]:
    properties = {
        "query": query, "label": query, "score": score, "reasoning": "", "model": "", "chip": "", "source": "scene",
        "outline": "box", "area_m2": 50.0 + number,
    }  # fmt: skip
    return {"id": number, "geometry": {"type": "Polygon", "coordinates": shape}, "properties": properties}


def square(x: float, y: float, side: float) -> list[list[float]]:
    half = side / 2
    return [
        [x - half, y - half],
        [x + half, y - half],
        [x + half, y + half],
        [x - half, y + half],
        [x - half, y - half],
    ]


@pytest.fixture
def layer(tmp_path: Path) -> Layer:
    """Boxes of 6 m by two queries in turn, more than a tile may have as vectors."""
    made = Layer(tmp_path / "features.sqlite")
    made.begin(UTM)
    assert COLUMNS * ROWS > CROWDED
    made.add(
        [
            feature(number, [square(*centre(number), 6.0)], QUERIES[number % 2], (number % 10) / 10)
            for number in range(1, COLUMNS * ROWS + 1)
        ]
    )
    return made


def image_of(layer: Layer, wanted: Wanted, z: int = Z) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """(SIDE_PX, SIDE_PX, 4) of the tile where the boxes are; all 0 where there is none."""
    x, y, *_ = where(z, *centre(1))
    png = MapTiles().png(layer, wanted, QUERIES, z, x, y)
    if not png:
        return np.zeros((SIDE_PX, SIDE_PX, 4), np.uint8)
    return np.asarray(Image.open(io.BytesIO(png)))


def pixel(image: Any, number: int, z: int = Z) -> Any:
    _, _, column, row = where(z, *centre(number))
    return image[int(row), int(column)]


@pytest.mark.parametrize("z", [12, 14])
def test_every_feature_is_drawn_in_the_colour_of_its_query(layer: Layer, z: int) -> None:
    image = image_of(layer, Wanted(), z)
    for number in range(1, COLUMNS * ROWS + 1):
        _, _, column, row = where(z, *centre(number))
        around = image[int(row) - 1 : int(row) + 2, int(column) - 1 : int(column) + 2].reshape(-1, 4)
        assert (around[:, 3] > 80).any(), number
        if z == Z:  # boxes do not touch there
            found = {tuple(value[:3]) for value in around if value[3]}
            assert found == {tuple(bytes.fromhex(COLOURS[number % 2]))}, number
    apart = image_of(layer, Wanted(), Z)
    x, y = centre(1)
    for column in range(COLUMNS - 1):  # between two of them
        _, _, at, row = where(Z, x + (column + 0.5) * SPACING, y)
        assert apart[int(row), int(at), 3] == 0


def test_polygons_keep_their_outline_and_their_holes(layer: Layer) -> None:
    x, y = 499_700.0, 4_599_350.0
    with_hole = [square(x, y, 300), square(x, y, 100)[::-1]]
    slanted = [[[x - 150, y + 200], [x + 150, y + 500], [x + 140, y + 510], [x - 160, y + 210], [x - 150, y + 200]]]
    layer.add([feature(9_001, with_hole), feature(9_002, slanted)])
    image = image_of(layer, Wanted())

    def opacity(easting: float, northing: float) -> int:
        _, _, column, row = where(Z, easting, northing)
        return int(image[int(row), int(column), 3])

    assert 0 < opacity(x + 100, y) < opacity(x + 150, y)  # its fill, its outline
    assert opacity(x, y) == 0
    assert opacity(x - 5, y + 355) > 0
    assert opacity(x - 100, y + 480) == 0  # in the box of the slanted one, not in it


@pytest.mark.parametrize(
    ("more", "passes"),
    [
        (Wanted(min_score=0.75), lambda number: number % 10 >= 8),
        (Wanted(without=("roof",)), lambda number: number % 2 == 1),
        (Wanted(area_from=60.0, area_to=80.0), lambda number: 10 <= number <= 30),
        (Wanted(review=("accepted", "rejected")), lambda number: number in (3, 4)),
        (Wanted(), lambda number: number != 5),
    ],
)
def test_a_filter_takes_out_what_does_not_pass(layer: Layer, more: Wanted, passes: Any) -> None:
    layer.change(3, review="accepted")
    layer.change(4, review="rejected")
    layer.change(5, deleted=True)
    image = image_of(layer, more)
    drawn = {number for number in range(1, COLUMNS * ROWS + 1) if pixel(image, number)[3]}
    assert drawn == {number for number in range(1, COLUMNS * ROWS + 1) if passes(number) and number != 5}


def test_a_change_is_seen_in_the_next_image(layer: Layer) -> None:
    x, y, *_ = where(Z, *centre(1))
    images = MapTiles()
    before = images.png(layer, Wanted(), QUERIES, Z, x, y)
    assert images.png(layer, Wanted(), QUERIES, Z, x, y) == before
    layer.change(7, review="rejected")
    image = np.asarray(Image.open(io.BytesIO(images.png(layer, Wanted(), QUERIES, Z, x, y))))
    assert pixel(image, 7)[:3].tolist() == list(bytes.fromhex(REJECTED))


def test_a_tile_is_a_image_or_vectors(layer: Layer) -> None:
    x, y, *_ = where(16, *centre(1))
    assert vector_tile(layer, Wanted(), 16, x, y)
    assert MapTiles().png(layer, Wanted(), QUERIES, 16, x, y) == b""
    far = where(Z, *centre(1))
    assert MapTiles().png(layer, replace(Wanted(), min_score=1.0), QUERIES, Z, far[0], far[1]) == b""
    assert MapTiles().png(layer, Wanted(), QUERIES, Z, far[0] + 9, far[1]) == b""


def test_more_features_on_a_pixel_are_brighter(layer: Layer) -> None:
    assert image_of(layer, Wanted(), 8)[..., 3].max() > image_of(layer, Wanted(), Z)[..., 3].max()


def test_the_page_has_the_same_colours() -> None:
    page = (Path(__file__).parents[2] / "geogrounding/service/static/js/mapview.js").read_text(encoding="utf-8")
    [listed] = re.findall(r"export const COLOURS = \[(.*)\];", page)
    assert tuple(re.findall(r"#(\w{6})", listed)) == COLOURS
    assert f"#{REJECTED}" in page
