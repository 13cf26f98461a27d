"""The features of one job in a SQLite file of its own: what was found, what a reviewer thinks of it, what was drawn."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import shapely
from pyproj import CRS

from geogrounding.errors import InputError, SettingsError
from geogrounding.geometry.geodesy import transform_points
from geogrounding.io.rfc7946 import WGS84, polygons_lonlat
from geogrounding.io.tables import storable
from geogrounding.vector.georeference import areas_m2

Review = Literal["accepted", "rejected", "open"]
REVIEWS: tuple[Review, ...] = get_args(Review)
MAX_VERTICES = 10_000
"""Of a geometry that a user draws."""
BINS = 20
BLOCK = 10_000
SAMPLED = 256
"""Features from whose places the number in a box is guessed."""
MANY = 8
"""A box with more features than that times what is wanted is not sorted, but walked by size."""

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE features (
    id INTEGER PRIMARY KEY, query TEXT NOT NULL, label TEXT NOT NULL, score REAL, area_m2 REAL,
    properties TEXT NOT NULL, shape_crs BLOB NOT NULL, lonlat TEXT NOT NULL,
    review TEXT NOT NULL DEFAULT 'open', edited INTEGER NOT NULL DEFAULT 0, deleted INTEGER NOT NULL DEFAULT 0);
CREATE INDEX features_by_area ON features (area_m2 DESC, id);
CREATE VIRTUAL TABLE bounds USING rtree (id, west, east, south, north);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which features of a job."""

    bbox: tuple[float, float, float, float] | None = None
    """West, south, east, north in degrees; west may be larger than east across the antimeridian."""
    min_score: float | None = None
    review: tuple[Review, ...] = REVIEWS
    query: str | None = None
    without: tuple[str, ...] = ()
    """Queries whose features are left out."""
    area_from: float | None = None
    area_to: float | None = None
    """Square metres; a feature without an area counts as 0."""
    ids: tuple[int, ...] | None = None


