"""How questions are understood: their plans in plain words, before a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .engine_link import Link

MOST = 8
"""Questions that are put into words; more would fill the panel."""
WHOLE_AND_TARGETS = 2
"""The first lines of a plan: the whole of it, and what is looked for, which says the same again."""


@dataclass(frozen=True)
class Understood:
    """A question, its plan, and the plan in words."""

    question: str
    plan: dict[str, Any]
    lines: tuple[str, ...]

    def text(self) -> str:
        """The plan in one paragraph."""
        return " ".join((self.lines[0], *self.lines[WHOLE_AND_TARGETS:])) if self.lines else ""


def understand(
    link: Link,
    questions: Sequence[str],
    plans: Mapping[str, dict[str, Any]],
    contexts: Sequence[str],
    cancelled: Callable[[], bool],
) -> list[Understood]:
    """The plans of questions, those that the user changed as they are now; runs beside the main thread.

    Raises:
        EngineError: a question contradicts itself, or a plan is none.
    """
    found = []
    for question in questions[:MOST]:
        asked = {"plan": plans[question]} if question in plans else {"query": question}
        answer = link.call("plan_query", {**asked, "context": list(contexts)}, cancelled=cancelled)
        lines = answer.get("sentences") or [answer.get("words", "")]
        found.append(Understood(question, dict(answer["plan"]), tuple(str(one) for one in lines if one)))
    return found


def leaves(plan: Any, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    """The values of a plan that are no lists or groups, each with its place; what is not set is left out."""
    if isinstance(plan, Mapping):
        return [leaf for key, value in plan.items() for leaf in leaves(value, (*path, key))]
    if isinstance(plan, (list, tuple)):
        return [leaf for number, value in enumerate(plan) for leaf in leaves(value, (*path, number))]
    return [] if plan is None else [(path, plan)]


def replaced(plan: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """A plan with another value at one place; what was there before stays as it is."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(plan, Mapping):
        return {**plan, key: replaced(plan[key], rest, value)}
    return [replaced(one, rest, value) if number == key else one for number, one in enumerate(plan)]


def read_value(text: str, before: Any) -> Any:
    """What is entered, of the kind that was there before.

    Raises:
        ValueError: it is of another kind.
    """
    entered = text.strip()
    if isinstance(before, bool):
        if entered.lower() not in ("true", "false"):
            raise ValueError("true / false")
        return entered.lower() == "true"
    if isinstance(before, int):
        return int(entered)
    if isinstance(before, float):
        return float(entered)
    return entered
