"""How the texts of the command line become settings, and what is said about wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from geogrounding_cli import build, outputs
from geogrounding_cli import options as opt
from geogrounding_cli.beside import check_beside
from geogrounding_cli.main import geoground
from geogrounding_cli.param_types import FORMATS, Format, KeyValue, Numbers

from geogrounding.errors import InputError, OutputError, SettingsError
from geogrounding.execution.report import RunReport
from geogrounding.io.converted import LIMITS
from geogrounding.io.destination import EXTENSIONS
from geogrounding.model_options import OPTION_NAMES
from geogrounding.settings import RunSettings


class Seen:
    """What ``geoground run`` hands to the library and to ``load_model``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.settings: RunSettings | None = None
        self.output: Path | None = None
        self.call: dict[str, Any] = {}
        self.model: dict[str, Any] = {}
        monkeypatch.setattr("geogrounding.pipeline.run", self.run)
        monkeypatch.setattr("geogrounding.models.load.load_model", self.load_model)

    def run(self, settings: RunSettings, output: Path, **call: Any) -> RunReport:
        self.settings, self.output, self.call = settings, output, call
        call["model"]()
        return RunReport(
            features=2,
            chips=3,
            empty_chips=1,
            failed_chips=(),
            drops={"box outside the chip": 4},
            seconds=75.0,
            model_seconds=1.5,
            waiting_seconds=0.1,
        )

    def load_model(self, name: str, **given: Any) -> object:
        self.model = {"name": name, **given}
        return object()


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    return Seen(monkeypatch)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(geoground, ["run", "scene.tif", *arguments])


def settings_of(seen: Seen, *arguments: str) -> RunSettings:
    result = run("ship", "-o", "out.gpkg", *arguments)
    assert result.exit_code == 0, result.output
    assert seen.settings is not None
    return seen.settings


def test_defaults_are_those_of_the_library(seen: Seen) -> None:
    assert settings_of(seen) == RunSettings(source="scene.tif", expressions=("ship",))
    assert seen.output == Path("out.gpkg")
    assert seen.model == {"name": "builtin"}
    assert not seen.call["resume"]
    assert not seen.call["overwrite"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--task", "refer"], {"task": "refer"}),
        (["--whole-scene"], {"whole_scene": True}),
        (["--per-chip"], {"whole_scene": False}),
        (["--tile-size", "512"], {"tile_size": 512}),
        (["--overlap", "64"], {"overlap": 64.0}),
        (["--overlap", "0.2"], {"overlap": 0.2}),
        (["--overlap", "0"], {"overlap": 0.0}),
        (["--resolution", "0.5"], {"resolution_m": 0.5}),
        (["--scales", "1,2,4"], {"scales": (1.0, 2.0, 4.0)}),
        (["--scales", "1 2.5"], {"scales": (1.0, 2.5)}),
        (["--bbox", "1,2,3,4"], {"bbox": (1.0, 2.0, 3.0, 4.0)}),
        (["--bbox", "1 2 3 4"], {"bbox": (1.0, 2.0, 3.0, 4.0)}),
        (["--bbox", "1, 2, 3, 4"], {"bbox": (1.0, 2.0, 3.0, 4.0)}),
        (["--bbox", "[1, 2, 3, 4]"], {"bbox": (1.0, 2.0, 3.0, 4.0)}),
        (["--bbox", "-81.9,29.6,-81.8,29.7"], {"bbox": (-81.9, 29.6, -81.8, 29.7)}),
        (["--bbox", "1,2,3,4e6", "--bbox-crs", "EPSG:3857"], {"bbox": (1.0, 2.0, 3.0, 4e6), "bbox_crs": "EPSG:3857"}),
        (["--aoi", "area.gpkg"], {"aoi": Path("area.gpkg")}),
        (["-b", "4,3,2"], {"bands": (4, 3, 2)}),
        (["-b", "4", "-b", "3", "--bidx", "2"], {"bands": (4, 3, 2)}),
        (["--nodata", "-9999"], {"nodata": -9999.0}),
        (["--stretch", "percentile:1,99"], {"stretch": "percentile:1,99"}),
        (["--oo", "NUM_THREADS=2", "--oo", "X=a=b"], {"open_options": {"NUM_THREADS": "2", "X": "a=b"}}),
        (["--pixel-coordinates"], {"pixel_coordinates": True}),
        (["--allow-remote"], {"allow_remote": True}),
        (["--trusted-folder", "a", "--trusted-folder", "b"], {"trusted_folders": (Path("a"), Path("b"))}),
        (["--merge", "nms"], {"merge": "nms"}),
        (["--match-metric", "ios"], {"match_metric": "ios"}),
        (["--match-threshold", "0.3"], {"match_threshold": 0.3}),
        (["--min-score", "0.25"], {"min_score": 0.25}),
    ],
)
def test_each_option_reaches_the_settings(seen: Seen, arguments: list[str], expected: dict[str, Any]) -> None:
    assert settings_of(seen, *arguments) == RunSettings(source="scene.tif", expressions=("ship",), **expected)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--model", "./folder"], {"name": "./folder"}),
        (
            ["--model", "m", "--base-url", "http://localhost:8000/v1"],
            {"name": "m", "base_url": "http://localhost:8000/v1"},
        ),
        (["--api-key", "k"], {"name": "builtin", "api_key": "k"}),
        (["--concurrency", "8", "--timeout", "30"], {"name": "builtin", "concurrency": 8, "timeout_s": 30.0}),
        (["--adapter", "a", "--processor", "p"], {"name": "builtin", "adapter": "a", "processor": "p"}),
        (["--device", "cuda:1", "--dtype", "float16"], {"name": "builtin", "device": "cuda:1", "dtype": "float16"}),
        (["--dtype", "auto", "--batch-size", "3"], {"name": "builtin", "batch_size": 3}),
        (["--coordinates", "per-mille"], {"name": "builtin", "coordinates": "per-mille"}),
        (["--prompt-style", "qwen3"], {"name": "builtin", "style": "qwen3"}),
        (["--max-pixels", "100352"], {"name": "builtin", "max_pixels": 100352}),
        (["--max-new-tokens", "512"], {"name": "builtin", "max_new_tokens": 512}),
    ],
)
def test_each_option_reaches_the_model(seen: Seen, arguments: list[str], expected: dict[str, Any]) -> None:
    settings_of(seen, *arguments)
    assert seen.model == expected


