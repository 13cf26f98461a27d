"""What all algorithms share: the engine, common parameters, events as feedback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
    QgsRasterLayer,
)
from qgis.PyQt.QtGui import QIcon

from .. import settings
from ..choices import OUTLINES, TASKS, outline_labels, task_labels
from ..engine_link import Cancelled, EngineError, Link
from ..messages import joined, tr
from ..model_store import models
from ..rasters import WARN_PIXELS, LayerError, Source, describe_source


class Algorithm(QgsProcessingAlgorithm):
    """An algorithm that asks the engine."""

    NAME = ""
    TITLE = ""
    HELP = ""
    GROUP, GROUP_ID = "", ""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self.link = link

    def createInstance(self) -> Algorithm:  # noqa: N802 - QGIS's name
        """A new instance with the same engine."""
        return type(self)(self.link)

    def name(self) -> str:
        """The name for programs."""
        return self.NAME

    def displayName(self) -> str:  # noqa: N802 - QGIS's name
        """The name for people."""
        return tr(self.TITLE)

    def group(self) -> str:
        """The group in the toolbox."""
        return tr(self.GROUP)

    def groupId(self) -> str:  # noqa: N802 - QGIS's name
        """The group for programs."""
        return self.GROUP_ID

    def shortHelpString(self) -> str:  # noqa: N802 - QGIS's name
        """What it does, beside its dialog."""
        return tr(self.HELP)

    def tags(self) -> list[str]:
        """Words that the search of the toolbox finds it by."""
        return tr("detect,object,find,search,ground,expression,AI,deep learning,segment,count,vision").split(",")

    def icon(self) -> QIcon:
        """The icon in the toolbox."""
        return QIcon(str(Path(__file__).parent.parent / "icon.svg"))

    def canExecute(self) -> tuple[bool, str]:  # noqa: N802 - QGIS's name
        """Whether an engine is set up; qgis_process 3.22 does not ask, so ``check_engine`` asks again."""
        if settings.load().ready:
            return True, ""
        return False, no_engine()

    def check_engine(self) -> None:
        """Refuse to run without an engine.

        Raises:
            QgsProcessingException: none is set up.
        """
        if not settings.load().ready:
            raise QgsProcessingException(no_engine())

    def call(
        self,
        kind: str,
        params: dict[str, Any],
        feedback: QgsProcessingFeedback,
        on_event: Callable[[dict[str, Any]], None] | None = None,
    ) -> dict[str, Any]:
        """Ask the engine; its progress becomes that of the algorithm.

        Raises:
            QgsProcessingException: it failed.
            Cancelled: the user stopped it.
        """

        def take(event: dict[str, Any]) -> None:
            if event.get("event") == "loading":
                feedback.setProgressText(tr("Loading the model…"))
            if on_event is not None:
                on_event(event)

        try:
            return self.link.call(kind, params, on_event=take, cancelled=feedback.isCanceled)
        except Cancelled:
            raise
        except EngineError as error:
            raise QgsProcessingException(joined(str(error), error.hint, between="\n")) from error

    # Parameters

    def add_questions(self, *, extent: bool) -> None:
        """What to look for and how."""
        self.addParameter(
            QgsProcessingParameterString("EXPRESSIONS", tr("What to look for (one question a line)"), multiLine=True)
        )
        if extent:
            self.addParameter(QgsProcessingParameterExtent("EXTENT", tr("Extent"), optional=True))
        self.addParameter(
            QgsProcessingParameterEnum(
                "TASK",
                tr("Find"),
                options=task_labels(),
                defaultValue=TASKS.index(settings.load().task),
            )
        )
        self.addParameter(
            QgsProcessingParameterEnum(
                "OUTLINE", tr("Draw"), options=outline_labels(), defaultValue=OUTLINES.index(settings.load().outline)
            )
        )
        simplify = tr("Simplify outlines, metres (empty: what suits the pixels)")
        self.add_number("SIMPLIFY", simplify, 0.0, 1000.0)
        self.add_number("MIN_SCORE", tr("Lowest score (empty: what suits the model)"), 0.0, 1.0)
        self.add_number("RESOLUTION", tr("Ground resolution in metres (empty: what suits the model)"), 0.001, 1000.0)
        self.add_model("MODEL", tr("Model"), settings.load().model)

    def add_model(self, name: str, description: str, default: str) -> None:
        """A model: the built-in one, that of the settings, or a trained one; programs may give any other."""
        parameter = QgsProcessingParameterString(name, description, default)
        known = dict.fromkeys([settings.Settings().model, default, *map(str, models())])
        parameter.setMetadata({"widget_wrapper": {"value_hints": list(known)}})
        self.addParameter(advanced(parameter))

    def add_number(self, name: str, description: str, least: float, most: float) -> None:
        """An optional number."""
        self.addParameter(
            advanced(
                QgsProcessingParameterNumber(
                    name,
                    description,
                    QgsProcessingParameterNumber.Type.Double,
                    None,
                    True,
                    least,
                    most,
                )
            )
        )

    def questions(self, parameters: dict[str, Any], context: QgsProcessingContext) -> dict[str, Any]:
        """The part of a request that says what to look for and how.

        Raises:
            QgsProcessingException: there is no question.
        """
        text = self.parameterAsString(parameters, "EXPRESSIONS", context)
        expressions = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
        if not expressions:
            raise QgsProcessingException(tr("Type what to look for, such as: airplane"))
        request: dict[str, Any] = {
            "expressions": expressions,
            "task": TASKS[self.parameterAsEnum(parameters, "TASK", context)],
            "model": self.parameterAsString(parameters, "MODEL", context) or settings.Settings().model,
        }
        request["outline"] = OUTLINES[self.parameterAsEnum(parameters, "OUTLINE", context)]
        for key, name in (("min_score", "MIN_SCORE"), ("resolution_m", "RESOLUTION"), ("simplify_m", "SIMPLIFY")):
            if parameters.get(name) is not None:
                request[key] = self.parameterAsDouble(parameters, name, context)
        return request

    def source(
        self,
        layer: QgsRasterLayer | None,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
        *,
        as_drawn: bool = False,
    ) -> Source:
        """The raster and the part of it that is asked about; ``as_drawn`` as in ``describe_source``.

        Raises:
            QgsProcessingException: it cannot be used.
        """
        extent = None
        if layer is not None and layer.isValid() and parameters.get("EXTENT"):
            extent = self.parameterAsExtent(parameters, "EXTENT", context, layer.crs())
        resolution = self.parameterAsDouble(parameters, "RESOLUTION", context) if parameters.get("RESOLUTION") else 0.0
        try:
            source = describe_source(layer, extent, resolution_m=resolution, as_drawn=as_drawn)
        except LayerError as error:
            raise QgsProcessingException(str(error)) from error
        if source.pixels > WARN_PIXELS:
            feedback.pushWarning(
                tr("{c} × {r} pixels are exported first; that may take long.").format(
                    c=f"{source.export_px[0]:,}", r=f"{source.export_px[1]:,}"
                )
            )
        return source


def with_extent(request: dict[str, Any], source: Source) -> dict[str, Any]:
    """The request with file, extent, bands and limits of a source."""
    full = dict(request, source=source.path, **source.appearance.params())
    if source.path is not None and not source.whole:
        box = source.extent
        full["bbox"] = [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()]
    return full


def new_folder(path: str) -> str:
    """A folder that the engine will make: an empty one is taken away; of any other the engine says that it is there."""
    folder = Path(path)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    return path


def advanced(parameter: QgsProcessingParameterDefinition) -> QgsProcessingParameterDefinition:
    """The parameter, among the advanced ones."""
    parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
    return parameter


def no_engine() -> str:
    """What to do without an engine."""
    return tr("No engine is set up: Settings ▸ Options ▸ geogrounding, or the variable GEOGROUND_ENGINE.")
