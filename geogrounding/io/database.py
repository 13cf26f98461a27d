"""The address of a table in a database: ``postgresql://user@host:5432/database?table=schema.name``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pyproj import CRS

from geogrounding.errors import OutputError
from geogrounding.io.tables import storable
from geogrounding.messages import quote

SCHEMES = ("postgresql://", "postgres://")
CONNECT_SECONDS = 20
_PASSED_ON = ("connect_timeout", "sslmode", "sslrootcert", "sslcert", "sslkey", "target_session_attrs", "host", "port")
"""Parameters of an address that libpq may have; the others are not needed here, and some name files or programs."""
_LONGEST = 63 - len("_geometry_idx")
"""Bytes of a table's name, so that the names of its index and of the table of runs fit."""


def is_database(output: object) -> bool:
    """Whether an output is a table of a database."""
    return isinstance(output, str) and output.strip().lower().startswith(SCHEMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table in a database, as the user asked for it."""

    connection: Mapping[str, str] = field(repr=False)
    """Parameters of libpq; may hold a password."""
    schema: str
    name: str
    overwrite: bool = False
    """Replace all rows of an existing table."""
    append: bool = False
    resume: bool = False
    """The run may have been written already."""
    dst_crs: CRS | str | None = None

    @classmethod
    def parse(cls, address: str, **options: Any) -> Table:
        """Read an address ``postgresql://user@host/database?table=schema.name``; the schema ``public`` may be left out.

        Raises:
            OutputError: it is malformed, or names no table.
        """
        connection: dict[str, str] = {"connect_timeout": str(CONNECT_SECONDS), "application_name": "geogrounding"}
        try:
            parts = urlsplit(address.strip())
            given = {"host": parts.hostname, "user": parts.username, "password": parts.password}
            given |= {"port": str(parts.port) if parts.port else None, "dbname": parts.path.strip("/") or None}
        except ValueError as error:  # its text may repeat the address
            raise OutputError(
                "the address of the database is malformed", hint="Write postgresql://user@host/database?table=NAME."
            ) from error
        connection |= {key: unquote(value) for key, value in given.items() if value}
        table = ""
        for key, value in parse_qsl(parts.query, keep_blank_values=True):
            if key == "table":
                table = value
            elif key in _PASSED_ON:
                connection[key] = value
            else:
                raise OutputError(
                    f"the address of the database has a parameter {quote(key)}, which is not passed on",
                    hint=f"Known are table, {', '.join(_PASSED_ON)}; others can be set in the environment (PG...).",
                )
        schema, _, name = table.rpartition(".")
        schema = schema or "public"
        for text in (schema, name):
            if not text or storable(text) != text or len(text.encode()) > _LONGEST or "." in text:
                raise OutputError(
                    f"the address of the database names no usable table: {quote(table)}",
                    hint="End it in ?table=NAME or ?table=SCHEMA.NAME.",
                )
        return cls(connection=connection, schema=schema, name=name, **options)

    @property
    def shown(self) -> str:
        """The address without password and parameters."""
        of = self.connection
        user = f"{of['user']}@" if "user" in of else ""
        port = f":{of['port']}" if "port" in of else ""
        return f"postgresql://{user}{of.get('host', '')}{port}/{of.get('dbname', '')}?table={self.schema}.{self.name}"

    @property
    def runs(self) -> str:
        """The name of the table of runs."""
        return f"{self.name}_runs"
