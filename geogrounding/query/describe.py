"""Plans and selections in plain English: each step, each choice, each answer."""

from __future__ import annotations

import math

from geogrounding.query.evaluate import Note, Selection
from geogrounding.query.explain import PLACE_NAMES
from geogrounding.query.lexicon import COLOURS, SYNONYMS, number, ordinal, plural, with_article
from geogrounding.query.plan import (
    Attribute,
    Comparison,
    Facing,
    Group,
    Place,
    QueryPlan,
    Rank,
    Reference,
    Relation,
    SceneReference,
    Step,
    Target,
    TargetReference,
)
from geogrounding.query.quantities import UNITS

_ADJECTIVES = {
    "length": ("longer", "shorter", "long"),
    "width": ("wider", "narrower", "wide"),
    "area": ("larger", "smaller", "large"),
}
_RANK_NAMES = {
    ("area", True): "largest", ("area", False): "smallest", ("length", True): "longest", ("length", False): "shortest",
    ("width", True): "widest", ("width", False): "narrowest", ("elongation", True): "most elongated",
    ("elongation", False): "most compact", ("perimeter", True): "largest by perimeter",
    ("perimeter", False): "smallest by perimeter", ("score", True): "surest", ("score", False): "least sure",
}  # fmt: skip
_IMAGE_RANKS = {"left": "leftmost", "right": "rightmost", "top": "topmost", "bottom": "bottommost"}


def forms(noun: str) -> tuple[str, str]:
    """Singular and plural of a noun."""
    return SYNONYMS[noun][0] if noun in SYNONYMS else (noun, plural(noun))


def noun_forms(target: Target) -> tuple[str, str]:
    """Singular and plural of a target with its colour: ("red car", "red cars")."""
    one, many = forms(target.noun)
    step = _named_attribute(target)
    if step is None:
        return one, many
    if step.column == "shape" or (step.column == "colour" and step.value in COLOURS):
        return f"{step.value} {one}", f"{step.value} {many}"
    if step.column == "roof colour":
        return f"{one} with a {step.value} roof", f"{many} with {step.value} roofs"
    return f"{one} whose {step.column} is {step.value}", f"{many} whose {step.column} is {step.value}"


def _named_attribute(target: Target) -> Attribute | None:
    """The attribute that goes with the noun; others are steps of their own."""
    return next((step for step in target.steps if isinstance(step, Attribute) and not step.negated), None)


def quantity(value: float, unit: str, *, digits: int = 4) -> str:
    """A measured value: "52.3 m", "1,250 m2"."""
    if not math.isfinite(value):
        return f"unknown {unit}"
    rounded = float(f"{value:.{digits}g}") if abs(value) < 10**digits else round(value)
    return f"{rounded:,.10g} {unit}".strip()


def step_text(step: Step, unit: str = "m", others: dict[str, int] | None = None) -> str:
    """A step as words that follow "is" or "are": "longer than 40 m", "within 50 m of a tree"."""
    words = _step_text(step, unit, others or {})
    return f"not {words}" if not isinstance(step, Rank) and step.negated else words


# One branch per kind of step.
def _step_text(step: Step, unit: str, others: dict[str, int]) -> str:  # noqa: PLR0911
    if isinstance(step, Comparison):
        return _comparison_text(step, unit)
    if isinstance(step, Relation):
        return _relation_text(step, unit, others)
    if isinstance(step, Place):
        return place_text(step)
    if isinstance(step, Group):
        many = f"at least {number(step.least)}" if step.most is None else f"{number(step.least)} to {number(step.most)}"
        if step.most == step.least:
            many = number(step.least)
        apart = "" if step.distance_m is None else f" at most {quantity(step.distance_m, unit)} apart"
        return f"in a {'line' if step.line else 'group'} of {many}{apart}"
    if isinstance(step, Attribute):
        if step.column == "roof colour":
            return f"with {with_article(step.value)} roof"
        return step.value if step.column in ("colour", "shape") else f"of {step.column} {step.value}"
    if isinstance(step, Facing):
        names = {
            0.0: "north and south",
            90.0: "east and west",
            45.0: "northeast and southwest",
            135.0: "northwest and southeast",
        }
        return f"pointing {names.get(step.bearing, f'{step.bearing:g} degrees')}"
    if isinstance(step, Rank):
        return rank_text(step, unit, others)
    return " or ".join(" and ".join(step_text(s, unit, others) for s in option) for option in step.options)


