"""Vector layers as the world of a question: no raster, no model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from geogrounding.errors import InputError
from geogrounding.geometry.measure import Ground
from geogrounding.io.read_layer import read_layer as read_vector
from geogrounding.query.grammar import ANYTHING, vocabulary
from geogrounding.query.lexicon import NARROWER, attribute_key, category_of, class_of, singular, spoken
from geogrounding.query.plan import Target
from geogrounding.query.things import Lookup, Things, World

MAX_FEATURES = 20_000_000
LABEL_FIELD = "label"
FAR_DEGREES = 3.0
"""A context layer farther from the targets than this is nearly always in a wrong CRS, or of another place."""
_SOURCE_BITS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A vector layer that was read and checked."""

    name: str
    frame: Any
    """GeoDataFrame of the rows with a geometry, in the order of the file."""
    crs: CRS
    labels: tuple[str, ...] | None
    """One per row, as ``category_of`` has it; None without a field of labels."""
    ids: tuple[Any, ...]
    """The field ``id`` where it is unique, else row numbers from 1."""

    @property
    def shapes(self) -> NDArray[np.object_]:
        """Geometries (N,) in ``crs``."""
        return np.asarray(self.frame.geometry.array, dtype=object)

    @property
    def nouns(self) -> tuple[str, ...]:
        """The different labels."""
        return tuple(dict.fromkeys(label for label in self.labels or () if label))


def read_layer(path: Path, *, label_field: str | None = None, layer_name: str | None = None) -> Layer:
    """Read a vector layer whole.

    Args:
        path: a file that GDAL reads; one that points at other files is refused.
        label_field: the column that says what each row is; None takes ``label`` where there is one.
        layer_name: of a file with several layers.

    Raises:
        InputError: it cannot be read, has no CRS, no geometries or no such field.
    """
    frame = _frame(path, layer_name)
    if frame.crs is None:
        raise InputError(
            f"{path.name} has no coordinate system, so nothing in it can be measured",
            hint="Declare it first, in QGIS: Layer > Set CRS of Layer.",
        )
    fields = [str(column) for column in frame.columns if column != frame.geometry.name]
    if label_field is not None and label_field not in fields:
        raise InputError(
            f"{path.name} has no field {label_field!r}", hint=f"Its fields: {', '.join(fields) or 'none'}."
        )
    usable = frame.geometry.notna() & ~frame.geometry.is_empty
    rows = np.flatnonzero(np.asarray(usable))
    ids: list[Any] = [int(row) + 1 for row in rows]
    if "id" in fields:
        values = [_plain(value) for value in frame["id"].iloc[rows]]
        if len(set(values)) == len(values) and all(value is not None for value in values):
            ids = values
    frame = frame[usable]
    if not len(frame):
        raise InputError(f"{path.name} holds no geometry", hint="Give a layer of points, lines or polygons.")
    finite = np.isfinite(shapely.bounds(np.asarray(frame.geometry.array, dtype=object))).all()
    if not finite:
        raise InputError(f"{path.name} holds coordinates that are not finite")
    chosen = label_field or (LABEL_FIELD if LABEL_FIELD in fields else None)
    labels = None
    if chosen is not None:
        texts = ["" if value is None or value != value else str(value) for value in frame[chosen]]
        known = {text: category_of(text) for text in set(texts)}
        labels = tuple(known[text] for text in texts)
    return Layer(name=path.stem, frame=frame, crs=CRS(frame.crs), labels=labels, ids=tuple(ids))


def _plain(value: Any) -> Any:
    if value is None or value != value:
        return None
    value = value.item() if hasattr(value, "item") else value
    return int(value) if isinstance(value, float) and value == int(value) else value


def _frame(path: Path, layer_name: str | None) -> Any:
    frame = read_vector(path, layer=layer_name, layer_option="FILE|layername=NAME", columns=None)
    if not hasattr(frame, "geometry"):
        raise InputError(f"{path.name} holds no geometries", hint="Give a layer of points, lines or polygons.")
    if len(frame) > MAX_FEATURES:
        raise InputError(f"{path.name} has {len(frame):,} features; at most {MAX_FEATURES:,} fit one question")
    return frame


