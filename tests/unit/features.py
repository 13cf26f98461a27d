"""Features to write, for the tests of export and preview."""

from __future__ import annotations

import numpy as np
from affine import Affine
from pyproj import CRS

from geogrounding.vector.feature import Feature
from geogrounding.vector.georeference import areas_m2, polygons_crs

UTM = CRS.from_epsg(32632)
TRANSFORM = Affine(0.3, 0.0, 500_000.0, 0.0, -0.3, 5_300_000.0)


def some_features(
    count: int, *, crs: CRS | None = UTM, transform: Affine = TRANSFORM, query: str = "ships", reasoning: str = "long"
) -> list[Feature]:
    """Boxes of 3 to 18 m spread over 6 km; every other one has a score."""
    random = np.random.default_rng(count)
    low = random.uniform(0, 20_000, (count, 2))
    polygons = polygons_crs(np.concatenate([low, low + random.uniform(10, 60, (count, 2))], axis=1), transform)
    areas = None if crs is None else areas_m2(polygons, crs)
    return [
        Feature(
            id=i + 1,
            query=query,
            label=f"ship {i}",
            score=round(float(random.uniform()), 4) if i % 2 else None,
            reasoning=reasoning,
            model="null",
            chip="0/0/0",
            source="harbour.tif",
            area_m2=None if areas is None else float(areas[i]),
            geometry_crs=polygons[i],
        )
        for i in range(count)
    ]