def _comparison_text(step: Comparison, unit: str) -> str:
    more, less, adjective = _ADJECTIVES.get(
        step.measure, (f"of {step.measure} more", f"of {step.measure} less", f"in {step.measure}")
    )
    name = f"{unit}2" if step.measure == "area" else "" if step.measure in ("elongation", "score") else unit
    if step.than is not None:
        return f"{more if step.least is not None else less} than the {step.than}"
    if step.least is not None and step.most is not None:
        return f"between {quantity(step.least, '')} and {quantity(step.most, name)} {adjective}"
    if step.least is not None:
        low = quantity(step.least, name)
        return f"{more} than {low}" if step.least_open else f"at least {low} {adjective}"
    high = quantity(step.most or 0.0, name)
    return f"{less} than {high}" if step.most_open else f"at most {high} {adjective}"


def reference_text(reference: Reference | None, others: dict[str, int], *, many: bool = False) -> str:
    """What a step looks at: "a tree", "the only harbor", "the northeast corner"."""
    if reference is None:
        return "another one"
    if isinstance(reference, TargetReference):
        one, several = noun_forms(reference.target)
        rest = [step for step in reference.target.steps if not isinstance(step, Attribute)]
        rank = next((step for step in reversed(rest) if isinstance(step, Rank) and step.by != "distance"), None)
        tail = "".join(f" {step_text(step)}" for step in rest if step is not rank)
        if rank is not None:
            return f"{rank_text(rank)} {several if rank.last > rank.first else one}{tail}"
        if reference.every:
            return f"every {one}{tail}"
        if many:
            return f"{several}{tail}"
        return f"the {one}{tail}" if others.get(reference.target.noun) == 1 else f"{with_article(one)}{tail}"
    if isinstance(reference, SceneReference):
        side = {"upper": "upper", "lower": "lower"}.get(reference.side or "", reference.side or "")
        if reference.part == "centre":
            return "the centre of the scene"
        article = "the" if side or reference.part == "edge" else "a"
        return " ".join(filter(None, (article, side, reference.part, "of the scene")))
    return f"the point {reference.x:g}, {reference.y:g}"


def _relation_text(step: Relation, unit: str, others: dict[str, int]) -> str:
    counted = step.count_least is not None or step.count_most is not None
    other = reference_text(step.other, others, many=counted)
    if counted:
        low, high = step.count_least or 0, step.count_most
        amount = (
            f"at least {number(low)}"
            if high is None
            else f"at most {number(high)}"
            if not low
            else number(low)
            if low == high
            else f"{number(low)} to {number(high)}"
        )
        one = amount.endswith(" one") or amount == "one"
        other = f"{amount} {reference_text(step.other, others).split(' ', 1)[-1] if one else other}"
    if step.how == "between":
        second = reference_text(step.second, others) if step.second is not None else ""
        return (
            f"between {other} and {second}"
            if second
            else f"between two {reference_text(step.other, others, many=True)}"
        )
    if step.how != "within":
        return f"{step.how} {other}"
    of = f"the centre of {other}" if step.centres else other
    if step.least_m is None:
        return f"within {quantity(step.most_m or 0.0, unit)} of {of}"
    if step.most_m is None:
        return (
            f"at least {quantity(step.least_m, unit)} from any {of.split(' ', 1)[-1]}"
            if of.startswith(("a ", "an "))
            else f"at least {quantity(step.least_m, unit)} from {of}"
        )
    return f"{quantity(step.least_m, '')} to {quantity(step.most_m, unit)} from {of}"


def place_text(step: Place) -> str:
    """Such as "in the upper left quarter"."""
    if step.part in PLACE_NAMES and not step.corner:
        return PLACE_NAMES[step.part]
    if step.corner:
        return f"in the {step.part} corner"
    return f"in the {step.part}"


