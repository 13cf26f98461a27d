"""``geoground plan``: a query taken apart, as JSON."""

from __future__ import annotations

from typing import Any

import click

from . import build
from . import options as opt
from .terminal import say


@click.command(cls=opt.Command)
@click.argument("query", help="What is asked, in English.")
@opt.CONTEXT
@opt.MODEL
@opt.option("--words", is_flag=True, section="Output", help="Print the plan in words, not as JSON.")
@opt.VERBOSE
def command(query: str, context: tuple[str, ...], words: bool, **options: Any) -> None:
    """Print how QUERY is understood, as JSON for `geoground run --plan` and `gg.ask`.

    No scene is opened. Words that could not be read are named on standard error and stand in "unread"; with --model
    a language model plans such a query, and the plan says so. The schema is in docs/questions.md.

    \b
    Examples:
      geoground plan "pools larger than 40 m2 not within 20 m of a house"
      geoground plan "the largest building within 150 m of the river" --words
      geoground plan "whichever ships measure up to 10 m end to end" --base-url http://localhost:8000/v1
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    from geogrounding.asking import plan_query
    from geogrounding.query.describe import plan_text

    plan = plan_query(query, names=tuple(build.contexts(context)), model=build.planner(options))
    if plan.planned_by is not None:
        say(f"Note: planned by {plan.planned_by}, not by rule")
    for remark in plan.remarks:
        say(f"Note: {remark}")
    for word in plan.unread:
        say(f"Warning: '{word}' was not understood")
    click.echo(plan_text(plan) if words else plan.json_text())
