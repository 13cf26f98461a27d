"""A map of the tests: bright rectangles on noise, drawn by formulas for XYZ and WMS, for a server that can fail."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pyproj import Transformer

from geogrounding.models.base import Model
from tests.web import Answer, Web

PLACE = (13.40, 52.50)
"""Longitude and latitude around which the map shows something."""
Rectangle = tuple[float, float, float, float]


def own_world(monkeypatch: pytest.MonkeyPatch, folder: Path, model: Model) -> None:
    """A model, a cache and a working folder of the test's own, and no wait before a request is made again."""
    monkeypatch.setattr("geogrounding.models.load.load_model", lambda *_, **__: model)
    monkeypatch.setattr("urllib3.util.retry.Retry.sleep", lambda *_: None)
    monkeypatch.setenv("GEOGROUNDING_CACHE", str(folder / "cache"))
    monkeypatch.chdir(folder)


def lon_lat_of_tile(zoom: int, column: float, row: float) -> tuple[float, float]:
    """The north-west corner of an XYZ tile, as the wiki of OpenStreetMap has it."""
    lat = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / 2**zoom))))
    return column / 2**zoom * 360 - 180, lat


@dataclass
class Drawing:
    """What the map shows, in a CRS of its own."""

    crs: str
    rectangles: Sequence[Rectangle]

    def draw(self, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Colours (h, w, 3) at the centres of pixels."""
        grid_x, grid_y = np.meshgrid(xs, ys)
        noise = 20 + (np.abs(np.sin(grid_x * 12.9898 + grid_y * 78.233) * 43758.5) % 1 * 40).astype(np.uint8)
        bright = np.zeros(noise.shape, bool)
        for left, bottom, right, top in self.rectangles:
            bright |= (grid_x >= left) & (grid_x < right) & (grid_y >= bottom) & (grid_y < top)
        return np.repeat(np.where(bright, 230, noise).astype(np.uint8)[:, :, None], 3, 2)


def encode(pixels: NDArray[np.uint8], kind: str = "PNG") -> bytes:
    """As a file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **({"quality": 95} if kind == "JPEG" else {}))
    return buffer.getvalue()


@dataclass
class Maps:
    """Paths below ``/xyz/Z/X/Y.png``, ``/tms/...`` (rows from the bottom) and ``/wms``; ``asked`` counts images."""

    image: Drawing
    instead: dict[str, Answer] = field(default_factory=dict)
    """Answers for tiles by "z/x/y", or "*" for any, in place of images."""
    tile_px: int = 256
    kind: str = "PNG"
    asked: list[str] = field(default_factory=list)

    def attach(self, web: Web) -> str:
        """Make a server give out the map; its address."""
        web.below["/xyz/"] = web.below["/tms/"] = self.tile
        web.routes["/wms"] = self.wms
        return web.base

    def tile(self, _web: Web, path: str, _query: dict[str, list[str]], _body: bytes) -> Answer:
        found = re.fullmatch(r"/(xyz|tms)/(\d+)/(\d+)/(\d+)\.\w+", path)
        assert found is not None, path
        zoom, column, row = (int(part) for part in found.groups()[1:])
        name = f"{zoom}/{column}/{row}"
        self.asked.append(name)
        if name in self.instead or "*" in self.instead:
            return self.instead.get(name) or self.instead["*"]
        if found[1] == "tms":
            row = 2**zoom - 1 - row
        to_map = Transformer.from_crs(4326, self.image.crs, always_xy=True)
        left, top = to_map.transform(*lon_lat_of_tile(zoom, column, row))
        right, bottom = to_map.transform(*lon_lat_of_tile(zoom, column + 1, row + 1))
        return self.answer((left, bottom, right, top), self.tile_px, self.tile_px)

    def wms(self, _web: Web, _path: str, query: dict[str, list[str]], _body: bytes) -> Answer:
        asked = {key.upper(): value[0] for key, value in query.items()}
        self.asked.append(asked["BBOX"])
        if "*" in self.instead:
            return self.instead["*"]
        system = asked["CRS"] if asked["VERSION"] == "1.3.0" else asked["SRS"]
        first, second, third, fourth = (float(value) for value in asked["BBOX"].split(","))
        box = (first, second, third, fourth)
        if asked["VERSION"] == "1.3.0" and system == "EPSG:4326":
            box = (second, first, fourth, third)
        if asked["LAYERS"] != "ortho" or system != self.image.crs:
            message = b"<?xml version='1.0'?><ServiceExceptionReport><ServiceException/></ServiceExceptionReport>"
            return 200, {"Content-Type": "application/vnd.ogc.se_xml"}, message
        return self.answer(box, int(asked["WIDTH"]), int(asked["HEIGHT"]))

    def answer(self, box: Rectangle, width: int, height: int) -> Answer:
        left, bottom, right, top = box
        xs = left + (np.arange(width) + 0.5) * (right - left) / width
        ys = top - (np.arange(height) + 0.5) * (top - bottom) / height
        return 200, {"Content-Type": f"image/{self.kind.lower()}"}, encode(self.image.draw(xs, ys), self.kind)


def capabilities(base: str, matrix_set: str, crs: str, matrices: str, resource: str = "") -> bytes:
    """Of a WMTS with the layer ortho in one set of matrices."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Capabilities xmlns="http://www.opengis.net/wmts/1.0" xmlns:ows="http://www.opengis.net/ows/1.1"
  xmlns:xlink="http://www.w3.org/1999/xlink" version="1.0.0">
  <ows:OperationsMetadata><ows:Operation name="GetTile"><ows:DCP><ows:HTTP>
    <ows:Get xlink:href="{base}/kvp?"/></ows:HTTP></ows:DCP></ows:Operation></ows:OperationsMetadata>
  <Contents>
    <Layer><ows:Identifier>ortho</ows:Identifier><Style isDefault="true"><ows:Identifier>plain</ows:Identifier></Style>
      <Format>image/png</Format><TileMatrixSetLink><TileMatrixSet>{matrix_set}</TileMatrixSet></TileMatrixSetLink>
      {resource}</Layer>
    <TileMatrixSet><ows:Identifier>{matrix_set}</ows:Identifier><ows:SupportedCRS>{crs}</ows:SupportedCRS>
      {matrices}</TileMatrixSet>
  </Contents></Capabilities>""".encode()


def matrix(name: str, denominator: float, corner: str, columns: int, rows: int, side: int = 256) -> str:
    """One of the matrices."""
    return (
        f"<TileMatrix><ows:Identifier>{name}</ows:Identifier><ScaleDenominator>{denominator!r}</ScaleDenominator>"
        f"<TopLeftCorner>{corner}</TopLeftCorner><TileWidth>{side}</TileWidth><TileHeight>{side}</TileHeight>"
        f"<MatrixWidth>{columns}</MatrixWidth><MatrixHeight>{rows}</MatrixHeight></TileMatrix>"
    )