def rank_text(step: Rank, unit: str = "m", others: dict[str, int] | None = None) -> str:
    """Such as "the second largest", "the nearest to a harbor"."""
    words = "all but " if step.all_but else ""
    if step.by == "distance":
        name = "farthest" if step.descending else "nearest"
        if step.to is None:
            position = _position(step, name)
            return f"{words}{position} {'from' if step.descending else 'to'} {'any other' if step.descending else 'another one'}"
        other = reference_text(step.to, others or {})
        if step.descending and isinstance(step.to, TargetReference) and other.startswith(("a ", "an ")):
            other = f"any {other.split(' ', 1)[1]}"
        return f"{words}{_position(step, name)} {'from' if step.descending else 'to'} {other}"
    if step.by in _IMAGE_RANKS and step.last == step.first > 1:
        return f"{words}the {ordinal(step.first)} from the {step.by}"
    if step.by in ("north", "south", "east", "west"):
        return words + _position(step, f"{step.by}ernmost")
    return words + _position(step, _IMAGE_RANKS.get(step.by) or _RANK_NAMES[step.by, step.descending])


def _position(step: Rank, name: str) -> str:
    if step.last > step.first:
        return f"the {number(step.last)} {name}"
    return f"the {name}" if step.first == 1 else f"the {ordinal(step.first)} {name}"


def fact_text(selection: Selection, unit: str) -> str:
    """What is true of each of the chosen: the steps, in words that follow "this one is"."""
    facts: list[str] = []
    fact, pool = "", selection.notes[0].count
    total = pool
    for note in selection.notes[1:]:
        step, others = note.step, dict(note.others)
        assert step is not None
        if (
            isinstance(step, Relation)
            and isinstance(step.other, TargetReference)
            and step.other.target.noun == selection.target.noun
        ):
            others = {}
        if not isinstance(step, Rank):
            facts.append(_about_same(step, selection.target, step_text(step, unit, others)))
            pool = note.count
            continue
        fact = _ranked(step, rank_text(step, unit, others), facts, total, pool)
        facts, pool = [fact], note.count
    return " and ".join(facts)


def _about_same(step: Step, target: Target, words: str) -> str:
    """A neighbour of the same kind is another one."""
    if isinstance(step, Relation) and isinstance(step.other, TargetReference) and step.other.target.noun == target.noun:
        one = noun_forms(step.other.target)[0]
        return words.replace(f" {with_article(one)}", f" another {one}")
    if isinstance(step, Relation) and step.other is None:
        return words.replace("another one", f"another {noun_forms(target)[0]}")
    return words


def _ranked(step: Rank, rank: str, facts: list[str], total: int, pool: int) -> str:
    stated = " and ".join(facts)
    if step.last > step.first:
        rank = f"among {rank.removeprefix('all but ')}" if not step.all_but else rank.replace("all but", "not among")
    elif step.all_but:
        rank = rank.replace("all but", "not")
    if not facts:
        return rank
    if total == 1:
        return stated
    return f"the only one {stated}" if pool == 1 else f"{rank} of the {number(pool)} {stated}"


def reason_text(selection: Selection, *, where: str, unit: str, sure: bool = True) -> str:
    """Why a thing was chosen: "There are five tanks and two harbors in the scene; this one is next to a harbor."

    Args:
        selection: with its notes.
        where: what was looked at.
        unit: "m" or "px".
        sure: False where things count that were not surely seen.
    """
    total = selection.notes[0].count
    measured = any(isinstance(note.step, Attribute) for note in selection.notes)
    stated = [counted(total, *(forms(selection.target.noun) if measured else noun_forms(selection.target)))]
    for note in selection.notes[1:]:
        for noun, count in note.others:
            if noun != selection.target.noun:
                stated.append(counted(count, *forms(noun)))
    stated = list(dict.fromkeys(stated))
    verb = "may be" if not sure else "is" if total == 1 else "are"
    fact = fact_text(selection, unit)
    opening = f"There {verb} {', '.join(stated[:-1]) + ' and ' if len(stated) > 1 else ''}{stated[-1]} in {where}"
    return f"{opening}; {'it' if total == 1 else 'this one'} is {fact}." if fact else f"{opening}."


def counted(count: int, one: str, many: str) -> str:
    """Such as "five ships"."""
    return f"{number(count)} {one if count == 1 else many}"


