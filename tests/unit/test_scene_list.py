"""Lists of scenes: patterns and manifests, and what is said of rows that cannot be used."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from geogrounding_cli.scene_list import PROBLEMS_SHOWN, list_scenes

from geogrounding.errors import InputError, SettingsError


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_patterns_for_shells_that_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b.tif", "a.tif", "deep/er/c.tif", "[odd].tif", "folder.tif/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [s.source for s in list_scenes(["?.tif"], None).scenes] == ["a.tif", "b.tif"]
    assert [s.source for s in list_scenes(["**/[bc].tif"], None).scenes] == ["b.tif", "deep/er/c.tif"]
    assert [s.source for s in list_scenes(["[odd].tif"], None).scenes] == ["[odd].tif"]  # there is such a file
    remote = "https://example.org/a.tif?size=*"
    assert [s.source for s in list_scenes([remote], None).scenes] == [remote]
    with pytest.raises(InputError, match=r"no file fits 'x\*\.tif'"):
        list_scenes(["x*.tif"], None)


def test_paths_of_a_manifest_start_at_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "\ufeff# made by find\n\na.tif\n/data/b.tif\ns3://bucket/c.tif\n"
    path = write(tmp_path / "list.txt", lines)
    expected = [str(tmp_path / "a.tif"), "/data/b.tif", "s3://bucket/c.tif"]
    assert [s.source for s in list_scenes([], path).scenes] == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    assert [s.source for s in list_scenes([], "-").scenes] == ["a.tif", *expected[1:]]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_columns_of_a_csv(tmp_path: Path, separator: str) -> None:
    rows = [["Path", "name", "query", "cloud"], ["a.tif", "", "ship | pier|ship", "7"], ["b.tif", "harbour b", "", "8"]]
    path = write(tmp_path / "m.csv", "\n".join(separator.join(row) for row in rows))
    found = list_scenes(["c.tif"], path)
    assert [scene.name for scene in found.scenes] == ["c", "a", "harbour b"]
    assert [scene.queries for scene in found.scenes] == [(), ("ship", "pier"), ()]
    assert found.scenes[1].place == "row 2 of m.csv"
    assert found.unused_columns == ("cloud",)


def test_parquet_with_lists_and_boxes(tmp_path: Path) -> None:
    box = {"xmin": 1.0, "ymin": 2.0, "xmax": 3.0, "ymax": 4.0}
    table = pa.table({
        "path": ["a.tif", "b.tif"],
        "query": pa.array([["ship", "pier"], None], pa.list_(pa.string())),
        "bbox": [box, None],
        "geometry": [b"1", b"2"],
    })  # fmt: skip
    pa.parquet.write_table(table, tmp_path / "m.parquet")
    first, second = list_scenes([], str(tmp_path / "m.parquet")).scenes
    assert first.queries == ("ship", "pier")
    assert first.bbox is not None
    assert first.bbox.bounds == (1.0, 2.0, 3.0, 4.0)
    assert second.queries == ()
    assert second.bbox is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file\na.tif\n", "no column `path`"),
        ("path,query\na.tif\n", "row 2 has not as many fields"),
        ("path,query\na.tif,ship,pier\n", "row 2 has not as many fields"),
        ("path,path\na.tif,b.tif\n", "two columns `path`"),
        ('path\n"a.tif\n', "is no CSV"),
        ("path,name\na.tif,../../etc\n", "row 2: '../../etc' is no name"),
        ("path,name\na.tif,\x1b[31m\n", "is no name"),
        ("path,name\na.tif,..\n", "'..' is no name"),
        ("path,bbox\na.tif,everywhere\n", "row 2: "),
        ("path,query\n,ship\n", "row 2: no path"),
        ("path\na.txt\n", "row 2: .* is no raster"),
        ("", "no column `path`"),
    ],
)
def test_what_is_wrong_is_named_with_its_row(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        list_scenes([], write(tmp_path / "m.csv", text))
    assert "m.csv" in str(caught.value)
    assert caught.value.hint


def test_many_bad_rows_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", "path,name\n" + "a.tif,x/y\n" * 9)
    with pytest.raises(InputError, match=f"and {9 - PROBLEMS_SHOWN} more"):
        list_scenes([], path)


def test_files_that_are_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "m.parquet").write_bytes(b"PAR1 or not")
    (tmp_path / "m.csv").write_bytes(b"path\n\xff\xfe\n")
    for name, message in (("m.parquet", "as Parquet"), ("m.csv", "UTF-8"), ("none.csv", "cannot be read")):
        with pytest.raises(InputError, match=message):
            list_scenes([], str(tmp_path / name))


def test_names_and_sources_have_to_differ(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", "path\nx/a.tif\ny/a.tif\n")
    with pytest.raises(SettingsError, match=r"'a': .*row 2 of m\.csv.*row 3 of m\.csv"):
        list_scenes([], path)
    assert len(list_scenes([], path, own_layers=False).scenes) == 2
    with pytest.raises(SettingsError, match="2 scenes"):
        list_scenes(["a.tif", "a.tif"], None, own_layers=False)
    with pytest.raises(SettingsError, match="no scene"):
        list_scenes([], None)