class Layer:
    """One file; each call opens it, so that any thread may call."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        """Whether there are features, if none."""
        return self.path.is_file()

    def begin(self, crs: CRS | None) -> None:
        """An empty layer in place of whatever was there."""
        for suffix in ("", "-journal"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        with self._open() as database:
            database.executescript(_SCHEMA)
            database.execute("INSERT INTO meta VALUES ('crs', ?)", (json.dumps(None if crs is None else crs.to_wkt()),))

    def add(self, features: Sequence[dict[str, Any]]) -> None:
        """Add features as the engine sends them, in the CRS of the scene, in one transaction."""
        if not features:
            return
        with self._open() as database:
            crs = _crs(database)
            shapes = np.array([shapely.geometry.shape(f["geometry"]) for f in features], dtype=object)
            lonlat = to_lonlat(shapes, crs)
            for feature, shape, placed in zip(features, shapes, lonlat, strict=True):
                properties = _texts({**feature["properties"], **feature.get("measures", {})})
                _insert(database, int(feature["id"]), properties, shape, placed)

    def draw(self, geometry: dict[str, Any], query: str, label: str) -> dict[str, Any]:
        """Add a polygon of a user, accepted as it is; return it as GeoJSON.

        Raises:
            InputError: it is no polygon that can be used.
        """
        with self._open() as database:
            number = int(database.execute("SELECT coalesce(max(id), 0) + 1 FROM features").fetchone()[0])
            placed, shape, area = _placed(geometry, _crs(database))
            properties = {
                "query": storable(query), "label": storable(label), "score": None, "reasoning": "", "model": "",
                "chip": "", "source": "drawn", "outline": "mask", "area_m2": area,
            }  # fmt: skip
            _insert(database, number, properties, shape, placed)
            database.execute("UPDATE features SET review = 'accepted', edited = 1 WHERE id = ?", (number,))
        return self.feature(number)

    def change(
        self,
        number: int,
        *,
        review: Review | None = None,
        deleted: bool | None = None,
        label: str | None = None,
        geometry: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Change one feature; return it as GeoJSON.

        Raises:
            LookupError: there is none of this number.
            InputError: the geometry cannot be used.
        """
        with self._open() as database:
            row = database.execute("SELECT properties FROM features WHERE id = ?", (number,)).fetchone()
            if row is None:
                raise LookupError(number)
            properties = json.loads(row[0])
            if geometry is not None:
                placed, shape, properties["area_m2"] = _placed(geometry, _crs(database))
                database.execute(
                    "UPDATE features SET shape_crs = ?, lonlat = ?, area_m2 = ?, edited = 1 WHERE id = ?",
                    (shapely.to_wkb(shape), shapely.to_geojson(placed), properties["area_m2"], number),
                )
                _bound(database, number, placed)
            if label is not None:
                properties["label"] = label = storable(label)
                database.execute("UPDATE features SET label = ?, edited = 1 WHERE id = ?", (label, number))
            if review is not None:
                database.execute("UPDATE features SET review = ? WHERE id = ?", (review, number))
            if deleted is not None:
                database.execute("UPDATE features SET deleted = ? WHERE id = ?", (int(deleted), number))
            database.execute("UPDATE features SET properties = ? WHERE id = ?", (json.dumps(properties), number))
        return self.feature(number)

    def review(self, wanted: Wanted, review: Review) -> int:
        """Give all of the features the same review; return how many there were."""
        where, values = _where(wanted)
        with self._open() as database:
            text = f"UPDATE features SET review = ? WHERE id IN (SELECT f.id FROM {where})"  # noqa: S608
            return database.execute(text, [review, *values]).rowcount

    def feature(self, number: int) -> dict[str, Any]:
        """One feature as GeoJSON.

        Raises:
            LookupError: there is none of this number.
        """
        with self._open() as database:
            rows = database.execute(f"SELECT {_FIELDS} FROM features f WHERE id = ?", (number,)).fetchall()  # noqa: S608
        if not rows:
            raise LookupError(number)
        return _geojson(rows[0])

    def features(
        self, wanted: Wanted, *, limit: int, offset: int = 0, by_score: bool = False
    ) -> tuple[list[dict[str, Any]], int]:
        """A page of features as GeoJSON, and how many match."""
        where, values = _where(wanted)
        order = "f.score DESC NULLS LAST, f.id" if by_score else "f.id"
        text = f"SELECT {_FIELDS} FROM {where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608
        with self._open() as database:
            total = int(database.execute(f"SELECT count(*) FROM {where}", values).fetchone()[0])  # noqa: S608
            rows = database.execute(text, [*values, limit, offset]).fetchall()
        return [_geojson(row) for row in rows], total

    def shapes(self, wanted: Wanted, limit: int) -> list[tuple[int, str, float | None, str, float | None, bytes]]:
        """(id, query, score, review, area, GeoJSON geometry), the largest first, for vector tiles.

        A box with few of the features is looked up in the index of boxes and sorted; in one with many of them the
        features are walked by size until there are enough.
        """
        assert wanted.bbox is not None
        with self._open() as database:
            few = self._count_about(database, wanted.bbox) < MANY * limit
            where, values = _where(wanted, by_area=not few)
            text = (
                f"SELECT f.id, f.query, f.score, f.review, f.area_m2, f.lonlat FROM {where} "  # noqa: S608
                "ORDER BY f.area_m2 DESC, f.id LIMIT ?"
            )
            return database.execute(text, [*values, limit]).fetchall()

    @staticmethod
    def _count_about(database: sqlite3.Connection, bbox: tuple[float, float, float, float]) -> float:
        """About how many features lie in a box, from some of them."""
        last = database.execute("SELECT max(id) FROM features").fetchone()[0] or 0
        tried = sorted({1 + last * number // SAMPLED for number in range(SAMPLED)}) if last else []
        found, values = _where(Wanted(bbox=bbox, ids=tuple(tried)))
        hits = database.execute(f"SELECT count(*) FROM {found}", values).fetchone()[0]  # noqa: S608
        return float(last * hits / max(1, len(tried)))

    def crowded(self, bbox: tuple[float, float, float, float], most: int) -> bool:
        """Whether there are more features in a box than that."""
        sides = "east >= ? AND west <= ? AND north >= ? AND south <= ?"
        text = f"SELECT count(*) FROM (SELECT 1 FROM bounds WHERE {sides} LIMIT ?)"  # noqa: S608
        west, south, east, north = bbox
        with self._open() as database:
            return bool(database.execute(text, (west, east, south, north, most + 1)).fetchone()[0] > most)

    def boxes(self) -> Iterator[list[tuple[Any, ...]]]:
        """Blocks of (id, query, score, review, area, west, south, east, north) of all features."""
        text = (
            "SELECT f.id, f.query, f.score, f.review, f.area_m2, b.west, b.south, b.east, b.north "
            "FROM bounds b JOIN features f ON f.id = b.id WHERE NOT f.deleted"
        )
        with self._open() as database:
            found = database.execute(text)
            while rows := found.fetchmany(BLOCK):
                yield rows

    def stored(self, wanted: Wanted) -> Iterator[tuple[dict[str, Any], shapely.Geometry]]:
        """Properties and geometry in the CRS of the scene, in order of ids."""
        where, values = _where(wanted)
        text = f"SELECT f.id, f.properties, f.shape_crs FROM {where} ORDER BY f.id"  # noqa: S608
        with closing(sqlite3.connect(self.path)) as database:
            for number, properties, shape in database.execute(text, values):
                yield {"id": number, **json.loads(properties)}, shapely.from_wkb(shape)

    def crs(self) -> CRS | None:
        """Of the scene; None where geometries are in pixels."""
        with self._open() as database:
            return _crs(database)

    def summary(self) -> dict[str, Any]:
        """Counts by review and query, a histogram of scores, and the range of areas."""
        with self._open() as database:
            total, low, high, smallest, largest = database.execute(
                "SELECT count(*), min(score), max(score), min(area_m2), max(area_m2) FROM features WHERE NOT deleted"
            ).fetchone()
            reviews = dict(
                database.execute("SELECT review, count(*) FROM features WHERE NOT deleted GROUP BY review").fetchall()
            )
            queries = database.execute(
                "SELECT query, count(*) FROM features WHERE NOT deleted GROUP BY query ORDER BY query"
            ).fetchall()
            bins = [0] * BINS
            for index, count in database.execute(
                f"SELECT min({BINS - 1}, CAST(score * {BINS} AS INTEGER)) AS bin, count(*) FROM features "  # noqa: S608
                "WHERE NOT deleted AND score IS NOT NULL GROUP BY bin"
            ):
                bins[max(0, index)] = count
        return {
            "features": total,
            "score": None if low is None else [low, high],
            "area_m2": None if smallest is None else [smallest, largest],
            "reviews": {name: reviews.get(name, 0) for name in REVIEWS},
            "queries": [{"query": query, "features": count} for query, count in queries],
            "score_histogram": bins,
        }

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=30)) as database, database:
            yield database


