"""The answer to a question: a sentence, a value with its unit, and the things behind it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.errors import SettingsError
from geogrounding.geometry.boxes import Indexes
from geogrounding.geometry.measure import bearings
from geogrounding.query.describe import (
    counted,
    forms,
    in_unit,
    measured_text,
    noun_forms,
    plan_text,
    quantity,
    reason_text,
    reference_text,
    step_text,
    steps_of,
    target_text,
)
from geogrounding.query.evaluate import Selection, attribute_name, select
from geogrounding.query.lexicon import number
from geogrounding.query.plan import QueryPlan, Rank, Relation, Target, TargetReference
from geogrounding.query.things import World

SHOWN = 5
"""Things named in a sentence."""
COMPASS = ("north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a plan came to in a scene."""

    plan: QueryPlan
    answer: str
    """One sentence; it begins with yes or no where that was asked."""
    value: float | int | bool | None
    """None: there is no answer."""
    unit: str | None
    """Of ``value``: m, m2, the unit asked for, %, degrees; None of counts and of yes and no."""
    selections: tuple[Selection, ...]
    """One per target; ``chosen`` are the things behind the answer."""
    steps: tuple[dict[str, Any], ...]
    unknown: tuple[str, ...]
    """Words that are unknown: what they stand for was not looked for."""
    remarks: tuple[str, ...]
    """How ambiguous words were read, and what lies far away."""
    reasons: tuple[str, ...]
    """Why the chosen of each target were chosen, one sentence each."""


def answer_plan(world: World, plan: QueryPlan, *, where: str = "the scene", sure: bool = True) -> Answered:
    """Evaluate a plan and put the result into a sentence.

    Args:
        world: the things and where they stand.
        plan: what is asked.
        where: what was looked at, in words.
        sure: False where things count that were not surely seen.

    Raises:
        SettingsError: the plan cannot be measured in this scene.
    """
    return _Answering(world, plan, where, sure).made()


