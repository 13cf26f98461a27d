"""Entry point of ``geoground``: the group of commands, and how errors become messages and exit codes."""

from __future__ import annotations

import errno
import logging
import sys
import traceback
import warnings
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Never, cast

import click

from geogrounding._version import __version__
from geogrounding.errors import GeogroundingError
from geogrounding.messages import without_secrets

from . import terminal

COMMANDS = (
    "run",
    "ask",
    "plan",
    "batch",
    "outline",
    "export",
    "info",
    "models",
    "train",
    "eval",
    "engine",
    "serve",
    "jobs",
)
"""Each lives as ``command`` in a module of its name, which is imported when it is needed."""

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells have it."""
VERBOSE_KEY = "geogrounding_cli.verbose"
"""Where ``-v`` is kept in ``click.Context.meta``, for the error that may come later."""


class Commands(click.Group):
    """Loads a command's module only when the command is used, and turns errors into messages and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of use, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one command."""
        if cmd_name not in COMMANDS:
            return None
        return cast(click.Command, import_module(f".{cmd_name}", __package__).command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but a mistyped command names the one that was meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            meant = get_close_matches(args[0], COMMANDS, n=1, cutoff=0.5)
            if not meant:
                raise
            raise click.UsageError(f"{error.format_message()} Did you mean {meant[0]!r}?", error.ctx) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what it raises leaves as click's own exceptions, which carry the exit code."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            # What the user typed is quoted, and a shell's * may have typed the name of a hostile file.
            raise click.UsageError(terminal.clean(error.format_message()), error.ctx) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except GeogroundingError as error:
            _fail(ctx, str(error), error.hint, error.exit_code)
        except KeyboardInterrupt:
            terminal.say("Interrupted.")
            raise click.exceptions.Exit(INTERRUPTED) from None
        except Exception as error:  # the last place before the user: a message, never a bare traceback
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # the reader of our output has gone: click ends quietly
            detail = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            _fail(
                ctx,
                f"unexpected: {detail}",
                "This is a defect: please report it, with what the same command says with -v.",
            )


class _Notes(logging.Handler):
    """Prints the warnings of this library itself, one line each; with -v everything is logged anyway."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record, unless the log goes to the terminal as a whole."""
        if all(isinstance(handler, logging.NullHandler) for handler in logging.getLogger().handlers):
            terminal.say(f"Note: {record.getMessage()}")


def _fail(ctx: click.Context, message: str, hint: str, exit_code: int = 1) -> Never:
    """Say what is wrong in one line, what to do next in another, and end; inside an ``except`` block."""
    if ctx.meta.get(VERBOSE_KEY):
        click.echo(terminal.clean_lines(without_secrets(traceback.format_exc())), err=True)
    terminal.say(f"Error: {message}")
    if hint:
        terminal.say(f"Hint: {hint}")
    raise click.exceptions.Exit(exit_code)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(prog)s %(version)s")
def geoground() -> None:
    """Ask an aerial or satellite image a question, get georeferenced polygons.

    \b
    geoground run scene.tif "the airplanes on the apron" -o planes.geojson
    geoground info scene.tif
    geoground models
    geoground train grpo --scene scene.tif --labels pools.gpkg --expression-field name -o my-model

    \b
    Exit codes: 0 done, 2 wrong option, 3 input, 4 model, 5 output,
    6 incomplete (some chips failed), 7 journal, 8 cluster, 130 interrupted, 1 anything else.
    """  # noqa: D301 - \b is click's mark for lines that stay as they are


def main() -> None:
    """Run ``geoground`` as a process of its own: quiet libraries, output that any terminal can take."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal without UTF-8 gets escapes, not a crash
    # GDAL and others log raw texts of the input, and Python would print them to the terminal. -v shows them, made safe.
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger("geogrounding").addHandler(_Notes(logging.WARNING))
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    geoground(prog_name="geoground")


if __name__ == "__main__":
    main()
