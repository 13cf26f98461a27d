"""Find objects by words: one raster, questions, polygons."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsFeatureSink,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterRasterLayer,
    QgsVectorLayer,
    QgsWkbTypes,
)

from ..background import Input
from ..engine_link import Cancelled, failures
from ..examples import ExampleFile
from ..messages import tr
from ..question import CONTEXT, with_files
from ..rasters import Export, LayerError, Source
from ..results import apply_style, now, result_fields, to_feature
from .base import Algorithm, advanced, with_extent


class Styler(QgsProcessingLayerPostProcessorInterface):
    """Gives results their style when QGIS loads them."""

    def postProcessLayer(  # noqa: N802 - QGIS's name
        self, layer: QgsVectorLayer, _context: QgsProcessingContext, _feedback: QgsProcessingFeedback
    ) -> None:
        """Style the layer; called in the main thread."""
        if isinstance(layer, QgsVectorLayer):
            apply_style(layer)


STYLER = Styler()
"""QGIS does not keep the object, so it lives here."""


class Ground(Algorithm):
    """One raster."""

    NAME, TITLE = "ground", "Find objects by words"
    GROUP, GROUP_ID = "Ask", "ask"
    HELP = (
        "Finds what each line of “What to look for” describes in the raster, as polygons with label, score and the "
        "reasoning of the model, in the coordinate system of the raster.\n\n"
        "Rasters that are no plain file (WMS, XYZ tiles, virtual rasters) are first exported for the extent. "
        "“The one object described” keeps the best answer to each question."
    )

    def initAlgorithm(self, _configuration: dict[str, Any] | None = None) -> None:  # noqa: N802 - QGIS's name
        """Define parameters and outputs."""
        self.addParameter(QgsProcessingParameterRasterLayer("INPUT", tr("Raster")))
        self.add_questions(extent=True)
        for name, title in (
            ("AREA", tr("Only inside these polygons")),
            ("LIKE", tr("Examples: find what looks like them")),
            ("UNLIKE", tr("Examples of what is not meant")),
        ):
            kinds = [QgsProcessing.SourceType.TypeVectorPolygon]
            self.addParameter(advanced(QgsProcessingParameterFeatureSource(name, title, kinds, optional=True)))
        title = tr("Layers that the questions speak of by their names")
        kind = QgsProcessing.SourceType.TypeVectorAnyGeometry
        self.addParameter(advanced(QgsProcessingParameterMultipleLayers("CONTEXT", title, kind, optional=True)))
        self.addParameter(
            QgsProcessingParameterFeatureSink("OUTPUT", tr("Found"), QgsProcessing.SourceType.TypeVectorPolygon)
        )
        self.addOutput(QgsProcessingOutputNumber("COUNT", tr("Number of results")))

    def prepareAlgorithm(  # noqa: N802 - QGIS's name
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """Read what belongs to the main thread: layers."""
        self.check_engine()
        layer = self.parameterAsRasterLayer(parameters, "INPUT", context)
        self._source: Source = self.source(layer, parameters, context, feedback)
        self._inputs: dict[str, Input] = {}
        if self._source.path is None:
            self._inputs["source"] = Export(self._source)
        for name, parameter in (("aoi", "AREA"), ("like", "LIKE"), ("unlike", "UNLIKE")):
            if parameters.get(parameter) is not None:
                chosen = self.parameterAsSource(parameters, parameter, context)
                if chosen is None:
                    raise QgsProcessingException(self.invalidSourceError(parameters, parameter))
                self._inputs[name] = ExampleFile(chosen)
        for one in self.parameterAsLayerList(parameters, "CONTEXT", context) if parameters.get("CONTEXT") else ():
            self._inputs[CONTEXT + one.name().strip().lower()] = ExampleFile(one)
        return True

    def processAlgorithm(  # noqa: N802 - QGIS's name
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Ask, and write what comes into the sink."""
        request = with_extent(self.questions(parameters, context), self._source)
        fields, date = result_fields(), now()
        sink, destination = self.parameterAsSink(
            parameters, "OUTPUT", context, fields, QgsWkbTypes.Type.Polygon, self._source.crs
        )
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, "OUTPUT"))
        count = 0
        name = self._source.name if "source" in self._inputs else None
        try:
            feedback.setProgressText(tr("Exporting the raster…") if name is not None else "")
            paths = {
                key: str(made.run(lambda share: feedback.setProgress(20 * share), feedback.isCanceled))
                for key, made in self._inputs.items()
            }
            if "aoi" in paths:
                request.pop("bbox", None)
            request = with_files(request, paths)

            def take(event: dict[str, Any]) -> None:
                nonlocal count
                show_progress(event, feedback)
                for result in final_features(event):
                    feature = to_feature(fields, result, date, exported=name)
                    if feature is not None and sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
                        count += 1

            found = self.call("run", request, feedback, take)
            report_failures(found, feedback)
        except Cancelled:
            feedback.pushInfo(tr("Cancelled."))
        except LayerError as error:
            raise QgsProcessingException(str(error)) from error
        finally:
            for made in self._inputs.values():
                made.discard()
        feedback.pushInfo(tr("{n} results").format(n=count))
        self._destination = destination
        return {"OUTPUT": destination, "COUNT": count}

    def postProcessAlgorithm(  # noqa: N802 - QGIS's name
        self, context: QgsProcessingContext, _feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Let QGIS style the layer where it loads it."""
        if context.willLoadLayerOnCompletion(self._destination):
            context.layerToLoadOnCompletionDetails(self._destination).setPostProcessor(STYLER)
        return {}


def show_progress(event: dict[str, Any], feedback: QgsProcessingFeedback) -> None:
    """The engine's progress as that of the algorithm."""
    if event.get("event") == "progress" and event["chips_total"]:
        feedback.setProgress(100 * event["chips_done"] / event["chips_total"])
        feedback.setProgressText(
            tr("{done} of {total} chips, {found} found before merging").format(
                done=event["chips_done"], total=event["chips_total"], found=event["found"]
            )
        )


def final_features(event: dict[str, Any]) -> list[dict[str, Any]]:
    """The merged results that an event brings: provisional ones are for maps that show a run while it goes on."""
    if event.get("event") != "features" or event.get("stage") != "final":
        return []
    return [one for one in event.get("features") or [] if isinstance(one, dict)]


def report_failures(found: dict[str, Any], feedback: QgsProcessingFeedback) -> None:
    """List the parts of the raster that were not answered."""
    failed = failures(found)
    if failed:
        feedback.pushWarning(
            tr("{n} of {all} chips could not be answered:").format(n=found.get("failed"), all=found.get("chips"))
        )
        for line in failed[:20]:
            feedback.pushWarning(line)