def read_contexts(given: Mapping[str, Path]) -> dict[str, Layer]:
    """Context layers by their names; see ``read_layer`` for what is refused."""
    return {name: read_layer(path) for name, path in given.items()}


def nouns_of(layer: Layer | None, contexts: Mapping[str, Layer]) -> tuple[str, ...]:
    """Nouns that a question about these layers may use besides those of the lexicon."""
    names = [*contexts, *(noun for context in contexts.values() for noun in context.nouns)]
    if layer is not None:
        names += [*layer.nouns, layer.name]
    return tuple(dict.fromkeys(singular(spoken(name)) for name in names if spoken(name)))


class LayerWorld:
    """Looks nouns up in a layer and its contexts."""

    def __init__(self, layer: Layer, contexts: Mapping[str, Layer]) -> None:
        self._layer, self._contexts = layer, contexts
        bounds = shapely.total_bounds(layer.shapes)
        check_near(layer.name, bounds, layer.crs, contexts)
        self._ground = Ground.around(layer.crs, bounds.tolist())
        self._placed: dict[int, Things] = {}
        self._target: str | None = None
        main = self._things(0, layer)
        x0, y0, x1, y1 = (float(v) for v in shapely.total_bounds(shapely.box(*main.image.T)))
        ring = np.array(
            [
                shapely.Polygon(
                    [(bounds[0], bounds[3]), (bounds[2], bounds[3]), (bounds[2], bounds[1]), (bounds[0], bounds[1])]
                )
            ],
            object,
        )
        corners = shapely.get_coordinates(self._ground.lay(ring))
        step = (len(corners) - 1) // 4
        self.world = World(
            ground=self._ground,
            extent=(x0, y0, x1, y1),
            corners=np.asarray(corners[[0, step, 2 * step, 3 * step]]),
            find=self.find,
        )

    def find(self, target: Target) -> Lookup:
        """Rows that a noun names: of a context of that name or with that label, else of the layer."""
        first = self._target is None
        if first:
            self._target = target.noun
        noun = target.noun
        if noun == ANYTHING:
            return Lookup(things=self._things(0, self._layer))
        main = (0, self._layer)
        own = first or class_of(noun) == class_of(self._target or "")
        if (named := rows_of(self._layer, noun)) is not None and (own or not self._contexts):
            return Lookup(things=self._things(*main).take(named))
        if not own:
            return self._find_in_contexts(target)
        if self._layer.labels is None:
            note = ""
            if not same_noun(self._layer.name, noun):
                note = f"{self._layer.name} has no field of labels: every row is taken for '{target.said or noun}'"
            return Lookup(things=self._things(*main), note=note)
        return Lookup(things=None, unknown=(target.said or noun,))

    def _find_in_contexts(self, target: Target) -> Lookup:
        """Rows of another noun than the target's: of a context of that name, of one with that label, of the layer, or
        of the only context, if it has no labels.
        """
        noun = target.noun
        sources = list(enumerate(self._contexts.values(), start=1))
        for (number, context), name in zip(sources, self._contexts, strict=True):
            if same_noun(name, noun) or (context.labels is None and same_noun(context.name, noun)):
                return Lookup(things=self._things(number, context))
        for number, context in sources:
            if (named := rows_of(context, noun)) is not None:
                return Lookup(things=self._things(number, context).take(named))
        if (named := rows_of(self._layer, noun)) is not None:
            return Lookup(things=self._things(0, self._layer).take(named))
        unlabelled = [source for source in sources if source[1].labels is None]
        if len(sources) == 1 and unlabelled and not same_noun(self._layer.name, noun):
            number, context = unlabelled[0]
            note = f"'{target.said or noun}' was taken from the layer {next(iter(self._contexts))}"
            return Lookup(things=self._things(number, context), note=note)
        return Lookup(things=None, unknown=(target.said or noun,))

    def _things(self, number: int, layer: Layer) -> Things:
        if number not in self._placed:
            shapes = layer.shapes
            placed = self._ground.lay(shapes, None if number == 0 else layer.crs)
            image = boxes_in(shapes, layer.crs, self._layer.crs)
            rows = np.arange(len(shapes), dtype=np.int64) + (number << _SOURCE_BITS)
            fields = {
                attribute_key(str(column)): [str(value) for value in layer.frame[column]]
                for column in layer.frame.columns
                if (column != layer.frame.geometry.name and layer.frame[column].dtype == object)
                or str(layer.frame[column].dtype).startswith(("str", "categ"))
            }
            self._placed[number] = Things(shapes=placed, image=image, ids=rows, fields=fields)
        return self._placed[number]