def measured_text(selection: Selection, index: int, unit: str) -> str:
    """The measured values of one thing: "length 52.3 m, distance 12 m"."""
    stated = []
    for name, values in selection.measured.items():
        value = float(values[index])
        if name in ("rank", "group_size") or not math.isfinite(value):
            continue
        measure, _, ending = name.rpartition("_")
        if ending == "share":
            stated.append(f"{100 * value:.0f}% {measure}")
            continue
        if ending == "ratio":
            stated.append(f"{'length to width' if measure == 'elongated' else measure} {value:.2f}")
            continue
        stated.append(f"{measure or name} {quantity(value, ending if measure else '')}")
    del unit
    return ", ".join(stated)


def steps_of(selection: Selection, unit: str) -> list[dict[str, object]]:
    """The steps with what each left over, for people and for JSON."""
    one, many = forms(selection.target.noun)
    out: list[dict[str, object]] = [
        {"step": _note_text(note, one, many, unit), "count": note.count} for note in selection.notes
    ]
    out += [{"step": remark, "count": selection.notes[0].count} for remark in dict.fromkeys(selection.remarks)]
    return out


def _note_text(note: Note, one: str, many: str, unit: str) -> str:
    if note.step is None:
        return f"found {counted(note.count, one, many)}"
    others = ", ".join(f"of {counted(count, *forms(noun))}" for noun, count in note.others)
    return f"{number(note.count) if note.count else 'none'} {step_text(note.step, unit)}" + (
        f" ({others})" if others else ""
    )


def target_text(target: Target, unit: str = "m", *, many: bool = True) -> str:
    """A target as words: "airplanes longer than 40 m", "the airplane nearest to a harbor"."""
    one, several = noun_forms(target)
    words = several if many else one
    named = _named_attribute(target)
    steps = [step for step in target.steps if step is not named]
    rank = next((step for step in reversed(steps) if isinstance(step, Rank)), None)
    rest = " and ".join(step_text(step, unit) for step in steps if step is not rank)
    if rank is None:
        return f"{words} {rest}".strip()
    noun = several if rank.last > rank.first or rank.all_but else one
    position = rank_text(rank, unit)
    if rank.by == "distance":
        name = "farthest" if rank.descending else "nearest"
        before, _, after = position.partition(f" {name}")
        return f"{before} {noun} {name}{after}{f' among those {rest}' if rest else ''}"
    if " from the " in position:
        before, _, after = position.partition(" from the ")
        return f"{before} {noun} from the {after} {rest}".strip()
    return f"{position} {noun} {rest}".strip()


def plan_text(plan: QueryPlan) -> str:
    """A plan in words, to be shown before a run."""
    asked = " and ".join(target_text(target) for target in plan.targets)
    answer = plan.answer
    if answer.kind == "compare":
        asked = f" {'as' if answer.sign == 'as many' else 'than'} ".join(target_text(target) for target in plan.targets)
    usual = "" if answer.statistic == "each" else f"{answer.statistic} "
    what = {
        "features": "find", "count": "count", "exists": _exists_text(plan), "every": "is it true of",
        "share": "the share of the", "coverage": "the share of the scene covered by", "distance": f"the {usual}distance of",
        "bearing": "the bearing from", "compare": f"are there {answer.sign}" if answer.sign else "how many more",
        "measure": f"the {usual}{answer.measure} of",
    }[answer.kind]  # fmt: skip
    words = f"{what} {asked}"
    if answer.predicate:
        words += ": " + " and ".join(step_text(step) for step in answer.predicate)
    if answer.to is not None:
        words += f" {'to' if answer.kind == 'bearing' else 'from'} {reference_text(answer.to, {})}"
    elif answer.kind == "distance":
        words += " from the next one"
    if answer.unit is not None:
        words += f", in {answer.unit}"
    if plan.unread:
        words += f" (not understood: {', '.join(plan.unread)})"
    return words


def _exists_text(plan: QueryPlan) -> str:
    low, high = plan.answer.count_least, plan.answer.count_most
    limits = [
        f"at least {number(low)}" if low is not None else "",
        f"at most {number(high)}" if high is not None else "",
    ]
    return " ".join(["are there", *(limit for limit in limits if limit)])


def in_unit(value: float, unit: str | None, default: str) -> tuple[float, str]:
    """A value in metres or square metres in the unit asked for, and that unit.

    A unit of the other dimension does not fit and is not used.
    """
    if unit is None or (unit in UNITS and (UNITS[unit] == 1.0 or default == "px")):
        return value, default
    return value / UNITS[unit], unit
