"""Fine-tune from layer: a new model from examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
)

from .. import settings
from ..engine_link import Cancelled, train_request
from ..messages import tr
from .base import new_folder
from .training_set import FromExamples

METHODS = ("sft", "grpo")


class FineTune(FromExamples):
    """A training on the examples of a layer."""

    NAME, TITLE = "finetune", "Fine-tune from layer"
    HELP = (
        "Cuts a training set from the layer and fine-tunes a model on it. The folder of the result is the name of the "
        "new model: give it as “Model” to “Find objects by words”. In the folder of trained models (Settings ▸ Options "
        "▸ geogrounding) it is also listed in the panel."
    )

    def initAlgorithm(self, _configuration: dict[str, Any] | None = None) -> None:  # noqa: N802 - QGIS's name
        """Define parameters and outputs."""
        self.add_examples()
        self.addParameter(
            QgsProcessingParameterNumber(
                "STEPS", tr("Steps"), QgsProcessingParameterNumber.Type.Integer, 80, False, 1, 100_000
            )
        )
        self.addParameter(
            QgsProcessingParameterEnum(
                "METHOD", tr("Method"), options=[tr("by example (SFT)"), tr("by reward (GRPO)")], defaultValue=0
            )
        )
        self.addParameter(QgsProcessingParameterBoolean("COMPLETE", tr("I drew every one in this area"), False))
        self.add_model("MODEL", tr("Model to start from"), settings.Settings().model)
        self.addParameter(QgsProcessingParameterFolderDestination("OUTPUT", tr("New model")))
        self.addOutput(QgsProcessingOutputString("MODEL_NAME", tr("Name of the new model")))

    def processAlgorithm(  # noqa: N802 - QGIS's name
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Let the engine train."""
        folder = new_folder(self.parameterAsString(parameters, "OUTPUT", context))
        method = METHODS[self.parameterAsEnum(parameters, "METHOD", context)]
        more = {
            "partial": not self.parameterAsBool(parameters, "COMPLETE", context),
            "steps": self.parameterAsInt(parameters, "STEPS", context),
            "model": self.parameterAsString(parameters, "MODEL", context) or settings.Settings().model,
        }

        def request(training: dict[str, Any]) -> dict[str, Any]:
            return train_request(method, Path(folder), {**training, **more})

        def show(event: dict[str, Any]) -> None:
            if event.get("event") == "training" and event.get("steps"):
                feedback.setProgress(100 * event["step"] / event["steps"])
                metrics = ", ".join(f"{name} {value:.3g}" for name, value in (event.get("numbers") or {}).items())
                feedback.pushInfo(tr("step {n}: {metrics}").format(n=event["step"], metrics=metrics))

        try:
            found = self.ask_with_examples("train", request, parameters, context, feedback, show)
        except Cancelled:
            feedback.pushInfo(tr("Cancelled."))
            return {"OUTPUT": folder, "MODEL_NAME": ""}
        return {"OUTPUT": folder, "MODEL_NAME": str(found.get("model", folder))}
