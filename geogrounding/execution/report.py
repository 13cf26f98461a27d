"""What a run reports: how far it is, and what it did."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from geogrounding.execution.journal import Journal
from geogrounding.execution.results import Collection, chip_name
from geogrounding.execution.scan_plan import Plan
from geogrounding.query.answer import json_values


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is."""

    chips_done: int
    chips_total: int
    chips_failed: int
    chips_resumed: int
    """Chips taken over from an interrupted run."""
    found: int
    """Detections since the start or the resumption, before merging."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What a run did."""

    features: int
    chips: int
    empty_chips: int
    """Chips without a valid pixel, which the model was not asked about."""
    passed_over_chips: int = 0
    """Chips of finer levels that were not looked at, since coarser ones show nothing unclear there."""
    failed_chips: tuple[tuple[str, str], ...]
    """(``level/row/column``, reason) of every chip that was not wholly answered."""
    drops: Mapping[str, int]
    """Parts of answers that could not be used, by reason."""
    seconds: float
    """Wall time up to the merged result."""
    model_seconds: float
    """Time of it inside the model."""
    waiting_seconds: float
    """Time of it in which the model waited for pixels."""
    warnings: tuple[str, ...] = ()
    """What the result lacks: words that are not known to the model, each named."""
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of expressions that are decided over the whole scene: answer, value, unit, plan, steps, unknown."""
    notices: tuple[str, ...] = ()
    """What a user should know about the scene: how bands were chosen, what hides most of it, how it is placed."""

    @property
    def seen_chips(self) -> int:
        """Chips that the model was asked about."""
        return self.chips - self.empty_chips - self.passed_over_chips

    @property
    def complete(self) -> bool:
        """Whether every chip was answered."""
        return not self.failed_chips


@dataclass(slots=True)
class Clock:
    """Where the time of a run goes, in seconds."""

    started: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=lambda: {"model": 0.0, "waiting": 0.0})

    @contextmanager
    def count(self, what: str) -> Iterator[None]:
        """Add the time of a ``with`` block to ``"model"`` or ``"waiting"``."""
        begin = time.monotonic()
        try:
            yield
        finally:
            self.seconds[what] += time.monotonic() - begin


def make_report(
    collection: Collection, plan: Plan, journal: Journal, clock: Clock, notices: tuple[str, ...] = ()
) -> RunReport:
    """The report of a run whose chips are all answered."""
    return RunReport(
        features=len(collection),
        chips=len(plan.grid),
        empty_chips=collection.empty_chips,
        passed_over_chips=collection.passed_over_chips,
        failed_chips=tuple((chip_name(plan.grid[i]), journal[i].error or "") for i in journal.failed),
        drops=dict(sorted(collection.drops.items())),
        seconds=time.monotonic() - clock.started,
        model_seconds=clock.seconds["model"],
        waiting_seconds=clock.seconds["waiting"],
        warnings=collection.warnings,
        answers={
            expression: {name: value for name, value in json_values(answered, []).items() if name != "features"}
            for expression, answered in collection.answers.items()
        },
        notices=notices,
    )