_FIELDS = "f.id, f.properties, f.lonlat, f.review, f.edited, f.deleted"


def _where(wanted: Wanted, *, by_area: bool = False) -> tuple[str, list[Any]]:
    """A table expression of the features ``f``, and its values; ``by_area`` walks them by size."""
    text, values = "features f" + " INDEXED BY features_by_area" * by_area, list[Any]()
    conditions = ["NOT f.deleted"]
    if wanted.bbox is not None:
        west, south, east, north = wanted.bbox
        text += " CROSS JOIN bounds b ON b.id = f.id" if by_area else " JOIN bounds b ON b.id = f.id"
        sides = "b.east >= ? AND b.west <= ?" if west <= east else "(b.east >= ? OR b.west <= ?)"
        conditions.append(f"{sides} AND b.north >= ? AND b.south <= ?")
        values += [west, east, south, north]
    if wanted.min_score is not None:
        conditions.append("(f.score IS NULL OR f.score >= ?)")
        values.append(wanted.min_score)
    if set(wanted.review) != set(REVIEWS):
        conditions.append(f"f.review IN ({', '.join('?' * len(wanted.review))})")
        values += wanted.review
    if wanted.query is not None:
        conditions.append("f.query = ?")
        values.append(wanted.query)
    if wanted.without:
        conditions.append(f"f.query NOT IN ({', '.join('?' * len(wanted.without))})")
        values += wanted.without
    for bound, sign in ((wanted.area_from, ">="), (wanted.area_to, "<=")):
        if bound is not None:
            conditions.append(f"coalesce(f.area_m2, 0) {sign} ?")
            values.append(bound)
    if wanted.ids is not None:
        conditions.append("f.id IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(wanted.ids))
    return f"{text} WHERE {' AND '.join(conditions)}", values


def _texts(properties: dict[str, Any]) -> dict[str, Any]:
    """Texts of models as a database can hold them."""
    return {name: storable(value) if isinstance(value, str) else value for name, value in properties.items()}


def _geojson(row: Sequence[Any]) -> dict[str, Any]:
    number, properties, lonlat, review, edited, deleted = row
    own = {**json.loads(properties), "review": review, "edited": bool(edited), "deleted": bool(deleted)}
    return {"type": "Feature", "id": number, "geometry": json.loads(lonlat), "properties": own}


def _crs(database: sqlite3.Connection) -> CRS | None:
    wkt = json.loads(database.execute("SELECT value FROM meta WHERE key = 'crs'").fetchone()[0])
    return None if wkt is None else CRS.from_wkt(wkt)


def to_lonlat(shapes: np.ndarray[Any, np.dtype[np.object_]], crs: CRS | None) -> Any:
    """Polygons and points (N,) in a CRS as longitude and latitude; without a CRS they stay as they are."""
    if crs is None:
        return shapes
    placed = shapes.copy()
    points = shapely.get_type_id(shapes) == 0
    if points.any():
        placed[points] = shapely.transform(shapes[points], lambda xy: transform_points(xy, crs, WGS84, None))
    placed[~points] = polygons_lonlat(shapes[~points], crs)
    return placed


def read_polygon(geometry: dict[str, Any]) -> shapely.Geometry:
    """A polygon in longitude and latitude from GeoJSON of a user.

    Raises:
        InputError: it is no polygon, is empty, crosses itself, has too many vertices, or leaves the globe.
    """
    shape = read_shape(geometry)
    if shape.geom_type not in ("Polygon", "MultiPolygon"):
        raise InputError("the geometry is no polygon", hint="Draw at least three corners.")
    if not shape.is_valid or not shape.area > 0:
        raise InputError("the polygon crosses itself or has no area", hint="Move the vertex back.")
    return shape


def read_shape(geometry: Any) -> shapely.Geometry:
    """A geometry in longitude and latitude from GeoJSON of a user.

    Raises:
        InputError: it is none, is empty, has too many vertices, or leaves the globe.
    """
    try:
        shape = shapely.geometry.shape(geometry)
    except Exception as error:
        raise InputError("the geometry is not GeoJSON", hint="Give a Polygon in longitude and latitude.") from error
    if shape.is_empty:
        raise InputError("the geometry is empty", hint="Draw at least three corners.")
    if shapely.get_num_coordinates(shape) > MAX_VERTICES:
        raise InputError(f"the geometry has more than {MAX_VERTICES:,} vertices", hint="Simplify it.")
    west, south, east, north = shape.bounds
    if not (np.isfinite(shape.bounds).all() and west >= -180 and east <= 180 and south >= -90 and north <= 90):
        raise InputError("the geometry is outside of longitude and latitude", hint="Coordinates are degrees, WGS84.")
    return shapely.force_2d(shape)


def _placed(geometry: dict[str, Any], crs: CRS | None) -> tuple[shapely.Geometry, shapely.Geometry, float | None]:
    """The polygon of a user in longitude and latitude, in the CRS of the scene, and its area."""
    placed = read_polygon(geometry)
    if crs is None:
        raise SettingsError("a scene without coordinates cannot be drawn on")
    shape = shapely.transform(placed, lambda lonlat: transform_points(lonlat, WGS84, crs, None))
    if not np.isfinite(shapely.get_coordinates(shape)).all() or not shape.is_valid:
        raise InputError("the polygon cannot be placed in the CRS of the scene", hint="Draw it on the scene.")
    return placed, shape, round(float(areas_m2(np.array([shape], dtype=object), crs)[0]), 2)


def _insert(
    database: sqlite3.Connection,
    number: int,
    properties: dict[str, Any],
    shape: shapely.Geometry,
    placed: shapely.Geometry,
) -> None:
    database.execute(
        "INSERT INTO features (id, query, label, score, area_m2, properties, shape_crs, lonlat) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number, properties["query"], properties["label"], properties["score"], properties["area_m2"],
            json.dumps(properties), shapely.to_wkb(shape), shapely.to_geojson(placed),
        ),
    )  # fmt: skip
    _bound(database, number, placed)


def _bound(database: sqlite3.Connection, number: int, placed: shapely.Geometry) -> None:
    west, south, east, north = placed.bounds
    database.execute("INSERT OR REPLACE INTO bounds VALUES (?, ?, ?, ?, ?)", (number, west, east, south, north))
