"""Plays in which QGIS is killed in mid-run, and started again."""

from __future__ import annotations

from desktop_tools import QUESTION, REPORT, pause, until, with_engine, write_report
from qgis.utils import plugins


def hang() -> None:
    """A run that is under way when QGIS is killed: the test does that."""
    dock = with_engine()
    dock.ask.question.setPlainText("tree\ncar\nbuilding\nairplane\nship")
    dock.ask.set_models([], "null")  # finds nothing, in a worker of its own as every model
    dock.ask.resolution.setValue(0.002)
    dock.ask.run_button.click()
    link = plugins["geoground_qgis"].link
    until(lambda: link.pid is not None and " of " in dock.ask.progress.text())
    REPORT["engine"] = link.pid
    write_report()
    pause(600)


def cut_short() -> None:
    """A run with the built-in model that has found something when QGIS is killed: the test does that."""
    dock = with_engine()
    dock.ask.question.setPlainText(QUESTION)
    dock.ask.resolution.setValue(0.03)  # many chips
    dock.ask.run_button.click()
    # Results come before the number of chips that they are of.
    until(lambda: dock.asking.writer is not None and dock.asking.writer.count > 0 and dock.ask.progress.value() > 0)
    REPORT["chips"] = dock.ask.progress.value(), dock.ask.progress.maximum()
    REPORT["running"] = dock.asking.running
    write_report()
    pause(600)


def go_on() -> None:
    """The next start: the run that was cut short is offered, and goes on where it ended."""
    dock = plugins["geoground_qgis"].dock
    dock.setUserVisible(True)
    until(lambda: dock.ask.resume_box.isVisible(), 60)
    REPORT["offered"] = dock.ask.resume_button.text()
    outcomes, chips = list[str](), list[int]()
    dock.asking.finished.connect(outcomes.append)
    dock.ask.progress.valueChanged.connect(chips.append)  # the rest may be done before anything else is looked at
    dock.ask.resume_button.click()
    until(lambda: bool(outcomes) and dock.asking.writer.idle and not dock.saving.busy)
    (layer,) = dock.asking.writer.layers
    REPORT["gone_on"] = {
        "outcome": outcomes[0],
        "first": next(number for number in chips if number > 0),
        "count": layer.featureCount(),
        "kept": layer.providerType() == "ogr",
        "offered": dock.ask.resume_box.isVisible(),
    }
