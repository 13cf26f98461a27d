"""``geoground models``: what can run here."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from . import options as opt
from .terminal import clean, table, to_json


@click.command(cls=opt.Command)
@click.argument(
    "folders",
    nargs=-1,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Checkpoints, or folders that hold checkpoints.",
)
@opt.option("--json", "as_json", is_flag=True, section="Output", help="Write one JSON document.")
@opt.VERBOSE
def command(folders: tuple[Path, ...], as_json: bool) -> None:
    """List the models that can run here, with licence and size.

    The built-in model, checkpoints in FOLDERS and in the folders of the variable GEOGROUND_MODELS_DIR, and what the
    Hugging Face cache holds. Nothing is loaded and nothing is fetched.

    \b
    Examples:
      geoground models
      geoground models ~/checkpoints --json
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    from geogrounding.models.catalog import available

    infos = available(folders)
    if as_json:
        click.echo(to_json([asdict(info) for info in infos], indent=2))
        return
    rows = [("MODEL", "KIND", "READY", "LICENCE", "SIZE", "")]
    for info in infos:
        size = f"{info.size_mb:,.0f} MB" if info.size_mb else "-"
        licence = info.licence or "-"
        rows.append((info.name, info.kind, "yes" if info.present else "no", licence, size, clean(info.note, limit=100)))
    click.echo(table(rows))
