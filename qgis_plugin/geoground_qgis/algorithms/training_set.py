"""Build training set from layer: chips and labels for geogrounding's training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsFeatureRequest,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingUtils,
)

from ..engine_link import Cancelled
from ..examples import write_examples
from ..messages import tr
from ..rasters import Export, LayerError, Source
from .base import Algorithm, advanced, new_folder


class FromExamples(Algorithm):
    """What the two algorithms that read examples share."""

    GROUP, GROUP_ID = "Teach", "teach"

    def add_examples(self) -> None:
        """Raster, polygons, and what they are."""
        self.addParameter(QgsProcessingParameterRasterLayer("INPUT", tr("Raster")))
        self.addParameter(
            QgsProcessingParameterFeatureSource(
                "EXAMPLES", tr("Examples"), [QgsProcessing.SourceType.TypeVectorPolygon]
            )
        )
        self.addParameter(QgsProcessingParameterString("EXPRESSION", tr("Label"), optional=True))
        self.addParameter(
            QgsProcessingParameterField("FIELD", tr("or by field"), parentLayerParameterName="EXAMPLES", optional=True)
        )
        self.addParameter(
            QgsProcessingParameterNumber(
                "NEGATIVES",
                tr("Share of images without a target"),
                QgsProcessingParameterNumber.Type.Double,
                0.0,
                False,
                0.0,
                1.0,
            )
        )
        self.addParameter(
            advanced(
                QgsProcessingParameterNumber(
                    "SEED", tr("Seed"), QgsProcessingParameterNumber.Type.Integer, 0, False, 0, 2**31 - 1
                )
            )
        )

    def prepareAlgorithm(  # noqa: N802 - QGIS's name
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """Read what belongs to the main thread: layers."""
        self.check_engine()
        self._examples: QgsProcessingFeatureSource | None = self.parameterAsSource(parameters, "EXAMPLES", context)
        if self._examples is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, "EXAMPLES"))
        if not self._examples.sourceCrs().isValid():
            raise QgsProcessingException(
                tr("The examples have no valid coordinate system. Set it in Layer Properties.")
            )
        layer = self.parameterAsRasterLayer(parameters, "INPUT", context)
        self._source: Source = self.source(layer, parameters, context, feedback, as_drawn=True)
        self._export = Export(self._source) if self._source.path is None else None
        return True

    def ask_with_examples(
        self,
        method: str,
        make_request: Callable[[dict[str, Any]], dict[str, Any]],
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
        on_event: Any = None,
    ) -> dict[str, Any]:
        """Write the examples to a file, ask, and delete it.

        Raises:
            QgsProcessingException: it failed.
            Cancelled: the user stopped it.
        """
        expression = self.parameterAsString(parameters, "EXPRESSION", context).strip()
        field = self.parameterAsString(parameters, "FIELD", context)
        if not expression and not field:
            raise QgsProcessingException(tr("Say what the examples are, such as: greenhouse"))
        path = Path(QgsProcessingUtils.generateTempFilename("examples.gpkg"))
        try:
            count = write_examples(
                path,
                self._examples.getFeatures(QgsFeatureRequest()),
                self._examples.fields(),
                self._examples.sourceCrs(),
                context.transformContext(),
                feedback.isCanceled,
            )
            feedback.pushInfo(tr("{n} examples").format(n=count))
            raster = self._source.path
            if self._export is not None:
                feedback.setProgressText(tr("Exporting the raster…"))
                raster = str(self._export.run(lambda _share: None, feedback.isCanceled))
            training = {
                "scene": raster,
                "labels": str(path),
                "expression": expression or None,
                "expression_field": None if expression else field,
                "seed": self.parameterAsInt(parameters, "SEED", context),
                "negatives": self.parameterAsDouble(parameters, "NEGATIVES", context),
            }
            request = make_request({key: value for key, value in training.items() if value is not None})
            return self.call(method, request, feedback, on_event)
        except LayerError as error:
            raise QgsProcessingException(str(error)) from error
        finally:
            if self._export is not None:
                self._export.discard()
            path.unlink(missing_ok=True)


class BuildTrainingSet(FromExamples):
    """A folder with chips and their labels."""

    NAME, TITLE = "trainingset", "Build training set from layer"
    HELP = (
        "Cuts the raster into the chips that a model sees and writes the polygons of a layer as their labels: images "
        "and train.jsonl in the form of Geo-R1, for “geoground train” on this or another machine.\n\n"
        "“Label” names all polygons at once; “or by field” takes the name of each from an attribute."
    )

    def initAlgorithm(self, _configuration: dict[str, Any] | None = None) -> None:  # noqa: N802 - QGIS's name
        """Define parameters and outputs."""
        self.add_examples()
        self.addParameter(QgsProcessingParameterFolderDestination("OUTPUT", tr("Training set")))
        self.addOutput(QgsProcessingOutputFile("DATA", tr("train.jsonl")))
        self.addOutput(QgsProcessingOutputNumber("COUNT", tr("Number of samples")))

    def processAlgorithm(  # noqa: N802 - QGIS's name
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Let the engine cut."""
        folder = new_folder(self.parameterAsString(parameters, "OUTPUT", context))
        try:
            found = self.ask_with_examples(
                "cut_training_set", lambda training: {**training, "output": folder}, parameters, context, feedback
            )
        except Cancelled:
            return {"OUTPUT": folder, "DATA": "", "COUNT": 0}
        feedback.pushInfo(tr("{n} samples in {path}").format(n=found.get("samples", 0), path=found.get("data", folder)))
        return {"OUTPUT": folder, "DATA": found.get("data", ""), "COUNT": found.get("samples", 0)}
