"""Done, failed, chips a second and the time left of a batch, by a clock of the test."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from geogrounding_cli.progress import LiveTable, draw, make_reporter
from geogrounding_cli.scene_list import Listed
from geogrounding_cli.scenes import sizes, weights
from geogrounding_cli.tally import Tally
from rich.console import Console

from geogrounding.execution.report import Progress


def progress(done: int, total: int, resumed: int = 0) -> Progress:
    return Progress(chips_done=done, chips_total=total, chips_failed=1, chips_resumed=resumed, found=7)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_time_left_is_by_weight_of_what_was_done() -> None:
    clock = Clock()
    tally = Tally({"a": 1.0, "b": 1.0, "c": 2.0, "d": 4.0}, clock=clock)
    assert tally.standing().seconds_left is None
    tally.end("d", "kept")  # done before: neither work nor rest
    tally.begin("a")
    clock.now += 10
    tally.update("a", progress(50, 50))
    tally.end("a", "done")
    assert tally.standing().seconds_left == pytest.approx(30.0)
    assert tally.standing().chips_per_s == pytest.approx(5.0)
    tally.begin("b")
    tally.end("b", "failed")
    tally.begin("c")
    clock.now += 10
    tally.update("c", progress(75, 100, resumed=50))  # a quarter of it in this batch, a quarter is left
    standing = tally.standing()
    assert standing.seconds_left == pytest.approx(0.5 * 20 / 2.5)
    assert standing.chips_per_s == pytest.approx(75 / 20)
    assert (standing.done, standing.failed, standing.scenes) == (2, 1, 4)
    assert standing.line() == "2 of 4 scenes done, 1 failed, 3.75 chips/s, about 4.0 s left"
    assert [name for name, _ in standing.under_way] == ["c"]


def test_scenes_of_unknown_size_count_as_the_mean(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"1234")
    listed = [Listed(source=str(tmp_path / "a.tif"), name="a"), Listed(source="https://h/b.tif", name="b")]
    assert sizes(listed) == {"a": 4.0, "b": 0.0}
    assert weights(sizes(listed)) == {"a": 4.0, "b": 4.0}
    assert weights({"b": 0.0}) == {"b": 1.0}


def test_the_table_on_a_terminal_is_safe() -> None:
    tally = Tally({"[red]a\x1b]0;x\x07": 1.0, "b": 1.0})
    tally.begin("[red]a\x1b]0;x\x07")
    tally.begin("b")
    tally.update("b", progress(3, 10))
    terminal = io.StringIO()
    Console(file=terminal, width=160).print(draw(tally))
    shown = terminal.getvalue()
    assert "\x1b" not in shown
    assert "[red]a\\x1b]0;x\\x07" in shown
    assert "0 of 2 scenes done" in shown
    assert "3/10 chips, 7 found, 1 failed" in shown


def test_a_batch_has_a_table_and_leaves_the_terminal_as_it_was() -> None:
    reporter = make_reporter("bar", quiet=False, batch=True)
    assert isinstance(reporter, LiveTable)
    with reporter:
        reporter.show(Tally({"a": 1.0}))
    with make_reporter("bar", quiet=False, batch=True):
        pass  # nothing was shown yet
