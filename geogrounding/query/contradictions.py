"""Refusing plans that nothing can fulfil."""

from __future__ import annotations

import re
from collections.abc import Iterable

from geogrounding.errors import SettingsError
from geogrounding.query.grammar_words import SUPERLATIVE
from geogrounding.query.plan import Comparison, QueryPlan, Relation, Step, TargetReference


def check_steps(steps: Iterable[Step]) -> None:
    """Refuse steps that contradict each other: nothing is longer than 50 m and shorter than 30 m.

    Raises:
        SettingsError: nothing can pass all of them.
    """
    bounds: dict[str, tuple[float, float]] = {}
    for step in steps:
        if isinstance(step, Comparison) and step.than is None and not step.negated:
            key, low, high = str(step.measure), step.least or 0.0, float("inf") if step.most is None else step.most
            what = "an area" if step.measure == "area" else f"a {step.measure}"
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


_GROUPS = r"(?:groups?|clusters?|bunch(?:es)?|rows?|lines?|queues?)"
_OF_GROUPS = re.compile(
    rf"(?:the )?(?:(?:how many|number of|count(?: of)?|total)(?: the| all)* |(?:{SUPERLATIVE}) |"
    rf"how (?:long|large|big|wide) (?:is|are) (?:the |an? )?(?:(?:{SUPERLATIVE}) )?){_GROUPS} of "
)
_NO_UNIT = re.compile(r"within #n\d+(?: (?:of|from) |$)")
_AREA = re.compile(r"within #a\d+(?: (?:of|from) |$)")
_RATIO = re.compile(
    r"(?:what (?:is|are) )?(?:the )?(?:average )?(?:density|densities|ratio|ratios) of |"
    r"(?:how many|number of|count of|amount of) .*\bper (?:hectare|ha|acre|square|sq|km2|m2|@\d+|#n\d+)"
)
_OF_RANKED = re.compile(
    rf"(?:how many|which|what share|share|what percentage|percentage|number) of (?:the )?#n\d+ (?:{SUPERLATIVE}) (?:\w+ )?@\d+ (?:is|are|have|has|lie|stand) "
)


def check_words(words: str) -> None:
    """Refuse what would be read as something else.

    Args:
        words: marked words, see ``grammar.mark_nouns``.

    Raises:
        SettingsError: groups are counted, ranked or measured, a density or a part of a
            ranking is asked for, or a distance has no unit or that of an area.
    """
    if _OF_GROUPS.match(words):
        raise SettingsError(
            "groups, rows and clusters cannot be counted, ranked or measured, only their members",
            hint='Write "how many trees are in clusters?" or "cars in rows of at least five".',
        )
    if _OF_RANKED.match(words):
        raise SettingsError(
            "what holds of some of the largest cannot be asked: ranks are decided after all conditions",
            hint='Ask for "the 5 largest ships" and look at their attributes, or "are the 5 largest ships red?".',
        )
    if _RATIO.match(words):
        raise SettingsError(
            "densities and ratios of numbers are not computed",
            hint='Ask for each number, such as "how many trees are there?", and divide; for areas there is "how much of the scene is covered by trees?".',
        )
    if _NO_UNIT.search(words):
        raise SettingsError(
            "the unit of the distance is missing", hint='Write "within 10 m of ..." or "within 30 ft of ...".'
        )
    if _AREA.search(words):
        raise SettingsError("a distance has the unit of an area", hint='Write "within 5 m of ...".')


def check_unit(plan: QueryPlan, *, metres: bool) -> None:
    """Refuse metres in a scene of pixels, and pixels in a scene of metres.

    Raises:
        SettingsError: the unit of the plan does not fit.
    """
    if plan.unit == "m" and not metres:
        raise SettingsError(
            "the scene has no CRS, so metres cannot be measured in it", hint='Write pixels: "longer than 50 px".'
        )
    if plan.unit == "px" and metres:
        raise SettingsError(
            "the scene has a CRS, and lengths are measured in metres there", hint='Write metres: "longer than 50 m".'
        )
