"""The table of a batch: one line a scene, on disk after each.

A line is added when a scene ends, and the lines are put in the order of the scenes at the end: ten thousand scenes
would otherwise write ten thousand tables. Of two lines about a scene the later one counts.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from geogrounding.errors import OutputError
from geogrounding.sources.names import shown

from .terminal import clean, count, duration

if TYPE_CHECKING:
    from geogrounding.execution.report import RunReport

Status = Literal["done", "incomplete", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One scene in the table."""

    scene: str
    layer: str
    status: Status
    features: str = ""
    chips: str = ""
    empty_chips: str = ""
    failed_chips: str = ""
    seconds: str = ""
    model_seconds: str = ""
    error: str = ""
    key: str = ""
    """Digest of everything the layer depends on; a finished layer with the same one is not made again."""

    @property
    def id(self) -> tuple[str, str]:
        """What the row is about: scene and layer."""
        return self.scene, self.layer


def filled(row: Row, report: RunReport, key: str) -> Row:
    """The row of a scene whose layer was written."""
    error = ""
    if report.failed_chips:
        chip, reason = report.failed_chips[0]
        error = f"chip {chip}: {reason}"
    return replace(
        row,
        status="done" if report.complete else "incomplete",
        features=str(report.features),
        chips=str(report.chips),
        empty_chips=str(report.empty_chips),
        failed_chips=str(len(report.failed_chips)),
        seconds=f"{report.seconds:.2f}",
        model_seconds=f"{report.model_seconds:.2f}",
        error=error,
        key=key,
    )


def outcome(row: Row) -> str:
    """How a scene went, for a person."""
    if row.status == "failed":
        return f"failed: {row.error}"
    found = f"{count(int(row.features), 'polygon')} in {duration(float(row.seconds))}"
    return found if row.status == "done" else f"{found}, but {count(int(row.failed_chips), 'chip')} failed: {row.error}"


def cell(text: str) -> str:
    """A name as a cell: without control characters, and never taken for a formula by a spreadsheet."""
    safe = clean(shown(text))
    return f"./{safe}" if safe[:1] in "=+-@" else safe


class TableFile:
    """The table of a batch while it grows."""

    def __init__(self, path: Path, earlier: Iterable[Row]) -> None:
        """Nothing is written yet.

        Args:
            path: of the table; what stands there is replaced when the first row is added.
            earlier: rows of an earlier batch that stay until there are later ones.
        """
        self._path = path
        self._rows = {row.id: row for row in earlier}
        self._begun = False

    def __getitem__(self, place: tuple[str, str]) -> Row:
        return self._rows[place]

    def get(self, place: tuple[str, str]) -> Row | None:
        """The latest row about a scene and its layer."""
        return self._rows.get(place)

    def add(self, row: Row) -> None:
        """Add a row, on disk when this returns.

        Raises:
            OutputError: it cannot be written.
        """
        self._rows[row.id] = row
        if not self._begun:
            write_table(self._path, list(self._rows.values()))
            self._begun = True
            return
        try:
            with self._path.open("a", encoding="utf-8", newline="") as file:
                csv.DictWriter(file, _NAMES).writerow(_record(row))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _not_written(self._path, error) from error

    def finish(self, order: Iterable[tuple[str, str]]) -> list[Row]:
        """Put the rows in order, one for each scene; those of scenes that were not reached stay out.

        A batch that has added nothing leaves the table of an earlier one alone.
        """
        rows = [self._rows[place] for place in order if place in self._rows]
        if self._begun:
            write_table(self._path, rows)
        return rows


_NAMES = [field.name for field in fields(Row)]


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write the table whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    from geogrounding.io.atomic import partial_folder, publish

    try:
        with partial_folder(path.absolute()) as folder:
            new = folder / path.name
            with new.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, _NAMES)
                writer.writeheader()
                writer.writerows(map(_record, rows))
            publish([(new, path.absolute())])
    except OutputError:
        raise
    except OSError as error:
        raise _not_written(path, error) from error


def _record(row: Row) -> dict[str, str]:
    return {**asdict(row), "error": clean(row.error)}


def _not_written(path: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot write {path}: {error.strerror}", hint="Is there room on the disk?")


def read_table(path: Path) -> list[Row]:
    """The rows of an earlier table; none where there is no table, or it is no table of ours."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            records = [dict(record) for record in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
    return [
        Row(**cast(dict[str, Any], record))
        for record in records
        if set(record) == set(_NAMES) and None not in record.values()
    ]
