"""Connections to PostgreSQL, whose errors say what to do and never show a password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from geogrounding.errors import OutputError
from geogrounding.io.database import Table
from geogrounding.messages import first_line

if TYPE_CHECKING:
    import psycopg


@contextmanager
def connected(table: Table) -> Iterator[psycopg.Connection[Any]]:
    """A connection whose transaction is committed at the end, and rolled back on any error.

    Raises:
        OutputError: whatever the database says, without the password.
    """
    if find_spec("psycopg") is None:
        raise OutputError("writing to PostGIS needs psycopg", hint='pip install "geogrounding[postgis]"')
    import psycopg

    try:
        options: dict[str, Any] = dict(table.connection)
        with psycopg.connect(**options) as database:
            yield database
    except psycopg.Error as error:
        secret = table.connection.get("password")
        said = first_line(error).removeprefix("ERROR:").strip()
        said = said.replace(secret, "***") if secret else said
        state = error.diag.sqlstate if error.diag.sqlstate else ""
        raise OutputError(f"{table.shown}: {said}", hint=_hint(state, said)) from None


def _hint(state: str, said: str) -> str:
    """What to do about an error of a class (https://www.postgresql.org/docs/15/errcodes-appendix.html)."""
    if state == "55P03":
        return "Another program holds the table; --resume writes the result once it lets go."
    if state.startswith("28") or "password" in said:
        return "Set PGPASSWORD, or write the password to ~/.pgpass."
    if state == "42501":
        return "Ask the owner of the schema for the right to create or change the table."
    if state.startswith("53"):
        return "The server is full or busy; --resume writes the result once there is room."
    if not state:
        return "Is the server running, and does it take connections from here? --resume writes the result later."
    return "The table is as it was; --resume writes the result once this is mended."


def statement(text: str, *names: str | Table, runs: bool = False) -> Any:
    """A statement with quoted names."""
    from psycopg import sql

    parts = [
        sql.Identifier(name.schema, name.runs if runs else name.name)
        if isinstance(name, Table)
        else sql.Identifier(name)
        for name in names
    ]
    return sql.SQL(text).format(*parts)
