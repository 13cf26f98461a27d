"""The table of a batch: one line a scene, on disk after each."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from geogrounding.errors import OutputError

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
    safe = clean(text)
    return f"./{safe}" if safe[:1] in "=+-@" else safe


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write the table whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    from geogrounding.io.atomic import partial_folder, publish

    names = [field.name for field in fields(Row)]
    try:
        with partial_folder(path.absolute()) as folder:
            new = folder / path.name
            with new.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, names)
                writer.writeheader()
                writer.writerows({**asdict(row), "error": clean(row.error)} for row in rows)
            publish([(new, path.absolute())])
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}", hint="Is there room on the disk?") from error


def read_table(path: Path) -> list[Row]:
    """The rows of an earlier table; none where there is no table, or it is no table of ours."""
    names = {field.name for field in fields(Row)}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            records = [dict(record) for record in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
    return [
        Row(**cast(dict[str, Any], record))
        for record in records
        if set(record) == names and None not in record.values()
    ]
