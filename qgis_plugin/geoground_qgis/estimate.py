"""How much a run is to look at: counted by the engine, beside the main thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .background import Input
from .engine_link import Link
from .question import with_files


def plan_all(
    link: Link, jobs: list[tuple[dict[str, Any], Mapping[str, Input]]], cancelled: Callable[[], bool]
) -> dict[str, Any]:
    """Chips and seconds of several requests together; runs beside the main thread.

    Seconds are None where no speed is known: an export that is not there yet cannot be measured on.
    """
    chips, seconds, to_send = 0, 0.0, 0
    known = True
    for params, inputs in jobs:
        try:
            paths = {name: str(made.run(_unwatched, cancelled)) for name, made in inputs.items()}
            if "source" in paths:
                params = {**params, "measure": False}
            plan = link.call("plan", with_files(params, paths), cancelled=cancelled)
        finally:
            for made in inputs.values():
                made.discard()
        chips += int(plan.get("chips", 0))
        to_send += int(plan.get("upload_bytes", 0))
        known = known and isinstance(plan.get("seconds"), (int, float))
        seconds += plan["seconds"] if known else 0.0
    return {"chips": chips, "seconds": seconds if known else None, "upload_bytes": to_send}


def _unwatched(_share: float) -> None:
    """The progress of an estimate is not shown."""
