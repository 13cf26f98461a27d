"""A query plan in plain sentences, to be read and corrected before a run."""

from __future__ import annotations

from geogrounding.query.describe import noun_forms, plan_text, step_text
from geogrounding.query.plan import Attribute, QueryPlan, Rank, Step, Target
from geogrounding.query.planner import targets_of


def plan_sentences(plan: QueryPlan) -> tuple[str, ...]:
    """What a plan does, one a part: the whole, what is looked for, each step in order, what was not understood."""
    sentences = [f"{_capital(plan_text(plan.model_copy(update={'unread': ()})))}."]
    nouns = dict.fromkeys(noun_forms(target)[1] for target in targets_of(plan))
    sentences.append(f"Looked for: {', '.join(nouns)}.")
    for target in plan.targets:
        sentences += _steps(target)
    if plan.answer.predicate:
        asked = " and ".join(step_text(step) for step in plan.answer.predicate)
        sentences.append(f"Asked of what is left: {asked}.")
    unknown = dict.fromkeys(target.said or target.noun for target in targets_of(plan) if not target.known)
    if unknown:
        sentences.append(f"No class or layer is known by this name yet: {', '.join(unknown)}.")
    sentences += [f"{_capital(remark)}." for remark in plan.remarks]
    if plan.unread:
        sentences.append(f"Not understood, narrows nothing: {', '.join(plan.unread)}.")
    return tuple(sentences)


def _steps(target: Target) -> list[str]:
    steps = [step for step in target.steps if not isinstance(step, Attribute)]
    if len(steps) < 2:  # the whole says it already
        return []
    many = noun_forms(target)[1]
    return [f"Step {number}: of the {many} {_kept(step)}." for number, step in enumerate(steps, start=1)]


def _kept(step: Step) -> str:
    words = step_text(step)
    if isinstance(step, Rank):
        return f"keep {words}"
    return f"keep those that are {words}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