def test_options_of_the_result_reach_the_run(seen: Seen, tmp_path: Path) -> None:
    preview = tmp_path / "p.png"
    settings_of(
        seen, "--dst-crs", "EPSG:3857", "--co", "A=1", "--overwrite", "--resume", "--preview", str(preview)
    )  # fmt: skip
    call = {name: seen.call[name] for name in ("dst_crs", "creation_options", "overwrite", "resume", "preview")}
    assert call == {
        "dst_crs": "EPSG:3857",
        "creation_options": {"A": "1"},
        "overwrite": True,
        "resume": True,
        "preview": preview,
    }


def test_every_model_option_is_passed_on() -> None:
    """An option of the Model section that no command reads would be a lie."""

    @click.command()
    @opt.MODEL
    def probe(**_: Any) -> None: ...

    assert {param.name for param in probe.params} == {"model", *OPTION_NAMES}


def test_choices_written_out_are_those_of_the_library() -> None:
    assert set(FORMATS.values()) == {*EXTENSIONS, *LIMITS}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bbox", "1,2,3"], "is not an extent"),
        (["--bbox", "1,2,3,x"], "is not an extent"),
        (["--bbox", "1,2,3,nan"], "is not an extent"),
        (["--bbox", "1,2,3,inf"], "is not an extent"),
        (["--bbox", ""], "is not an extent"),
        (["-b", "1.5"], "whole numbers"),
        (["-b", "red"], "whole numbers"),
        (["--scales", "2,1"], "rising order"),
        (["--scales", "0,1"], "positive"),
        (["--oo", "NOVALUE"], "not KEY=VALUE"),
        (["--co", "=1"], "not KEY=VALUE"),
        (["--co", "A=1", "--co", "A=2"], "twice"),
        (["--tile-size", "8"], "--tile-size"),
        (["--overlap", "-1"], "--overlap"),
        (["--overlap", "nan"], "overlap"),
        (["--resolution", "0"], "--resolution"),
        (["--resolution", "1", "--pixel-coordinates"], "coordinates"),
        (["--bbox-crs", "EPSG:4326"], "without --bbox"),
        (["--merge", "magic"], "'magic' is not one of"),
        (["--match-threshold", "0"], "--match-threshold"),
        (["--min-score", "1.5"], "--min-score"),
        (["--task", "draw"], "--task"),
        (["--outline", "blob"], "--outline"),
        (["--simplify", "1"], "nothing to simplify"),
        (["--dtype", "int8"], "--dtype"),
        (["--batch-size", "0"], "--batch-size"),
        (["-f", "dxf"], "'dxf' is not one of geojson"),
        (["-f", "fgb"], "contradicts"),
        (["--preview", "p.jpg"], "no .png"),
        (["--progress", "loud"], "--progress"),
        (["--no-such-option"], "No such option"),
    ],
)
def test_wrong_options_are_refused_with_code_2(seen: Seen, arguments: list[str], message: str) -> None:
    result = run("ship", "-o", "out.gpkg", *arguments)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert seen.settings is None


