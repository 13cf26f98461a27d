"""Features as rows of plain values, and as Arrow record batches: the one table that every format is written from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from geogrounding.vector.feature import Feature

BATCH = 4_096
"""Features held at a time on their way to disk."""

FIELDS = pa.schema(
    [
        ("id", pa.int64()),
        ("query", pa.string()),
        ("label", pa.string()),
        ("score", pa.float64()),
        ("reasoning", pa.string()),
        ("model", pa.string()),
        ("chip", pa.string()),
        ("source", pa.string()),
        ("outline", pa.string()),
        ("area_m2", pa.float64()),
    ]
)
"""The attributes, in the order in which every format lists them."""


def schema_with(measures: Sequence[str]) -> pa.Schema:
    """``FIELDS`` and a column of numbers for each measure."""
    return pa.schema([*FIELDS, *((name, pa.float64()) for name in measures)]) if measures else FIELDS


_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """Text as every format can hold it: NUL and lone surrogates become U+FFFD, all else stays as it is."""
    return _NOT_STORABLE.sub("\ufffd", text)


@dataclass(frozen=True, slots=True)
class FeatureBatch:
    """Up to ``BATCH`` features."""

    rows: Sequence[Mapping[str, Any]]
    """N times the attributes, in the order of ``schema_with``."""
    polygons: NDArray[np.object_]
    """(N,) shapely geometries, in the CRS of the scene."""
    measures: tuple[str, ...] = ()
    """Attributes of the rows after ``FIELDS``."""

    def attributes(self) -> pa.RecordBatch:
        """The rows with the schema ``schema_with(measures)``; the first use imports pandas, where there is one
        (``findings/pyarrow_list_imports_pandas.sh``).
        """
        return pa.RecordBatch.from_pylist(self.rows, schema=schema_with(self.measures))


def batches(features: Iterable[Feature], *, size: int = BATCH, measures: Sequence[str] = ()) -> Iterator[FeatureBatch]:
    """Cut a stream of features into batches; an empty stream gives one empty batch."""
    iterator = iter(features)
    held = list(islice(iterator, size))
    while True:
        following = list(islice(iterator, size))
        yield _batch(held, measures)
        if not following:
            return
        held = following


def _batch(features: list[Feature], measures: Sequence[str]) -> FeatureBatch:
    rows = [
        {name: _value(feature, name) for name in FIELDS.names} | {name: measure_of(feature, name) for name in measures}
        for feature in features
    ]
    polygons = np.empty(len(features), dtype=object)
    polygons[:] = [feature.geometry_crs for feature in features]
    return FeatureBatch(rows, polygons, tuple(measures))


def measure_of(feature: Feature, name: str) -> float | None:
    """A measure of a feature to the millimetre; None where it was not measured."""
    value = dict(feature.measures).get(name)
    return None if value is None or not np.isfinite(value) else round(value, 3)


def _value(feature: Feature, name: str) -> object:
    value: object = getattr(feature, name)
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def with_geometry(attributes: pa.RecordBatch, geometries: NDArray[np.object_], name: str) -> pa.RecordBatch:
    """The batch with a last column of well-known binary, marked as geometry for readers of Arrow."""
    field = pa.field(name, pa.binary(), metadata={"ARROW:extension:name": "geoarrow.wkb"})
    wkb = pa.array(shapely.to_wkb(geometries), type=pa.binary())
    return pa.RecordBatch.from_arrays([*attributes.columns, wkb], schema=pa.schema([*attributes.schema, field]))
