"""What reaches a terminal is safe, and what programs read is strict JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import click
import pytest
from click.testing import CliRunner
from geogrounding_cli import terminal
from geogrounding_cli.main import COMMANDS, geoground
from geogrounding_cli.run import count, duration
from hypothesis import given
from hypothesis import strategies as st

from geogrounding import errors
from geogrounding.errors import GeogroundingError

HOSTILE = [
    "\x1b[2J\x1b[H",
    "\x1b]0;title\x07",
    "\x9b31m",
    "a\rb",
    "a\nb",
    "a\x08b",
    "\u202egnp.exe",
    "\u2066x\u2069",
    "a\u2028b",
    "\udcff",
    "\x00",
    "\x7f",
    "\u200b",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_becomes_visible(text: str) -> None:
    safe = terminal.clean(text)
    assert safe.isprintable()
    assert "\\" in safe


@given(st.text(st.characters(exclude_categories=())))
def test_cleaned_text_has_one_line_and_no_control_character(text: str) -> None:
    safe = terminal.clean(text)
    assert not any(ord(c) < 32 or 0x7F <= ord(c) <= 0x9F or 0xD800 <= ord(c) <= 0xDFFF for c in safe)
    assert len(safe.splitlines()) <= 1
    safe.encode("utf-8")


@given(st.text())
def test_plain_text_is_left_alone(text: str) -> None:
    assert terminal.clean(text) == text or not text.isprintable()


def test_ordinary_names_stay_readable() -> None:
    assert terminal.clean("Zürich – 東京 área.tif") == "Zürich – 東京 área.tif"


def test_long_messages_are_cut() -> None:
    assert terminal.clean("x" * 1000, limit=10) == "x" * 9 + "…"


def test_table_aligns_and_cleans() -> None:
    assert terminal.table([("a", "b"), ("long", "\x1b[31m")]) == "a     b\nlong  \\x1b[31m"


@pytest.mark.parametrize("value", [math.nan, math.inf, {"a": [math.nan, (1.0, -math.inf)]}])
def test_json_is_strict(value: Any) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    json.loads(terminal.to_json(value), parse_constant=refuse)


def test_json_is_ascii() -> None:
    assert terminal.to_json({"é\x1b": "\u202e"}) == '{"\\u00e9\\u001b": "\\u202e"}'


@pytest.mark.parametrize(("number", "text"), [(0, "0 chips"), (1, "1 chip"), (12000, "12,000 chips")])
def test_count(number: int, text: str) -> None:
    assert count(number, "chip") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.44, "0.4 s"), (12.4, "12 s"), (59.9, "1 min 0 s"), (185, "3 min 5 s"), (7800, "2 h 10 min")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def all_errors() -> list[type[GeogroundingError]]:
    return [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, GeogroundingError)
    ]  # fmt: skip


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes ``geoground models`` raise."""

    def make(error: BaseException) -> Any:
        def fail(*_: Any) -> None:
            raise error

        monkeypatch.setattr("geogrounding.models.catalog.available", fail)
        return CliRunner()

    return make


@pytest.mark.parametrize("kind", all_errors())
def test_each_error_has_its_exit_code_and_two_lines(kind: type[GeogroundingError], failing: Any) -> None:
    result = failing(kind("something is wrong\x1b[31m", hint="Do this.")).invoke(geoground, ["models"])
    assert result.exit_code == kind.exit_code
    assert result.stdout == ""
    assert result.stderr == "Error: something is wrong\\x1b[31m\nHint: Do this.\n"


def test_an_error_without_a_hint_takes_one_line(failing: Any) -> None:
    result = failing(errors.ModelError("no")).invoke(geoground, ["models"])
    assert result.stderr == "Error: no\n"


def test_verbose_shows_the_traceback(failing: Any) -> None:
    result = failing(errors.ModelError("no\x1b[31m")).invoke(geoground, ["models", "-v"])
    assert "Traceback" in result.stderr
    assert "\x1b" not in result.stderr
    assert result.exit_code == 4


@pytest.mark.parametrize("error", [ValueError("odd"), MemoryError(), OSError("odd"), RecursionError("deep")])
def test_unexpected_errors_are_reported_without_a_traceback(error: Exception, failing: Any) -> None:
    result = failing(error).invoke(geoground, ["models"])
    assert result.exit_code == 1
    assert f"unexpected: {type(error).__name__}" in result.stderr
    assert "report" in result.stderr
    assert "Traceback" not in result.stderr


def test_ctrl_c_is_130(failing: Any) -> None:
    result = failing(KeyboardInterrupt()).invoke(geoground, ["models"])
    assert (result.exit_code, result.stderr) == (130, "Interrupted.\n")


def test_usage_errors_quote_safely() -> None:
    result = CliRunner().invoke(geoground, ["models", "--\x1b[31m"])
    assert result.exit_code == 2
    assert "\x1b" not in result.stderr


def test_unknown_command() -> None:
    result = CliRunner().invoke(geoground, ["ran"])
    assert result.exit_code == 2
    assert "No such command" in result.stderr


def test_every_command_has_examples_and_every_option_a_help_text() -> None:
    ctx = click.Context(geoground, **geoground.context_settings)
    for name in COMMANDS:
        command = geoground.get_command(ctx, name)
        assert command is not None
        assert f"geoground {name}" in (command.help or "")
        for param in command.params:
            assert getattr(param, "help", None), f"{name} {param.name}"
            assert isinstance(param, click.Argument) or getattr(param, "section", None), f"{name} {param.name}"


def test_help_and_version() -> None:
    result = CliRunner().invoke(geoground, ["-h"])
    assert result.exit_code == 0
    assert all(name in result.stdout for name in COMMANDS)
    assert CliRunner().invoke(geoground, ["--version"]).stdout.startswith("geoground 0.")
