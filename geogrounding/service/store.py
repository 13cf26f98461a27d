"""Jobs and their events in SQLite: written before the work begins, read again after a restart."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

State = Literal["accepted", "running", "interrupted", "successful", "failed", "dismissed"]
STATES: tuple[State, ...] = get_args(State)
WAITING: tuple[State, ...] = ("accepted", "interrupted")
ENDED: tuple[State, ...] = ("successful", "failed", "dismissed")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, process TEXT NOT NULL, user TEXT NOT NULL, state TEXT NOT NULL, inputs TEXT NOT NULL,
    title TEXT NOT NULL, progress INTEGER NOT NULL, message TEXT NOT NULL, created REAL NOT NULL, started REAL,
    finished REAL, updated REAL NOT NULL, attempts INTEGER NOT NULL, error TEXT, result TEXT);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, created);
CREATE TABLE IF NOT EXISTS events (
    job TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY (job, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS speeds (key TEXT PRIMARY KEY, seconds_per_chip REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One row: a request to the engine, and what became of it. Times are seconds since 1970."""

    id: str
    process: str
    user: str
    state: State
    inputs: dict[str, Any]
    title: str
    progress: int = 0
    """Per cent."""
    message: str = ""
    created: float
    started: float | None = None
    finished: float | None = None
    updated: float
    attempts: int = 0
    """How often it was handed to the engine."""
    error: dict[str, Any] | None = None
    result: dict[str, Any] | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job; numbers count up from 1 and are never used again."""

    number: int
    name: str
    data: str
    """JSON."""


_COLUMNS = tuple(field.name for field in fields(Job))
_AS_JSON = ("inputs", "error", "result")


class Store:
    """The database; for any thread, one at a time."""

    def __init__(self, path: Path) -> None:
        """Open or create it."""
        self._lock = threading.RLock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside, or nothing."""
        with self._lock:
            if self._database.in_transaction:
                yield
                return
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def add(self, job: Job) -> None:
        """Keep a new job."""
        values = [_packed(job, name) for name in _COLUMNS]
        with self._lock:
            marks = ", ".join("?" * len(_COLUMNS))
            self._database.execute(f"INSERT INTO jobs ({', '.join(_COLUMNS)}) VALUES ({marks})", values)  # noqa: S608

    def change(self, job_id: str, **changes: Any) -> None:
        """Set columns of a job."""
        changes["updated"] = time.time()
        names = ", ".join(f"{name} = ?" for name in changes)
        values = [json.dumps(v) if n in _AS_JSON and v is not None else v for n, v in changes.items()]
        with self._lock:
            self._database.execute(f"UPDATE jobs SET {names} WHERE id = ?", (*values, job_id))  # noqa: S608

    def job(self, job_id: str) -> Job | None:
        """One job; None where there is none."""
        found = self._jobs("WHERE id = ?", (job_id,))
        return found[0] if found else None

    def jobs(
        self, *, states: Sequence[State] = STATES, process: str | None = None, limit: int = -1, offset: int = 0
    ) -> list[Job]:
        """Jobs, newest first."""
        marks = ", ".join("?" * len(states))
        where, values = f"WHERE state IN ({marks})", list[Any](states)
        if process is not None:
            where, values = f"{where} AND process = ?", [*values, process]
        return self._jobs(f"{where} ORDER BY created DESC, id LIMIT ? OFFSET ?", (*values, limit, offset))

    def count(self, states: Sequence[State], user: str | None = None) -> int:
        """How many jobs are in one of the states."""
        marks = ", ".join("?" * len(states))
        text, values = f"SELECT count(*) FROM jobs WHERE state IN ({marks})", list[Any](states)  # noqa: S608
        if user is not None:
            text, values = f"{text} AND user = ?", [*values, user]
        with self._lock:
            return int(self._database.execute(text, values).fetchone()[0])

    def remove(self, job_id: str) -> None:
        """Forget a job and its events."""
        with self.transaction():
            self._database.execute("DELETE FROM events WHERE job = ?", (job_id,))
            self._database.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    def add_event(self, job_id: str, name: str, data: str) -> Event:
        """Keep an event under the next number of the job."""
        with self.transaction():
            last = self._database.execute("SELECT max(number) FROM events WHERE job = ?", (job_id,)).fetchone()[0]
            number = (last or 0) + 1
            self._database.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (job_id, number, name, data))
        return Event(number, name, data)

    def drop_events(self, job_id: str, *names: str, before: int) -> None:
        """Forget events of these names that a later one replaces."""
        marks = ", ".join("?" * len(names))
        text = f"DELETE FROM events WHERE job = ? AND number < ? AND name IN ({marks})"  # noqa: S608
        with self._lock:
            self._database.execute(text, (job_id, before, *names))

    def events(self, job_id: str, after: int = 0, limit: int = 500) -> list[Event]:
        """Events of a job after a number, in order."""
        with self._lock:
            rows = self._database.execute(
                "SELECT number, name, data FROM events WHERE job = ? AND number > ? ORDER BY number LIMIT ?",
                (job_id, after, limit),
            ).fetchall()
        return [Event(*row) for row in rows]

    def set_speed(self, key: str, seconds_per_chip: float) -> None:
        """Keep how long a chip takes."""
        with self._lock:
            self._database.execute("INSERT OR REPLACE INTO speeds VALUES (?, ?)", (key, seconds_per_chip))

    def speed(self, key: str) -> float | None:
        """Seconds per chip, where known."""
        with self._lock:
            row = self._database.execute("SELECT seconds_per_chip FROM speeds WHERE key = ?", (key,)).fetchone()
        return None if row is None else float(row[0])

    def _jobs(self, rest: str, values: Sequence[Any]) -> list[Job]:
        with self._lock:
            rows = self._database.execute(
                f"SELECT {', '.join(_COLUMNS)} FROM jobs {rest}",  # noqa: S608 - the text is this module's own
                values,
            ).fetchall()
        return [_job(row) for row in rows]


def _packed(job: Job, name: str) -> Any:
    value = getattr(job, name)
    return json.dumps(value) if name in _AS_JSON and value is not None else value


def _job(row: Sequence[Any]) -> Job:
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in _AS_JSON:
        if values[name] is not None:
            values[name] = json.loads(values[name])
    return Job(**values)
