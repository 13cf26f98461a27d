"""Plans by a language model, for queries that the grammar cannot read.

The loaded model is asked for a plan as JSON. What it writes passes the same validator as a plan of a user, and more: a
plan may look for nothing that the query does not name. A plan that fails is sent back with the reason, a few times.
What the model cannot plan either is asked as it stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from geogrounding.errors import ModelError, SettingsError
from geogrounding.execution.layer_query import nouns_of, read_contexts
from geogrounding.messages import quote
from geogrounding.models.base import Model, Writer
from geogrounding.query.contradictions import check_steps
from geogrounding.query.grammar import ANYTHING, mark_nouns, vocabulary
from geogrounding.query.lexicon import class_of, singular, spoken
from geogrounding.query.parser import read_expression
from geogrounding.query.plan import QueryPlan
from geogrounding.query.planner import is_measured, targets_of
from geogrounding.query.read import read_query
from geogrounding.settings import RunSettings

TRIES = 3
MAX_TOKENS = 1024
MAX_REPLY = 100_000
"""Characters of a reply that are looked at."""
MAX_STARTS = 50
"""Braces of a reply at which a plan may begin."""
MAX_TARGETS = 20
_EXAMPLES = (
    "the largest building within 150 m of the river",
    "how many ships longer than 30 m are not near a pier?",
    "what is the total area of all red houses in hectares?",
    "airplanes between 20 and 40 m long in groups of more than five",
)
_SCENE_WORDS = re.compile(
    r"\d|\b(?:how|count|number|than|within|between|at (?:least|most)|total|average|mean|share|percent\w*|"
    r"nearest|closest|\w{3,}est|most|least|near|next|beside|except|without|all but|top|second|third|half|"
    r"metres?|meters?|km|feet)\b",
    re.IGNORECASE,
)
_TASK = """Translate a query about objects in an aerial image into a plan in JSON. Do not answer the query.
A plan has targets; each has a noun in the singular and steps that are applied in order. Kinds of steps:
- comparison: measure (area, length, width, perimeter, elongation), least, most; "least_open": true is "more than"
- relation: how (within, next to, near, inside, containing, touching, overlapping, between, left of, right of, above,
  below, north of, ...), other (a target, point or scene), least_m, most_m, count_least, count_most
