"""Options that belong to a section of the help text, and commands that list them so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class Option(click.Option):
    """An option that belongs to a section of the help text."""

    def __init__(self, *args: Any, section: str = "Other", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section


class Command(click.Command):
    """A command whose help lists its options by section."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one list a section, in the order in which the sections first appear."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and not isinstance(param, click.Argument):
                section = getattr(param, "section", "Other")
                sections.setdefault(section, []).append(record)
        for section, records in sorted(sections.items(), key=lambda item: item[0] == "Other"):
            with formatter.section(section):
                formatter.write_dl(records)


def option(*names: str, section: str, **attributes: Any) -> Callable[[F], F]:
    """An option of a section."""
    return click.option(*names, cls=Option, section=section, **attributes)


def file_option(*names: str, section: str, metavar: str = "FILE", **attributes: Any) -> Callable[[F], F]:
    """An option that names a file, as pathlib has it."""
    kind = click.Path(dir_okay=False, path_type=Path)
    return option(*names, type=kind, section=section, metavar=metavar, **attributes)


def folder_option(*names: str, section: str, metavar: str = "FOLDER", **attributes: Any) -> Callable[[F], F]:
    """An option that names a folder, as pathlib has it."""
    kind = click.Path(file_okay=False, path_type=Path)
    return option(*names, type=kind, section=section, metavar=metavar, **attributes)


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, listed in the order given."""

    def decorate(function: F) -> F:
        for one in reversed(options):
            function = one(function)
        return function

    return decorate
