"""The algorithms of the toolbox with an engine that does what the test says."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import ScriptedLink, box, emits, features, progress, until_cancelled
from geoground_qgis import settings
from geoground_qgis.algorithms.provider import GeogroundingProvider
from qgis.analysis import QgsNativeAlgorithms
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterRasterLayer,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)

FOUND = (box(404220, 3285110, 5, number=1), box(404230, 3285110, 5, number=2, label="<i>x</i>"))


@pytest.fixture
def provider(link: ScriptedLink) -> Iterator[GeogroundingProvider]:
    settings.save(settings.Settings(engine="good"))
    provider = GeogroundingProvider(link)
    QgsApplication.processingRegistry().addProvider(provider)
    yield provider
    QgsApplication.processingRegistry().removeProvider(provider)


class Feedback(QgsProcessingFeedback):
    """Remembers what was said."""

    def __init__(self) -> None:
        super().__init__(False)
        self.said: list[str] = []

    def pushInfo(self, info: str) -> None:
        self.said.append(info)

    def pushWarning(self, warning: str) -> None:
        self.said.append(warning)

    def reportError(self, error: str, fatalError: bool = False) -> None:
        self.said.append(error)


def run(
    name: str, parameters: dict[str, Any], feedback: Feedback | None = None
) -> tuple[dict[str, Any], QgsProcessingContext]:
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"geogrounding:{name}")
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    results, good = algorithm.run(parameters, context, feedback or Feedback(), {}, False)
    assert good
    return results, context


def refusal(name: str, parameters: dict[str, Any]) -> str:
    """What an algorithm says that does not run: QGIS shows some exceptions and raises others."""
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"geogrounding:{name}")
    context, feedback = QgsProcessingContext(), Feedback()
    context.setProject(QgsProject.instance())
    try:
        _, good = algorithm.run(parameters, context, feedback, {}, False)
    except QgsProcessingException as error:
        return str(error)
    assert not good
    return "\n".join(feedback.said)


@pytest.fixture
def examples() -> QgsVectorLayer:
    layer = QgsVectorLayer("Polygon?crs=EPSG:32617&field=kind:string", "examples", "memory")
    for number in range(10):
        feature = QgsFeature(layer.fields())
        x = 404215 + 3 * number
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(x, 3285110, x + 2, 3285112)))
        feature["kind"] = "shed"
        layer.dataProvider().addFeature(feature)
    QgsProject.instance().addMapLayer(layer)
    return layer


def test_there_are_five_and_they_explain_themselves(provider: GeogroundingProvider) -> None:
    algorithms = {algorithm.name(): algorithm for algorithm in provider.algorithms()}
    assert set(algorithms) == {"ground", "groundbatch", "ready", "trainingset", "finetune"}
    for algorithm in algorithms.values():
        assert len(algorithm.shortHelpString()) > 80
        assert not algorithm.icon().isNull()
        assert algorithm.canExecute()[0]
        assert algorithm.createInstance().name() == algorithm.name()


def test_ready_says_what_is_missing_and_never_fails(provider: GeogroundingProvider, link: ScriptedLink) -> None:
    ready = next(algorithm for algorithm in provider.algorithms() if algorithm.name() == "ready")
    answers = []
    for engine in ("good", "bad", ""):
        settings.save(settings.Settings(engine=engine))
        found, done = ready.run({}, QgsProcessingContext(), QgsProcessingFeedback())
        assert done
        answers.append((found["READY"], found["TEXT"]))
    assert [one for one, _ in answers] == [True, False, False]
    assert "9.9" in answers[0][1]
    assert "it is not there" in answers[1][1]
    assert "No engine is set up" in answers[2][1]


def test_ground_writes_the_merged_results(
    provider: GeogroundingProvider, link: ScriptedLink, raster: QgsRasterLayer, tmp_path: Path
) -> None:
    link.answers["run"] = emits(
        progress(1, 2),
        features(box(0, 0, 1, number="p1"), stage="provisional", first=False),
        features(FOUND[0]),
        features(FOUND[1], first=False),
        failed=1,
        failed_chips=[{"chip": "0/0/0", "reason": "damaged"}],
    )
    feedback = Feedback()
    found, _ = run(
        "ground",
        {
            "INPUT": raster,
            "EXPRESSIONS": "tree\n tree \n",
            "EXTENT": "404215,404240,3285105,3285130 [EPSG:32617]",
            "TASK": 1,
            "MIN_SCORE": 0.0,
            "OUTPUT": str(tmp_path / "found.gpkg"),
        },
        feedback,
    )
    layer = QgsVectorLayer(found["OUTPUT"], "found")
    assert found["COUNT"] == 2
    assert [feature["label"] for feature in layer.getFeatures()] == ["tree", "<i>x</i>"]
    assert layer.crs() == raster.crs()
    (asked,) = link.asked("run")
    assert asked["expressions"] == ["tree"]
    assert asked["task"] == "refer"
    assert asked["min_score"] == 0.0
    assert "resolution_m" not in asked
    assert asked["bbox"] == pytest.approx([404215, 3285105, 404240, 3285130])
    assert any("damaged" in line for line in feedback.said)


def test_area_examples_context_and_outline_reach_the_engine(
    provider: GeogroundingProvider, link: ScriptedLink, raster: QgsRasterLayer, examples: QgsVectorLayer, tmp_path: Path
) -> None:
    road = QgsVectorLayer("LineString?crs=EPSG:32617", "Road", "memory")
    feature = QgsFeature()
    feature.setGeometry(QgsGeometry.fromWkt("LINESTRING(404215 3285110, 404225 3285120)"))
    road.dataProvider().addFeatures([feature])
    QgsProject.instance().addMapLayer(road)
    seen: dict[str, int] = {}

    def answer(params, emit, cancelled):
        files = {**{name: params[name] for name in ("aoi", "like", "unlike")}, **params["contexts"]}
        seen.update({name: QgsVectorLayer(path, name, "ogr").featureCount() for name, path in files.items()})
        return emits(features(FOUND[0]))(params, emit, cancelled)

    link.answers["run"] = answer
    shared = {"AREA": examples, "LIKE": examples, "UNLIKE": examples, "CONTEXT": [road]}
    found, _ = run(
        "ground",
        {"INPUT": raster, "EXPRESSIONS": "tree", "OUTLINE": 2, "SIMPLIFY": 0.3, "OUTPUT": "memory:", **shared},
    )
    assert found["COUNT"] == 1
    assert seen == {"aoi": 10, "like": 10, "unlike": 10, "road": 1}
    (params,) = link.asked("run")
    assert (params["outline"], params["simplify_m"]) == ("regular", 0.3)
    assert not Path(params["like"]).exists()


def test_an_extent_in_another_crs_is_transformed(
    provider: GeogroundingProvider, link: ScriptedLink, raster: QgsRasterLayer
) -> None:
    link.answers["run"] = emits(features())
    run(
        "ground",
        {
            "INPUT": raster,
            "EXPRESSIONS": "tree",
            "EXTENT": "-81.99005,-81.98975,29.69236,29.69263 [EPSG:4326]",
            "OUTPUT": "memory:",
        },
    )
    assert 404211 < link.asked("run")[0]["bbox"][0] < 404252


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"EXPRESSIONS": " \n"}, "what to look for"),
        ({"EXPRESSIONS": "tree", "EXTENT": "0,1,0,1 [EPSG:32617]"}, "beside the layer"),
        ({"EXPRESSIONS": "tree", "crs": ""}, "no valid coordinate system"),
        ({"EXPRESSIONS": "tree", "engine": ""}, "No engine is set up"),
    ],
)
def test_what_cannot_work_is_refused(
    provider: GeogroundingProvider, link: ScriptedLink, raster: QgsRasterLayer, parameters: dict[str, Any], said: str
) -> None:
    if "crs" in parameters:
        raster.setCrs(QgsCoordinateReferenceSystem())
    if "engine" in parameters:
        settings.save(settings.Settings())
    given = {key: value for key, value in parameters.items() if key.isupper()}
    assert said in refusal("ground", {"INPUT": raster, "OUTPUT": "memory:", **given})
    assert link.asked("run") == []


def test_cancel(provider: GeogroundingProvider, link: ScriptedLink, raster: QgsRasterLayer) -> None:
    feedback = Feedback()
    link.answers["run"] = until_cancelled()
    feedback.cancel()
    found, _ = run("ground", {"INPUT": raster, "EXPRESSIONS": "tree", "OUTPUT": "memory:"}, feedback)
    assert found["COUNT"] == 0
    assert "Cancelled." in feedback.said


def test_batch_goes_on_after_a_raster_that_fails(
    provider: GeogroundingProvider, link: ScriptedLink, raster: QgsRasterLayer, scene: Path, tmp_path: Path
) -> None:
    lost = QgsRasterLayer(str(scene), "=lost")
    lost.setCrs(QgsCoordinateReferenceSystem())
    QgsProject.instance().addMapLayer(lost)
    link.answers["run"] = emits(features(*FOUND))
    found, _ = run(
        "groundbatch", {"INPUT": [raster, lost, raster], "EXPRESSIONS": "tree", "OUTPUT": str(tmp_path / "all")}
    )
    assert (found["COUNT"], found["FAILED"]) == (4, 1)
    assert [QgsVectorLayer(path, "x").featureCount() for path in found["LAYERS"]] == [2, 2]
    with Path(found["SUMMARY"]).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["done", "failed", "done"]
    assert rows[1]["raster"] == "'=lost"
    assert "coordinate system" in rows[1]["message"]


@pytest.mark.parametrize(
    ("given", "sent"), [({"EXPRESSION": "shed"}, ("shed", None)), ({"FIELD": "kind"}, (None, "kind"))]
)
def test_a_training_set_is_cut_from_the_layer(
    provider: GeogroundingProvider,
    link: ScriptedLink,
    raster: QgsRasterLayer,
    examples: QgsVectorLayer,
    tmp_path: Path,
    given: dict[str, str],
    sent: tuple[str | None, str | None],
) -> None:
    seen: list[int] = []

    def answer(params: dict[str, Any], emit: Any, cancelled: Any) -> dict[str, Any]:
        layer = QgsVectorLayer(params["labels"], "labels")
        seen.append(layer.featureCount())
        assert layer.crs().authid() == "EPSG:32617"
        return {"data": str(tmp_path / "set" / "train.jsonl"), "samples": 12}

    link.answers["cut_training_set"] = answer
    found, _ = run("trainingset", {"INPUT": raster, "EXAMPLES": examples, "OUTPUT": str(tmp_path / "set"), **given})
    assert found["COUNT"] == 12
    assert seen == [10]
    (asked,) = link.asked("cut_training_set")
    assert (asked.get("expression"), asked.get("expression_field")) == sent
    assert not Path(asked["labels"]).exists()
    assert set(asked) <= {"scene", "labels", "output", "expression", "expression_field", "seed", "negatives"}


def test_fine_tune_asks_for_a_training_run(
    provider: GeogroundingProvider, link: ScriptedLink, raster: QgsRasterLayer, examples: QgsVectorLayer, tmp_path: Path
) -> None:
    step = {"event": "training", "step": 1, "steps": 7, "reward": 0.5, "numbers": {"reward": 0.5}}
    link.answers["train"] = emits(step, model=str(tmp_path / "new"))
    (tmp_path / "new").mkdir()
    feedback = Feedback()
    found, _ = run(
        "finetune",
        {
            "INPUT": raster,
            "EXAMPLES": examples,
            "EXPRESSION": "shed",
            "STEPS": 7,
            "METHOD": 1,
            "OUTPUT": str(tmp_path / "new"),
        },
        feedback,
    )
    assert found["MODEL_NAME"] == str(tmp_path / "new")
    (asked,) = link.asked("train")
    assert asked["method"] == "grpo"
    assert asked["output"] == str(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert (asked["settings"]["steps"], asked["settings"]["expression"], asked["settings"]["model"]) == (
        7,
        "shed",
        "builtin",
    )
    assert any("reward 0.5" in line for line in feedback.said)


def test_nothing_is_trained_without_a_name_for_it(
    provider: GeogroundingProvider, link: ScriptedLink, raster: QgsRasterLayer, examples: QgsVectorLayer, tmp_path: Path
) -> None:
    said = refusal("trainingset", {"INPUT": raster, "EXAMPLES": examples, "OUTPUT": str(tmp_path / "x")})
    assert "Say what the examples are" in said
    assert link.requests == []


def test_ground_works_inside_a_model(
    provider: GeogroundingProvider, link: ScriptedLink, raster: QgsRasterLayer, tmp_path: Path
) -> None:
    """The results of a question go on to another algorithm of the toolbox."""
    link.answers["run"] = emits(features(box(404215, 3285110, 2, number=1), box(404230, 3285110, 3, number=2)))
    registry = QgsApplication.processingRegistry()
    native = QgsNativeAlgorithms()
    registry.addProvider(native)
    model = QgsProcessingModelAlgorithm("sheds", "tests")
    model.addModelParameter(QgsProcessingParameterRasterLayer("scene"), QgsProcessingModelParameter("scene"))
    ask = QgsProcessingModelChildAlgorithm("geogrounding:ground")
    ask.setChildId("ask")
    ask.addParameterSources("INPUT", [QgsProcessingModelChildParameterSource.fromModelParameter("scene")])
    ask.addParameterSources("EXPRESSIONS", [QgsProcessingModelChildParameterSource.fromStaticValue("shed")])
    ask.addParameterSources("TASK", [QgsProcessingModelChildParameterSource.fromStaticValue(0)])
    model.addChildAlgorithm(ask)
    centre = QgsProcessingModelChildAlgorithm("native:centroids")
    centre.setChildId("centre")
    centre.addParameterSources("INPUT", [QgsProcessingModelChildParameterSource.fromChildOutput("ask", "OUTPUT")])
    out = QgsProcessingModelOutput("points")
    out.setChildOutputName("OUTPUT")
    out.setChildId("centre")
    centre.setModelOutputs({"points": out})
    model.addChildAlgorithm(centre)
    model.initAlgorithm()
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    target = str(tmp_path / "points.gpkg")
    (name,) = [definition.name() for definition in model.destinationParameterDefinitions()]
    try:
        found, good = model.run({"scene": raster.id(), name: target}, context, Feedback(), {}, False)
    finally:
        registry.removeProvider(native)
    assert good
    points = QgsVectorLayer(found[name], "points")
    centres = [(p.x(), p.y()) for p in (feature.geometry().asPoint() for feature in points.getFeatures())]
    assert centres == [(404216, 3285111), (404231.5, 3285111.5)]
    assert [feature["label"] for feature in points.getFeatures()] == ["tree", "tree"]