def test_queries_come_from_the_line_and_from_a_file(seen: Seen, tmp_path: Path) -> None:
    file = tmp_path / "queries.txt"
    file.write_text("\ufeff# what we look for\n\n  storage tank \nship\n", encoding="utf-8")
    result = run("ship", "a red roof", "-o", "out.gpkg", "--queries", str(file))
    assert result.exit_code == 0
    assert seen.settings is not None
    assert seen.settings.expressions == ("ship", "a red roof", "storage tank")


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", "no query"), (b"# only\n\n", "no query"), (b"\xff\xfe\x00", "not UTF-8"), (b"x" * 1_000_001, "larger")],
)
def test_query_files_that_are_none(tmp_path: Path, data: bytes, message: str) -> None:
    file = tmp_path / "queries.txt"
    file.write_bytes(data)
    with pytest.raises(InputError, match=message) as caught:
        build.read_queries(file)
    assert caught.value.hint


def test_a_missing_query_file_is_an_input_error(seen: Seen, tmp_path: Path) -> None:
    result = run("-o", "out.gpkg", "--queries", str(tmp_path / "none.txt"))
    assert result.exit_code == 3
    assert "cannot be read" in result.stderr


def test_without_a_query_the_hint_says_where_it_goes(seen: Seen) -> None:
    result = run("-o", "out.gpkg")
    assert result.exit_code == 2
    assert "Hint: Give a query after the scene" in result.stderr


@pytest.mark.parametrize(
    ("path", "of", "expected"),
    [
        ("a.gpkg", None, "a.gpkg"),
        ("a.GeoJSON", None, "a.GeoJSON"),
        ("a.gpkg", "gpkg", "a.gpkg"),
        ("a", "fgb", "a.fgb"),
        ("a.v2", "parquet", "a.v2.parquet"),
    ],
)
def test_format_and_ending(path: str, of: str | None, expected: str) -> None:
    assert outputs.output_path(Path(path), of) == Path(expected)


@pytest.mark.parametrize(("path", "of"), [("a.dxf", None), ("a.json", None), ("a.gpkg", "geojson")])
def test_format_and_ending_that_do_not_fit(path: str, of: str | None) -> None:
    with pytest.raises(SettingsError) as caught:
        outputs.output_path(Path(path), of)
    assert ".geojson" in caught.value.hint


@pytest.mark.parametrize(("name", "short"), [("GeoJSON", "geojson"), ("FlatGeobuf", "fgb"), ("GeoJSONSeq", "geojsonl")])
def test_formats_by_their_gdal_names(name: str, short: str) -> None:
    assert Format().convert(name, None, None) == short


def test_types_take_values_that_are_converted_already() -> None:
    assert Numbers("1,2").convert((1.0, 2.0), None, None) == (1.0, 2.0)
    assert KeyValue().convert(("a", "b"), None, None) == ("a", "b")


def test_preview_is_checked_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="folder"):
        check_beside(tmp_path / "none" / "p.png", "preview", ".png", overwrite=False)
    existing = tmp_path / "p.png"
    existing.touch()
    with pytest.raises(OutputError, match="exists"):
        check_beside(existing, "preview", ".png", overwrite=False)
    check_beside(existing, "preview", ".png", overwrite=True)


def test_summary_for_people(seen: Seen) -> None:
    result = run("ship", "-o", "out.gpkg")
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "2 polygons -> out.gpkg",
        "3 chips, 1 of them without data; 1 min 15 s, 1.5 s of it in the model",
        "Left out of the model's answers: 4 × box outside the chip",
    ]


def test_quiet_says_nothing(seen: Seen) -> None:
    result = run("ship", "-o", "out.gpkg", "-q")
    assert (result.stdout, result.stderr) == ("", "")