def boxes_in(shapes: NDArray[np.object_], crs: CRS, main: CRS) -> NDArray[np.float64]:
    """Boxes (N, 4) in the axes of the main layer, x to the right, y downwards; degrees of longitude shrunk to those of
    latitude.
    """
    from geogrounding.geometry.geodesy import transform_points, unwrapped

    if crs != main:
        shapes = np.asarray(shapely.transform(shapes, lambda xy: transform_points(xy, crs, main)), object)
    if main.is_geographic:
        shapes = unwrapped(shapes)
    bounds = shapely.bounds(shapes).reshape(-1, 4)
    x = 1.0
    if main.is_geographic:
        x = float(np.cos(np.radians((bounds[:, 1].min() + bounds[:, 3].max()) / 2))) if len(bounds) else 1.0
    return np.stack([bounds[:, 0] * x, -bounds[:, 3], bounds[:, 2] * x, -bounds[:, 1]], axis=1)


def check_near(name: str, bounds: NDArray[np.float64], crs: CRS, contexts: Mapping[str, Layer]) -> None:
    """Refuse context layers that lie far from the scene or the layer that is asked about.

    Raises:
        InputError: a context is far away.
    """
    lonlat = CRS.from_epsg(4326)
    mine = _lonlat_bounds(bounds, crs, lonlat)
    for other, context in contexts.items():
        theirs = _lonlat_bounds(shapely.total_bounds(context.shapes), context.crs, lonlat)
        apart = max(theirs[0] - mine[2], mine[0] - theirs[2]), max(theirs[1] - mine[3], mine[1] - theirs[3])
        across = min(apart[0], 360.0 - max(mine[2], theirs[2]) + min(mine[0], theirs[0]))
        if max(across, apart[1]) > FAR_DEGREES:
            raise InputError(
                f"the context layer {other} is far away from {name}: it lies around longitude {theirs[0]:.3f}, "
                f"latitude {theirs[1]:.3f}, the other around {mine[0]:.3f}, {mine[1]:.3f}",
                hint="Is its CRS declared rightly? Give a layer of the same place.",
            )


def _lonlat_bounds(bounds: NDArray[np.float64], crs: CRS, lonlat: CRS) -> NDArray[np.float64]:
    from geogrounding.geometry.geodesy import transform_points

    x0, y0, x1, y1 = bounds
    points = transform_points(np.array([(x0, y0), (x0, y1), (x1, y0), (x1, y1)]), crs, lonlat)
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def same_noun(name: str, noun: str) -> bool:
    """Whether the name of a layer names a noun: "houses" and "building" do."""
    words = singular(spoken(name))
    known = vocabulary().get(spoken(name), words)
    return noun in (words, known) or class_of(known) == class_of(noun)


def rows_of(layer: Layer, noun: str) -> NDArray[np.int64] | None:
    """Rows whose label names a noun: the same word where there is one, else the same class; None where none does."""
    if layer.labels is None:
        return None
    labels = np.array(layer.labels, object)
    narrow = noun in NARROWER.get(class_of(noun), frozenset())
    exact = np.flatnonzero(labels == noun)
    if narrow and len(exact):
        return exact
    alike = np.flatnonzero([class_of(label) == class_of(noun) for label in labels])
    if len(alike):
        return alike
    last = {label for label in layer.nouns if label.split()[-1:] == noun.split()[-1:] and label.endswith(f" {noun}")}
    found = np.flatnonzero([label in last for label in labels])
    return found if len(found) else None
