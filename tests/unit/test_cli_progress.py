"""Progress for people and for programs."""

from __future__ import annotations

import io
import json
import sys

import pytest
from geogrounding_cli.progress import Bar, JsonLines, Silent, make_reporter

from geogrounding.execution.report import Progress


def progress(done: int, total: int = 10, failed: int = 0) -> Progress:
    return Progress(chips_done=done, chips_total=total, chips_failed=failed, chips_resumed=2, found=5)


def test_one_object_a_line_and_not_too_many(capsys: pytest.CaptureFixture[str]) -> None:
    with JsonLines() as lines:
        lines.event("start", source="a\x1b\n.tif")
        for done in range(1, 11):
            lines.update(progress(done))
    out = capsys.readouterr().out
    assert "\x1b" not in out
    events = [json.loads(line) for line in out.splitlines()]
    assert events[0] == {"event": "start", "source": "a\x1b\n.tif"}
    shown = [event["chips_done"] for event in events[1:]]
    assert shown[0] == 1
    assert shown[-1] == 10
    assert len(shown) < 10
    assert events[-1] == {
        "event": "progress",
        "chips_done": 10,
        "chips_total": 10,
        "chips_failed": 0,
        "chips_resumed": 2,
        "found": 5,
    }


def test_a_reader_that_has_gone_does_not_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Gone())
    with JsonLines() as lines:
        lines.event("start")
        lines.update(progress(10))
    assert lines.last == progress(10)


def test_bar_shows_a_safe_name_and_the_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    with Bar() as bar:
        bar.event("start", source="[red]a\x1b]0;x\x07.tif")
        bar.update(progress(3))
        bar.event("start", source="b.tif")
        bar.update(progress(4, failed=1))
    shown = terminal.getvalue()
    assert "\x1b]0;" not in shown
    assert "[red]a\\x1b]0;x\\x07.tif" in shown
    assert "5 found, 1 failed" in shown
    assert "b.tif" in shown


@pytest.mark.parametrize(
    ("mode", "quiet", "terminal", "kind"),
    [
        ("auto", False, True, Bar),
        ("auto", False, False, Silent),
        ("auto", True, True, Silent),
        ("bar", False, False, Bar),
        ("bar", True, True, Silent),
        ("json", True, False, JsonLines),
        ("none", False, True, Silent),
    ],
)
def test_choice(monkeypatch: pytest.MonkeyPatch, mode: str, quiet: bool, terminal: bool, kind: type) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    assert type(make_reporter(mode, quiet=quiet)) is kind
