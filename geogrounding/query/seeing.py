"""Attributes and directions of things, measured from their looks (``appearance``) or from their outlines."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from geogrounding.geometry.boxes import Indexes
from geogrounding.geometry.measure import Floats, Ground
from geogrounding.query import appearance
from geogrounding.query.plan import Attribute
from geogrounding.query.things import Mask, Things

SYMMETRIC = frozenset({"airplane", "helicopter"})
"""Classes whose direction is that of their axis of symmetry, not of their longer side."""
Measure = Callable[[str, Indexes, Floats], None]
"""Keeps a measured attribute (K,) of the things at some indexes (K,)."""


def with_attribute(step: Attribute, things: Things, some: Indexes, measure: Measure, remarks: list[str]) -> Mask | None:
    """Which things have a colour or a shape; None where it cannot be measured."""
    if not appearance.measurable(step.column, step.value):
        return None
    looks = None if things.looks is None else things.looks(some)
    if step.column == "shape":
        fits, ratio = appearance.has_shape(step.value, things.shapes[some] if looks is None else looks.outlines)
        if len(some) and np.isnan(ratio).all():
            return None
        measure(f"{step.value}_ratio", some, ratio)
        _name_unseen(np.isnan(ratio), "the shape", remarks)
        return fits
    colour = appearance.colour_name(step.value)
    if looks is None or colour is None:
        return None
    share = looks.shares[:, appearance.COLOURS.index(colour)]
    measure(f"{colour}_share", some, share)
    _name_unseen(np.isnan(share), "the colour", remarks)
    return np.asarray(share >= appearance.enough_of(colour), np.bool_)


def direction_of(things: Things, noun_class: str, ground: Ground, some: Indexes, remarks: list[str]) -> Floats:
    """The direction (K,) that things point along, degrees in [0, 180); NaN of what has none."""
    if things.looks is not None:
        outlines = things.looks(some).outlines
        bearing = appearance.axes(outlines, symmetric=noun_class in SYMMETRIC)
        _name_unseen(np.isnan(bearing), "the direction", remarks)
    else:
        bearing = np.asarray(things.measure(ground, "bearing")[some], np.float64)
    remarks.append("front and back are not distinguished")
    return bearing


def _name_unseen(lacking: Mask, what: str, remarks: list[str]) -> None:
    if lacking.any():
        remarks.append(f"{what} of {int(lacking.sum())} of {len(lacking)} could not be measured")