class _Answering:
    def __init__(self, world: World, plan: QueryPlan, where: str, sure: bool) -> None:
        self._world, self._plan, self._where, self._sure = world, plan, where, sure
        self._unit = world.ground.unit
        found = [select(world, target) for target in plan.targets]
        self._selections = found if plan.answer.kind == "compare" else _without_duplicates(found)

    def made(self) -> Answered:
        plan, answer = self._plan, self._plan.answer
        unknown = list(dict.fromkeys(word for s in self._selections for word in s.unknown))
        if unknown:
            sentence, value, unit = self._lacking(unknown), None, None
        else:
            sentence, value, unit = self._forms()[answer.kind]()
            unknown = list(dict.fromkeys(word for s in self._selections for word in s.unknown))
            if unknown:
                sentence, value, unit = self._lacking(unknown), None, None
        remarks = [*plan.remarks, *dict.fromkeys(w for s in self._selections for w in s.warnings)]
        added = [*(f"'{word}' was not understood and narrows nothing" for word in plan.unread), *remarks]
        if added:
            sentence = f"{sentence} ({'; '.join(added)})"
        steps = [step for s in self._selections for step in steps_of(s, self._unit)]
        if plan.planned_by is not None:
            made = f"planned by {plan.planned_by}, not by rule: {plan_text(plan)}"
            steps.insert(0, {"step": made, "count": sum(s.notes[0].count for s in self._selections)})
        if unknown:  # what was found on the way is no answer
            self._selections = [replace(s, chosen=s.chosen[:0]) for s in self._selections]
        return Answered(
            plan=plan,
            answer=sentence,
            value=value,
            unit=unit,
            selections=tuple(self._selections),
            steps=tuple(steps),
            unknown=tuple(dict.fromkeys([*unknown, *plan.unread])),
            remarks=tuple(remarks),
            reasons=tuple(
                reason_text(s, where=self._where, unit=self._unit, sure=self._sure) for s in self._selections
            ),
        )

    def _lacking(self, unknown: list[str]) -> str:
        named = ", ".join(f"'{word}'" for word in unknown)
        is_are = "is" if len(unknown) == 1 else "are"
        return f"This cannot be answered: {named} {is_are} not known here, nothing was searched for {'it' if len(unknown) == 1 else 'them'}."

    def _forms(self) -> dict[str, Any]:
        return {
            "features": self._features, "count": self._number, "exists": self._exists, "every": self._every,
            "share": self._share, "measure": self._measure, "coverage": self._coverage, "distance": self._distance,
            "bearing": self._bearing, "compare": self._compare,
        }  # fmt: skip

    @property
    def _count(self) -> int:
        return sum(len(s.chosen) for s in self._selections)

    def _counts(self) -> str:
        listed = []
        for s in self._selections:
            one, many = noun_forms(s.target)
            words, number_of = target_text(s.target, self._unit), counted(len(s.chosen), one, many)
            ranked = any(isinstance(step, Rank) for step in s.target.steps)
            listed.append(
                f"{number_of} ({words})" if ranked else f"{number_of} {words.removeprefix(many).strip()}".strip()
            )
        return " and ".join(listed)

    def _features(self) -> tuple[str, Any, str | None]:
        count = self._count
        if not count:
            return f"Nothing in {self._where} fits: {self._counts()}.", 0, None
        measured = [measured_text(s, int(i), self._unit) for s in self._selections for i in s.chosen[:SHOWN]]
        values = "; ".join(filter(None, measured)) if count <= SHOWN else ""
        return f"{_capital(self._counts())} in {self._where}{f': {values}' if values else ''}.", count, None

    def _number(self) -> tuple[str, Any, str | None]:
        count = self._count
        return f"There {'is' if count == 1 else 'are'} {self._counts()} in {self._where}.", count, None

    def _exists(self) -> tuple[str, Any, str | None]:
        count, answer = self._count, self._plan.answer
        least = answer.count_least if answer.count_least is not None else 0 if answer.count_most is not None else 1
        yes = count >= least and (answer.count_most is None or count <= answer.count_most)
        verb = "is" if count == 1 else "are"
        return f"{'Yes' if yes else 'No'}, there {verb} {self._counts()} in {self._where}.", yes, None

    def _compare(self) -> tuple[str, Any, str | None]:
        first, second = self._selections
        one, two = len(first.chosen), len(second.chosen)
        name, other = target_text(first.target, self._unit), target_text(second.target, self._unit)
        numbers = f"{number(one)} against {number(two)} in {self._where}"
        truth = "more" if one > two else "fewer" if one < two else "as many"
        fact = f"there are {truth} {name} {'as' if truth == 'as many' else 'than'} {other}: {numbers}"
        sign = self._plan.answer.sign
        if sign is None:
            return f"{_capital(fact)}, a difference of {number(abs(one - two))}.", one - two, None
        return f"{'Yes' if sign == truth else 'No'}, {fact}.", sign == truth, None

    def _every(self) -> tuple[str, Any, str | None]:
        subject = self._selections[0]
        asked = select(self._world, subject.target, keep=subject, steps=self._plan.answer.predicate)
        self._selections[0] = asked
        total, fit = len(subject.chosen), len(asked.chosen)
        predicate = " and ".join(step_text(step, self._unit) for step in self._plan.answer.predicate)
        one, many = noun_forms(subject.target)
        if not total:
            return f"No, there is no such {one} in {self._where}.", False, None
        yes = fit == total
        name = target_text(subject.target, self._unit)
        if total == 1:
            fact = f"{name if name.startswith('the ') else 'the only ' + one} is {'' if yes else 'not '}{predicate}"
            index = int(subject.chosen[0])
            values = measured_text(asked, index, self._unit)
            return f"{'Yes' if yes else 'No'}, {fact}{f' ({values})' if values else ''}.", yes, None
        return (
            f"{'Yes, all' if yes else 'No,'} {number(fit) if not yes else number(total)} of {number(total)} {many} are {predicate}.".replace(
                f"all {number(total)} of {number(total)}", f"all {number(total)}"
            ),
            yes,
            None,
        )

    def _share(self) -> tuple[str, Any, str | None]:
        whole = self._count
        fit = 0
        for i, s in enumerate(self._selections):
            steps = self._plan.answer.predicate if i == 0 else ()
            self._selections[i] = select(self._world, s.target, keep=s, steps=steps)
            fit += len(self._selections[i].chosen)
        if not whole:
            return (
                f"There is nothing to take a share of: no {noun_forms(self._plan.targets[0])[0]} in {self._where}.",
                None,
                "%",
            )
        share = 100.0 * fit / whole
        predicate = " and ".join(step_text(step, self._unit) for step in self._plan.answer.predicate)
        many = noun_forms(self._plan.targets[0])[1]
        return f"{quantity(share, '%')} of the {many} ({number(fit)} of {number(whole)}) are {predicate}.", share, "%"

    def _measure(self) -> tuple[str, Any, str | None]:
        answer = self._plan.answer
        measure = answer.measure or "area"
        name = attribute_name(measure, self._unit)
        values: list[NDArray[np.float64]] = []
        for s in self._selections:
            whole = s.things.measure(self._world.ground, measure)
            s.measured[name] = np.where(np.isin(np.arange(len(whole)), s.chosen), whole, np.nan)
            values.append(whole[s.chosen])
        every = np.concatenate(values)
        every = every[np.isfinite(every)]
        subject = " and ".join(target_text(s.target, self._unit) for s in self._selections)
        if not len(every):
            return (
                f"There is nothing to measure: no {noun_forms(self._plan.targets[0])[0]} in {self._where} fits.",
                None,
                None,
            )
        statistic = answer.statistic
        plain = "px2" if self._unit == "px" else "m2"
        default = plain if measure == "area" else self._unit
        value, unit = in_unit(float(_statistic(every, statistic)), answer.unit, default)
        if statistic == "each" and len(every) == 1:
            return (
                f"{subject[0].upper()}{subject[1:]} has {'an' if measure == 'area' else 'a'} {measure} of {quantity(value, unit)}.",
                value,
                unit,
            )
        name_of_it = {"each": "average", "largest": "greatest", "smallest": "least"}.get(statistic, statistic)
        if statistic in ("largest", "smallest"):
            self._only_extreme(values, statistic)
        low, high = (in_unit(float(v), answer.unit, default)[0] for v in (every.min(), every.max()))
        spread = "" if len(every) == 1 else f", from {quantity(low, '')} to {quantity(high, unit)}"
        return (
            f"The {name_of_it} {measure} of {counted(len(every), *forms(self._plan.targets[0].noun)) if len(self._selections) == 1 else subject} is {quantity(value, unit)}{spread if statistic != 'total' else ''}.",
            value,
            unit,
        )

    def _only_extreme(self, values: list[NDArray[np.float64]], statistic: str) -> None:
        """The thing behind the largest or smallest value is the one that has it."""
        best = (np.nanmax if statistic == "largest" else np.nanmin)(np.concatenate(values))
        for i, s in enumerate(self._selections):
            self._selections[i] = replace(s, chosen=s.chosen[values[i] == best])

    def _coverage(self) -> tuple[str, Any, str | None]:
        plane = [s.things.shapes[s.chosen] for s in self._selections]
        area = (
            float(shapely.area(shapely.union_all(np.concatenate(plane))))
            if self._count and not self._world.ground.wide
            else 0.0
        )
        if self._world.ground.wide:
            raise SettingsError("a share of the area needs a scene of at most 200 km", hint="Cut the layer into parts.")
        whole = float(shapely.Polygon(self._world.corners).area)
        share = 100.0 * area / whole if whole else 0.0
        return (
            f"{self._counts()[0].upper()}{self._counts()[1:]} cover {quantity(share, '%')} of {self._where}.",
            share,
            "%",
        )

    def _distance(self) -> tuple[str, Any, str | None]:
        first, answer = self._selections[0], self._plan.answer
        name = attribute_name("distance", self._unit)
        one = noun_forms(first.target)[0]
        to: Any = answer.to
        looked = select(self._world, first.target, keep=first, steps=(Relation(how="within", other=to, least_m=0.0),))
        first.unknown += [word for word in looked.unknown if word not in first.unknown]
        first.measured.update(looked.measured)
        if first.unknown:
            return "", None, None
        values = first.measured.get(name, np.empty(0))[first.chosen] if name in first.measured else np.empty(0)
        values = values[np.isfinite(values)]
        other = reference_text(to, {}) if to is not None else "the next one"
        if not len(first.chosen):
            return f"There is no such {one} in {self._where}.", None, None
        if not len(values):
            return f"There is no {other.split(' ', 1)[-1]} in {self._where} to measure to.", None, None
        statistic = "smallest" if answer.statistic == "each" else answer.statistic
        value, unit = in_unit(float(_statistic(values, statistic)), answer.unit, self._unit)
        if len(values) == 1:
            return f"{_capital(_the(first.target, self._unit))} is {quantity(value, unit)} from {other}.", value, unit
        if statistic in ("smallest", "largest"):
            best = values.min() if statistic == "smallest" else values.max()
            self._selections[0] = replace(first, chosen=first.chosen[first.measured[name][first.chosen] == best])
        word = {"smallest": "least", "largest": "greatest"}.get(statistic, statistic)
        return (
            f"The {word} distance of {counted(len(values), *noun_forms(first.target))} from {other} is {quantity(value, unit)}.",
            value,
            unit,
        )

    def _bearing(self) -> tuple[str, Any, str | None]:
        first, to = self._selections[0], self._plan.answer.to
        one = noun_forms(first.target)[0]
        if not isinstance(to, TargetReference):
            raise SettingsError("a direction needs two things", hint='Write "bearing from the airport to the harbor".')
        found = select(self._world, to.target)
        first.unknown += [word for word in found.unknown if word not in first.unknown]
        if first.unknown:
            return "", None, None
        if len(first.chosen) != 1 or len(found.chosen) != 1:
            return f"A direction needs one of each; there are {len(first.chosen)} and {len(found.chosen)}.", None, None
        start, end = first.things.take(first.chosen).centres(), found.things.take(found.chosen).centres()
        value = float(bearings(self._world.ground, start, end)[0])
        return (
            f"From the {one}, {reference_text(to, {})} lies at {value:.1f} degrees, to the {COMPASS[round(value / 45) % 8]}.",
            value,
            "degrees",
        )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _the(target: Target, unit: str) -> str:
    name = target_text(target, unit, many=False)
    return name if name.startswith("the ") else f"the {name}"


