"""Results in an object store and rasters read from one: a real server of the S3 protocol, and servers that refuse."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest

from tests.blobs import BlobModel
from tests.kinds.doors import command
from tests.rasters import write
from tests.stores import BUCKET, SECRET, Store, store
from tests.web import Web, serve


@pytest.fixture(scope="module")
def running() -> Iterator[Store]:
    with store() as made:
        yield made


@pytest.fixture
def bucket(running: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    running.empty()
    use(running.address, tmp_path, monkeypatch)
    return running


def use(address: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setattr("geogrounding.models.load.load_model", lambda *_, **__: BlobModel())
    (folder / "work").mkdir()
    monkeypatch.chdir(folder / "work")


def scene(folder: Path) -> Path:
    values = np.ones((3, 128, 128), np.uint8)
    values[:, 40:60, 30:50] = 250
    return write(folder / "a.tif", values, photometric="rgb")


def test_a_layer_and_its_description_are_uploaded(bucket: Store, tmp_path: Path) -> None:
    """The bytes are those of a local run, nothing stays here, and no secret is anywhere."""
    raster = scene(tmp_path)
    address = f"s3://{BUCKET}/out/ships.fgb"
    result = command("run", raster, "bright", "-o", address)
    assert result.exit_code == 0, result.output
    assert command("run", raster, "bright", "-o", tmp_path / "ships.fgb").exit_code == 0
    assert sorted(bucket.keys()) == ["out/ships.fgb", "out/ships.fgb.run.json"]
    assert bucket.get("out/ships.fgb") == (tmp_path / "ships.fgb").read_bytes()
    assert json.loads(bucket.get("out/ships.fgb.run.json"))["layer"]["features"] == 1
    assert list(Path().iterdir()) == []
    assert SECRET not in result.output
    assert SECRET.encode() not in bucket.get("out/ships.fgb.run.json")
    again = command("run", raster, "bright", "-o", address)
    assert again.exit_code == 5
    assert "exists" in again.output
    assert list(Path().glob("*.journal")) == []
    assert command("run", raster, "bright", "-o", address, "--overwrite").exit_code == 0
    assert command("run", raster, "bright", "-o", address, "--append").exit_code == 5


def test_a_raster_is_read_from_a_store(bucket: Store, tmp_path: Path) -> None:
    raster = scene(tmp_path)
    bucket.put("in/a.tif", raster.read_bytes())
    result = command("run", f"s3://{BUCKET}/in/a.tif", "bright", "-o", tmp_path / "a.gpkg")
    assert result.exit_code == 0, result.output
    assert len(pyogrio.read_dataframe(tmp_path / "a.gpkg")) == 1
    missing = command("run", f"s3://{BUCKET}/in/none.tif", "bright", "-o", tmp_path / "b.gpkg")
    assert missing.exit_code == 3
    assert SECRET not in missing.output
    assert SECRET not in (tmp_path / "a.gpkg.run.json").read_text()


def test_a_batch_into_a_store(bucket: Store, tmp_path: Path) -> None:
    raster = scene(tmp_path)
    bucket.put("in/b.tif", raster.read_bytes())
    (tmp_path / "q.txt").write_text("bright\n")
    arguments = (
        "batch",
        raster,
        f"s3://{BUCKET}/in/b.tif",
        "--queries",
        tmp_path / "q.txt",
        "-o",
        f"s3://{BUCKET}/out/",
    )
    result = command(*arguments, "-f", "gpkg")
    assert result.exit_code == 0, result.output
    assert {"out/a.gpkg", "out/b.gpkg", "out/a.gpkg.run.json", "out/b.gpkg.run.json"} <= set(bucket.keys())
    assert ".check" not in " ".join(bucket.keys())
    assert [path.name for path in Path().iterdir()] == ["out.summary.csv"]
    resumed = command(*arguments, "-f", "gpkg", "--resume", "--progress", "json")
    assert resumed.exit_code == 0
    assert resumed.output.count('"kept": true') == 2


def refusing(status: int, code: str, *, only: str = "") -> Any:
    """Answers every request, or only those of a name, with an error of S3; takes the others."""

    def answer(web: Web, path: str, *_: Any) -> tuple[int, dict[str, str], bytes]:
        method_is_head = web.asked[-1] == path and not only
        if only and not path.endswith(only):
            return 200, {"ETag": '"x"'}, b""
        body = f"<Error><Code>{code}</Code><Message>not here</Message></Error>".encode()
        return (404 if method_is_head and status == 0 else status), {}, body

    return answer


class Refusing(dict[str, Any]):
    """One answer for every path."""

    def __init__(self, route: Any) -> None:
        super().__init__()
        self.route = route

    def get(self, key: str, default: Any = None) -> Any:
        return self.route


@pytest.mark.parametrize(("status", "code"), [(403, "AccessDenied"), (404, "NoSuchBucket"), (400, "InvalidBucketName")])
def test_a_store_that_refuses_does_so_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, code: str
) -> None:
    asked: list[int] = []
    with serve(tmp_path) as web:
        web.routes = Refusing(refusing(status, code))
        use(web.base, tmp_path, monkeypatch)
        monkeypatch.setattr("geogrounding.models.load.load_model", lambda *_, **__: asked.append(1))
        result = command("run", scene(tmp_path), "bright", "-o", f"s3://{BUCKET}/a.gpkg", "--overwrite")
    assert result.exit_code == 5, result.output
    (line,) = [line for line in result.output.splitlines() if line.startswith("Error")]
    assert f"s3://{BUCKET}/a.gpkg" in line
    assert code in line or str(status) in line
    assert SECRET not in result.output
    assert asked == []


def test_a_store_that_is_full_leaves_the_layer_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The layer's own upload is refused after the check passed: it is kept and named, and --resume uploads it."""
    raster = scene(tmp_path)
    with serve(tmp_path) as web:
        web.routes = Refusing(refusing(403, "QuotaExceeded", only="/a.gpkg"))
        use(web.base, tmp_path, monkeypatch)
        result = command("run", raster, "bright", "-o", f"s3://{BUCKET}/a.gpkg", "--overwrite")
        assert result.exit_code == 5, result.output
        assert "QuotaExceeded" in result.output
        kept = re.search(r"complete in (upload-a\.gpkg-\w+/a\.gpkg)", result.output.replace("\n", " "))
        assert kept is not None
        assert len(pyogrio.read_dataframe(kept[1])) == 1
        web.routes = Refusing(lambda *_: (200, {"ETag": '"x"'}, b""))
        again = command("run", raster, "bright", "-o", f"s3://{BUCKET}/a.gpkg", "--resume")
        assert again.exit_code == 0, again.output
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    "address", ["s3://", "s3://bucket", "s3://bucket/", "s3://key:secret@bucket/a.gpkg", "s3://b/../a.gpkg"]
)
def test_addresses_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    use("http://127.0.0.1:9", tmp_path, monkeypatch)
    result = command("run", scene(tmp_path), "bright", "-o", address)
    assert result.exit_code in (2, 5), result.output
    assert "secret" not in result.output
    assert list(Path().iterdir()) == []
