"""Find objects by words (batch): many rasters, one GeoPackage each, a table."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsFeatureSink,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingMultiStepFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputMultipleLayers,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterMultipleLayers,
    QgsVectorFileWriter,
    QgsWkbTypes,
)

from ..engine_link import Cancelled
from ..messages import tr
from ..rasters import Export, LayerError, Source
from ..results import now, result_fields, to_feature
from .base import Algorithm, with_extent
from .ground import final_features, report_failures, show_progress

COLUMNS = ("raster", "layer", "status", "results", "message")


class GroundBatch(Algorithm):
    """Many rasters; one that fails is listed, and the others go on."""

    NAME, TITLE = "groundbatch", "Find objects by words (batch)"
    GROUP, GROUP_ID = "Ask", "ask"
    HELP = (
        "Asks the same questions of many rasters. Each gets a GeoPackage in the output folder, in its own coordinate "
        "system; summary.csv lists raster, layer, status, number of results and message.\n\n"
        "A raster that cannot be used does not stop the others."
    )

    def initAlgorithm(self, _configuration: dict[str, Any] | None = None) -> None:  # noqa: N802 - QGIS's name
        """Define parameters and outputs."""
        self.addParameter(
            QgsProcessingParameterMultipleLayers("INPUT", tr("Rasters"), QgsProcessing.SourceType.TypeRaster)
        )
        self.add_questions(extent=False)
        self.addParameter(QgsProcessingParameterFolderDestination("OUTPUT", tr("Output folder")))
        self.addOutput(QgsProcessingOutputFile("SUMMARY", tr("Table")))
        self.addOutput(QgsProcessingOutputMultipleLayers("LAYERS", tr("Layers")))
        self.addOutput(QgsProcessingOutputNumber("COUNT", tr("Number of results")))
        self.addOutput(QgsProcessingOutputNumber("FAILED", tr("Rasters that failed")))

    def prepareAlgorithm(  # noqa: N802 - QGIS's name
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        """Read what belongs to the main thread: layers."""
        self.check_engine()
        self._jobs: list[tuple[str, Source | None, Export | None, str]] = []
        for layer in self.parameterAsLayerList(parameters, "INPUT", context):
            try:
                source = self.source(layer, parameters, context, feedback)
            except QgsProcessingException as error:
                self._jobs.append((layer.name(), None, None, str(error)))
                continue
            self._jobs.append((layer.name(), source, Export(source) if source.path is None else None, ""))
        return True

    def processAlgorithm(  # noqa: N802 - QGIS's name
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Ask one raster after the other."""
        request = self.questions(parameters, context)
        folder = Path(self.parameterAsString(parameters, "OUTPUT", context))
        folder.mkdir(parents=True, exist_ok=True)
        steps = QgsProcessingMultiStepFeedback(max(1, len(self._jobs)), feedback)
        rows: list[dict[str, Any]] = []
        for number, (name, source, export, problem) in enumerate(self._jobs):
            if feedback.isCanceled():
                break
            steps.setCurrentStep(number)
            steps.pushInfo(name)
            path = _free(folder / f"{number + 1:03d}_{_stem(name)}.gpkg")
            row: dict[str, Any] = {"raster": name, "layer": "", "status": "failed", "results": 0, "message": problem}
            if source is not None:
                try:
                    row |= self._one(request, source, export, path, context, steps)
                except Cancelled:
                    row["status"] = "cancelled"
                except (QgsProcessingException, LayerError) as error:
                    row["message"] = str(error)
            if row["status"] == "failed":
                steps.pushWarning(f"{name}: {row['message']}")
            rows.append(row)
        summary = folder / "summary.csv"
        with summary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
        return {
            "OUTPUT": str(folder),
            "SUMMARY": str(summary),
            "LAYERS": [row["layer"] for row in rows if row["layer"]],
            "COUNT": sum(row["results"] for row in rows),
            "FAILED": sum(row["status"] == "failed" for row in rows),
        }

    def _one(
        self,
        request: dict[str, Any],
        source: Source,
        export: Export | None,
        path: Path,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        asked = with_extent(request, source)

        results: list[dict[str, Any]] = []

        def take(event: dict[str, Any]) -> None:
            show_progress(event, feedback)
            results.extend(final_features(event))

        try:
            if export is not None:
                asked["source"] = str(export.run(lambda _share: None, feedback.isCanceled))
            found = self.call("run", asked, feedback, take)
        finally:
            if export is not None:
                export.discard()
        report_failures(found, feedback)
        fields, date = result_fields(), now()
        options = QgsVectorFileWriter.SaveVectorOptions()
        options.driverName, options.layerName = "GPKG", "found"
        writer = QgsVectorFileWriter.create(
            str(path), fields, QgsWkbTypes.Type.Polygon, source.crs, context.transformContext(), options
        )
        if writer.hasError() != QgsVectorFileWriter.WriterError.NoError:
            raise QgsProcessingException(writer.errorMessage())
        features = (
            to_feature(fields, one, date, exported=source.name if export is not None else None) for one in results
        )
        count = sum(writer.addFeature(f, QgsFeatureSink.Flag.FastInsert) for f in features if f is not None)
        del writer  # closes the file
        status = "incomplete" if found.get("failed") else "done"
        return {"layer": str(path), "status": status, "results": count, "message": ""}


def _free(path: Path) -> Path:
    """The path, or the first with a number that is not taken: an earlier result may hold a review."""
    found, number = path, 1
    while found.exists():
        number += 1
        found = path.with_name(f"{path.stem}_{number}{path.suffix}")
    return found


def _stem(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name)[:60] or "raster"


def _cell(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value
