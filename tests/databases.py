"""A real PostgreSQL with PostGIS, started for the tests in a folder of its own and thrown away afterwards."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = "s3cret/@:pass"
ROLE = "analyst"


@dataclass(frozen=True)
class Server:
    """A running server; its superuser is ``postgres``."""

    folder: Path
    port: int

    def address(self, *, user: str = "postgres", table: str = "", database: str = "gis") -> str:
        """An address over the socket, without a password."""
        return f"postgresql://{user}@/{database}?host={self.folder}&port={self.port}&table={table}"

    def tcp(self, *, user: str = ROLE, password: str = "", table: str = "") -> str:
        """An address over TCP, where a password is asked for."""
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@127.0.0.1:{self.port}/gis?table={table}"


def _binaries() -> Path:
    for control in sorted(Path("/usr/share/postgresql").glob("*/extension/postgis.control"), reverse=True):
        folder = Path("/usr/lib/postgresql") / control.parts[-3] / "bin"
        if (folder / "initdb").exists():
            return folder
    pytest.skip("no PostgreSQL with PostGIS here: run .ci/postgis as root")


def _as_server(command: Sequence[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    return (
        ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        if os.getuid() == 0
        else [*command]
    )


@contextmanager
def server(*, fsync: bool = False) -> Iterator[Server]:
    """Start a server and make a database with PostGIS in it; tests need nothing to survive a power failure."""
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def call(name: str, *arguments: str) -> None:
        subprocess.run(
            _as_server([str(binaries / name), *arguments]),
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(folder)},
            timeout=300,
        )

    try:
        call(
            "initdb", "-D", str(data), "-U", "postgres", "-E", "UTF8", "--auth-local=trust", "--auth-host=scram-sha-256"
        )
        options = f"-k {folder} -p {port} -c listen_addresses=127.0.0.1 -c fsync={'on' if fsync else 'off'} "
        options += "-c shared_buffers=32MB"
        call("pg_ctl", "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "-t", "200", "start")
        try:
            made = Server(folder=folder, port=port)
            _fill(made)
            yield made
        finally:
            call("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fill(made: Server) -> None:
    import psycopg

    with psycopg.connect(host=str(made.folder), port=made.port, user="postgres", dbname="postgres") as database:
        database.autocommit = True
        database.execute("CREATE DATABASE gis")
        database.execute("CREATE DATABASE plain")
        database.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
    with psycopg.connect(host=str(made.folder), port=made.port, user="postgres", dbname="gis") as database:
        database.execute("CREATE EXTENSION postgis")
        database.execute("CREATE SCHEMA work")
        database.execute(f"GRANT USAGE, CREATE ON SCHEMA work TO {ROLE}")
