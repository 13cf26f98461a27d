"""``geoground jobs``: jobs of a service on another machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geogrounding.errors import IncompleteError, InputError, ModelError, OutputError, SettingsError

from . import options as opt
from .terminal import clean, count, say, table, to_json

if TYPE_CHECKING:
    from geogrounding.service.client import Client

TOKEN_VARIABLE = "GEOGROUND_TOKEN"  # noqa: S105 - the name of a variable
ADDRESS = click.argument("address", help="Of the service, such as http://host:8000.")
JOB = click.argument("job", help="Id of the job.")
JSON = opt.option("--json", "as_json", is_flag=True, section="Result", help="Print JSON to standard output.")


@click.group()
def command() -> None:
    """Jobs of a service that runs elsewhere (geoground serve).

    The token of the service is read from GEOGROUND_TOKEN.

    \b
    Example:
      geoground jobs submit http://host:8000 scene.tif "ship" --watch
      geoground jobs results http://host:8000 4f2a90c1d3e5b768 -o ships.gpkg
    """  # noqa: D301 - \b is click's mark for lines that stay as they are


def _client(address: str) -> Client:
    from geogrounding.service.client import Client

    token = os.environ.get(TOKEN_VARIABLE, "")
    if not token:
        raise SettingsError(f"{TOKEN_VARIABLE} is not set", hint="Set it to the token that the service printed.")
    return Client(address, token)


@command.command(cls=opt.Command)
@ADDRESS
@click.argument("scene", help="Name or id of a raster of the service.")
@click.argument("queries", nargs=-1, required=True, help="What to look for.")
@opt.option("--model", section="Model", metavar="NAME", help="A model of the service. Default: the built-in one.")
@opt.option(
    "--min-score", type=click.FloatRange(0, 1), section="Result", metavar="SCORE", help="Leave out what scores less."
)
@opt.option("--watch", is_flag=True, section="Result", help="Wait for the end of the job and show its progress.")
@JSON
@opt.VERBOSE
def submit(
    address: str, scene: str, queries: tuple[str, ...], model: str | None, min_score: float | None, watch: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Start a job: find what the queries describe in a raster of the service. Prints the id of the job."""
    with _client(address) as client:
        inputs: dict[str, Any] = {"scene": client.scene(scene), "queries": list(queries)}
        inputs |= {name: value for name, value in (("model", model), ("min_score", min_score)) if value is not None}
        status = client.submit("ground", inputs)
        click.echo(to_json(status) if as_json else clean(status["jobID"]))
        if watch:
            _follow(client, status["jobID"])


@command.command(cls=opt.Command)
@ADDRESS
@JOB
@opt.VERBOSE
def watch(address: str, job: str) -> None:
    """Show the progress of a job until it ends."""
    with _client(address) as client:
        _follow(client, job)


@command.command(cls=opt.Command)
@ADDRESS
@JOB
@opt.file_option(
    "-o",
    "--output",
    required=True,
    section="Files",
    help="Where to write: .geojson, .gpkg or .json (COCO).",
)
@opt.option("--accepted", is_flag=True, section="Result", help="Only what a reviewer accepted.")
@opt.option("--overwrite", is_flag=True, section="Result", help="Replace an existing file.")
@opt.VERBOSE
def results(address: str, job: str, output: Path, accepted: bool, overwrite: bool) -> None:
    """Write the features of a job to a file; those that a reviewer rejected are left out."""
    formats = {".geojson": "geojson", ".gpkg": "gpkg", ".json": "coco"}
    wanted = formats.get(output.suffix.lower())
    if wanted is None:
        raise OutputError(f"{output.name} has no known ending", hint=f"One of: {', '.join(formats)}.")
    if output.exists() and not overwrite:
        raise OutputError(f"{output} exists", hint="Give --overwrite, or another name.")
    with _client(address) as client:
        partial = output.with_name(f".{output.name}.partial")
        try:
            client.export(job, partial, wanted, ("accepted",) if accepted else ("accepted", "open"))
            partial.replace(output)
        except OSError as error:
            raise OutputError(f"{output} cannot be written: {error}", hint="Choose another place.") from error
        finally:
            partial.unlink(missing_ok=True)
    say(f"-> {output}")


@command.command(cls=opt.Command)
@ADDRESS
@JOB
@opt.VERBOSE
def cancel(address: str, job: str) -> None:
    """Cancel a job that waits or runs; remove one that has ended, with its results."""
    with _client(address) as client:
        client.cancel(job)


@command.command("list", cls=opt.Command)
@ADDRESS
@JSON
@opt.VERBOSE
def list_jobs(address: str, as_json: bool) -> None:
    """List the jobs of all users, newest first."""
    with _client(address) as client:
        found = client.get("/jobs")["jobs"]
    if as_json:
        click.echo(to_json(found))
    elif found:
        rows = [(j["jobID"], j["state"], f"{j['progress']} %", j["processID"], j["title"][:60]) for j in found]
        click.echo(table(rows))


def _follow(client: Client, job: str) -> None:
    shown = ""
    for event in client.watch(job):
        values = event.values
        if event.name == "progress":
            line = f"{values['chips_done']} of {count(values['chips_total'], 'chip')}, {values['found']} found"
        elif event.name == "training":
            line = f"step {values['step']} of {values['steps']}"
        elif event.name == "status":
            line = " ".join(filter(None, (values.get("state"), values.get("message"))))
        else:
            continue
        if line != shown:
            say(line)
            shown = line
        if event.name == "status" and values.get("state") == "failed":
            raise ModelError(values.get("message") or "the job failed")
        if event.name == "status" and values.get("state") == "dismissed":
            raise InputError("the job was cancelled")
    status = client.get(f"/jobs/{job}")
    if isinstance(status.get("features"), int):
        say(count(status["features"], "feature"))
    report = client.get(f"/jobs/{job}/results")["report"] or {}
    if report.get("complete") is False:
        raise IncompleteError(f"{count(report['failed'], 'chip')} failed")
