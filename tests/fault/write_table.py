"""Writes 20,000 features to a table, to be killed: ``python -m tests.fault.write_table ADDRESS``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import shapely
from pyproj import CRS

from geogrounding.io.database import Table
from geogrounding.io.postgis import write_table
from geogrounding.vector.feature import Feature


def features() -> Iterator[Feature]:
    for number in range(1, 20_001):
        x, y = 500_000.0 + number % 200, 4_600_000.0 + number // 200
        yield Feature(
            id=number,
            query="bright",
            label="bright",
            score=0.5,
            reasoning="It is bright.",
            model="blobs",
            chip="0/0/0",
            source="s.tif",
            outline="box",
            area_m2=1.0,
            geometry_crs=shapely.box(x, y, x + 1, y + 1),
        )


if __name__ == "__main__":
    print("started", flush=True)
    table = Table.parse(sys.argv[1], resume=True)
    print(write_table(table, features(), crs=CRS.from_epsg(32633), metadata={"source": "s.tif"}), flush=True)
