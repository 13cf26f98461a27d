"""``geoground engine``: answer another program, such as QGIS, line by line."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Never

import click

from . import options as opt


@click.command(cls=opt.Command)
@opt.option(
    "--idle-minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=15.0,
    show_default=True,
    section="Engine",
    metavar="MINUTES",
    help="Without a request for so long, the model is dropped and its memory is free; the next request loads it again.",
)
@opt.folder_option(
    "--models",
    "model_folders",
    multiple=True,
    section="Engine",
    help="Folder of models and training runs to list; may be repeated.",
)
def command(idle_minutes: float, model_folders: tuple[Path, ...]) -> None:
    """Serve one program on standard input and output, in lines of JSON, until it closes the input.

    This is what the QGIS plugin starts. docs/engine.md describes the lines.

    \b
    Example:
      echo '{"id": 1, "method": "hello"}' | geoground engine
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    from geogrounding.engine.session import Session
    from geogrounding.engine.transport import take_over

    requests, replies = take_over()
    signal.signal(signal.SIGTERM, _end)
    Session(requests, replies, idle_s=idle_minutes * 60, model_folders=model_folders).serve()


def _end(_number: int, _frame: object) -> Never:
    raise SystemExit(128 + signal.SIGTERM)
