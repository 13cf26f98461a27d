"""From what the user asks to what a model is asked: queries about the whole scene are taken apart.

"The leftmost airplane" means the leftmost of the scene, and a model that looks at one chip knows only those of the
chip. Such a query is read as a plan (``read.read_query``), and split into plain questions, "airplane", which are asked
of every chip and merged as ever; the plan is then evaluated once, over all objects of the scene. A plain query, and one
whose words the grammar does not know, goes to the model as it stands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from geogrounding.query.appearance import measurable
from geogrounding.query.describe import noun_forms
from geogrounding.query.lexicon import SYNONYMS, class_of, plural
from geogrounding.query.parser import read_expression
from geogrounding.query.plan import (
    AnyOf,
    Attribute,
    Comparison,
    Facing,
    Group,
    QueryPlan,
    Rank,
    Reference,
    Relation,
    Step,
    Target,
    TargetReference,
)
from geogrounding.query.read import read_query
from geogrounding.types import Question, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """An expression that is decided over the whole scene."""

    plan: QueryPlan
    questions: Mapping[str, int]
    """The question of each target (``question_of``) that the model is asked; others it does not know."""
    limited: bool = False
    """The model knows classes only: what cannot be measured of a thing is unknown, not asked."""

    def question_of(self, target: Target) -> int | None:
        """The index of the question that looks for a target."""
        return self.questions.get(question_of(target, limited=self.limited))

    def settled(self, target: Target) -> tuple[Step, ...]:
        """The step that is a part of the question: the first attribute that is not measured."""
        if self.limited:
            return ()
        return tuple(s for s in target.steps if isinstance(s, Attribute) and not s.negated and not is_seen(s))[:1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """What is asked of every chip, and how each expression of the user is answered from it."""

    questions: tuple[Question, ...]
    """Each once, also when several expressions need it."""
    parts: tuple[int | Composed, ...]
    """One per expression, in order: the index of the question that it is itself, or how it is put together."""
    unread: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of expressions that go to the model as they stand: words that the grammar or the model does not know."""

    @property
    def composed(self) -> bool:
        """Whether any expression is decided over the whole scene."""
        return any(isinstance(part, Composed) for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What can be looked for."""

    taught: tuple[str, ...] = ()
    """Names of things that the model knows besides the usual words."""
    classes: Collection[str] = ()
    """All classes that the model knows; empty: it may know anything."""
    layers: tuple[str, ...] = ()
    """Names and labels of context layers."""

    def by_model(self, noun: str) -> bool:
        """Whether the model can be asked for a noun."""
        return not self.classes or noun in self.taught or noun in self.classes or class_of(noun) in self.classes

    def by_layers(self, noun: str) -> bool:
        """Whether a context layer holds it."""
        return any(class_of(noun) == class_of(name) for name in self.layers)


def compose(
    expressions: tuple[str, ...],
    task: Task,
    *,
    whole_scene: bool | None,
    known: Known | None = None,
    plans: Mapping[str, QueryPlan] | None = None,
) -> Composition:
    """Split what can be split.

    Args:
        expressions: what the user asks.
        task: of all of them; plain questions of a split expression are always asked as "detect".
        whole_scene: True splits all that choose by rank, place or neighbour; None only what no chip can answer
            (measures, distances, counts); False nothing.
        known: what can be looked for.
        plans: plans of expressions that need not be read.

    Raises:
        SettingsError: a query contradicts itself, or a unit does not fit.
    """
    known = known or Known()
    index: dict[Question, int] = {}
    unread: dict[str, tuple[str, ...]] = {}

    def ask(expression: str, how: Task) -> int:
        return index.setdefault(Question(expression=expression, task=how), len(index))

    parts: list[int | Composed] = []
    for expression in expressions:
        plan = (plans or {}).get(expression)
        if plan is None:
            plan = _plan(expression, task, whole_scene, known, unread)
        if plan is None:
            parts.append(ask(expression, task))
            continue
        questions = {}
        for target in targets_of(plan):
            if known.by_model(target.noun) and not (known.by_layers(target.noun) and target not in plan.targets):
                words = question_of(target, limited=bool(known.classes))
                questions[words] = ask(words, "detect")
        parts.append(Composed(plan=plan, questions=questions, limited=bool(known.classes)))
    return Composition(questions=tuple(index), parts=tuple(parts), unread=unread)


def _plan(
    expression: str, task: Task, whole_scene: bool | None, known: Known, unread: dict[str, tuple[str, ...]]
) -> QueryPlan | None:
    """The plan of an expression that is to be split; None where it goes to the model as it stands."""
    if whole_scene is False:
        return None
    vocabulary = {**SYNONYMS, **{name: ((name, plural(name)),) for name in known.taught if class_of(name) == name}}
    meaning = read_expression(expression, vocabulary, task=task)
    plain = meaning is not None and meaning.selector is None and meaning.relation is None
    plan = read_query(expression, (*known.taught, *known.layers))
    if known.classes and any(is_seen(step) for target in plan.targets for step in target.steps):
        plain = False
    measured = is_measured(plan)
    strange = not all(target.known or known.by_layers(target.noun) for target in plan.targets)
    if strange and known.classes:  # of what others stand to it is enough that the answer names it
        strange = not all(known.by_model(target.noun) or known.by_layers(target.noun) for target in plan.targets)
    if plain or plan.unread or (strange and (known.classes or not measured)):
        words = list(plan.unread) if not plain else []
        words += [t.said or t.noun for t in plan.targets if not t.known or not known.by_model(t.noun)]
        if words and (known.classes or measured):
            unread[expression] = tuple(dict.fromkeys(words))
        return None
    wanted = measured if whole_scene is None else chooses(plan)
    if not wanted and known.classes:
        lacking = [t.said or t.noun for t in plan.targets if not known.by_model(t.noun)]
        lacking += [f"{s.column} {s.value}" for t in plan.targets for s in t.steps if isinstance(s, Attribute)]
        if lacking:
            unread[expression] = tuple(lacking)
    return plan if wanted else None


def question_of(target: Target, *, limited: bool = False) -> str:
    """What a model is asked for: the noun, with what else a model must see because it cannot be measured."""
    left = () if limited else tuple(step for step in target.steps if not is_seen(step))
    return noun_forms(target.model_copy(update={"steps": left}))[0]


def is_seen(step: Step) -> bool:
    """Whether a step is an attribute that is measured from pixels."""
    return isinstance(step, Attribute) and measurable(step.column, step.value)


def targets_of(plan: QueryPlan) -> Iterator[Target]:
    """All targets of a plan, also those that others stand to."""
    for target in plan.targets:
        yield from _nested(target)
    for step in plan.answer.predicate:
        yield from _in_step(step)
    if isinstance(plan.answer.to, TargetReference):
        yield from _nested(plan.answer.to.target)


def _nested(target: Target) -> Iterator[Target]:
    yield target
    for step in target.steps:
        yield from _in_step(step)


def _in_step(step: Step) -> Iterator[Target]:
    if isinstance(step, AnyOf):
        for option in step.options:
            for inner in option:
                yield from _in_step(inner)
    for reference in _references(step):
        if isinstance(reference, TargetReference):
            yield from _nested(reference.target)


def _references(step: Step) -> tuple[Reference | None, ...]:
    if isinstance(step, Relation):
        return step.other, step.second
    return (step.to,) if isinstance(step, Rank) else ()


def chooses(plan: QueryPlan) -> bool:
    """Whether a plan chooses among what is found: by rank, place, neighbour, measure or looks, or is a union."""
    steps = [s for target in plan.targets for s in target.steps if not isinstance(s, Attribute) or is_seen(s)]
    return bool(steps) or len(plan.targets) > 1 or plan.answer.kind != "features"


def is_measured(plan: QueryPlan) -> bool:
    """Whether a plan asks for what no chip can show: measures, distances, counts, other layers."""
    return plan.answer.kind != "features" or any(
        _measured(step) for target in targets_of(plan) for step in target.steps
    )


def _measured(step: Step) -> bool:
    if isinstance(step, AnyOf):
        return any(_measured(inner) for option in step.options for inner in option)
    if isinstance(step, Rank):
        return step.all_but or step.by in ("length", "width", "perimeter", "elongation")
    if isinstance(step, Relation):
        distances = (step.least_m, step.most_m, step.count_least, step.count_most)
        return any(value is not None for value in distances)
    return isinstance(step, Comparison | Group | Facing)


def measures_sizes(target: Target, plan: QueryPlan) -> bool:
    """Whether sizes of a target's things are compared with numbers, or asked for."""
    if target in plan.targets and plan.answer.kind == "measure":
        return True
    steps = (*target.steps, *(plan.answer.predicate if target in plan.targets else ()))
    return any(isinstance(inner, Comparison) and inner.than is None for step in steps for inner in _flat(step))


def _flat(step: Step) -> Iterator[Step]:
    if isinstance(step, AnyOf):
        for option in step.options:
            for inner in option:
                yield from _flat(inner)
    else:
        yield step
