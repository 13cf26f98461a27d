"""``geoground batch``: many scenes, a table, and going on after trouble."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
from click.testing import CliRunner
from geogrounding_cli.main import geoground
from numpy.typing import NDArray

from geogrounding.errors import ModelError
from geogrounding.types import Answer, Question
from tests.blobs import BlobModel, write_scene


class Loader:
    """Stands for ``load_model`` and counts."""

    def __init__(self) -> None:
        self.model: BlobModel = BlobModel()
        self.calls = 0

    def __call__(self, *_: Any, **__: Any) -> BlobModel:
        self.calls += 1
        self.model.batches.clear()
        return self.model


@pytest.fixture
def loader(monkeypatch: pytest.MonkeyPatch) -> Loader:
    loader = Loader()
    monkeypatch.setattr("geogrounding.models.load.load_model", loader)
    return loader


@pytest.fixture
def scenes(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "scenes"
    folder.mkdir()
    return [
        write_scene(folder / f"{name}.tif", [(10 * n, 10, 10 * n + 8, 20) for n in range(1, count + 1)], width=128)
        for name, count in (("a", 1), ("b", 2), ("c", 3))
    ]


@pytest.fixture
def queries(tmp_path: Path) -> Path:
    file = tmp_path / "queries.txt"
    file.write_text("ship\nstorage tank\n")
    return file


def batch(scenes: Sequence[Path], queries: Path, out: Path, *more: str) -> Any:
    return CliRunner().invoke(
        geoground, ["batch", *map(str, scenes), "--queries", str(queries), "-o", str(out), *more]
    )  # fmt: skip


def table(out: Path) -> list[dict[str, str]]:
    with (out / "summary.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_layer_a_scene_and_a_table(loader: Loader, scenes: list[Path], queries: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    result = batch(scenes, queries, out, "--format", "geojson", "--previews")
    assert result.exit_code == 0, result.output
    assert loader.calls == 1
    assert loader.model.closed
    for path, count in zip(scenes, (1, 2, 3), strict=True):
        layer = gpd.read_file(out / f"{path.stem}.geojson")
        assert sorted(layer["query"]) == ["ship"] * count + ["storage tank"] * count
        assert (out / f"{path.stem}.png").exists()
    rows = table(out)
    assert [(row["layer"], row["status"], row["features"]) for row in rows] == [
        ("a.geojson", "done", "2"),
        ("b.geojson", "done", "4"),
        ("c.geojson", "done", "6"),
    ]
    assert "[3/3]" in result.stderr
    assert "3 scenes, 3 done" in result.stderr


def test_a_scene_that_fails_is_listed_and_the_others_go_on(
    loader: Loader, scenes: list[Path], queries: Path, tmp_path: Path
) -> None:
    scenes[1].write_bytes(b"II*\0 this is no raster")
    out = tmp_path / "out"
    result = batch(scenes, queries, out, "--progress", "json")
    assert result.exit_code == 6
    assert [row["status"] for row in table(out)] == ["done", "failed", "done"]
    assert table(out)[1]["error"].startswith("SceneError: ")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [e["source"] for e in events if e["event"] == "error"] == [str(scenes[1])]
    assert events[-1] == {"event": "summary", "scenes": 3, "failed": 1, "table": str(out / "summary.csv")}


def test_resume_passes_over_what_is_done(loader: Loader, scenes: list[Path], queries: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    good = scenes[1].read_bytes()
    scenes[1].write_bytes(b"II*\0 this is no raster")
    assert batch(scenes, queries, out).exit_code == 6
    scenes[1].write_bytes(good)
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.geojson")}
    result = batch(scenes, queries, out, "--resume", "--progress", "json")
    assert result.exit_code == 0, result.output
    kept = [json.loads(line).get("kept") for line in result.stdout.splitlines() if '"event": "done"' in line]
    assert kept == [True, False, True]
    assert all((out / name).stat().st_mtime_ns == time for name, time in before.items())
    assert [row["status"] for row in table(out)] == ["done"] * 3
    assert [row["features"] for row in table(out)] == ["2", "4", "6"]


@pytest.mark.parametrize("change", ["queries", "option", "scene", "layer"])
def test_resume_repeats_what_has_changed(
    loader: Loader, scenes: list[Path], queries: Path, tmp_path: Path, change: str
) -> None:
    out = tmp_path / "out"
    assert batch(scenes, queries, out).exit_code == 0
    more = []
    if change == "queries":
        queries.write_text("ship\n")
    elif change == "option":
        more = ["--min-score", "0.1"]
    elif change == "scene":
        write_scene(scenes[0], [(30, 30, 50, 50)], width=128)
    else:
        (out / "a.geojson").unlink()
    result = batch(scenes, queries, out, "--resume", "--progress", "json", *more)
    assert result.exit_code == 0, result.output
    kept = [json.loads(line).get("kept") for line in result.stdout.splitlines() if '"event": "done"' in line]
    assert kept == [False] * 3 if change in ("queries", "option") else [False, True, True]


def test_existing_layers_are_kept_without_resume_or_overwrite(
    loader: Loader, scenes: list[Path], queries: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert batch(scenes, queries, out).exit_code == 0
    before = (out / "a.geojson").read_bytes()
    queries.write_text("else\n")
    assert batch(scenes, queries, out).exit_code == 6
    assert (out / "a.geojson").read_bytes() == before
    assert batch(scenes, queries, out, "--overwrite").exit_code == 0
    assert (out / "a.geojson").read_bytes() != before


class Gone(BlobModel):
    """A server that went away."""

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        raise ModelError("the server is gone")


def test_a_model_that_is_gone_ends_the_batch(loader: Loader, scenes: list[Path], queries: Path, tmp_path: Path) -> None:
    loader.model = Gone()
    out = tmp_path / "out"
    more = [write_scene(tmp_path / "scenes" / f"{n}.tif", []) for n in range(2)]
    result = batch([*scenes, *more], queries, out)
    assert result.exit_code == 4
    assert "2 were not tried" in result.stderr
    assert [row["status"] for row in table(out)] == ["failed"] * 3


class Dim(BlobModel):
    """Cannot answer."""

    def answer(self, image: NDArray[np.uint8], question: Question) -> Answer:
        return Answer(error="too dim")


def test_incomplete_scenes(loader: Loader, scenes: list[Path], queries: Path, tmp_path: Path) -> None:
    loader.model = Dim()
    out = tmp_path / "out"
    assert batch(scenes[:1], queries, out).exit_code == 6
    row = table(out)[0]
    assert (row["status"], row["features"]) == ("incomplete", "0")
    assert "too dim" in row["error"]
    assert batch(scenes[:1], queries, out, "--overwrite", "--allow-failed").exit_code == 0


class Interrupted(BlobModel):
    """The user presses Ctrl-C in the second scene."""

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        if self.batches:
            raise KeyboardInterrupt
        return super().ground(images, questions)


def test_ctrl_c_keeps_what_is_done(loader: Loader, scenes: list[Path], queries: Path, tmp_path: Path) -> None:
    loader.model = Interrupted(batch_size=100)
    out = tmp_path / "out"
    result = batch(scenes, queries, out)
    assert result.exit_code == 130
    assert [row["status"] for row in table(out)] == ["done"]
    loader.model = BlobModel(batch_size=100)
    again = batch(scenes, queries, out, "--resume")
    assert again.exit_code == 0, again.output
    assert [row["status"] for row in table(out)] == ["done"] * 3


def test_two_scenes_of_one_name_are_refused_before_the_model_is_loaded(
    loader: Loader, scenes: list[Path], queries: Path, tmp_path: Path
) -> None:
    duplicate = tmp_path / "a.png"
    result = batch([*scenes, duplicate], queries, tmp_path / "out")
    assert result.exit_code == 2
    assert "one place, 'a'" in result.stderr
    assert loader.calls == 0


def test_names_cannot_become_formulas_or_escapes(loader: Loader, queries: Path, tmp_path: Path) -> None:
    monkey = tmp_path / "x"
    monkey.mkdir()
    scene = write_scene(monkey / "=cmd|'calc'!A1\x1b[31m.tif", [(10, 10, 20, 20)], width=128)
    out = tmp_path / "out"
    result = CliRunner().invoke(geoground, ["batch", str(scene), "--queries", str(queries), "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.output
    data = (out / "summary.csv").read_text()
    assert "\x1b" not in data
    row = table(out)[0]
    assert row["layer"].startswith("./=cmd")
    assert all(not value.startswith(("=", "+", "@", "-")) for value in row.values())


def test_a_manifest_says_where_what_and_how_it_is_called(
    loader: Loader, scenes: list[Path], queries: Path, tmp_path: Path
) -> None:
    manifest = scenes[0].parent / "list.csv"
    left = "500000,4599900,500032,4600000"  # 64 of 128 pixels
    manifest.write_text(
        f'path,name,query,bbox,date\na.tif,,,,2024\nc.tif,c-left,pier|tank,"{left}",\nc.tif,,,,2024\ngone.tif,,,,\n'
    )
    out = tmp_path / "out"
    result = batch([scenes[1]], queries, out, "--manifest", str(manifest))
    assert result.exit_code == 6, result.output
    assert "not used: date" in result.stderr
    assert [(row["layer"], row["status"], row["features"]) for row in table(out)] == [
        ("b.geojson", "done", "4"),
        ("a.geojson", "done", "2"),
        ("c-left.geojson", "done", "6"),
        ("c.geojson", "done", "6"),
        ("gone.geojson", "failed", ""),
    ]
    assert set(gpd.read_file(out / "c-left.geojson")["query"]) == {"pier", "tank"}
    again = batch([scenes[1]], queries, out, "--manifest", str(manifest), "--resume", "--progress", "json")
    assert again.exit_code == 6
    assert again.stdout.count('"kept": true') == 4


def test_a_dry_run_counts_what_the_run_does(loader: Loader, scenes: list[Path], queries: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    dry = batch(scenes, queries, out, "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert not out.exists()
    shown = dict(line.split(None, 1) for line in dry.stdout.replace("To read", "To_read").splitlines())
    assert shown["Scenes"] == "3"
    assert shown["To_read"].startswith("about ")
    assert "1 worker" in shown["Time"]
    assert loader.model.batches  # the probe
    loader.model.batches.clear()
    without = batch(scenes, queries, out, "--dry-run", "--no-probe")
    assert "not estimated" in without.stdout
    assert loader.model.batches == []
    event = json.loads(batch(scenes, queries, out, "--dry-run", "--progress", "json").stdout)
    assert (event["event"], event["scenes"], event["chips"]) == ("estimate", 3, int(shown["Chips"]))
    assert event["seconds"] > event["seconds_per_chip"] > 0
    assert batch(scenes, queries, out).exit_code == 0
    assert int(shown["Chips"]) == sum(int(row["chips"]) for row in table(out))
    scenes[1].write_bytes(b"II*\0 this is no raster")
    last = batch(scenes, queries, out, "--dry-run", "--no-probe", "--resume")
    assert last.exit_code == 6
    assert "3 (2 done already, 1 cannot be used)" in last.stdout
    assert "b.tif" in last.stderr


def test_a_cut_line_of_the_table_is_done_again(
    loader: Loader, scenes: list[Path], queries: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert batch(scenes, queries, out).exit_code == 0
    text = (out / "summary.csv").read_text()
    (out / "summary.csv").write_text(text[:-30])
    result = batch(scenes, queries, out, "--resume", "--progress", "json")
    assert result.exit_code == 0, result.output
    kept = [json.loads(line).get("kept") for line in result.stdout.splitlines() if '"event": "done"' in line]
    assert kept == [True, True, False]
    assert [row["status"] for row in table(out)] == ["done"] * 3


def test_a_plan_is_run_over_every_scene_and_explained(loader: Loader, scenes: list[Path], tmp_path: Path) -> None:
    printed = CliRunner().invoke(geoground, ["plan", "the largest ship longer than 1 m"])
    plan = tmp_path / "plan.json"
    plan.write_text(printed.stdout)
    out = tmp_path / "out"
    args = ["batch", *map(str, scenes), "--plan", str(plan), "-o", str(out), "--explain"]
    result = CliRunner().invoke(geoground, args)
    assert result.exit_code == 0, result.output
    assert [row["features"] for row in table(out)] == ["1", "1", "1"]
    assert set(gpd.read_file(out / "b.geojson")["query"]) == {"the largest ship longer than 1 m"}
    for path in scenes:
        assert f"{path}: the largest ship longer than 1 m: One ship" in result.stderr
    assert "found two ships" in result.stderr


def test_a_second_layer_leaves_the_first(loader: Loader, scenes: list[Path], queries: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert batch(scenes[:2], queries, out, "-f", "gpkg", "--layer", "ships").exit_code == 0
    queries.write_text("pier\n")
    assert batch(scenes[:2], queries, out, "-f", "gpkg", "--layer", "piers").exit_code == 6  # the files are there
    result = batch(scenes[:2], queries, out, "-f", "gpkg", "--layer", "piers", "--append")
    assert result.exit_code == 0, result.output
    assert set(gpd.read_file(out / "a.gpkg", layer="ships")["query"]) == {"ship", "storage tank"}
    assert set(gpd.read_file(out / "a.gpkg", layer="piers")["query"]) == {"pier"}
    more = batch(scenes[:2], queries, out, "-f", "gpkg", "--layer", "again", "--append", "--resume")
    assert more.exit_code == 0, more.output  # done, but not in this layer
    assert set(gpd.read_file(out / "a.gpkg", layer="again")["query"]) == {"pier"}


def test_a_row_without_anything_to_look_for_ends_the_batch_before_the_first_scene(
    loader: Loader, scenes: list[Path], tmp_path: Path
) -> None:
    manifest = scenes[0].parent / "list.csv"
    manifest.write_text("path,query\na.tif,ship\nb.tif,\n")
    out = tmp_path / "out"
    arguments = ["batch", "--manifest", str(manifest), "-o", str(out)]
    refused = CliRunner().invoke(geoground, arguments)
    assert refused.exit_code == 2
    assert "b.tif" in refused.stderr
    assert loader.calls == 0
    assert not out.exists()
    manifest.write_text("path,query\na.tif,ship\nb.tif,pier\n")
    assert CliRunner().invoke(geoground, arguments).exit_code == 0
    assert [row["features"] for row in table(out)] == ["1", "2"]
