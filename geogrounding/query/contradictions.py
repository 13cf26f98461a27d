"""Refusing plans that nothing can fulfil."""

from __future__ import annotations

from collections.abc import Iterable

from geogrounding.errors import SettingsError
from geogrounding.query.plan import Comparison, Relation, Step, TargetReference


def check_steps(steps: Iterable[Step]) -> None:
    """Refuse steps that contradict each other: nothing is longer than 50 m and shorter than 30 m.

    Raises:
        SettingsError: nothing can pass all of them.
    """
    bounds: dict[str, tuple[float, float]] = {}
    for step in steps:
        if isinstance(step, Comparison) and step.than is None and not step.negated:
            key, low, high = str(step.measure), step.least or 0.0, float("inf") if step.most is None else step.most
            what = f"a {step.measure}"
        elif (
            isinstance(step, Relation)
            and step.how == "within"
            and not step.negated
            and step.other is not None
            and step.count_least is None
            and step.count_most is None
        ):
            key, low, high = (
                step.other.model_dump_json(),
                step.least_m or 0.0,
                float("inf") if step.most_m is None else step.most_m,
            )
            what = "a distance"
        else:
            if isinstance(step, Relation) and isinstance(step.other, TargetReference):
                check_steps(step.other.target.steps)
            continue
        least, most = bounds.get(key, (0.0, float("inf")))
        bounds[key] = max(least, low), min(most, high)
        if bounds[key][0] > bounds[key][1]:
            raise SettingsError(
                f"the query contradicts itself: nothing has {what} of at least {bounds[key][0]:g} and at most {bounds[key][1]:g}",
                hint='Swap the two bounds, or join them with "or".',
            )
