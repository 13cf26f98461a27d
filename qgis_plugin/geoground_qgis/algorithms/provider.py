"""The provider: its name, its icon, its algorithms."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from ..engine_link import Link
from ..messages import NAME
from ..version import version
from .batch import GroundBatch
from .fine_tune import FineTune
from .ground import Ground
from .ready import Ready
from .training_set import BuildTrainingSet


class GeogroundingProvider(QgsProcessingProvider):
    """All algorithms share one engine."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link

    def id(self) -> str:
        """The first part of the names of all algorithms."""
        return NAME

    def name(self) -> str:
        """The name in the toolbox."""
        return NAME

    def longName(self) -> str:  # noqa: N802 - QGIS's name
        """The name with the version."""
        return f"{NAME} {version()}"

    def icon(self) -> QIcon:
        """The icon in the toolbox."""
        return QIcon(str(Path(__file__).parent.parent / "icon.svg"))

    def loadAlgorithms(self) -> None:  # noqa: N802 - QGIS's name
        """Add the algorithms."""
        for kind in (Ground, GroundBatch, Ready, BuildTrainingSet, FineTune):
            self.addAlgorithm(kind(self._link))
