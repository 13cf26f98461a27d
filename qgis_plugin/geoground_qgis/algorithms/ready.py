"""Is everything ready: what the engine, its device and its models are, or what is missing."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputBoolean,
    QgsProcessingOutputString,
)

from .. import settings
from ..diagnostics import describe_probe
from ..engine_link import Cancelled, EngineError
from ..messages import joined, tr
from .base import Algorithm, no_engine


class Ready(Algorithm):
    """Never fails: a model of algorithms can ask first, and stop with the reason."""

    NAME, TITLE = "ready", "Check that searching by words is ready"
    GROUP, GROUP_ID = "Ask", "ask"
    HELP = (
        "Starts the engine of the settings and reports its version, device and models, or what is missing. READY and "
        "TEXT can be used in a model before other algorithms of this group."
    )

    def initAlgorithm(self, _configuration: dict[str, Any] | None = None) -> None:  # noqa: N802 - QGIS's name
        """Define outputs; there is nothing to choose."""
        self.addOutput(QgsProcessingOutputBoolean("READY", tr("Ready")))
        self.addOutput(QgsProcessingOutputString("TEXT", tr("What there is, or what is missing")))

    def canExecute(self) -> tuple[bool, str]:  # noqa: N802 - QGIS's name
        """Also without an engine: that is what it is for."""
        return True, ""

    def processAlgorithm(  # noqa: N802 - QGIS's name
        self, _parameters: dict[str, Any], _context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Ask the engine about itself."""
        chosen = settings.load()
        ready = False
        if not chosen.ready:
            text = no_engine()
        else:
            try:
                text = describe_probe(self.link.probe(chosen, feedback.isCanceled))
                ready = True
            except EngineError as error:
                text = joined(str(error), error.hint, between="\n")
            except Cancelled:
                text = tr("Cancelled.")
        (feedback.pushInfo if ready else feedback.pushWarning)(text)
        return {"READY": ready, "TEXT": text}
