"""Others and points that lie far from the scene: most often a wrong CRS, or longitude and latitude in the wrong order."""

from __future__ import annotations

import numpy as np
import shapely

from geogrounding.geometry.measure import Shapes, centres
from geogrounding.query.lexicon import SYNONYMS, plural
from geogrounding.query.plan import PointReference, Target, TargetReference
from geogrounding.query.things import World

LEAST_FAR = 1_000.0
"""Nothing nearer is far, however small the scene is (m, or pixels without a CRS)."""


def none_found(reference: TargetReference) -> list[str]:
    """A remark where nothing at all was found of what others stand to."""
    return [f"no {_many(reference.target)} were found"]


def far_away(world: World, shapes: Shapes, reference: PointReference | TargetReference) -> list[str]:
    """A remark where all of the others are farther from the scene than it is wide; else none.

    Args:
        world: the scene.
        shapes: the others (N,), in the plane of the scene.
        reference: what they were called.
    """
    if world.ground.wide or not len(shapes):
        return []
    outline = shapely.Polygon(world.corners).convex_hull
    x0, y0, x1, y1 = outline.bounds
    apart = float(np.min(shapely.distance(outline, shapes)))
    if not np.isfinite(apart) or apart <= max(float(np.hypot(x1 - x0, y1 - y0)), LEAST_FAR):
        return []
    unit = world.ground.unit
    distance = f"{apart / 1000:,.0f} km" if unit == "m" and apart >= 10_000 else f"{apart:,.0f} {unit}"
    if isinstance(reference, TargetReference):
        return [f"the nearest of the {_many(reference.target)} lies {distance} from the scene"]
    remark = f"the point {reference.x:g}, {reference.y:g} lies {distance} from the scene"
    if reference.crs is not None and world.ground.lonlat is not None:
        lon, lat = world.ground.to_lonlat(centres(np.array([outline], object)))[0]
        remark += f", which is around longitude {lon:.3f}, latitude {lat:.3f}"
    return [remark]


def _many(target: Target) -> str:
    return SYNONYMS[target.noun][0][1] if target.noun in SYNONYMS else plural(target.noun)