_STATISTICS: dict[str, Any] = {"total": np.sum, "median": np.median, "largest": np.max, "smallest": np.min}


def _statistic(values: NDArray[np.float64], statistic: str) -> float:
    return float(_STATISTICS.get(statistic, np.mean)(values))


def _without_duplicates(selections: list[Selection]) -> list[Selection]:
    """What several nouns found ("cars and trucks") counts once, for the first of them."""
    seen: set[int] = set()
    out = []
    for s in selections:
        ids = s.things.ids[s.chosen]
        keep: Indexes = s.chosen[[int(i) not in seen for i in ids]] if len(ids) else s.chosen
        seen.update(int(i) for i in ids)
        out.append(replace(s, chosen=keep))
    return out


def json_values(answered: Answered, features: list[Any]) -> dict[str, Any]:
    """An answer in plain values: answer, value, unit, features, plan, steps, unknown."""
    value = answered.value
    return {
        "answer": answered.answer,
        "value": value if value is None or isinstance(value, bool) else _number(value),
        "unit": answered.unit,
        "features": features,
        "plan": answered.plan.plain_values(),
        "steps": list(answered.steps),
        "unknown": list(answered.unknown),
    }


def _number(value: float | int) -> float | int:
    return value if isinstance(value, int) else float(f"{value:.10g}")
