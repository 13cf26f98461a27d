"""What can be chosen in panel, settings and toolbox, as the engine calls it and for people."""

from __future__ import annotations

from .messages import tr

TASKS = ("detect", "refer")
OUTLINES = ("box", "mask", "regular", "oriented")
"""Outlines of results that are polygons."""


def task_labels() -> list[str]:
    """Names of ``TASKS``."""
    return [tr("everything that fits"), tr("the one object described")]


def outline_labels() -> list[str]:
    """Names of ``OUTLINES``."""
    return [tr("boxes"), tr("outlines"), tr("outlines with right angles"), tr("turned boxes")]