- place: part (left, upper right, central, north, ...)
- group: least, most, line
- attribute: column (colour, roof colour, shape), value
- rank: by (area, length, width, left, right, top, bottom, north, distance), descending, first, last, all_but
- any: options, a list of lists of steps (or)
Every step but a rank may be "negated". Lengths are in metres, areas in square metres: convert other units. The
answer is features, count, exists, every, measure, share, coverage, distance or bearing. Name nothing that the query
does not name."""
_CRS = re.compile(r"(?:EPSG|ESRI|OGC):\w{1,12}")
_THOUGHT = re.compile(r"<think>.*?(?:</think>|$)", re.DOTALL)


def with_plans(settings: RunSettings, model: Model, *, again: bool = False) -> RunSettings:
    """The settings with plans of the model for the expressions that the grammar cannot read.

    Args:
        settings: of a run.
        model: is asked if it is a ``Writer``.
        again: also where the settings hold a plan of the grammar already, with words that were not understood.
    """
    if not isinstance(model, Writer) or settings.whole_scene is False:
        return settings
    names = (*model.conventions.taught, *nouns_of(None, read_contexts(settings.contexts)))
    plans = dict(settings.plans)
    for expression in settings.expressions:
        given = plans.get(expression)
        if given is not None and not (again and QueryPlan.read(given).unread):
            continue
        if not again and not _SCENE_WORDS.search(expression):
            continue  # the model looks at such a query itself
        meaning = read_expression(expression)
        if meaning is not None or not read_query(expression, names).unread:
            continue
        made = plan_by_model(expression, model, names)
        if made is not None and (again or is_measured(made)):
            plans[expression] = made.json_text()
    return settings if plans == dict(settings.plans) else replace(settings, plans=plans)


def plan_by_model(query: str, model: Writer, names: tuple[str, ...] = ()) -> QueryPlan | None:
    """The plan that a model makes of a query; None where it makes none that can be used.

    Args:
        query: as the user wrote it.
        model: writes JSON.
        names: nouns besides those of the lexicon.
    """
    prompt = asked = _prompt(query)
    for _ in range(TRIES):
        try:
            reply = model.write(prompt, max_tokens=MAX_TOKENS)
        except ModelError:
            return None
        try:
            return checked_plan(reply, query, str(getattr(model, "name", "a model")), names)
        except SettingsError as error:
            prompt = f"{asked}\n\nYour last reply cannot be used: {error}. Write the corrected JSON and nothing else."
    return None


def checked_plan(reply: str, query: str, model_name: str, names: tuple[str, ...] = ()) -> QueryPlan:
    """The plan in a reply.

    Raises:
        SettingsError: there is none, it is not valid, contradicts itself, or looks for what the query does not name.
    """
    words = vocabulary(names)
    values = _first_object(reply)
    values |= {"version": 1, "query": query, "unread": [], "unit": "m", "planned_by": model_name[:200] or "a model"}
    _check_parts(values, words, query, 0)
    plan = QueryPlan.read(json.dumps(values))
    targets = list(targets_of(plan))
    if len(targets) > MAX_TARGETS:
        raise SettingsError(f"a plan with {len(targets)} targets")
    for target in targets:
        check_steps(target.steps)
    return plan


def _first_object(reply: str) -> dict[str, Any]:
    text = _THOUGHT.sub("", reply[:MAX_REPLY])
    decoder = json.JSONDecoder()
    for start in [match.start() for match in re.finditer(r"\{", text)][:MAX_STARTS]:
        try:
            value, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and "targets" in value:
            return value
    raise SettingsError("the reply holds no JSON object with targets")


def _check_parts(value: Any, words: Mapping[str, str], query: str, depth: int) -> None:
    """Write nouns as the lexicon has them; refuse those that the query does not name, and odd coordinate systems."""
    if depth > 40:
        raise SettingsError("the plan is nested too deeply")
    if isinstance(value, list):
        for item in value:
            _check_parts(item, words, query, depth + 1)
    if not isinstance(value, dict):
        return
    if isinstance(value.get("crs"), str) and not _CRS.fullmatch(value["crs"]):
        raise SettingsError(f"the CRS {quote(value['crs'], 40)} of a point is no code such as EPSG:4326")
    noun = value.get("noun")
    if isinstance(noun, str):
        said = spoken(noun)
        known = words.get(said, singular(said) if said else "?")
        if known != ANYTHING and not _named(known, said, words, query):
            raise SettingsError(f"the query does not name {quote(noun, 40)}")
        value |= {"noun": known, "said": said[:500], "known": said in words or known in words.values()}
    for item in list(value.values()):
        _check_parts(item, words, query, depth + 1)


def _named(noun: str, said: str, words: Mapping[str, str], query: str) -> bool:
    """Whether a query names a noun: by a word of the same class, or by all of its own words."""
    text = spoken(query)
    _, found = mark_nouns(text, words)
    if any(class_of(one.noun) == class_of(noun) for one in found):
        return True
    stems = {singular(word) for word in text.split()}
    return bool(said) and all(singular(word) in stems for word in said.split())


def _prompt(query: str) -> str:
    examples = "\n".join(f"Query: {text}\n{json.dumps(_brief(read_query(text)))}" for text in _EXAMPLES)
    return f"{_TASK}\n\n{examples}\n\nQuery: {json.dumps(query, ensure_ascii=False)}\nReply with the JSON only."


def _brief(plan: QueryPlan) -> dict[str, Any]:
    """A plan without what is as usual, but with the kinds of its parts."""
    full = plan.plain_values()
    return {"answer": _pruned(full["answer"]), "targets": _pruned(full["targets"])}


def _pruned(value: Any) -> Any:
    if isinstance(value, list):
        return [_pruned(item) for item in value]
    if not isinstance(value, dict):
        return value
    usual: dict[str, Any] = {"negated": False, "known": True, "every": False, "centres": False, "least_open": False,
        "most_open": False, "all_but": False, "statistic": "each", "predicate": [], "steps": []}  # fmt: skip
    return {name: _pruned(item) for name, item in value.items() if name != "said" and usual.get(name, "") != item}
