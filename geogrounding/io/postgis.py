"""Features to a table of PostGIS: all of a run in one transaction, or none.

The address of a table is that of ``io.database``. A password comes from PGPASSWORD or ~/.pgpass, as for every client of
PostgreSQL; one that stands in the address is used and never written anywhere.

The table has a primary key that continues (``fid``), the attributes of every layer, the run that a feature belongs to,
and a geometry with a spatial index; ``(run, id)`` is unique. The description of each run is a row of the table
``NAME_runs``, written in the same transaction. So a connection that drops at any moment leaves all of a run or nothing,
and writing the same run again, whether or not it had arrived, gives the same table.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError

from geogrounding.errors import OutputError
from geogrounding.geometry.operation import Bounds, Operation, find_operation
from geogrounding.io.connection import connected, statement
from geogrounding.io.database import Table
from geogrounding.io.placing import Counted, Placing, describe_coordinates, to_json
from geogrounding.io.tables import FIELDS, FeatureBatch
from geogrounding.vector.feature import Feature

if TYPE_CHECKING:
    import psycopg

_TYPES = {"int64": "bigint", "string": "text", "double": "double precision"}
_COLUMNS = ("run", *FIELDS.names)
LOCK_SECONDS = 60
"""How long another writer or reader of the table is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What is there already."""

    exists: bool
    columns: frozenset[str] = frozenset()
    srid: int = 0


def check_table(
    table: Table, *, crs: CRS | None, extent: Bounds | None, pixel_coordinates: bool = False
) -> tuple[str, ...]:
    """Check before the first chip that the table can be written; return what the user should know.

    Args:
        table: where to.
        crs: of the scene.
        extent: of the scene, in its CRS.
        pixel_coordinates: whether the layer is in pixels.

    Raises:
        OutputError: the database cannot be reached, refuses, or holds another table of this name.
    """
    with connected(table) as database:
        found = _check_place(database, table)
        _, operation, _ = _target(database, table, found, crs, extent, pixel_coordinates)
    return () if operation is None or operation.notice is None else (operation.notice,)


def check_shared(table: Table) -> frozenset[tuple[str, tuple[str, ...]]]:
    """Check that the results of many scenes can be written to a table; return fingerprint of the scene and expressions
    of each run in it.

    Raises:
        OutputError: see ``check_table``.
    """
    with connected(table) as database:
        if not _check_place(database, table).exists or not _has_runs(database, table):
            return frozenset()
        rows = database.execute(
            statement(
                "SELECT description::jsonb #>> '{{source,fingerprint}}', description::jsonb #> "
                "'{{settings,expressions}}' FROM {}",
                table,
                runs=True,
            )
        ).fetchall()
    return frozenset((fingerprint, tuple(expressions or ())) for fingerprint, expressions in rows if fingerprint)


def _check_place(database: psycopg.Connection[Any], table: Table) -> _Found:
    """What stands there, where that may be written to.

    Raises:
        OutputError: it may not.
    """
    database.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
    found = _look(database, table)
    if found.exists and not (table.append or table.overwrite or table.resume):
        raise _exists(table)
    _check_rights(database, table, found)
    return found


def write_table(
    table: Table,
    features: Iterable[Feature],
    *,
    crs: CRS | None,
    metadata: Mapping[str, Any],
    extent: Bounds | None = None,
    pixel_coordinates: bool = False,
    measures: Sequence[str] = (),
) -> int:
    """Write the features of a run in one transaction; return how many were written, 0 if the run was there already.

    Args:
        table: where to.
        features: read once, in order; memory does not grow with their number.
        crs: of the scene; None only for pixel coordinates.
        metadata: the description of the run.
        extent: of the scene, in ``crs``.
        pixel_coordinates: geometries are in scene pixels; the table then has the SRID 0.
        measures: names in ``Feature.measures`` that get columns of their own.

    Raises:
        OutputError: the database cannot be written; it is then as it was.
    """
    counted = Counted(features)
    run = run_id(metadata)
    with connected(table) as database:
        database.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
        # One writer of a table at a time: two runs that both find no table would both create it.
        database.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"{table.schema}.{table.name}",))
        found = _look(database, table)
        target, operation, srid = _target(database, table, found, crs, extent, pixel_coordinates)
        described = dict(metadata) | {"coordinates": describe_coordinates(target, pixel_coordinates)}
        if operation is not None:
            described["transformation"] = operation.describe()
        text = to_json(described)
        if found.exists and _known(database, table, run, text):
            return 0
        _make_room(database, table, found, run, srid, measures)
        cut = target is not None and target.is_geographic and target != crs
        placing = Placing(crs=crs, target_crs=target, operation=operation, cut=cut, decimals=None)
        try:
            _copy(database, table, run, srid, placing.batches(counted, measures), measures)
        except Exception:
            if counted.error is not None:
                raise counted.error from None
            raise
        if not found.exists:
            database.execute(
                statement("CREATE INDEX {} ON {} USING gist (geometry)", f"{table.name}_geometry_idx", table)
            )
        database.execute(
            statement("INSERT INTO {} (run, features, description) VALUES (%s, %s, %s)", table, runs=True),
            (run, counted.count, text),
        )
    return counted.count


def run_id(metadata: Mapping[str, Any]) -> str:
    """A run by what was asked of what: the same when it is repeated, resumed, or asked again about failed chips."""
    asked = {key: value for key, value in metadata.items() if key not in ("result", "versions", "geogrounding")}
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _exists(table: Table) -> OutputError:
    return OutputError(
        f"the table {table.schema}.{table.name} exists already",
        hint="--append adds to it, --overwrite replaces its rows.",
    )


def _look(database: psycopg.Connection[Any], table: Table) -> _Found:
    """What stands under the name of the table.

    Raises:
        OutputError: the database has no PostGIS, or something else has the name.
    """
    if database.execute("SELECT 1 FROM pg_extension WHERE extname = 'postgis'").fetchone() is None:
        raise OutputError(
            f"the database {database.info.dbname} has no PostGIS", hint="Run in it: CREATE EXTENSION postgis;"
        )
    row = database.execute(
        "SELECT c.oid, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relname = %s",
        (table.schema, table.name),
    ).fetchone()
    if row is None:
        return _Found(exists=False)
    if row[1] not in ("r", "p"):
        raise OutputError(f"{table.schema}.{table.name} is no table", hint="Choose another name.")
    columns = frozenset(
        name
        for (name,) in database.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped", (row[0],)
        )
    )
    missing = [name for name in (*_COLUMNS, "geometry") if name not in columns]
    if missing:
        raise OutputError(
            f"the table {table.schema}.{table.name} has no column {', '.join(missing)}: it was not written by "
            "geogrounding",
            hint="Choose another name.",
        )
    srid = database.execute(
        "SELECT srid FROM geometry_columns WHERE f_table_schema = %s AND f_table_name = %s "
        "AND f_geometry_column = 'geometry'",
        (table.schema, table.name),
    ).fetchone()
    return _Found(exists=True, columns=columns, srid=srid[0] if srid else 0)


def _check_rights(database: psycopg.Connection[Any], table: Table, found: _Found) -> None:
    """Make and write the table in a transaction that is given up again."""
    import psycopg

    try:
        with database.transaction(force_rollback=True):
            _make_room(database, table, found, "0" * 32, found.srid, ())
    except psycopg.errors.InvalidSchemaName:
        raise OutputError(f"the database has no schema {table.schema}", hint="Create it first.") from None


def _target(
    database: psycopg.Connection[Any],
    table: Table,
    found: _Found,
    crs: CRS | None,
    extent: Bounds | None,
    pixel_coordinates: bool,
) -> tuple[CRS | None, Operation | None, int]:
    """CRS of the table, the operation to it from that of the scene, and its SRID in the database.

    Raises:
        OutputError: the CRS is unknown to the database, or the table has another one.
    """
    if pixel_coordinates or crs is None:
        if found.exists and found.srid and not table.overwrite:
            raise OutputError("the table has a CRS and the result has none", hint="Choose another table.")
        return None, None, 0
    keep = found.exists and not table.overwrite
    try:
        target = CRS.from_user_input(table.dst_crs) if table.dst_crs is not None else crs
        if keep and table.dst_crs is None and found.srid:
            target = _crs_of(database, found.srid)
    except CRSError as error:
        raise OutputError(f"{table.dst_crs!r} is not a known CRS", hint="Give one like EPSG:25832.") from error
    authority = target.to_authority(min_confidence=100)
    row = None
    if authority is not None:
        row = database.execute(
            "SELECT srid FROM spatial_ref_sys WHERE auth_name = %s AND auth_srid::text = %s", authority
        ).fetchone()
    if row is None:
        raise OutputError(
            f"the database does not know the CRS {target.name}", hint="Name one that it knows: --dst-crs EPSG:4326."
        )
    if keep and found.srid != row[0]:
        raise OutputError(
            f"the table is in SRID {found.srid}, not {row[0]}", hint="Leave out --dst-crs: features are transformed."
        )
    return target, None if target == crs else find_operation(crs, target, extent), int(row[0])


def _crs_of(database: psycopg.Connection[Any], srid: int) -> CRS:
    row = database.execute("SELECT auth_name, auth_srid FROM spatial_ref_sys WHERE srid = %s", (srid,)).fetchone()
    if row is None or row[0] is None:
        raise OutputError(f"the SRID {srid} of the table is not a known CRS", hint="Write to another table.")
    return CRS.from_user_input(f"{row[0]}:{row[1]}")


def _known(database: psycopg.Connection[Any], table: Table, run: str, text: str) -> bool:
    """Whether the table holds the run as it is.

    Raises:
        OutputError: it holds others, and was neither to be replaced nor added to.
    """
    row = None
    if _has_runs(database, table):
        row = database.execute(
            statement("SELECT description = %s FROM {} WHERE run = %s", table, runs=True), (text, run)
        ).fetchone()
    if row is None and not (table.append or table.overwrite):
        raise _exists(table)
    return row is not None and bool(row[0]) and not table.overwrite


def _has_runs(database: psycopg.Connection[Any], table: Table) -> bool:
    there = database.execute("SELECT to_regclass(%s)", (f'"{table.schema}"."{table.runs}"',)).fetchone()
    return there is not None and there[0] is not None


def _make_room(
    database: psycopg.Connection[Any], table: Table, found: _Found, run: str, srid: int, measures: Sequence[str]
) -> None:
    """Create the tables, or take away what the run replaces."""
    if not found.exists:
        columns = ", ".join(f'"{one.name}" {_TYPES[str(one.type)]}' for one in FIELDS)
        database.execute(
            statement(
                "CREATE TABLE {} (fid bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, run text NOT NULL, "
                f"{columns}, geometry geometry(Geometry, {int(srid)}), UNIQUE (run, id))",
                table,
            )
        )
    elif table.overwrite:
        database.execute(statement("TRUNCATE {}", table))
        if found.srid != srid:
            database.execute(statement(f"ALTER TABLE {{}} ALTER geometry TYPE geometry(Geometry, {int(srid)})", table))
    else:
        database.execute(statement("DELETE FROM {} WHERE run = %s", table), (run,))
    database.execute(
        statement(
            "CREATE TABLE IF NOT EXISTS {} (run text PRIMARY KEY, features bigint NOT NULL, description text NOT NULL, "
            "written timestamptz NOT NULL DEFAULT now())",
            table,
            runs=True,
        )
    )
    if found.exists and table.overwrite:
        database.execute(statement("TRUNCATE {}", table, runs=True))
    else:
        database.execute(statement("DELETE FROM {} WHERE run = %s", table, runs=True), (run,))
    for name in measures:
        if name not in found.columns:
            database.execute(statement("ALTER TABLE {} ADD COLUMN {} double precision", table, name))


def _copy(
    database: psycopg.Connection[Any],
    table: Table,
    run: str,
    srid: int,
    placed: Iterator[FeatureBatch],
    measures: Sequence[str],
) -> None:
    """Stream batches as CSV: Arrow quotes texts and leaves nulls empty, which is how COPY knows one from the other."""
    names = (*_COLUMNS, *measures, "geometry")
    command = statement(f"COPY {{}} ({', '.join('{}' for _ in names)}) FROM STDIN (FORMAT csv)", table, *names)
    with database.cursor().copy(command) as copy:
        for batch in placed:
            shapes = shapely.set_srid(batch.polygons, srid) if srid else batch.polygons
            wkb = shapely.to_wkb(shapes, hex=True, include_srid=bool(srid))
            rows = len(batch.polygons)
            columns = [pa.array(np.full(rows, run)), *batch.attributes().columns, pa.array(wkb, pa.string())]
            chunk = io.BytesIO()
            pa.csv.write_csv(
                pa.RecordBatch.from_arrays(columns, names=list(names)),
                chunk,
                pa.csv.WriteOptions(include_header=False, quoting_style="needed"),
            )
            copy.write(chunk.getvalue())
