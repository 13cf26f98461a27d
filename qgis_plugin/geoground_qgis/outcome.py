"""How a run ended, in words."""

from __future__ import annotations

from qgis.core import Qgis

from .background import EngineTask
from .engine_link import failures
from .messages import joined, short, tr
from .result_writer import ResultWriter

LEVELS = Qgis.MessageLevel


def outcome_of(outcome: str, task: EngineTask, writer: ResultWriter | None) -> tuple[str, Qgis.MessageLevel]:
    """What is said at the end of a run over one raster, and how loud.

    Args:
        outcome: ``done``, ``cancelled`` or ``failed``.
        task: the run.
        writer: of its results, where it came so far.
    """
    count = writer.count if writer is not None else 0
    found = tr("1 result") if count == 1 else tr("{n} results").format(n=f"{count:,}")
    if outcome == "cancelled":
        return tr("Cancelled; {found} so far.").format(found=found), LEVELS.Info
    if outcome != "done":
        return joined(task.message, task.hint), LEVELS.Critical
    text, level = _done(found, task, writer)
    if task.empty_share > 0:
        missing = tr("{share} % of the area came empty from the map server.").format(
            share=max(1, round(100 * task.empty_share))
        )
        return joined(text, missing), LEVELS.Warning
    return text, level


def _done(found: str, task: EngineTask, writer: ResultWriter | None) -> tuple[str, Qgis.MessageLevel]:
    failed = failures(task.result)
    if failed:
        text = tr("{found}; {n} of {all} chips could not be answered, see the log.")
        number, chips = task.result.get("failed", len(failed)), task.result.get("chips", "?")
        return text.format(found=found, n=number, all=chips), LEVELS.Warning
    if writer is None or writer.count == 0:
        if writer is not None and writer.removed:
            return tr("The layer of the results was removed while the run went on."), LEVELS.Info
        return tr("Nothing was found. Try another word, a lower score or another ground resolution."), LEVELS.Info
    text = tr("{found}.").format(found=found)
    if writer.empty:
        text += " " + tr("Nothing for: {questions}.").format(questions="; ".join(map(short, writer.empty)))
    return text, LEVELS.Success
