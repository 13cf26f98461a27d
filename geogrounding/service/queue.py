"""Which of the waiting jobs is next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from geogrounding.service.store import Job


def in_order(waiting: Iterable[Job], last_turn: Mapping[str, float]) -> list[Job]:
    """Waiting jobs in the order in which they would be served.

    Users take turns: the next job is the oldest one of the user whose last turn is longest ago, and who never had one
    comes first. Of one user's jobs, those that were interrupted go before those that have not begun.

    Args:
        waiting: jobs that wait.
        last_turn: when the engine last began a job of a user.
    """
    left = sorted(waiting, key=lambda job: (job.state != "interrupted", job.created, job.id))
    turns = {job.user: last_turn.get(job.user, 0.0) for job in left}
    clock = max(turns.values(), default=0.0)
    ordered = []
    while left:
        first = min(range(len(left)), key=lambda i: (turns[left[i].user], i))
        job = left.pop(first)
        ordered.append(job)
        clock += 1.0
        turns[job.user] = clock
    return ordered
