"""Texts from users and models are data: every format stores them as they are and gives them back."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import pytest

from geogrounding.io.destination import EXTENSIONS
from geogrounding.io.tables import storable
from geogrounding.io.write_layer import write_layer
from tests.unit.features import UTM, some_features

SEEDS = [
    "'; DROP TABLE ships; --",
    '"); DELETE FROM gpkg_contents; --',
    "' OR '1'='1",
    "1; ATTACH DATABASE '/etc/passwd' AS x",
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "<a href='javascript:alert(1)'>ship</a>",
    "[% @layer_name %] [% eval('1+1') %]",
    '=HYPERLINK("http://example.com","ship")',
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=1+1",
    '{"a": 1}',
    "[1, 2, 3]",
    '"quoted"',
    "null",
    "NaN",
    "true",
    "1e999",
    "0012",
    "2024-01-01T00:00:00Z",
    "two\nlines",
    "carriage\r\nreturn",
    "tab\tand \x0b vertical",
    "bell \x07 escape \x1b[31m red",
    "backspace \x08\x08 delete \x7f",
    "next line \x85 and \u2028 and \u2029",
    "nul \x00 in the middle",
    "\x00",
    "lone \ud800 high",
    "lone \udfff low",
    "\udc80\udc81",
    "bidi \u202eevil\u202c and \u2066isolate\u2069",
    "zero\u200bwidth\u200djoiner\ufeff",
    "combining e\u0301 and precomposed é",
    "飛行機 самолёт طائرة 🛩️",
    "\ufffe\uffff noncharacters",
    "\U0010ffff",
    "../../etc/passwd",
    "%s%s%n {0} {self.__class__} $(reboot) `reboot` ${HOME}",
    "\\'\\\"\\\\n",
    "]]> <![CDATA[ &amp; &#x41; <!ENTITY x SYSTEM 'file:///etc/passwd'>",
    "",
    " ",
    "  leading and trailing  ",
    "x" * 100_000,
    "é" * 30_000,
    "\n" * 1_000,
]
PAYLOADS = [text for seed in SEEDS for text in (seed, seed + seed[:40][::-1], f"ship {seed}", f"\"{seed}'")]


def test_there_are_two_hundred() -> None:
    assert len(PAYLOADS) == 200


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("field", ["query", "label", "reasoning"])
def test_payloads_are_stored_literally(tmp_path: Path, extension: str, field: str) -> None:
    model = some_features(1)[0]
    features = [replace(model, id=i + 1, **{field: text}) for i, text in enumerate(PAYLOADS)]  # type: ignore[arg-type]
    path = tmp_path / f"ships{extension}"
    write_layer(path, features, crs=UTM, metadata={"expressions": PAYLOADS})
    expected = [storable(text) for text in PAYLOADS]
    if extension == ".geojson":
        found = [feature["properties"][field] for feature in json.loads(path.read_text("utf-8"))["features"]]
    elif extension == ".geojsonl":
        found = [json.loads(line)["properties"][field] for line in path.read_text("utf-8").split("\n")[:-1]]
    else:
        frame = gpd.read_parquet(path) if extension == ".parquet" else gpd.read_file(path)
        found = frame.sort_values("id")[field].tolist()
    assert found == expected
    assert json.loads(Path(f"{path}.run.json").read_text("utf-8"))["expressions"] == expected


def test_what_no_format_can_hold_is_replaced_and_nothing_else() -> None:
    assert storable("a\x00b\ud800c\udfffd") == "a\ufffdb\ufffdc\ufffdd"
    kept = "".join(chr(code) for code in [*range(1, 0xD800), *range(0xE000, 0x11000), 0x10FFFF])
    assert storable(kept) == kept


def test_a_layer_name_is_data_too(tmp_path: Path) -> None:
    for number, name in enumerate(["'; drop table x; --", 'quo"te', "[% 1+1 %]", "spaces and ünïcode", "a" * 150]):
        path = tmp_path / f"{name}.gpkg"
        write_layer(path, some_features(number + 1), crs=UTM, metadata={})
        shutil.copy(path, tmp_path / "plain.gpkg")  # GDAL itself cannot open every path
        assert len(gpd.read_file(tmp_path / "plain.gpkg")) == number + 1
