"""Arguments in the wrong place: refused before any work, with the command that was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from geogrounding_cli.main import geoground

from tests.blobs import write_scene


def run(*arguments: object) -> Result:
    return CliRunner().invoke(geoground, [*map(str, arguments), "--model", "null"])


@pytest.fixture
def scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.tif", "b.tif", "c.TIF"):
        write_scene(tmp_path / name, [])
    return tmp_path


@pytest.mark.parametrize(
    "second",
    [
        "b.tif",
        "./b.tif",
        "c.TIF",
        "gone.tif",
        "my town.tiff",
        "photo.JP2",
        "mosaic.vrt",
        "https://example.org/b.tif",
        "/vsicurl/https://example.org/scene",
        "s3://bucket/scene",
        "GPKG:town.gpkg:ortho",
        "town.gpkg",
        "HDF5:granule.h5://image",
    ],
)
def test_a_second_scene_is_refused_and_batch_named(scenes: Path, second: str) -> None:
    result = run("run", "a.tif", second, "blob", "-o", "out.gpkg")
    assert result.exit_code == 2, result.output
    assert "geoground batch" in result.stderr
    assert "Traceback" not in result.output
    assert not list(scenes.glob("out*"))


def test_scenes_with_no_query_at_all_are_refused_too(scenes: Path) -> None:
    result = run("run", "a.tif", "b.tif", "c.TIF", "-o", "out.gpkg")
    assert result.exit_code == 2
    assert "geoground batch" in result.stderr


def test_a_raster_without_an_ending_is_known_by_its_content(scenes: Path) -> None:
    (scenes / "b.tif").rename(scenes / "town")
    result = run("run", "a.tif", "town", "-o", "out.gpkg")
    assert result.exit_code == 2
    assert "geoground batch" in result.stderr


@pytest.mark.parametrize("name", ["tiles", "./tiles", "tiles/", ".", "..", "old scenes", "2024", "b.d"])
@pytest.mark.parametrize("command", ["run", "info", "ask"])
def test_a_folder_is_no_query(scenes: Path, name: str, command: str) -> None:
    for folder in ("tiles", "old scenes", "2024", "b.d"):
        (scenes / folder).mkdir()
    options = ["-o", "out.gpkg"] if command == "run" else []
    result = CliRunner().invoke(geoground, [command, "a.tif", name, *options])
    assert result.exit_code == 2, result.output
    assert "is a folder" in result.stderr
    assert "geoground batch" in result.stderr


@pytest.mark.parametrize("word", ["cars", "storage tank", "Building", "trees"])
def test_a_class_is_asked_for_although_a_folder_has_its_name(scenes: Path, word: str) -> None:
    (scenes / word).mkdir()
    assert run("run", "a.tif", word, "-o", "out.gpkg").exit_code == 0


@pytest.mark.parametrize("name", ["areas.shp", "gone.geojson", "words.txt", "table.CSV", "project.qgz", "a.tfw"])
def test_a_file_that_is_not_there_is_no_query(scenes: Path, name: str) -> None:
    result = run("run", "a.tif", name, "-o", "out.gpkg")
    assert result.exit_code == 2, result.output
    assert "is a file" in result.stderr


def test_a_list_of_queries_is_refused_and_its_option_named(scenes: Path) -> None:
    (scenes / "queries.txt").write_text("blob\n")
    result = run("run", "a.tif", "queries.txt", "-o", "out.gpkg")
    assert result.exit_code == 2
    assert "--queries" in result.stderr


@pytest.mark.parametrize("query", ["tree", "blob", "the ship at pier no. 3", "cars: red or blue", "St. Mary's church"])
def test_words_are_words(scenes: Path, query: str) -> None:
    (scenes / "tree").mkdir()  # a folder of that name makes a word no scene
    (scenes / "blob").write_text("notes")  # nor does a file that is no raster
    result = run("run", "a.tif", query, "-o", "out.gpkg")
    assert result.exit_code == 0, result.output


OLD = ["-q", "queries.txt"], ["-qqueries.txt"]


@pytest.mark.parametrize("old", OLD)
def test_the_old_q_of_batch_still_works_and_says_what_is_new(scenes: Path, old: list[str]) -> None:
    (scenes / "queries.txt").write_text("blob\n")
    result = run("batch", "a.tif", *old, "-o", "out")
    assert result.exit_code == 0, result.output
    assert "--queries" in result.stderr
    assert (scenes / "out" / "a.geojson").exists()


@pytest.mark.parametrize("arguments", [["-q"], ["--quiet"]])
def test_q_is_quiet_everywhere(scenes: Path, arguments: list[str]) -> None:
    (scenes / "queries.txt").write_text("blob\n")
    result = run("batch", *arguments, "a.tif", "b.tif", "--queries", "queries.txt", "-o", "out")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    result = run("run", *arguments, "a.tif", "blob", "-o", "out.gpkg")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""


def test_a_list_of_queries_is_no_scene_of_batch(scenes: Path) -> None:
    (scenes / "queries.txt").write_text("blob\n")
    result = run("batch", "a.tif", "queries.txt", "-o", "out")
    assert result.exit_code == 2
    assert "--queries" in result.stderr


def _overlap(monkeypatch: pytest.MonkeyPatch, text: str) -> Any:
    seen: dict[str, Any] = {}

    def describe(settings: Any) -> dict[str, Any]:
        seen["overlap"] = settings.overlap
        return {}

    monkeypatch.setattr("geogrounding_cli.info.describe_scene", describe)
    result = CliRunner().invoke(geoground, ["info", "a.tif", "--json", "--overlap", text])
    assert result.exit_code == 0, result.output
    return seen["overlap"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("20%", 0.2), ("12.5 %", 0.125), ("0.2", 0.2), ("64", 64.0), ("64px", 64.0), ("0", 0.0), ("0%", 0.0)],
)
def test_overlap_in_every_documented_form(monkeypatch: pytest.MonkeyPatch, text: str, value: float) -> None:
    assert _overlap(monkeypatch, text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["100%", "120%", "-5%", "-1", "nan", "inf", "many", "%", "0.5px", ""])
def test_overlap_that_cannot_be(text: str) -> None:
    result = CliRunner().invoke(geoground, ["info", "a.tif", f"--overlap={text}"])
    assert result.exit_code == 2
    assert "20%" in result.stderr


def test_without_an_output_the_layer_is_named_after_scene_and_query(scenes: Path) -> None:
    result = run("run", "a.tif", "the red roofs / 2nd block", "blob")
    assert result.exit_code == 0, result.output
    assert (scenes / "a_the_red_roofs_2nd_block_and_1_more.gpkg").exists()
    assert "a_the_red_roofs_2nd_block_and_1_more.gpkg" in result.stderr
    again = run("run", "a.tif", "the red roofs / 2nd block", "blob")
    assert again.exit_code == 5  # nothing is replaced unasked
    assert run("run", "a.tif", "blob", "-f", "geojson").exit_code == 0
    assert (scenes / "a_blob.geojson").exists()


@pytest.mark.parametrize("name", ["found.shp", "found.KML", "found.csv"])
def test_formats_of_other_programs(scenes: Path, name: str) -> None:
    """Also of a layer in which nothing was found."""
    result = run("run", "a.tif", "blob", "-o", name)
    assert result.exit_code == 0, result.output
    assert "0 polygons" in result.stderr
    assert run("run", "a.tif", "blob", "-o", name).exit_code == 5
    assert run("run", "a.tif", "blob", "-o", name, "--append").exit_code == 5
    assert run("run", "a.tif", "blob", "-o", name, "--overwrite").exit_code == 0
    (scenes / "q.txt").write_text("blob")
    batch = run("batch", "a.tif", "--queries", "q.txt", "-o", "out", "-f", Path(name).suffix[1:])
    assert batch.exit_code == 0, batch.output
    assert (scenes / "out" / f"a{Path(name).suffix.lower()}").exists()


def test_a_name_without_ending_is_a_geopackage(scenes: Path) -> None:
    assert run("run", "a.tif", "blob", "-o", "found").exit_code == 0
    assert (scenes / "found.gpkg").exists()


def test_a_missing_query_names_what_was_taken_for_the_scene() -> None:
    result = run("run", "-o", "x.gpkg", "tree")
    assert result.exit_code == 2
    assert "'tree'" in result.stderr


@pytest.mark.parametrize(
    ("typed", "meant"), [("rnu", "run"), ("bach", "batch"), ("infos", "info"), ("evaluate", "eval")]
)
def test_a_mistyped_command_is_proposed(typed: str, meant: str) -> None:
    result = CliRunner().invoke(geoground, [typed, "a.tif"])
    assert result.exit_code == 2
    assert f"Did you mean {meant!r}?" in result.stderr


@pytest.mark.parametrize(
    ("text", "value"), [("0.5", 0.5), ("0.5m", 0.5), ("0.5 m", 0.5), ("30cm", 0.3), ("2 metres", 2.0)]
)
def test_a_resolution_may_name_its_unit(monkeypatch: pytest.MonkeyPatch, text: str, value: float) -> None:
    seen: list[float] = []

    def describe(settings: Any) -> dict[str, Any]:
        seen.append(settings.resolution_m)
        return {}

    monkeypatch.setattr("geogrounding_cli.info.describe_scene", describe)
    result = CliRunner().invoke(geoground, ["info", "a.tif", "--json", "--resolution", text])
    assert result.exit_code == 0, result.output
    assert seen == [pytest.approx(value)]


@pytest.mark.parametrize("text", ["0", "-1", "5 ft", "fine", "nan", "inf"])
def test_a_resolution_that_cannot_be(text: str) -> None:
    result = CliRunner().invoke(geoground, ["info", "a.tif", f"--resolution={text}"])
    assert result.exit_code == 2
    assert "metres" in result.stderr
