"""``geoground run`` from the command line to the file, with a model whose answers are known."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
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

RECTANGLES = [(10, 10, 20, 22), (90, 90, 106, 106), (150, 20, 170, 36)]
FIELDS = ["id", "query", "label", "score", "reasoning", "model", "chip", "source", "outline", "area_m2"]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> BlobModel:
    """The model that every ``--model`` loads."""
    blobs = BlobModel()
    monkeypatch.setattr("geogrounding.models.load.load_model", lambda *_, **__: blobs)
    return blobs


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "scene.tif", RECTANGLES)


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(geoground, [str(argument) for argument in arguments])


@pytest.mark.parametrize("ending", [".geojson", ".geojsonl", ".gpkg", ".fgb", ".parquet"])
def test_one_scene_one_layer(model: BlobModel, scene: Path, tmp_path: Path, ending: str) -> None:
    output, preview = tmp_path / f"out{ending}", tmp_path / "out.png"
    result = invoke("run", scene, "bright things", "-o", output, "--preview", preview)
    assert result.exit_code == 0, result.output
    assert f"{len(RECTANGLES)} polygons -> " in result.stderr
    layer = gpd.read_parquet(output) if ending == ".parquet" else gpd.read_file(output)
    assert len(layer) == len(RECTANGLES)
    assert set(FIELDS) <= set(layer.columns)
    assert set(layer["query"]) == {"bright things"}
    assert preview.read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / f"out{ending}.run.json").read_text())["result"]["features"] == len(RECTANGLES)
    assert model.closed
    assert not (tmp_path / f"out{ending}.journal").exists()


def test_several_queries_and_an_area(model: BlobModel, scene: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.gpkg"
    # pixels (0, 0) to (100, 50), which hold only the first rectangle
    result = invoke("run", scene, "ship", "tank", "-o", output, "--bbox", "500000 4599975 500050 4600000")
    assert result.exit_code == 0, result.output
    assert sorted(gpd.read_file(output)["query"]) == ["ship", "tank"]


def test_destination_crs_and_added_ending(model: BlobModel, scene: Path, tmp_path: Path) -> None:
    result = invoke("run", scene, "ship", "-o", tmp_path / "out", "-f", "GPKG", "--dst-crs", "EPSG:3857")
    assert result.exit_code == 0, result.output
    assert gpd.read_file(tmp_path / "out.gpkg").crs.to_epsg() == 3857


def test_the_null_model_gives_a_valid_empty_layer(scene: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.gpkg"
    result = invoke("run", scene, "ship", "-o", output, "--model", "null")
    assert result.exit_code == 0, result.output
    layer = gpd.read_file(output)
    assert len(layer) == 0
    assert set(FIELDS) <= set(layer.columns)


def test_json_progress_is_all_there_is_on_standard_output(model: BlobModel, scene: Path, tmp_path: Path) -> None:
    result = invoke("run", scene, "ship", "-o", tmp_path / "out.fgb", "--progress", "json")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [events[0]["event"], events[-1]["event"]] == ["start", "done"]
    last = next(event for event in reversed(events) if event["event"] == "progress")
    assert last["chips_done"] == last["chips_total"] == events[-1]["chips"]
    assert events[-1]["features"] == len(RECTANGLES)
    assert events[-1]["complete"] is True


def test_an_existing_result_is_kept_unless_overwritten(model: BlobModel, scene: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.geojson"
    output.write_text("precious")
    result = invoke("run", scene, "ship", "-o", output, "--progress", "json")
    assert result.exit_code == 5
    assert output.read_text() == "precious"
    event = json.loads(result.stdout.splitlines()[-1])
    assert (event["event"], event["type"], event["exit_code"]) == ("error", "OutputError", 5)
    assert invoke("run", scene, "ship", "-o", output, "--overwrite").exit_code == 0
    assert output.read_text() != "precious"


class HalfBlind(BlobModel):
    """Cannot answer about chips that are wholly dark."""

    sees_all = False

    def answer(self, image: NDArray[np.uint8], question: Question) -> Answer:
        if not self.sees_all and int(image.max()) < 100:
            return Answer(error="too dark\x1b[2J")
        return super().answer(image, question)


def test_failed_chips_make_the_run_incomplete(monkeypatch: pytest.MonkeyPatch, scene: Path, tmp_path: Path) -> None:
    blind = HalfBlind()
    monkeypatch.setattr("geogrounding.models.load.load_model", lambda *_, **__: blind)
    output = tmp_path / "out.geojson"
    result = invoke("run", scene, "ship", "-o", output)
    assert result.exit_code == 6
    assert "Chip 0/" in result.stderr
    assert "too dark" in result.stderr
    assert "--resume" in result.stderr
    assert "\x1b" not in result.stderr
    assert len(gpd.read_file(output)) == len(RECTANGLES)
    assert invoke("run", scene, "ship", "-o", output, "--overwrite", "--allow-failed").exit_code == 0
    blind.sees_all = True
    assert invoke("run", scene, "ship", "-o", output, "--resume").exit_code == 0


class Interrupted(BlobModel):
    """The user presses Ctrl-C in the third batch."""

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        if len(self.batches) == 2:
            raise KeyboardInterrupt
        return super().ground(images, questions)


def test_ctrl_c_leaves_a_journal_and_resume_gives_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch, scene: Path, tmp_path: Path
) -> None:
    def load(model: BlobModel) -> None:
        monkeypatch.setattr("geogrounding.models.load.load_model", lambda *_, **__: model)

    output, undisturbed = tmp_path / "out.geojson", tmp_path / "undisturbed.geojson"
    load(BlobModel())
    assert invoke("run", scene, "ship", "-o", undisturbed).exit_code == 0
    load(Interrupted())
    result = invoke("run", scene, "ship", "-o", output)
    assert result.exit_code == 130
    assert "Interrupted: 8 of " in result.stderr
    assert "--resume" in result.stderr
    assert not output.exists()
    again = invoke("run", scene, "ship", "-o", output)
    assert again.exit_code == 7, again.output
    load(model := BlobModel())
    assert invoke("run", scene, "ship", "-o", output, "--resume").exit_code == 0
    assert output.read_bytes() == undisturbed.read_bytes()
    assert sum(model.batches) < 20


def test_a_scene_that_cannot_be_used_is_refused_before_the_model_is_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def load(*_: Any, **__: Any) -> None:
        pytest.fail("the model was loaded")

    monkeypatch.setattr("geogrounding.models.load.load_model", load)
    image = write_scene(tmp_path / "plain.tif", RECTANGLES, crs=None)
    for source, words in ((image, "--pixel-coordinates"), (tmp_path / "none.tif", "none.tif")):
        result = invoke("run", source, "ship", "-o", tmp_path / "out.geojson")
        assert result.exit_code == 3, result.output
        assert words in result.stderr


def test_an_image_without_coordinates(model: BlobModel, tmp_path: Path) -> None:
    image = write_scene(tmp_path / "plain.tif", RECTANGLES, crs=None)
    output = tmp_path / "out.geojson"
    result = invoke("run", image, "ship", "-o", output, "--pixel-coordinates")
    assert result.exit_code == 0, result.output
    bounds = [tuple(geometry.bounds) for geometry in gpd.read_file(output).geometry]
    assert sorted(bounds) == sorted(tuple(map(float, box)) for box in RECTANGLES)


def test_a_model_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch, scene: Path, tmp_path: Path) -> None:
    def load(*_: Any, **__: Any) -> None:
        raise ModelError("the server at http://localhost:1/v1 does not answer", hint="Is it running?")

    monkeypatch.setattr("geogrounding.models.load.load_model", load)
    result = invoke("run", scene, "ship", "-o", tmp_path / "out.geojson")
    assert result.exit_code == 4
    assert result.stderr.splitlines()[-2:] == [
        "Error: the server at http://localhost:1/v1 does not answer",
        "Hint: Is it running?",
    ]


def test_hostile_file_names_and_model_words_reach_the_terminal_as_escapes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hostile = write_scene(tmp_path / "a\x1b]0;pwned\x07.tif", RECTANGLES)
    result = invoke("run", hostile, "ship", "-o", tmp_path / "out\x1b[31m.geojson", "--model", "null")
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.output
    assert "\\x1b[31m" in result.stderr


def python(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=120, **options)


def test_as_a_process_of_its_own(scene: Path, tmp_path: Path) -> None:
    """Damaged input: GDAL's own complaints must not reach the terminal beside ours."""
    damaged = tmp_path / "damaged\x1b[2J.tif"
    damaged.write_bytes(scene.read_bytes()[:300])
    result = python("-m", "geogrounding_cli.main", "run", str(damaged), "ship", "-o", str(tmp_path / "o.fgb"))
    assert result.returncode == 3
    assert "\x1b" not in result.stderr
    assert len(result.stderr.splitlines()) <= 2
    assert result.stderr.startswith("Error: ")


def test_a_closed_pipe_is_no_disaster(scene: Path) -> None:
    command = [sys.executable, "-m", "geogrounding_cli.main", "models"]
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=120)
    os.close(writer)
    assert "Traceback" not in process.stderr
    assert process.returncode in (0, 1)


SLOW_RUN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell job in the background ignores it
import sys
from tests.blobs import BlobModel
import geogrounding.models.load as loading
from geogrounding_cli.main import main

class Waiting(BlobModel):
    def ground(self, images, questions):
        if len(self.batches) == 2:
            print("ready", flush=True)
            sys.stdin.readline()  # never comes: the signal does
        return super().ground(images, questions)

loading.load_model = lambda *_, **__: Waiting()
main()
"""


def test_a_real_ctrl_c(scene: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.geojson"
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_RUN, "run", str(scene), "ship", "-o", str(output)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "--resume" in stderr
    assert "Traceback" not in stderr
    left = {path.name for path in tmp_path.iterdir()} - {"scene.tif", "home"}
    assert "out.geojson" not in left
    assert "out.geojson.journal" in left
