"""Outputs: every name is written or refused before the first chip, and no layer of somebody else is lost."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely

from geogrounding.errors import OutputError
from geogrounding.pipeline import run
from geogrounding.settings import RunSettings
from tests.blobs import BlobModel, write_scene
from tests.kinds.doors import command, polygons

BLOBS = ((20, 20, 40, 40), (180, 50, 200, 70))


@pytest.fixture
def scene_path(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "scene.tif", BLOBS)


def go(scene: Path, output: Path, model: BlobModel | None = None, **options: Any) -> None:
    run(RunSettings(source=str(scene), expressions=("bright",)), output, model=model or BlobModel(), **options)


def layers(path: Path) -> list[str]:
    return sorted(str(name) for name, _ in pyogrio.list_layers(path))


@pytest.mark.parametrize(
    "name",
    ["gpkg_planes", "gpkg", "GPKG_x", "sqlite_x", "sqlite_", "rtree_x", "ogr_empty_table", "-x", ".hidden", "%",
     "a b", "a.b", "it's", 'a"b', "Ω", "select", "123", "x" * 200],
)  # fmt: skip
@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".geojson", ".parquet"])
def test_any_file_name_is_written(tmp_path: Path, scene_path: Path, name: str, suffix: str) -> None:
    output = tmp_path / f"{name}{suffix}"
    go(scene_path, output)
    assert len(gpd.read_parquet(output) if suffix == ".parquet" else polygons(output)) == len(BLOBS)


def project(path: Path) -> Path:
    for number, name in enumerate(("parcels", "hedges", "notes"), 1):
        frame = gpd.GeoDataFrame({"n": range(number)}, geometry=[shapely.box(0, 0, 9, 9)] * number, crs=32633)
        frame.to_file(path, layer=name)
    return path


def test_other_layers_of_a_geopackage_stay(tmp_path: Path, scene_path: Path) -> None:
    path = project(tmp_path / "project.gpkg")
    before = path.read_bytes()
    refused = command("run", scene_path, "x", "-o", path, "--model", "null")
    assert refused.exit_code == 5
    for word in ("parcels", "--overwrite", "--append", "--layer"):
        assert word in refused.stderr
    assert path.read_bytes() == before
    for _ in range(2):
        go(scene_path, path, overwrite=True)
        assert layers(path) == ["hedges", "notes", "parcels", "project"]
        assert [pyogrio.read_info(path, layer=name)["features"] for name in layers(path)] == [2, 3, 1, len(BLOBS)]
    go(scene_path, path, overwrite=True, layer="blobs")
    assert layers(path) == ["blobs", "hedges", "notes", "parcels", "project"]
    go(scene_path, path, overwrite=True, layer="notes")  # by its name, and only it
    assert pyogrio.read_info(path, layer="notes")["features"] == len(BLOBS)
    assert pyogrio.read_info(path, layer="parcels")["features"] == 1


def test_append_adds_a_layer_or_features(tmp_path: Path, scene_path: Path) -> None:
    path = project(tmp_path / "project.gpkg")
    go(scene_path, path, append=True)
    assert layers(path) == ["hedges", "notes", "parcels", "project"]
    go(scene_path, path, append=True)
    frame = pyogrio.read_dataframe(path, layer="project")
    assert list(frame["id"]) == [1, 2, 3, 4]
    new = tmp_path / "new.gpkg"
    go(scene_path, new, append=True)
    assert layers(new) == ["new"]


def test_a_table_without_geometries_stays(tmp_path: Path, scene_path: Path) -> None:
    path = tmp_path / "out.gpkg"
    go(scene_path, path)
    pyogrio.write_dataframe(gpd.GeoDataFrame({"style": ["red"]}).drop(columns=[]), path, layer="layer_styles")
    go(scene_path, path, overwrite=True)
    assert layers(path) == ["layer_styles", "out"]


def test_the_same_bytes_where_the_layer_is_alone(tmp_path: Path, scene_path: Path) -> None:
    go(scene_path, tmp_path / "out.gpkg")
    once = (tmp_path / "out.gpkg").read_bytes()
    go(scene_path, tmp_path / "out.gpkg", overwrite=True)
    assert (tmp_path / "out.gpkg").read_bytes() == once


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("out.fgb", {"append": True}, "--append"),
        ("out.geojson", {"layer": "x"}, "--layer"),
        ("out.gpkg", {"layer": "gpkg_x"}, "--layer"),
        ("out.gpkg", {"layer": ""}, "--layer"),
        ("out.gpkg", {"append": True, "overwrite": True}, "--overwrite"),
        ("out.gpkg", {"creation_options": {"NO_SUCH": "1"}}, "known are"),
        ("out.geojson", {"dst_crs": "EPSG:32633"}, ".gpkg"),
        ("out.gpkg", {"dst_crs": "EPSG:1"}, "EPSG:25832"),
        ("nowhere/out.gpkg", {}, "create it first"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_first_chip(
    tmp_path: Path, scene_path: Path, name: str, options: dict[str, Any], message: str
) -> None:
    model = BlobModel()
    if options.get("append") and options.get("overwrite"):
        refused = command("run", scene_path, "x", "-o", tmp_path / name, "--model", "null", "--append", "--overwrite")
        assert refused.exit_code == 5
        return
    with pytest.raises(OutputError) as caught:
        go(scene_path, tmp_path / name, model, **options)
    assert message in f"{caught.value} {caught.value.hint}"
    assert not model.batches
    assert not list(tmp_path.glob("out*"))


def test_append_to_a_layer_of_other_fields_is_refused(tmp_path: Path, scene_path: Path) -> None:
    model = BlobModel()
    with pytest.raises(OutputError, match="has no field"):
        go(scene_path, project(tmp_path / "project.gpkg"), model, append=True, layer="parcels")
    assert not model.batches


def test_a_file_open_elsewhere_is_refused(tmp_path: Path, scene_path: Path) -> None:
    path = project(tmp_path / "project.gpkg")
    path.with_name("project.gpkg-wal").write_bytes(b"edits not yet written")
    with pytest.raises(OutputError, match="open in another program"):
        go(scene_path, path, overwrite=True)


def test_a_file_that_is_no_geopackage_is_replaced_only_when_asked(tmp_path: Path, scene_path: Path) -> None:
    path = tmp_path / "out.gpkg"
    path.write_text("text")
    with pytest.raises(OutputError, match="exists already"):
        go(scene_path, path)
    go(scene_path, path, overwrite=True)
    assert layers(path) == ["out"]


def test_an_empty_text_layer_is_named(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "dark.tif", ())
    run_it = command("run", scene, "x", "-o", tmp_path / "out.geojsonl", "--model", "null")
    assert run_it.exit_code == 0
    assert "GDAL" in run_it.stderr
    for suffix in (".geojson", ".gpkg", ".fgb"):
        assert polygons_of_nothing(scene, tmp_path / f"none{suffix}") == 0


def polygons_of_nothing(scene: Path, output: Path) -> int:
    go(scene, output)
    return len(polygons(output))


class Silent(BlobModel):
    """Gives no scores, or only the one of the last object."""

    last = False

    def answer(self, image: Any, question: Any) -> Any:
        found = super().answer(image, question)
        kept = [d if self.last and d.box_chip_px[3] > 65 else replace(d, score=None) for d in found.detections]
        return replace(found, detections=tuple(kept))


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".parquet"])
def test_scores_that_a_model_does_not_give_stay_a_number_column(tmp_path: Path, scene_path: Path, suffix: str) -> None:
    output = tmp_path / f"out{suffix}"
    go(scene_path, output, Silent())
    frame = gpd.read_parquet(output) if suffix == ".parquet" else pyogrio.read_dataframe(output)
    assert len(frame) == len(BLOBS)
    assert frame["score"].dtype.kind == "f"
    assert frame["score"].isna().all()
    assert frame["area_m2"].gt(0).all()


@pytest.mark.parametrize("suffix", [".geojson", ".geojsonl"])
@pytest.mark.parametrize(
    ("model", "options", "numbers", "absent"),
    [
        (BlobModel(), {}, {"score", "area_m2"}, set()),
        (Silent(), {}, {"area_m2"}, {"score"}),
        (BlobModel(), {"outline": "point"}, {"score"}, {"area_m2"}),
        (Silent(), {"outline": "point"}, set(), {"score", "area_m2"}),
        (BlobModel(), {"pixel_coordinates": True}, {"score"}, {"area_m2"}),
    ],
)
def test_text_has_no_column_of_numbers_that_a_reader_takes_for_text(
    tmp_path: Path, suffix: str, model: BlobModel, options: dict[str, Any], numbers: set[str], absent: set[str]
) -> None:
    plain = {"crs": None} if "pixel_coordinates" in options else {}
    scene = write_scene(tmp_path / "scene.tif", BLOBS, **plain)  # type: ignore[arg-type]
    output = tmp_path / f"out{suffix}"
    run(RunSettings(source=str(scene), expressions=("bright",), **options), output, model=model)
    frame = pyogrio.read_dataframe(output)
    assert len(frame) == len(BLOBS)
    assert {name for name in frame.columns if frame[name].dtype.kind == "f"} == numbers
    assert absent.isdisjoint(frame.columns)


def test_one_score_makes_a_column_of_numbers(tmp_path: Path, scene_path: Path) -> None:
    model, output = Silent(tile_size_px=512), tmp_path / "out.geojson"
    model.last = True
    go(scene_path, output, model)
    scores = pyogrio.read_dataframe(output)["score"]
    assert scores.dtype.kind == "f"
    assert scores.notna().tolist() == [False, True]


@pytest.mark.parametrize("name", ["Hedges", "PARCELS", "Notes"])
@pytest.mark.parametrize("option", ["overwrite", "append", None])
def test_a_layer_name_in_another_case_is_refused_before_the_first_chip(
    tmp_path: Path, scene_path: Path, name: str, option: str | None
) -> None:
    path = project(tmp_path / "project.gpkg")
    before, model = path.read_bytes(), BlobModel()
    with pytest.raises(OutputError, match="is the same name") as refused:
        go(scene_path, path, model, layer=name, **({option: True} if option else {}))
    assert f"--layer {name.lower()}" in str(refused.value.hint)
    assert not model.batches
    assert path.read_bytes() == before
    assert not list(tmp_path.glob("*.journal"))


@pytest.mark.parametrize("name", ["-", "/dev/null", "/dev/stdout"])
def test_what_is_no_file_is_no_output(scene_path: Path, name: str) -> None:
    refused = command("run", scene_path, "x", "-o", name, "--model", "null")
    assert refused.exit_code == 2
    assert "is no file" in refused.stderr


def test_a_dot_at_the_end_is_no_ending(tmp_path: Path, scene_path: Path) -> None:
    assert command("run", scene_path, "x", "-o", tmp_path / "found.", "--model", "null").exit_code == 0
    assert (tmp_path / "found.gpkg").is_file()


@pytest.mark.parametrize("suffix", [".shp", ".kml", ".csv", ".SHP"])
@pytest.mark.parametrize("name", ["found", "a b", "it's", "Ω"])
def test_formats_of_other_programs(tmp_path: Path, scene_path: Path, name: str, suffix: str) -> None:
    """The geometries of the GeoPackage of the same run, the same bytes when repeated, and a description beside."""
    go(scene_path, tmp_path / "plain.gpkg")
    output = tmp_path / f"{name}{suffix}"
    go(scene_path, output)
    expected = pyogrio.read_dataframe(tmp_path / "plain.gpkg")
    if suffix == ".csv":
        found = gpd.GeoSeries.from_wkt(pd.read_csv(output)["WKT"])
    else:
        found = pyogrio.read_dataframe(output).geometry
        assert found.crs.equals("EPSG:4326" if suffix == ".kml" else "EPSG:32633")
    geometry = expected.to_crs("EPSG:4326").geometry if suffix == ".kml" else expected.geometry
    assert all(one.equals_exact(other, 1e-8, normalize=True) for one, other in zip(found, geometry, strict=True))
    about = json.loads(Path(f"{output}.run.json").read_text())
    assert about["layer"]["file"] == output.name
    assert about["layer"]["sha256"] == hashlib.sha256(output.read_bytes()).hexdigest()
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.*")}
    with pytest.raises(OutputError, match="exists already"):
        go(scene_path, output)
    go(scene_path, output, overwrite=True)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.*")} == before


def test_what_formats_of_other_programs_cannot_hold(tmp_path: Path, scene_path: Path) -> None:
    said: list[str] = []
    go(scene_path, tmp_path / "a.shp", on_notice=said.append)
    assert any("names of 10 characters" in notice for notice in said)
    for refused in ({"append": True}, {"layer": "x"}, {"creation_options": {"ENCODING": "x"}}):
        with pytest.raises(OutputError, match="are not for"):
            go(scene_path, tmp_path / "b.shp", **refused)
    with pytest.raises(OutputError, match="longitude and latitude"):
        go(scene_path, tmp_path / "b.kml", dst_crs="EPSG:25832")
    assert {path.suffix for path in tmp_path.glob("*.*")} == {".tif", ".shp", ".shx", ".dbf", ".prj", ".cpg", ".json"}
