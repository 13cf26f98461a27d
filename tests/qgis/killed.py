"""A QGIS that is killed in mid-run; test_running.py runs this and reads what is left.

Environment: GEOGROUND_TEST_PROFILE and GEOGROUND_TEST_PROJECT, both also those of the test.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import ScriptedLink, box, features, progress, until_cancelled
from geoground_qgis import settings
from geoground_qgis.dock import Dock
from panels import Run
from qgis.core import QgsApplication, QgsProject

FOUND = [box(404215 + 5 * i, 3285110, 3, number=f"p{i}", label=f"r{i}") for i in range(2)]


def test_the_first_of_two_results_is_accepted_before_the_end(
    run: Run, dock: Dock, link: ScriptedLink, until: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = os.environ["GEOGROUND_TEST_PROFILE"]
    monkeypatch.setattr(QgsApplication, "qgisSettingsDirPath", staticmethod(lambda: f"{profile}/"))
    settings.save(settings.Settings(engine="good"))
    assert QgsProject.instance().write(os.environ["GEOGROUND_TEST_PROJECT"])

    def goes_on(params, emit, cancelled):
        Path(params["output"] + ".journal").write_text("chips answered so far")
        found = features(*FOUND, stage="provisional", first=False)
        return until_cancelled(found, progress(2, 4, 2))(params, emit, cancelled)

    link.answers["run"] = goes_on
    run.start("tree\ncar")
    dock.review.step_on.setChecked(False)
    until(lambda: dock.asking.writer is not None and dock.asking.writer.count == 2)
    until(lambda: dock.review.ranking.total == 2 and not dock.review.ranking.busy)
    dock.review.go(1)
    dock.review.accept.click()
    os.kill(os.getpid(), signal.SIGKILL)
