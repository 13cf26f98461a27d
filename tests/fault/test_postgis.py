"""Tables of a real PostGIS: all of a run or nothing, once, and never a password where it does not belong."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import geopandas as gpd
import pytest
from click.testing import CliRunner
from geogrounding_cli.main import geoground

from geogrounding.errors import GeogroundingError, OutputError
from geogrounding.io.database import Table, is_database
from geogrounding.pipeline import run
from tests.blobs import BlobModel, write_scene
from tests.databases import PASSWORD, ROLE, Server, server

psycopg = pytest.importorskip("psycopg")

ROOT = Path(__file__).parents[2]
FULL_COUNT = 20
RECTANGLES = [(10, 10, 30, 26), (60, 40, 95, 60), (120, 20, 140, 44), (200, 150, 220, 160)]


@pytest.fixture(scope="module")
def database() -> Iterator[Server]:
    with server() as made:
        yield made


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("PGPASSWORD", "PGHOST", "PGUSER", "PGDATABASE", "PGPORT", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "scene.tif", RECTANGLES)


def rows(database: Server, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(host=str(database.folder), port=database.port, user="postgres", dbname="gis") as connection:
        cursor = connection.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


def test_the_table_equals_the_file(database: Server, scene: Path, tmp_path: Path) -> None:
    run(scene, tmp_path / "found.gpkg", "bright", model=BlobModel())
    report = run(scene, database.address(table="work.same"), "bright", model=BlobModel())
    assert report.features == len(RECTANGLES)
    layer = gpd.read_file(tmp_path / "found.gpkg").sort_values("id")
    found = rows(
        database,
        "SELECT id, query, label, score, reasoning, model, chip, source, outline, area_m2, ST_AsText(geometry), "
        "ST_SRID(geometry), run, fid FROM work.same ORDER BY id",
    )
    for row, of_file in zip(found, layer.itertuples(), strict=True):
        names = ("id", "query", "label", "score", "reasoning", "model", "chip", "source", "outline", "area_m2")
        assert row[:10] == tuple(getattr(of_file, name) for name in names)
        assert gpd.GeoSeries.from_wkt([row[10]])[0].equals(of_file.geometry)
        assert row[11] == 32633
    assert [row[13] for row in found] == [1, 2, 3, 4]
    assert len({row[12] for row in found}) == 1
    ((features, description),) = rows(database, "SELECT features, description FROM work.same_runs")
    assert features == len(RECTANGLES)
    assert '"name": "scene.tif"' in description
    assert rows(database, "SELECT indexdef FROM pg_indexes WHERE tablename = 'same' AND indexdef LIKE '%gist%'")
    assert list(tmp_path.glob("*.journal*")) == []


def test_create_append_replace(database: Server, scene: Path, tmp_path: Path) -> None:
    table = database.address(table="work.ships")
    other = write_scene(tmp_path / "other.tif", RECTANGLES[:2], crs="EPSG:32632")
    run(scene, table, "bright", model=BlobModel())
    with pytest.raises(OutputError, match=r"work\.ships exists already"):
        run(scene, table, "bright", model=BlobModel())
    run(scene, table, "bright", model=BlobModel(), append=True)  # the same run: nothing is doubled
    assert rows(database, "SELECT count(*) FROM work.ships") == [(4,)]
    run(other, table, "bright", model=BlobModel(), append=True)  # transformed to the CRS of the table
    assert rows(database, "SELECT count(*), count(DISTINCT run), min(ST_SRID(geometry)) FROM work.ships") == [
        (6, 2, 32633)
    ]
    assert rows(database, "SELECT fid FROM work.ships ORDER BY fid DESC LIMIT 1")[0][0] >= 6
    with pytest.raises(OutputError, match="in SRID 32633"):
        run(other, table, "light", model=BlobModel(), append=True, dst_crs="EPSG:4326")
    run(other, table, "bright", model=BlobModel(), overwrite=True, dst_crs="EPSG:4326")
    assert rows(database, "SELECT count(*), min(ST_SRID(geometry)) FROM work.ships") == [(2, 4326)]
    assert rows(database, "SELECT count(*) FROM work.ships_runs") == [(1,)]


def test_texts_and_nulls_arrive_as_they_are(database: Server, scene: Path) -> None:
    hostile = 'a "quoted", text\n\\.\n\tand \\N \'; DROP TABLE work.ships; --'

    class Odd(BlobModel):
        def answer(self, image: Any, question: Any) -> Any:
            from dataclasses import replace

            answer = super().answer(image, question)
            found = tuple(replace(one, label="", score=None) for one in answer.detections)
            return replace(answer, reasoning=hostile, detections=found)

    run(scene, database.address(table="work.texts"), "bright", model=Odd())
    assert rows(database, "SELECT DISTINCT reasoning, label, score FROM work.texts") == [(hostile, "", None)]


def test_pixels_have_no_srid(database: Server, tmp_path: Path) -> None:
    plain = write_scene(tmp_path / "plain.tif", RECTANGLES, crs=None)
    run(plain, database.address(table="work.pixels"), "bright", model=BlobModel(), pixel_coordinates=True)
    assert rows(database, "SELECT DISTINCT ST_SRID(geometry) FROM work.pixels") == [(0,)]


def test_bad_addresses_and_tables(database: Server, scene: Path) -> None:
    rows_before = "CREATE TABLE work.foreign_table (name text)"
    with psycopg.connect(host=str(database.folder), port=database.port, user="postgres", dbname="gis") as connection:
        connection.execute(rows_before)
        connection.execute("CREATE VIEW work.seen AS SELECT 1 AS one")
    for address, message in {
        database.address(table="work.foreign_table"): "no column run, id",
        database.address(table="work.seen"): "is no table",
        database.address(table="nowhere.t"): "no schema nowhere",
        database.address(table=""): "names no usable table",
        database.address(table="t", database="plain"): "has no PostGIS",
        database.address(table="t", database="none"): "does not exist",
        database.address(table="t") + "&options=-c%20x": "parameter 'options'",
        "postgresql://u@127.0.0.1:1/gis?table=t": "127.0.0.1",
        "postgresql://u@h:port/gis?table=t": "malformed",
    }.items():
        with pytest.raises(OutputError, match=message) as caught:
            run(scene, address, "bright", model=BlobModel(), append=True)
        assert caught.value.hint
        assert caught.value.exit_code == 5


def test_passwords_are_used_and_never_shown(
    database: Server, scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong, right = quote("wr0ng/@:word", safe=""), quote(PASSWORD, safe="")
    shown: list[str] = []
    for address in (database.tcp(password=wrong, table="work.secret"), database.tcp(table="work.secret")):
        done = CliRunner().invoke(geoground, ["run", str(scene), "x", "--model", "null", "-o", address, "-v"])
        assert done.exit_code == 5
        assert "PGPASSWORD" in done.output
        shown.append(done.output)
    arguments = ["run", str(scene), "x", "--model", "null", "--progress", "json", "-v", "-o"]
    done = CliRunner().invoke(geoground, [*arguments, database.tcp(password=right, table="work.secret")])
    assert done.exit_code == 0, done.output
    assert f"postgresql://{ROLE}@127.0.0.1:{database.port}/gis?table=work.secret" in done.output
    shown.append(done.output)
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    done = CliRunner().invoke(geoground, [*arguments, database.tcp(table="work.secret"), "--append"])
    assert done.exit_code == 0, done.output
    shown += [str(row) for row in rows(database, "SELECT * FROM work.secret_runs")]
    shown += [repr(Table.parse(database.tcp(password=right, table="t")))]
    shown += [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    for text in shown:
        for secret in ("wr0ng", PASSWORD, right, wrong):
            assert secret not in text


def test_a_role_without_rights_is_refused_before_the_first_chip(
    database: Server, scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    model = BlobModel()
    with psycopg.connect(host=str(database.folder), port=database.port, user="postgres", dbname="gis") as connection:
        connection.execute("CREATE SCHEMA closed")
    with pytest.raises(OutputError, match="permission denied"):
        run(scene, database.tcp(table="closed.t"), "bright", model=model)
    assert model.batches == []


def test_a_batch_adds_every_scene_to_one_table(
    database: Server, scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geogrounding.models.load.load_model", lambda *_, **__: BlobModel())
    (tmp_path / "more").mkdir()
    write_scene(tmp_path / "more" / "scene.tif", RECTANGLES[:2], crs="EPSG:32632")  # of the same name, in another zone
    (tmp_path / "queries.txt").write_text("bright\n")
    address = database.address(table="work.batch")

    def batch(*more: str) -> Any:
        scenes = ["scene.tif", "gone.tif", "more/scene.tif"]
        return CliRunner().invoke(geoground, ["batch", *scenes, "--queries", "queries.txt", "-o", address, *more])

    first = batch("--dry-run")
    assert first.exit_code == 6
    assert "3 (1 cannot be used)" in first.stdout
    assert rows(database, "SELECT to_regclass('work.batch')") == [(None,)]
    done = batch()
    assert done.exit_code == 6, done.output
    assert rows(database, "SELECT count(*), count(DISTINCT run) FROM work.batch") == [(6, 2)]
    assert rows(database, "SELECT DISTINCT ST_SRID(geometry) FROM work.batch") == [(32633,)]
    assert (tmp_path / "batch.summary.csv").exists()
    assert "work.batch exists already" in batch().stderr
    write_scene(tmp_path / "gone.tif", RECTANGLES[:1])
    again = batch("--resume", "--progress", "json")
    assert again.exit_code == 0, again.output
    assert again.stdout.count('"kept": true') == 2
    assert rows(database, "SELECT count(*), count(DISTINCT run) FROM work.batch") == [(7, 3)]
    rows(database, "DELETE FROM work.batch; DELETE FROM work.batch_runs")
    repeated = batch("--resume", "--progress", "json")  # what was taken out of the table is not taken for done
    assert repeated.exit_code == 0, repeated.output
    assert '"kept": true' not in repeated.stdout
    assert batch("--append").exit_code == 0  # the same runs once more: there once
    assert rows(database, "SELECT count(*), count(DISTINCT run) FROM work.batch") == [(7, 3)]
    for options, message in ((["--overwrite"], "does not replace"), (["-f", "gpkg"], "-f: for files")):
        refused = batch(*options)
        assert refused.exit_code == 2
        assert message in refused.stderr


def test_the_example_adds_a_scene_once(database: Server) -> None:
    address = database.address(table="work.example")
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, str(ROOT / "examples" / "to_postgis.py"), address],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    ((number,),) = rows(database, "SELECT count(*) FROM work.example")
    assert number > 0
    assert f"in the table from OSBS_029.tif: {number}, " in done.stdout


def check_killed(database: Server, tmp_path: Path, count: int, seed: int) -> None:
    """Kill a writer of 20,000 rows, and the connection under it, at random moments; then write once more."""
    rng = random.Random(seed)
    command = [sys.executable, "-m", "tests.fault.write_table"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def start(name: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*command, database.address(table=f"work.{name}")],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        return process

    whole = start(f"whole_{seed}")
    begin = time.monotonic()
    assert whole.communicate(timeout=300)[0] == "20000\n"
    duration = time.monotonic() - begin
    for turn in range(count):
        name = f"killed_{seed}_{turn}"
        process = start(name)
        time.sleep(rng.uniform(0, duration))
        if turn % 2:
            process.kill()
        else:  # the server ends the connection
            rows(
                database,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'geogrounding'",
            )
        process.communicate(timeout=300)
        there = rows(database, f"SELECT to_regclass('work.{name}') IS NOT NULL")[0][0]
        if there:
            assert rows(database, f"SELECT count(*) FROM work.{name}") == [(20000,)]
        again = start(name)
        assert again.communicate(timeout=300)[0] == ("0\n" if there else "20000\n")
        assert rows(database, f"SELECT count(*), count(DISTINCT id), max(id) FROM work.{name}") == [
            (20000, 20000, 20000)
        ]


def test_killed_writers_lose_and_double_nothing(database: Server, tmp_path: Path) -> None:
    check_killed(database, tmp_path, 2, seed=1)


@pytest.mark.slow
def test_twenty_killed_writers(database: Server, tmp_path: Path) -> None:
    check_killed(database, tmp_path, FULL_COUNT, seed=2)


def test_what_is_an_address() -> None:
    assert is_database("postgresql://host/db?table=t")
    assert not is_database("postgresql.gpkg")
    assert not is_database(Path("postgresql://host/db"))
    with pytest.raises(GeogroundingError, match="names no usable table"):
        Table.parse("postgresql://h/db?table=" + "x" * 60)
