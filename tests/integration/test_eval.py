"""``geoground eval``: the answers of a run, measured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from geogrounding_cli.main import geoground
from numpy.typing import NDArray
from PIL import Image

import geogrounding
from geogrounding.datasets.read import read_samples
from geogrounding.datasets.sample import Sample
from geogrounding.errors import InputError, OutputError, SettingsError
from geogrounding.evaluation import evaluate
from geogrounding.evaluation.report import write_report
from geogrounding.models import load as loading
from geogrounding.types import Answer, Question, Task
from tests.blobs import BlobModel, write_scene
from tests.integration.test_outlines import SIZE as COLOURS
from tests.integration.test_outlines import ColourModel, ColourSegmenter, true_polygons, write_colours

Rectangles = Sequence[tuple[int, int, int, int]]
HOSTILE = '<script>alert("x")</script>\x1b[2J'
IMAGES: dict[str, Rectangles] = {
    "one.png": [(20, 30, 60, 70)],
    "three.png": [(10, 10, 40, 30), (100, 50, 150, 90), (180, 120, 195, 145)],
    "wide.png": [(50, 20, 170, 60), (70, 100, 90, 120)],
}


def draw(path: Path, rectangles: Rectangles, *, size: tuple[int, int] = (200, 150)) -> None:
    pixels = np.full((size[1], size[0], 3), 30, np.uint8)
    for x0, y0, x1, y1 in rectangles:
        pixels[y0:y1, x0:x1] = 220
    Image.fromarray(pixels).save(path)


def write_coco(folder: Path, images: dict[str, Rectangles] = IMAGES, name: str = "ship") -> Path:
    """Images of bright rectangles and a COCO file that names them all one class; a second class is never shown."""
    (folder / "images").mkdir(exist_ok=True)
    annotations: list[dict[str, Any]] = []
    for number, (image, rectangles) in enumerate(images.items()):
        draw(folder / "images" / image, rectangles)
        for x0, y0, x1, y1 in rectangles:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "area": (x1 - x0) * (y1 - y0),
                    "iscrowd": 0,
                    "segmentation": [[x0, y0, x1, y0, x1, y1, x0, y1]],
                }
            )
    coco = {
        "images": [{"id": n, "file_name": p, "width": 200, "height": 150} for n, p in enumerate(images)],
        "annotations": annotations,
        "categories": [{"id": 1, "name": name}, {"id": 2, "name": "bridge"}],
    }
    path = folder / "test.json"
    path.write_text(json.dumps(coco))
    return path


class Unsure(BlobModel):
    """Keeps only what scores 0.9 in a run, and gives bright areas below 1,700 px a lower score."""

    fingerprint = "unsure-1"

    def __init__(self) -> None:
        super().__init__()
        self.conventions = replace(self.conventions, min_score=0.9)


class Failing(BlobModel):
    """Fails on every chip with a white pixel."""

    def answer(self, image: NDArray[np.uint8], question: Question) -> Answer:
        return Answer(error="too bright") if (image == 255).any() else super().answer(image, question)


def whiten(image: Path) -> None:
    """Make a rectangle of the image white: the model above fails on the chips that see it."""
    pixels = np.array(Image.open(image))
    pixels[10:30, 10:40] = 255
    Image.fromarray(pixels).save(image)


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("detect", {"ap50": 1.0, "map": 1.0, "precision50": 1.0, "recall50": 1.0, "f1_50": 1.0, "n": 6}),
        ("refer", {"acc50": 1.0, "acc70": 1.0, "n": 1, "n_unique": 1}),
        ("segment", {"giou": 1.0, "ciou": 1.0, "n": 3}),
    ],
)
def test_a_model_that_sees_everything(tmp_path: Path, task: Task, expected: dict[str, Any]) -> None:
    samples = read_samples(write_coco(tmp_path), task=task).samples
    found = evaluate(BlobModel(), samples, resamples=20)
    assert {name: found.metrics[name] for name in expected} == expected
    assert found.metrics["task"] == task
    assert found.metrics["chips"] > 3 * len({s.image for s in samples}), "chips smaller than the images"
    assert list(found.metrics["per_class"]) == ["ship"]
    assert not found.failures


def test_what_is_measured_is_what_a_run_gives(tmp_path: Path) -> None:
    samples = read_samples(write_coco(tmp_path)).samples
    model = Unsure()
    found = evaluate(model, samples, resamples=0, settings={"tile_size": 48, "merge": "nms"})
    for prediction in found.predictions:
        layer = geogrounding.ground(
            prediction.sample.image,
            "ship",
            model=model,
            pixel_coordinates=True,
            tile_size=48,
            merge="nms",
        )
        assert sorted(map(tuple, prediction.kept.boxes_px)) == sorted(map(tuple, layer.geometry.bounds.to_numpy()))
        assert list(prediction.kept.scores) == sorted(layer["score"], reverse=True)
        assert len(prediction.ranked.boxes_px) > len(prediction.kept.boxes_px)


def test_low_scores_count_for_average_precision_only(tmp_path: Path) -> None:
    samples = read_samples(write_coco(tmp_path)).samples
    usual = evaluate(Unsure(), samples, resamples=0).metrics
    assert (usual["ap50"], usual["min_score"]) == (1.0, 0.9)
    assert usual["recall50"] < 1.0 == usual["precision50"]
    low = evaluate(Unsure(), samples, min_score=0.1, resamples=0).metrics
    assert (low["ap50"], low["recall50"], low["min_score"]) == (1.0, 1.0, 0.1)


def test_absent_classes(tmp_path: Path) -> None:
    samples = read_samples(write_coco(tmp_path), with_negatives=1).samples
    found = evaluate(BlobModel(), samples, resamples=20).metrics
    assert (found["n_none"], found["none_rate"], found["none_rate_ci"]) == (3, 0.0, [0.0, 0.0])
    quiet = evaluate(loading.load_model("null"), samples, resamples=0).metrics
    assert (quiet["none_rate"], quiet["recall50"], quiet["precision50"], quiet["ap50"]) == (1.0, 0.0, None, 0.0)


def sample(image: Path, boxes: Any, **changes: Any) -> Sample:
    array = np.array(boxes, np.float64).reshape(-1, 4)
    fields: dict[str, Any] = {
        "id": str(image),
        "image": image,
        "size_px": (200, 150),
        "expression": "ship",
        "task": "detect",
        "boxes_px": array,
        "labels": ("ship",) * len(array),
        "category": "ship",
        "origin": "test",
    }
    return Sample(**(fields | changes))


def test_a_part_of_a_georeferenced_raster(tmp_path: Path) -> None:
    """Boxes come back in pixels of the part, whatever CRS and ground resolution the file has."""
    scene = write_scene(tmp_path / "scene.tif", [(20, 20, 60, 50), (150, 100, 190, 140), (230, 20, 260, 50)])
    part = sample(scene, [[50, 50, 90, 90]], window_px=(100, 50, 220, 180), size_px=(120, 130))
    whole = sample(scene, [[20, 20, 60, 50], [150, 100, 190, 140], [230, 20, 260, 50]], size_px=(300, 200))
    found = evaluate(BlobModel(), [part, whole], resamples=0)
    assert found.metrics["f1_50"] == found.metrics["map"] == 1.0
    assert found.predictions[0].kept.boxes_px.tolist() == [[50, 50, 90, 90]]
    assert found.metrics["pictures"] == 2


def test_many_expressions_about_one_image(tmp_path: Path) -> None:
    """More than a run takes, one of them twice."""
    draw(tmp_path / "a.png", IMAGES["one.png"])
    words = [f"ship number {n}" for n in range(70)] + ["ship number 3"]
    samples = [
        sample(tmp_path / "a.png", IMAGES["one.png"], expression=w, id=str(n), task="refer")
        for n, w in enumerate(words)
    ]
    found = evaluate(BlobModel(), samples, resamples=0)
    assert (found.metrics["n"], found.metrics["acc70"], found.metrics["pictures"]) == (71, 1.0, 1)


def test_images_that_cannot_be_answered_are_counted(tmp_path: Path) -> None:
    samples = read_samples(write_coco(tmp_path)).samples
    whiten(tmp_path / "images" / "three.png")
    (tmp_path / "images" / "wide.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    found = evaluate(Failing(), samples, resamples=0)
    assert found.metrics["failed"] == 2
    assert [name for name, _ in found.failures] == ["three.png", "wide.png"]
    assert "too bright" in found.failures[0][1]
    assert 0 < found.metrics["recall50"] < 1


def test_limit_and_seed(tmp_path: Path) -> None:
    images = {f"{n}.png": IMAGES["one.png"] for n in range(12)}
    samples = read_samples(write_coco(tmp_path, images)).samples

    def chosen(seed: int) -> list[str]:
        found = evaluate(BlobModel(), samples, limit=4, seed=seed, resamples=0)
        assert found.metrics["pictures"] == 4
        return [o.sample.image.name for o in found.predictions]

    assert chosen(0) == chosen(0)
    assert chosen(0) != chosen(1)
    assert len(evaluate(BlobModel(), samples, limit=99, resamples=0).predictions) == 12


def test_refused(tmp_path: Path) -> None:
    samples = read_samples(write_coco(tmp_path)).samples
    with pytest.raises(InputError, match="no sample"):
        evaluate(BlobModel(), [])
    mixed = [*samples, sample(samples[0].image, [], task="refer")]
    with pytest.raises(SettingsError, match="detect and refer"):
        evaluate(BlobModel(), mixed)
    with pytest.raises(SettingsError, match="leaves nothing"):
        evaluate(BlobModel(), samples, limit=0)
    with pytest.raises(SettingsError, match="min"):
        evaluate(BlobModel(), samples, min_score=2.0)


def test_report(tmp_path: Path) -> None:
    data = write_coco(tmp_path, name=HOSTILE.replace("\x1b", ""))
    (tmp_path / "images" / "one.png").rename(tmp_path / "images" / "<img src=x>.png")
    data.write_text(data.read_text().replace("one.png", "<img src=x>.png"))
    found = evaluate(BlobModel(), read_samples(data, with_negatives=1).samples, resamples=20)
    folder = tmp_path / "report"
    write_report(found, folder)
    assert sorted(p.name for p in folder.iterdir()) == ["answers.jsonl", "metrics.json", "report.html"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;img src=x&gt;.png" in page
    assert page.count('<img alt="" src="data:image/jpeg;base64,') == 3, "each image once, as worst or best"
    assert page.count("<polyline") == 1
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    assert json.loads((folder / "metrics.json").read_text()) == dict(found.metrics)
    answers = [json.loads(line) for line in (folder / "answers.jsonl").read_text().splitlines()]
    assert len(answers) == 6
    assert answers[0]["true_boxes_px"] == answers[0]["boxes_px"] == [[20, 30, 60, 70]]
    with pytest.raises(OutputError, match="exists"):
        write_report(found, folder)
    write_report(found, folder, overwrite=True)
    with pytest.raises(OutputError, match="missing"):
        write_report(found, tmp_path / "no" / "report")
    with pytest.raises(OutputError, match="is a file"):
        write_report(found, data)


def test_an_image_that_has_gone_does_not_end_the_report(tmp_path: Path) -> None:
    found = evaluate(BlobModel(), read_samples(write_coco(tmp_path)).samples, resamples=0)
    (tmp_path / "images" / "one.png").unlink()
    write_report(found, tmp_path / "report")
    assert "The image cannot be shown" in (tmp_path / "report" / "report.html").read_text()


class TestCommand:
    """The command line, with the model of the tests in place of one with weights."""

    @pytest.fixture(autouse=True)
    def _blobs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = loading.load_model

        def load(name: str = "builtin", **options: Any) -> Any:
            return Failing() if name == "failing" else BlobModel() if name == "builtin" else real(name, **options)

        monkeypatch.setattr(loading, "load_model", load)

    def run(self, *arguments: object) -> Any:
        return CliRunner().invoke(geoground, ["eval", *map(str, arguments)])

    def test_json_and_table(self, tmp_path: Path) -> None:
        data, out = write_coco(tmp_path), tmp_path / "m.json"
        result = self.run("--data", data, "--images", tmp_path / "images", "--json", out, "--report", tmp_path / "r")
        assert result.exit_code == 0, result.output
        metrics = json.loads(out.read_text())
        assert {"ap50", "map", "precision50", "recall50", "f1_50", "ap50_ci", "per_class"} <= set(metrics)
        assert (metrics["model"], metrics["ap50"]) == ("blobs", 1.0)
        assert "ap50" in result.stdout
        assert "ship" in result.stdout
        assert "3 images" in result.stderr
        assert (tmp_path / "r" / "report.html").is_file()
        again = self.run("--data", data, "--json", out)
        assert again.exit_code == 5
        assert "exists" in again.stderr
        assert self.run("--data", data, "--json", out, "--task", "refer", "--overwrite", "-q").exit_code == 0
        assert {"acc50", "acc70", "n", "acc50_ci"} <= set(json.loads(out.read_text()))
        result = self.run("--data", data, "--json", out, "--task", "segment", "--overwrite", "--resamples", 0)
        metrics = json.loads(out.read_text())
        assert {"giou", "ciou", "giou_outlines", "ciou_boxes"} <= set(metrics)
        assert (metrics["masks"], metrics["segmenter"]) == ("masks", "builtin")
        assert result.exit_code == 0
        assert self.run("--data", data, "--task", "segment", "--outline", "box").exit_code == 2
        assert self.run("--data", data, "--task", "segment", "--segmenter", tmp_path / "none").exit_code == 4

    def test_quiet_says_nothing(self, tmp_path: Path) -> None:
        result = self.run("--data", write_coco(tmp_path), "-q", "--resamples", 0)
        assert (result.exit_code, result.output) == (0, "")

    def test_exit_codes(self, tmp_path: Path) -> None:
        data = write_coco(tmp_path)
        whiten(tmp_path / "images" / "three.png")
        failing = ("--data", data, "--model", "failing", "--resamples", 0)
        assert self.run(*failing).exit_code == 6
        assert self.run(*failing, "--allow-failed").exit_code == 0
        assert self.run("--data", tmp_path / "none.json").exit_code == 3
        assert self.run("--data", data, "--scales", "2,1").exit_code == 2
        assert self.run("--data", data, "--model", "null", "--device", "cpu").exit_code == 2
        assert self.run("--data", data, "--model", str(tmp_path / "none")).exit_code == 4
        assert self.run("--data", data, "--report", tmp_path / "a" / "b").exit_code == 5
        assert self.run("--data", data, "--json", tmp_path / "a" / "b").exit_code == 5

    def test_labels_that_cannot_be_used_are_named(self, tmp_path: Path) -> None:
        data = write_coco(tmp_path)
        coco = json.loads(data.read_text())
        coco["annotations"].append({"id": 99, "image_id": 0, "category_id": 77, "bbox": [1, 2, 3, 4]})
        data.write_text(json.dumps(coco))
        result = self.run("--data", data, "--resamples", 0)
        assert result.exit_code == 0
        assert "Left out: test.json:annotations[6]" in result.stderr
        assert self.run("--data", data, "--on-error", "refuse").exit_code == 3

    def test_hostile_names_reach_no_terminal(self, tmp_path: Path) -> None:
        result = self.run("--data", write_coco(tmp_path, name="ship\u202eevil"), "--resamples", 0)
        assert "\x1b" not in result.output
        assert "\u202e" not in result.output


def test_the_built_in_model_on_real_images(shared_data: Path) -> None:
    """The two smallest images of the set: every metric is there and within its interval."""
    folder = shared_data / "nwpu-vhr10"
    samples = read_samples(folder / "test.json", folder / "images", task="refer").samples
    small = sorted(samples, key=lambda s: (s.size_px[0] * s.size_px[1], s.id))[:2]
    model = loading.load_model("builtin")
    try:
        found = evaluate(model, small, resamples=50, settings={"scales": (2.0,)})
    finally:
        model.close()
    assert found.metrics["n"] == 2
    assert 0 <= found.metrics["acc70"] <= found.metrics["acc50"] <= 1
    assert "geo_r1_acc50_unscaled" not in found.metrics
    assert all(len(o.kept.boxes_px) <= 1 for o in found.predictions)


def test_masks_and_outlines_are_measured_in_pixels(tmp_path: Path) -> None:
    """Objects of known shape, cut by chips, a segmenter that knows them, and one that draws too much."""
    scene = write_colours(tmp_path / "colours.tif")
    true = true_polygons(scene)
    sample = Sample(
        id="1",
        image=scene,
        size_px=COLOURS,
        expression="things",
        task="segment",
        boxes_px=np.array([shape.bounds for shape in true.values()]),
        labels=("thing",) * len(true),
        polygons_px=tuple(true.values()),
        origin="a.json:1",
    )
    exact = evaluate(ColourModel(), [sample], segmenter=ColourSegmenter(), resamples=0).metrics
    assert (exact["giou"], exact["ciou"], exact["masks"]) == (1.0, 1.0, "masks")
    assert 0.9 < exact["giou_outlines"] < 1.0
    boxes = evaluate(ColourModel(), [sample], resamples=0).metrics
    assert boxes["masks"] == "boxes"
    assert boxes["giou"] == exact["giou_boxes"] < 0.9
    oriented = evaluate(
        ColourModel(), [sample], segmenter=ColourSegmenter(), resamples=0, settings={"outline": "oriented"}
    ).metrics
    assert oriented["giou"] == 1.0
    assert boxes["giou"] < oriented["giou_outlines"] < exact["giou_outlines"]
