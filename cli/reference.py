"""Writes docs/cli.md from the commands themselves: ``python -m geogrounding_cli.reference > docs/cli.md``."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

import click

from .main import COMMANDS, geoground

INTRODUCTION = """\
# Command line

Written from the program by `make docs`; a test keeps the two alike.

Standard output carries what programs read: the answers of `info` and `models`, and the lines of `--progress json`.
Everything for people goes to standard error.

| exit code | meaning | what to do |
| --- | --- | --- |
| 0 | done | |
| 1 | anything not listed here: a defect | report it with the output of `-v` |
| 2 | an option is wrong, or two contradict each other | see the hint |
| 3 | an input cannot be used: damaged, unsafe, no CRS, area outside | see the hint |
| 4 | a model or server cannot be loaded, reached or used | see the hint; then `--resume` |
| 5 | a result cannot be written; an existing file is as it was | see the hint; then `--resume` |
| 6 | incomplete: the result is written, but some chips (in `batch`: scenes) failed | `--resume`, or `--allow-failed` |
| 7 | a journal belongs to another run, is in use, or cannot be written | `--overwrite` starts from the beginning |
| 8 | machines of `--executor ray` cannot be reached, differ, or were lost too often | see the hint; then `--resume` |
| 130 | interrupted by Ctrl-C | `--resume` |
"""

PROGRESS = """\
## Progress for programs

With `--progress json` standard output carries one JSON object a line and nothing else. `event` says what it is:

| event | when | members |
| --- | --- | --- |
| `start` | once for each scene | `source`, `output` |
| `progress` | at most five times a second, and after the last chip | the five numbers below |
| `done` | once for each scene that gave a layer | `output` and the result, see below; in `batch` `source`, `kept` |
| `error` | when a scene or the command failed | `type`, `message`, `hint`, `exit_code`; in `batch` `source` |
| `summary` | at the end of a batch | `scenes`, `failed`, `table` |
| `estimate` | after `batch --dry-run` | see below |

`progress` holds `chips_done`, `chips_total`, `chips_failed`, `chips_resumed` and `found` (detections before merging).
`done` holds `complete`, `features`, `chips`, `empty_chips`, `passed_over_chips` (finer chips where a coarser look left
nothing unclear), `failed_chips` (a list of `chip` and `reason`), `drops` (parts of answers that could not be used,
counted by reason), `seconds`, `model_seconds` and `waiting_seconds`. A scene
that a batch passed over because it was done before has `kept` true and only `source` and `output` beside it.
`estimate` holds `scenes`, `done`, `failed`, `chips`, `bytes_to_read`, `workers`, and `seconds` and `seconds_per_chip`,
which are null without a probe.

Text is ASCII with JSON escapes, so that no control character of a file name or a model's answer reaches a terminal.
The exit code is the same as without `--progress json`.
"""


def write_reference() -> str:
    """The page as Markdown."""
    # click keeps a command's help option once it is made: it must be made here as it is in a real call, with -h
    ctx = click.Context(geoground, info_name="geoground", **geoground.context_settings)
    parts = [INTRODUCTION]
    for name in COMMANDS:
        command = geoground.get_command(ctx, name)
        if command is not None:
            parts.extend(_section(name, command, ctx))
    return "\n".join([*parts, PROGRESS])


def _section(name: str, command: click.Command, parent: click.Context) -> Iterator[str]:
    """A command, and the commands within it."""
    yield "\n".join(_command(name, command, parent))
    if isinstance(command, click.Group):
        ctx = click.Context(command, info_name=name, parent=parent, **parent.command.context_settings)
        for inner in command.list_commands(ctx):
            within = command.get_command(ctx, inner)
            if within is not None:
                yield from _section(inner, within, ctx)


def _command(name: str, command: click.Command, parent: click.Context) -> Iterator[str]:
    ctx = click.Context(command, info_name=name, parent=parent)
    usage = " ".join(piece for piece in command.collect_usage_pieces(ctx))
    yield f"## {ctx.command_path}\n"
    yield f"```\n{ctx.command_path} {usage}\n```\n"
    yield _prose(command)
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    yield from _table("Argument", [(param.make_metavar(ctx), param.help or "") for param in arguments])
    sections: dict[str, list[tuple[str, str]]] = {}
    for param in command.get_params(ctx):
        record = None if isinstance(param, click.Argument) else param.get_help_record(ctx)
        if record is not None:
            sections.setdefault(getattr(param, "section", "Other"), []).append(record)
    for section, records in sorted(sections.items(), key=lambda item: item[0] == "Other"):
        yield from _table(section, records)


def _table(title: str, records: list[tuple[str, str]]) -> Iterator[str]:
    if not records:
        return
    yield f"| {title} | |\n| --- | --- |"
    for names, text in records:
        cells = (cell.replace("|", "\\|").replace("\n", " ") for cell in (f"`{names}`", text))
        yield f"| {' | '.join(cells)} |"
    yield ""


def _prose(command: click.Command) -> str:
    """The help text as Markdown: paragraphs, and what follows click's mark for fixed lines as a code block."""
    paragraphs = []
    for block in re.split(r"\n\s*\n", (command.help or "").strip()):
        if block.lstrip().startswith("\b"):
            fixed = textwrap.dedent(block.lstrip().removeprefix("\b").strip("\n"))
            paragraphs.append(f"```\n{fixed}\n```")
        else:
            paragraphs.append(" ".join(block.split()))
    return "\n\n".join(paragraphs) + "\n"


if __name__ == "__main__":
    click.echo(write_reference(), nl=False)
