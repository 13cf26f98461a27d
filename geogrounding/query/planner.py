"""From what the user asks to what a model is asked: questions about the whole scene are taken apart.

"The leftmost airplane" means the leftmost of the scene, and a model that looks at one chip knows only those of the
chip. Such an expression chooses by rank, by place or by neighbour. It is split into plain questions, "airplane", which
are asked of every chip and merged as ever; ``collect`` then decides, once and over all objects of the scene, which of
them are meant. Every other expression, and every one that the rules of ``training.expressions`` do not understand, goes
to the model as it is.

The vocabulary and the meanings are those that the embedded model is trained with: one truth for both. They need numpy
and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from geogrounding.query.explain import PLACE_NAMES, SIDES
from geogrounding.query.expression import Meaning
from geogrounding.query.lexicon import (
    COLOURS,
    NARROWER,
    PLACES,
    RANKS,
    RELATIONS,
    SYNONYMS,
    Words,
    number,
    ordinal,
    plural,
    spoken,
    with_article,
)
from geogrounding.query.parser import MAX_CHARACTERS, read_expression
from geogrounding.types import Question, Task


def _words() -> Words:
    """Names to ask by: synonyms are asked by the name of their class, narrower words (a car, a yacht) by themselves."""
    table: dict[str, tuple[tuple[str, str], ...]] = {}
    for category, pairs in SYNONYMS.items():
        narrower = NARROWER.get(category, frozenset())
        table[category] = tuple(pair for pair in pairs if pair[0] not in narrower)
        table.update({pair[0]: (pair,) for pair in pairs if pair[0] in narrower and pair[0] not in SYNONYMS})
    return table


WORDS = _words()
_MOST_PLACE_WORDS = 12
"""Of a place behind a rank: "on the left hand side of the whole satellite image" has eight."""
_CLASS = {one: category for category, pairs in SYNONYMS.items() for one, _ in pairs}


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """An expression that is decided over the whole scene."""

    meaning: Meaning
    target: int
    """Index of the question whose answers may be meant; an attribute such as a colour is part of that question."""
    neighbour: int | None
    """Index of the question whose answers are the neighbours; None without a relation."""
    place: str | None = None
    """A key of ``PLACES`` from which a rank chooses: "the largest house in the upper left"."""

    @property
    def chooses_one_nearest(self) -> bool:
        """Whether the relation compares all targets with each other."""
        relation = self.meaning.relation
        return relation is not None and relation.kind in ("nearest", "farthest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """What is asked of every chip, and how each expression of the user is answered from it."""

    questions: tuple[Question, ...]
    """Each once, also when several expressions need it."""
    parts: tuple[int | Composed, ...]
    """One per expression, in order: the index of the question that it is itself, or how it is put together."""

    @property
    def composed(self) -> bool:
        """Whether any expression is decided over the whole scene."""
        return any(isinstance(part, Composed) for part in self.parts)


def compose(
    expressions: tuple[str, ...], task: Task, *, whole_scene: bool, taught: tuple[str, ...] = ()
) -> Composition:
    """Split what can be split.

    Args:
        expressions: what the user asks.
        task: of all of them; plain questions of a split expression are always asked as "detect".
        whole_scene: whether to split at all.
        taught: names of things that the model knows besides the usual words.
    """
    vocabulary = {**WORDS, **{name: (_forms(name),) for name in taught if name not in _CLASS}}
    index: dict[Question, int] = {}

    def ask(expression: str, how: Task) -> int:
        return index.setdefault(Question(expression=expression, task=how), len(index))

    parts: list[int | Composed] = []
    for expression in expressions:
        meaning, place = _read(expression, task, vocabulary) if whole_scene else (None, None)
        if meaning is None or not _splits(meaning):
            parts.append(ask(expression, task))
            continue
        target = ask(_noun(meaning)[0], "detect")
        neighbour = None if meaning.relation is None else ask(meaning.relation.category, "detect")
        parts.append(Composed(meaning=meaning, target=target, neighbour=neighbour, place=place))
    return Composition(questions=tuple(index), parts=tuple(parts))


def _read(expression: str, task: Task, vocabulary: Words) -> tuple[Meaning | None, str | None]:
    """What an expression means, and the place its rank chooses from, if it names both.

    ``read_expression`` knows one of the two at a time, so "largest house | in the upper left" is read as "largest
    house" and "house in the upper left", wherever the words can be parted so.
    """
    meaning = read_expression(expression, vocabulary, task=task)
    words = spoken(expression).split()
    if meaning is not None or len(words) > MAX_CHARACTERS // 2:
        return meaning, None
    for at in range(max(1, len(words) - _MOST_PLACE_WORDS), len(words)):
        ranked = read_expression(" ".join(words[:at]), vocabulary, task=task)
        if ranked is None or ranked.selector not in RANKS or ranked.relation is not None:
            continue
        placed = read_expression(" ".join([ranked.category, *words[at:]]), vocabulary)
        if placed is not None and placed.selector in PLACES and placed.relation is None and placed.attribute is None:
            return ranked, placed.selector
    return None, None


def _splits(meaning: Meaning) -> bool:
    """Whether a meaning chooses by rank, place or neighbour.

    "The red car next to a car" and "the car next to a vehicle" are left to the model: two questions would find the same
    car, which is not its own neighbour.
    """
    if meaning.relation is None:
        return meaning.selector is not None
    one, other = meaning.category, meaning.relation.category
    same_class = _CLASS.get(one, one) == _CLASS.get(other, other)
    same_question = meaning.category == meaning.relation.category and meaning.attribute is None
    return same_question or not same_class


def _forms(category: str) -> tuple[str, str]:
    """Singular and plural of a class, also of one that the model was taught."""
    return WORDS[category][0] if category in WORDS else (category, plural(category))


def _noun(meaning: Meaning) -> tuple[str, str]:
    """Singular and plural of what is looked for, with its attribute: ("red car", "red cars")."""
    one, many = _forms(meaning.category)
    if meaning.attribute is None:
        return one, many
    column, value = meaning.attribute
    if column == "colour" and value in COLOURS:
        return f"{value} {one}", f"{value} {many}"
    return f"{one} whose {column} is {value}", f"{many} whose {column} is {value}"


def reasoning(
    composed: Composed, *, targets: int, neighbours: int, pool: int, where: str = "the scene", sure: bool = True
) -> str:
    """Why an object is meant: "There are five tanks and two harbors in the scene; this one is next to a harbor."

    Args:
        composed: the expression.
        targets: how many objects there are to choose from, at least one.
        neighbours: how many neighbours there are.
        pool: how many of the targets stand to a neighbour or lie in a place as asked: a rank chose from these.
        where: what was looked at.
        sure: False where objects count that were not surely seen.
    """
    meaning = composed.meaning
    counted = [_counted(targets, *_noun(meaning))]
    if meaning.relation is not None and composed.neighbour != composed.target:
        counted.append(_counted(neighbours, *_forms(meaning.relation.category)))
    verb = "may be" if not sure else "is" if targets == 1 else "are"
    subject = "it" if targets == 1 else "this one"
    fact = _fact(composed, targets, neighbours, pool)
    return f"There {verb} {' and '.join(counted)} in {where}; {subject} is {fact}."


def _counted(count: int, one: str, many: str) -> str:
    return f"{number(count)} {one if count == 1 else many}"


def _fact(composed: Composed, targets: int, neighbours: int, pool: int) -> str:
    meaning = composed.meaning
    place = PLACE_NAMES[meaning.selector] if meaning.selector in PLACES else None
    rank = None if place is not None or meaning.selector is None else _rank(meaning)
    if composed.place is not None:
        return _ranked(rank, PLACE_NAMES[composed.place], targets, pool)
    if meaning.relation is None:
        return place or rank or ""
    kind, one = meaning.relation.kind, _forms(meaning.relation.category)[0]
    if composed.neighbour == composed.target:
        other = f"another {one}"
    else:
        other = f"the {one}" if neighbours == 1 else with_article(one)
    if composed.chooses_one_nearest:
        if kind == "farthest" and not other.startswith("the "):
            other = f"any {'other ' if composed.neighbour == composed.target else ''}{one}"
        fact = f"the {kind} {'to' if kind == 'nearest' else 'from'} {other}"
        return f"{fact} and {place}" if place else fact
    fact = f"{RELATIONS[kind][0]} {other}"
    if place is not None:
        return f"{fact} and {place}"
    return _ranked(rank, fact, targets, pool)


def _ranked(rank: str | None, fact: str, targets: int, pool: int) -> str:
    """Such as "the largest of the three in the upper left quarter"."""
    if rank is None or targets == 1:
        return fact
    return f"the only one {fact}" if pool == 1 else f"{rank} of the {number(pool)} {fact}"


def _rank(meaning: Meaning) -> str:
    rank = str(meaning.selector)
    if meaning.count is not None and meaning.count > 1:
        return f"among the {number(meaning.count)} {rank}"
    if meaning.ordinal == 1:
        return f"the {rank}"
    position = ordinal(meaning.ordinal)
    return f"the {position} from the {SIDES[rank]}" if rank in SIDES else f"the {position} {rank}"
