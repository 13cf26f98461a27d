"""``geoground serve``: a web map and an HTTP interface for a team."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from . import options as opt
from .terminal import say

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(cls=opt.Command)
@opt.option(
    "--data",
    type=_FOLDER,
    multiple=True,
    required=True,
    section="Files",
    metavar="FOLDER",
    help="Folder of rasters that may be asked about, with the folders below it; may be repeated.",
)
@opt.option(
    "--state",
    type=_FOLDER,
    section="Files",
    metavar="FOLDER",
    help="Folder of jobs, uploads and trained models. Default: .geoground in the first folder of rasters.",
)
@opt.option(
    "--models",
    type=_FOLDER,
    multiple=True,
    section="Files",
    metavar="FOLDER",
    help="A model, or the folder of a training run, that users may choose; may be repeated.",
)
@opt.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    section="Network",
    metavar="ADDRESS",
    help="Address to listen at; 0.0.0.0 lets other machines in and needs a token in GEOGROUND_TOKEN.",
)
@opt.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, section="Network", help="Port.")
@opt.option(
    "--allow-host",
    "hosts",
    multiple=True,
    section="Network",
    metavar="NAME",
    help="A name by which browsers reach the service, with its port where that is not 80 or 443; may be repeated.",
)
@opt.option(
    "--root-path",
    default="",
    section="Network",
    metavar="PATH",
    help="Path of another site that the service is below, behind a proxy that passes it on, such as /geoground.",
)
@opt.option(
    "--turn-minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    section="Jobs",
    metavar="MINUTES",
    help="A run that has taken so long lets another user's job go first, and goes on after it.",
)
@opt.option(
    "--max-job-hours",
    type=click.FloatRange(min=0, min_open=True),
    default=24.0,
    show_default=True,
    section="Jobs",
    metavar="HOURS",
    help="A job that takes longer is ended.",
)
@opt.option(
    "--max-upload-gib",
    type=click.FloatRange(min=0),
    default=8.0,
    show_default=True,
    section="Jobs",
    metavar="GIB",
    help="Longest raster that users may upload.",
)
@opt.MACHINES
@opt.VERBOSE
def command(  # noqa: PLR0913 - the options of the command
    data: tuple[Path, ...],
    state: Path | None,
    models: tuple[Path, ...],
    host: str,
    port: int,
    hosts: tuple[str, ...],
    root_path: str,
    turn_minutes: float,
    max_job_hours: float,
    max_upload_gib: float,
    executor: str,
    workers: int | None,
    gpus_per_worker: float | None,
) -> None:
    """Serve a web map and an HTTP interface: scenes of a folder, one warm model, jobs that survive a restart.

    Open the printed link in a browser. docs/service.md describes the map, the interface and how to run it for a team.

    \b
    Example:
      geoground serve --data /srv/scenes --port 8000
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    from geogrounding.service.server import serve
    from geogrounding.service.settings import Limits, ServiceSettings, token_of_environment

    token, made = token_of_environment(host)
    settings = ServiceSettings(
        data=data,
        state=state or data[0] / ".geoground",
        token=token,
        host=host,
        port=port,
        hosts=hosts,
        root_path=root_path,
        models=models,
        machines=_machines(executor, workers, gpus_per_worker),
        limits=Limits(
            turn_s=turn_minutes * 60, job_s=max_job_hours * 3600, upload_bytes=int(max_upload_gib * (1 << 30))
        ),
    )

    def ready(address: str) -> None:
        shown = f"{address}/?token={token}" if made else f"{address}/  (the token is that of GEOGROUND_TOKEN)"
        click.echo(shown)
        say("Open this link in a browser. Ctrl-C ends the service; unfinished jobs go on at the next start.")

    serve(settings, ready)


def _machines(executor: str, workers: int | None, gpus_per_worker: float | None) -> dict[str, Any]:
    """Where searches run, as the engine takes it.

    Raises:
        SettingsError: options of Ray without it.
    """
    from geogrounding.errors import SettingsError

    if executor == "local":
        if workers is not None or gpus_per_worker is not None:
            raise SettingsError("--workers and --gpus-per-worker are for --executor ray", hint="Add --executor ray.")
        return {}
    given = {"executor": executor, "workers": workers, "gpus_per_worker": gpus_per_worker}
    return {name: value for name, value in given.items() if value is not None}
