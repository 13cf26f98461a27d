"""The experiment of docs/experiments.md with trainings and measurements that cost nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from geogrounding.datasets.sample import Sample
from geogrounding.errors import InputError, SettingsError
from geogrounding.evaluation.detection import detect_metrics
from geogrounding.evaluation.metric_tables import Resampling
from geogrounding.evaluation.metrics import refer_metrics
from geogrounding.evaluation.predict import Prediction, ScoredBoxes
from geogrounding.training.config import TrainSettings
from recipes.few_shot_study import data as data_of
from recipes.few_shot_study import report
from recipes.few_shot_study import study as ex
from recipes.few_shot_study.measure import SharedFeatures, by_image

IMAGES = 12
PLAN = ex.Plan(shots=(1, 2), seeds=(0, 1), pool_views=16, test_views=4, resamples=50)


def write(folder: Path, wanted: data_of.ImageSet, views: int, seed: int) -> Path:
    """Grey images; each is said to show one class."""
    (folder / "images").mkdir()
    rng = np.random.default_rng(seed)
    records = []
    for n in range(views):
        name, category = f"images/{wanted.name}_{n}.png", wanted.classes[n % len(wanted.classes)]
        Image.fromarray(np.full((24, 24, 3), 90, np.uint8)).save(folder / name)
        x, y = (int(v) for v in rng.integers(0, 12, 2))
        given = json.dumps([{"bbox_2d": [x, y, x + 8, y + 8], "label": category}])
        for k, (words, task, kind, answer) in enumerate(
            (
                (f"every {category}", "detect", "class", given),
                (f"all of {category}", "detect", "class", given),
                (f"the {category}", "refer", "class", given),
                (f"{category} at the top", "detect", "position", given),
                (f"the leftmost {category}", "refer", "rank", given),
                ("the bridge", "refer", "negative", "None"),
                ("every bridge", "detect", "negative", "None"),
                ("every dam", "detect", "negative", "None"),
            )
        ):
            record = {"id": f"{n}/{k}", "image": name, "problem": words, "expression": words, "task": task}
            category_of = category if answer != "None" else words.removeprefix("every ")
            records.append({**record, "category": category_of, "kind": kind, "solution": answer})
    file = folder / f"{wanted.split}.jsonl"
    data_of.write_records(file, records)
    return file


class Trainer:
    """Leaves a folder; the power goes off at one of its trainings."""

    def __init__(self, *, dies_at: int | None = None) -> None:
        self.given: list[tuple[str, TrainSettings]] = []
        self._dies_at = dies_at

    def __call__(self, arm: ex.Arm, settings: TrainSettings, output: Path) -> Mapping[str, Any]:
        output.mkdir(parents=True)  # as a real training: the folder must be new
        self.given.append((arm, settings))
        if len(self.given) == self._dies_at:
            raise KeyboardInterrupt
        (output / "model.safetensors").write_bytes(b"weights")
        return {"steps": settings.steps, "seconds": 7.0, "questions": 12}


class Measurer:
    """Accuracy 0.25 before training; SFT 0.5 and GRPO 0.75, and a twelfth more for each seed."""

    def __init__(self) -> None:
        self.models: list[str] = []

    def __call__(self, model: str, tests: Mapping[str, Sequence[Any]]) -> Mapping[str, Any]:
        self.models.append(model)
        name = Path(model).parent.name
        right = {"sft": 6, "grp": 9}.get(name[:3], 3) + (int(name[-1]) if name[-1].isdigit() else 0)
        return {where: metrics(right) for where in tests}


def metrics(right: int) -> dict[str, dict[str, Any]]:
    """Metrics of some right answers about IMAGES images, one question each."""
    share = right / IMAGES
    parts = [[float(n < right) for n in range(IMAGES)], [1.0] * IMAGES]
    common = {"resamples": 200, "seed": 0}
    by = {"acc50": parts, "acc70": parts}
    return {
        "refer": {"acc50": share, "acc70": share, "none_rate": None, **common, "by_picture": by},
        "detect": {
            "ap50": share,
            "ap50_ci": [0.1, 0.9],
            "f1_50": share,
            "none_rate": 1.0,
            **common,
            "by_picture": {"f1_50": parts, "none_rate": [[1.0] * IMAGES] * 2},
        },
    }


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


def go(folder: Path, base: Path, plan: ex.Plan = PLAN, **how: Any) -> tuple[Trainer, Measurer]:
    trainer, measurer = how.pop("trainer", None) or Trainer(), Measurer()
    work = ex.Doers(write=write, train=trainer, measure=measurer)
    ex.run_experiment(plan, folder, base=base, doers=work, say=lambda _: None, **how)
    return trainer, measurer


def results_of(folder: Path) -> dict[str, Any]:
    """Results without what differs from one time to the next."""
    results = json.loads((folder / ex.RESULTS).read_text())
    for run in (results["zero_shot"], *results["runs"]):
        run.pop("training_seconds", None)
        run.pop("training_processor_seconds", None)
        run.pop("evaluation_seconds")
        for path in ("data", "images"):
            run.get("settings", {}).pop(path, None)
    del results["seconds_of_this_start"]
    return results  # type: ignore[no-any-return]


def test_a_killed_experiment_goes_on(tmp_path: Path, base: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    with pytest.raises(KeyboardInterrupt):
        go(killed, base, trainer=Trainer(dies_at=4))
    assert not (killed / ex.RESULTS).exists()
    assert len(list(killed.glob(f"runs/*/{ex.RESULT}"))) == 1 + 3
    trainer, measurer = go(killed, base)
    assert len(trainer.given) == 8 - 3
    assert len(measurer.models) == 5, "the base model is not measured again"
    go(whole, base)
    assert results_of(killed) == results_of(whole)
    assert len(results_of(whole)["runs"]) == 8
    again, measurer = go(whole, base)
    assert not again.given
    assert not measurer.models


def test_methods_differ_in_nothing_but_themselves(tmp_path: Path, base: Path) -> None:
    trainer, _ = go(tmp_path / "run", base)
    by_key: dict[tuple[int, str], list[tuple[str, TrainSettings]]] = {}
    for arm, given in trainer.given:
        assert given.data is not None
        by_key.setdefault((given.seed, given.data.name), []).append((arm, given))
    assert len(by_key) == 4
    for pair in by_key.values():
        (first, sft), (second, grpo) = pair
        assert (first, second) == ("sft", "grpo")
        for name in ("data", "images", "model", "seed", "steps", "max_pixels", "shots"):
            assert getattr(sft, name) == getattr(grpo, name), name
        assert sft.batch == grpo.batch // grpo.group  # type: ignore[attr-defined]


def test_shots_are_nested_and_follow_the_seed(tmp_path: Path) -> None:
    pools = []
    for name in ("a", "b"):
        pools.append(data_of.prepare(tmp_path / name, data_of.POOL_SET, views=24, seed=0, write=write))
    one, three = (data_of.shot_records(pools[0], shots, seed=5) for shots in (1, 3))
    assert three[: len(one)] == one
    assert three == data_of.shot_records(pools[1], 3, seed=5)
    assert three != data_of.shot_records(pools[0], 3, seed=6)
    shown = {(r["image"], r["category"]) for r in three if r["solution"] != "None"}
    assert sorted(category for _, category in shown) == sorted(data_of.WITHHELD * 3)
    assert len(three) == 12 * 4, "all of it, one of it twice, and what is absent"
    with pytest.raises(InputError, match="6 views of airplane, fewer than 7 shots"):
        data_of.shot_records(pools[0], 7, seed=0)


def test_no_question_comes_twice(tmp_path: Path) -> None:
    place = data_of.prepare(tmp_path, data_of.POOL_SET, views=1, seed=0, write=write)
    words = [json.loads(line)["expression"] for line in (place / data_of.QUESTIONS).read_text().splitlines()]
    assert words == ["every airplane", "the airplane", "the leftmost airplane", "every bridge"]
    assert data_of.describe(place)["none"] == 1
    empty = data_of.ImageSet(name="empty", title="", source="nwpu", split="test", classes=("airplane",))

    def nothing(folder: Path, wanted: data_of.ImageSet, views: int, seed: int) -> Path:
        file = folder / "test.jsonl"
        file.write_text("")
        return file

    with pytest.raises(InputError, match="none of 3 views of nwpu shows airplane"):
        data_of.prepare(tmp_path, empty, views=3, seed=0, write=nothing)


def test_a_folder_is_one_experiment(tmp_path: Path, base: Path) -> None:
    folder = tmp_path / "run"
    small = ex.Plan(shots=(1,), seeds=(0,), pool_views=16, test_views=4, resamples=50)
    go(folder, base, small)
    trainer, _ = go(folder, base)
    assert len(trainer.given) == 8 - 2, "more shots and seeds go on"
    longer = ex.plan_of(ex._parser().parse_args([*LINE, "--steps", "9"]))
    with pytest.raises(SettingsError, match=r"begun with another .*settings"):
        go(folder, base, longer)
    (base / "config.json").write_text('{"other": 1}')
    with pytest.raises(SettingsError, match="begun with another start"):
        go(folder, base, small)


def test_what_cannot_work_is_said_first(tmp_path: Path, base: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(InputError, match="is not the folder of a model"):
        go(folder, tmp_path / "nowhere")
    for words, message in ((["--sft", "lerning_rate=1"], "unknown setting"), (["--grpo", "seed=3"], "decides seed")):
        with pytest.raises(SettingsError, match=message):
            go(folder, base, ex.plan_of(ex._parser().parse_args([*LINE, *words])))
    assert not folder.exists()


LINE = ["run", "--data", "d", "--base", "b", "--run", "r"]


def test_the_command_line_makes_the_plan() -> None:
    assert ex.plan_of(ex._parser().parse_args(LINE)) == ex.Plan()
    plan = ex.plan_of(ex._parser().parse_args([*LINE, "--steps", "7", "--sft", "full=true", "batch=2", "--seeds", "4"]))
    assert plan.settings["sft"] == {**ex.DEFAULTS["sft"], "steps": 7, "full": True, "batch": 2}
    assert plan.settings["grpo"] == {**ex.DEFAULTS["grpo"], "steps": 7}
    assert plan.seeds == (4,)
    given = plan.training("sft", data=Path("x"), model="m")
    assert given.full
    assert given.steps == 7
    with pytest.raises(SystemExit):
        ex._parser().parse_args([*LINE, "--sft", "full"])


def test_table_and_metric_follow_from_the_results(tmp_path: Path, base: Path) -> None:
    folder, page, image = tmp_path / "run", tmp_path / "docs" / "page.md", tmp_path / "docs" / "images" / "e.png"
    go(folder, base)
    page.parent.mkdir()
    page.write_text(f"# Title\n\n{report.BEGIN}\nold\n{report.END}\n\nDiscussion.\n")
    arguments = ["report", "--run", str(folder), "--chart", str(image), "--page", str(page)]
    assert ex.main(arguments) == 0
    text = page.read_text()
    assert text.startswith(f"# Title\n\n{report.BEGIN}\n\n![Metrics over shots](images/e.png)\n")
    assert text.endswith(f"{report.END}\n\nDiscussion.\n")
    assert "old" not in text
    nwpu = text.partition("**NWPU VHR-10, withheld classes**")[2].partition("**Airbus")[0].splitlines()
    assert next(line for line in nwpu if line.startswith("| 0 |")).startswith("| 0 | zero-shot | 0.25 (")
    # seeds 0 and 1: 9/12 and 10/12
    assert next(line for line in nwpu if line.startswith("| 2 | GRPO |")).startswith("| 2 | GRPO | 0.79 ± 0.06 (")
    assert next(line for line in nwpu if "GRPO − SFT" in line).startswith("| 1 | GRPO − SFT | +0.25 (+")
    assert "| 1 | SFT | 0, 1 | 12 | 40 | 7 |" in text
    with Image.open(image) as chart:
        assert chart.width > chart.height > 300
    assert ex.main(arguments) == 0
    assert page.read_text() == text
    page.write_text("no marks\n")
    assert ex.main(arguments) == InputError.exit_code
    assert page.read_text() == "no marks\n"
    assert ex.main(["report", "--run", str(tmp_path / "none")]) == InputError.exit_code


def test_differences_are_of_the_same_images() -> None:
    """A method that is better by the same amount on every image is better beyond doubt, however images vary."""
    rng = np.random.default_rng(0)

    def run(extra: float, size: Any) -> dict[str, Any]:
        parts = [(size * 0.5 + extra * 4).tolist(), [4.0] * len(size)]
        given = {"f1_50": sum(parts[0]) / sum(parts[1]), "resamples": 300, "seed": 1, "by_picture": {"f1_50": parts}}
        return {"measured": {"nwpu": {"detect": given}}}

    sizes = [rng.integers(0, 4, 30) for _ in range(3)]
    sft, grpo = [run(0.0, s) for s in sizes], [run(0.25, s) for s in sizes]
    found = report.difference(grpo, sft, "nwpu", "detect", "f1_50")
    assert found is not None
    assert found[1] is not None
    assert (found[0], *found[1]) == pytest.approx((0.25, 0.25, 0.25))
    one = report.value_of(sft, "nwpu", "detect", "f1_50")
    assert one is not None
    assert one.interval is not None
    assert one.interval[0] < one.mean < one.interval[1]
    assert one.interval[1] - one.interval[0] > 0.02
    assert report.value_of(sft, "nwpu", "refer", "acc50") is None


def prediction(task: Any, found: list[list[float]], truth: list[list[float]], image: int) -> Prediction:
    sample = Sample(
        id="", image=Path(f"{image}.png"), size_px=(50, 50), expression="ship", task=task, category="ship",
        boxes_px=np.array(truth, np.float64).reshape(-1, 4), labels=("ship",) * len(truth), origin="",
    )  # fmt: skip
    boxes = ScoredBoxes(boxes_px=np.array(found, np.float64).reshape(-1, 4), scores=np.ones(len(found)))
    return Prediction(sample=sample, kept=boxes, ranked=boxes, chips=1)


A, B, C = [0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0], [0.0, 0.0, 10.0, 6.0]


def test_parts_by_image_add_up_to_the_metrics() -> None:
    refer = [
        prediction("refer", f, t, n // 2) for n, (f, t) in enumerate([([A], [A]), ([C], [A]), ([B], [A]), ([], [A])])
    ]
    detect = [
        prediction("detect", f, t, n // 2)
        for n, (f, t) in enumerate([([A, B], [A]), ([C], [A, B]), ([], []), ([B], []), ([], [B])])
    ]
    for predictions, names, measure in (
        (refer, ("acc50", "acc70"), refer_metrics),
        (detect, ("f1_50", "none_rate"), detect_metrics),
    ):
        parts, given = by_image(predictions), measure(predictions, Resampling(resamples=0)).metrics
        for name in names:
            above, below = parts[name]
            assert len(above) == len(below) == (len(predictions) + 1) // 2
            assert sum(above) / sum(below) == pytest.approx(given[name], abs=1e-4), name
    assert refer_metrics(refer, Resampling(resamples=0)).metrics["acc50"] == 0.5


def test_models_share_features_only_of_the_same_tower() -> None:
    import torch

    def model(weight: float) -> Any:
        looked: list[int] = []

        def encode_images(pixels: Any) -> Any:
            looked.append(1)
            return pixels * weight

        tower, head = torch.nn.Linear(2, 2), torch.nn.Linear(2, 1)
        for part in (tower, head):
            torch.nn.init.constant_(part.weight, weight)
            torch.nn.init.zeros_(part.bias)
        inner = SimpleNamespace(vision_tower=tower, region_head=head, encode_images=encode_images)
        return SimpleNamespace(_model=inner, looked=looked)

    features, first, same, other = SharedFeatures(), model(1.0), model(1.0), model(2.0)
    pixels = torch.ones(1, 3, 2, 2)
    for one in (first, same, other):
        features.lend(one)
    assert torch.equal(first._model.encode_images(pixels), pixels)
    assert torch.equal(same._model.encode_images(pixels), pixels)
    assert torch.equal(other._model.encode_images(pixels), pixels * 2)
    assert torch.equal(same._model.encode_images(pixels * 3), pixels * 3)
    assert [len(one.looked) for one in (first, same, other)] == [1, 1, 1]
    features.lend(SimpleNamespace())  # a model of another kind is left alone


def test_sets_of_real_images(tmp_path: Path, shared_data: Path) -> None:
    writer = data_of.view_writer(shared_data)
    for wanted in (data_of.POOL_SET, *data_of.TESTS):
        place = data_of.prepare(tmp_path, wanted, views=8, seed=1, write=writer)
        samples = data_of.read_questions(place)
        assert {sample.category for sample in samples} <= set(wanted.classes)
        assert all(max(sample.size_px) <= 336 for sample in samples)
        assert data_of.describe(place)["detect"] >= 1
