"""Errors and their hints name options that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from geogrounding_cli.main import geoground

ROOT = Path(__file__).resolve().parents[2]
OPTION = re.compile(r"(?<![\w-])--\[?(?:no-\]?)?[a-z][a-z0-9-]*")


def options_of(command: click.Command) -> Iterator[str]:
    for parameter in command.params:
        yield from (*parameter.opts, *parameter.secondary_opts)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from options_of(inner)


def messages(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Texts of errors that are raised, and of hints wherever they are put together."""
    for node in ast.walk(tree):
        found: list[ast.AST] = []
        if isinstance(node, ast.Raise):
            found = [node]
        elif isinstance(node, ast.keyword) and node.arg == "hint":
            found = [node.value]
        elif isinstance(node, ast.Assign):
            targets = " ".join(map(ast.unparse, node.targets))
            found = [node.value] if "hint" in targets.lower() else []
        for part in (part for one in found for part in ast.walk(one)):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.lineno, part.value


def named() -> Iterator[tuple[str, str]]:
    """(place, option) of every option that a message names."""
    for folder in ("geogrounding", "cli"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for line, text in messages(ast.parse(path.read_text(encoding="utf-8"))):
                for option in OPTION.findall(text):
                    if option.startswith("--[no-]"):
                        yield f"{path.relative_to(ROOT)}:{line}", option.replace("[no-]", "no-")
                    yield f"{path.relative_to(ROOT)}:{line}", option.replace("[no-]", "")


def test_every_option_named_in_a_message_exists() -> None:
    known = {*options_of(geoground), "--help"}
    found = set(named())
    assert len(found) > 60, "the walk over the source finds messages"
    missing = sorted(f"{place}: {option}" for place, option in found if option not in known)
    assert not missing, "\n".join(missing)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("Give --overwrite, or another name.", ["--overwrite"]),
        ("with the same --[no-]reasoning.", ["--[no-]reasoning"]),
        ("gdalwarp -t_srs EPSG:4326", []),
        ("a--b", []),
    ],
)
def test_options_are_found_in_texts(text: str, options: list[str]) -> None:
    assert OPTION.findall(text) == options
