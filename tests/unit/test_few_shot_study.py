"""The experiment of docs/experiments.md with trainings and measurements that cost nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from geogrounding.errors import InputError, SettingsError
from geogrounding.training.choices import Method
from geogrounding.training.config import TrainSettings
from recipes.few_shot_study import data as data_of
from recipes.few_shot_study import report
from recipes.few_shot_study import study as ex
from recipes.few_shot_study.plan import DEFAULTS, Plan, make_parser, plan_of

IMAGES = 12
SMALL: dict[str, Any] = {
    "shots": (1, 2),
    "seeds": (0, 1),
    "pool_views": 16,
    "test_views": 8,
    "resamples": 50,
    "tune_shots": 2,
}
PLAN = Plan(arms=("sft", "grpo"), rates=(1e-3,), **SMALL)
KNOWN = ("airplane", "ship", "tennis court", "vehicle")
REGIME = data_of.regime_of("classes", KNOWN, ())


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
            record["asks"] = {"position": "upper", "rank": "leftmost"}.get(kind, kind)
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

    def __call__(self, arm: Method, settings: TrainSettings, output: Path) -> Mapping[str, Any]:
        output.mkdir(parents=True)  # as a real training: the folder must be new
        self.given.append((arm, settings))
        if len(self.given) == self._dies_at:
            raise KeyboardInterrupt
        (output / "model.safetensors").write_bytes(b"weights")
        return {"steps": settings.steps, "seconds": 7.0, "questions": 12}


class Measurer:
    """Accuracy 0.25 before training; SFT 0.5, GRPO 0.75, a twelfth more for each seed; of the rates 3e-4 is best."""

    def __init__(self) -> None:
        self.models: list[str] = []

    def __call__(self, model: str, tests: Mapping[str, Sequence[Any]]) -> Mapping[str, Any]:
        self.models.append(model)
        name = Path(model).parent.name
        right = {"sft": 6, "grp": 9}.get(name[:3], 3) + (int(name[-1]) if "seed" in name else 0)
        right += name.endswith("rate-0.0003")
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


def go(folder: Path, base: Path, plan: Plan = PLAN, **how: Any) -> tuple[Trainer, Measurer]:
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


def test_second_stages_go_on_from_the_first_at_rates_chosen_on_dev(tmp_path: Path, base: Path) -> None:
    plan = Plan(arms=("grpo", "sft-grpo", "sft-sft"), rates=(1e-4, 3e-4, 1e-3), **SMALL)
    trainer, _ = go(tmp_path / "run", base, plan)
    tuning, rest = trainer.given[: 4 * 3], trainer.given[4 * 3 :]
    assert [(method, given.learning_rate) for method, given in tuning[:3]] == [("sft", r) for r in plan.rates]
    assert {given.seed for _, given in tuning} == {plan.tune_seed, plan.tune_seed + 1000}
    assert {given.learning_rate for _, given in rest} == {3e-4}
    assert len(rest) == 4 * 4, "the first stage is trained although only the second is asked for"
    for number in range(0, len(rest), 4):
        (_, sft), (_, grpo), *second = rest[number : number + 4]
        assert sft.model == grpo.model == str(base)
        assert [method for method, _ in second] == ["grpo", "sft"]
        for _, given in second:
            assert Path(given.model).parent.name.startswith("sft-")
            assert (given.data, given.steps) == (sft.data, sft.steps)
    results = results_of(tmp_path / "run")
    assert set(results["rates"].values()) == {3e-4}
    assert len(results["tuning"]) == 12
    again, _ = go(tmp_path / "run", base, plan)
    assert not again.given
    text = report.markdown(json.loads((tmp_path / "run" / ex.RESULTS).read_text()))
    assert "SFT 0.500 at 0.0001, 0.583 at 0.0003, 0.500 at 0.001" in text
    assert "(SFT, GRPO) − (SFT, SFT)" in text


def test_ways_to_choose_are_taught_where_kinds_are_withheld(tmp_path: Path) -> None:
    regime = data_of.regime_of("expressions", ("rank",), ("ship",))
    assert regime.withheld == ("rank",)
    assert [one.name for one in regime.tests] == ["asked", "other"]
    assert "rank" not in regime.tests[1].kinds
    pool = data_of.prepare(tmp_path, regime.pool, views=4, seed=0, write=write)
    two = data_of.shot_records(pool, 2, seed=0, regime=regime)
    asked = [record["asks"] for record in two if record["solution"] != "None"]
    assert asked.count("leftmost") == asked.count("upper") == 2
    one = data_of.shot_records(pool, 1, seed=0, regime=regime)
    assert one == two[: len(one)]
    assert len(one) < len(two)
    with pytest.raises(InputError, match="no kind of expression"):
        data_of.regime_of("expressions", ("colour",), ("ship",))


def test_shots_are_nested_and_follow_the_seed(tmp_path: Path) -> None:
    pools = []
    for name in ("a", "b"):
        pools.append(data_of.prepare(tmp_path / name, REGIME.pool, views=24, seed=0, write=write))
    one, three = (data_of.shot_records(pools[0], shots, seed=5, regime=REGIME) for shots in (1, 3))
    assert three[: len(one)] == one
    assert three == data_of.shot_records(pools[1], 3, seed=5, regime=REGIME)
    assert three != data_of.shot_records(pools[0], 3, seed=6, regime=REGIME)
    shown = {(r["image"], r["category"]) for r in three if r["solution"] != "None"}
    assert sorted(category for _, category in shown) == sorted(KNOWN * 3)
    assert len(three) == 12 * 4, "all of it, one of it twice, and what is absent"
    with pytest.raises(InputError, match="6 views of airplane, fewer than 7 shots"):
        data_of.shot_records(pools[0], 7, seed=0, regime=REGIME)


def test_no_question_comes_twice(tmp_path: Path) -> None:
    place = data_of.prepare(tmp_path, REGIME.pool, views=1, seed=0, write=write)
    words = [json.loads(line)["expression"] for line in (place / data_of.QUESTIONS).read_text().splitlines()]
    assert words == ["every airplane", "the airplane", "the leftmost airplane", "every bridge"]
    assert data_of.describe(place, "shots")["none"] == 1
    empty = data_of.ImageSet(
        name="empty", title="airplane", sources=("nwpu",), split="test", classes=("airplane",), kinds=("class",)
    )

    def nothing(folder: Path, wanted: data_of.ImageSet, views: int, seed: int) -> Path:
        file = folder / "test.jsonl"
        file.write_text("")
        return file

    with pytest.raises(InputError, match="none of 3 views of nwpu shows a target of airplane"):
        data_of.prepare(tmp_path, empty, views=3, seed=0, write=nothing)


def test_a_folder_is_one_experiment(tmp_path: Path, base: Path) -> None:
    folder = tmp_path / "run"
    small = Plan(arms=("sft", "grpo"), rates=(1e-3,), **{**SMALL, "shots": (1,), "seeds": (0,)})
    go(folder, base, small)
    trainer, _ = go(folder, base)
    assert len(trainer.given) == 8 - 2, "more shots and seeds go on"
    longer = plan_of(make_parser("").parse_args([*LINE, "--steps", "9"]))
    with pytest.raises(SettingsError, match=r"begun with another .*settings"):
        go(folder, base, longer)
    (base / "config.json").write_text('{"other": 1}')
    with pytest.raises(SettingsError, match="begun with another start"):
        go(folder, base, small)


def test_what_cannot_work_is_said_first(tmp_path: Path, base: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(InputError, match="is not the folder of a model"):
        go(folder, tmp_path / "nowhere")
    for words, message in (
        (["--sft", "lerning_rate=1"], "unknown setting"),
        (["--grpo", "seed=3"], "decides seed"),
        (["--withheld", "yurt"], "no class"),
    ):
        with pytest.raises((SettingsError, InputError), match=message):
            go(folder, base, plan_of(make_parser("").parse_args([*LINE, *words])))
    assert not folder.exists()


LINE = ["run", "--data", "d", "--base", "b", "--run", "r"]


def test_the_command_line_makes_the_plan() -> None:
    assert plan_of(make_parser("").parse_args(LINE)) == Plan()
    plan = plan_of(make_parser("").parse_args([*LINE, "--steps", "7", "--sft", "full=true", "batch=2", "--seeds", "4"]))
    assert plan.settings["sft"] == {**DEFAULTS["sft"], "steps": 7, "full": True, "batch": 2}
    assert plan.settings["grpo"] == {**DEFAULTS["grpo"], "steps": 7}
    assert plan.seeds == (4,)
    given = plan.training("sft", data=Path("x"), model="m", learning_rate=1e-3)
    assert given.full
    assert given.steps == 7
    with pytest.raises(SystemExit):
        make_parser("").parse_args([*LINE, "--sft", "full"])


def test_the_mean_of_seeds_that_agree_lies_between_them() -> None:
    """Three times 0.7 have the mean 0.6999999999999998, and no chart has bars of negative length."""
    runs: Any = [{"measured": {"set": {"refer": {"acc50": 0.7, "by_picture": {}}}}}] * 3
    value = report.value_of(runs, "set", "refer", "acc50")
    assert value is not None
    assert value.low <= value.mean <= value.high


def test_table_and_metric_follow_from_the_results(tmp_path: Path, base: Path) -> None:
    folder, page, image = tmp_path / "run", tmp_path / "docs" / "page.md", tmp_path / "docs" / "images" / "e.png"
    go(folder, base)
    page.parent.mkdir()
    begin, end = report.BEGIN.format("classes"), report.END.format("classes")
    page.write_text(f"# Title\n\n{begin}\nold\n{end}\n\nDiscussion.\n")
    arguments = ["report", "--run", str(folder), "--chart", str(image), "--page", str(page)]
    assert ex.main(arguments) == 0
    text = page.read_text()
    assert text.startswith(f"# Title\n\n{begin}\n\n![Metrics over shots](images/e.png)\n")
    assert text.endswith(f"{end}\n\nDiscussion.\n")
    assert "old" not in text
    nwpu = text.partition("**NWPU VHR-10, withheld classes**")[2].partition("**Airbus")[0].splitlines()
    assert next(line for line in nwpu if line.startswith("| 0 |")).startswith("| 0 | zero-shot | 0.25 (")
    # seeds 0 and 1: 9/12 and 10/12
    assert next(line for line in nwpu if line.startswith("| 2 | GRPO |")).startswith("| 2 | GRPO | 0.79 ± 0.06 (")
    assert next(line for line in nwpu if "GRPO − SFT" in line).startswith("| 1 | GRPO − SFT | +0.25 (+")
    assert "| 1 | SFT | 0, 1 | 12 | 40 | 0.001 | 7 |" in text
    with Image.open(image) as chart:
        assert chart.width > chart.height > 300
    assert ex.main(arguments) == 0
    assert page.read_text() == text
    page.write_text("no marks\n")
    assert ex.main(arguments) == InputError.exit_code
    assert page.read_text() == "no marks\n"
    assert ex.main(["report", "--run", str(tmp_path / "none")]) == InputError.exit_code


@pytest.mark.parametrize("regime", [REGIME, data_of.regime_of("expressions", (), ("ship", "vehicle", "airplane"))])
def test_sets_of_real_images(tmp_path: Path, shared_data: Path, regime: data_of.Regime) -> None:
    writer = data_of.view_writer(shared_data)
    for wanted in regime.sets:
        place = data_of.prepare(tmp_path, wanted, views=12, seed=1, write=writer)
        samples = data_of.read_questions(place)
        asked = {sample.category for sample in samples if len(sample.boxes_px)}
        assert asked <= set(wanted.classes)
        assert all(max(sample.size_px) <= 336 for sample in samples)
        kinds = {json.loads(line)["kind"] for line in (place / data_of.QUESTIONS).read_text().splitlines()}
        assert kinds <= set(wanted.kinds)
