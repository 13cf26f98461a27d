"""qgis_process without a desktop, with the real engine and the built-in model."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from conftest import ENGINE, ROOT
from qgis.core import QgsVectorLayer

sys.path.insert(0, str(ROOT / "qgis_plugin"))
from package import build

PROCESS = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
MANUAL = ROOT / "docs" / "qgis.md"
pytestmark = [
    pytest.mark.skipif(PROCESS is None, reason="no qgis_process"),
    pytest.mark.skipif(not ENGINE.is_file(), reason="no engine: make .venv first"),
]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A profile that has never been used, with the zip installed and enabled."""
    home = tmp_path_factory.mktemp("home")
    with zipfile.ZipFile(build(home / "dist")) as archive:
        archive.extractall(home / "plugins")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment |= {
        "QT_QPA_PLATFORM": "offscreen",
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),
        "QGIS_PLUGINPATH": str(home / "plugins"),
        "QGIS_CUSTOM_CONFIG_PATH": str(home / "config"),
        "GEOGROUND_ENGINE": str(ENGINE),
    }
    (name,) = re.findall(r"^qgis_process plugins enable (\S+)$", MANUAL.read_text(encoding="utf-8"), re.MULTILINE)
    call(environment, "plugins", "enable", name)
    return environment


def call(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run([PROCESS, *arguments], env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run(environment: dict[str, str], name: str, **parameters: Any) -> dict[str, Any]:
    given = [f"{key}={value}" for key, value in parameters.items()]
    return json.loads(call(environment, "--json", "run", f"geogrounding:{name}", "--", *given))["results"]


def test_ground(environment: dict[str, str], scene: Path, tmp_path: Path) -> None:
    found = run(environment, "ground", INPUT=scene, EXPRESSIONS="tree", MIN_SCORE=0, OUTPUT=tmp_path / "trees.gpkg")
    layer = QgsVectorLayer(found["OUTPUT"], "trees")
    assert layer.isValid()
    assert layer.featureCount() == found["COUNT"] > 0
    assert layer.crs().authid() == "EPSG:32617"


def test_nothing_found_is_an_empty_layer(environment: dict[str, str], scene: Path, tmp_path: Path) -> None:
    """With the model that finds nothing and needs no weights."""
    found = run(environment, "ground", INPUT=scene, EXPRESSIONS="tree", MODEL="null", OUTPUT=tmp_path / "none.gpkg")
    layer = QgsVectorLayer(found["OUTPUT"], "none")
    assert layer.isValid()
    assert layer.featureCount() == found["COUNT"] == 0
    assert layer.crs().authid() == "EPSG:32617"


def test_batch(environment: dict[str, str], scene: Path, tmp_path: Path) -> None:
    found = run(environment, "groundbatch", INPUT=scene, EXPRESSIONS="tree", MODEL="null", OUTPUT=tmp_path / "all")
    assert found["FAILED"] == 0
    assert "OSBS_029" in (tmp_path / "all" / "summary.csv").read_text(encoding="utf-8")


def test_a_training_set(environment: dict[str, str], scene: Path, tmp_path: Path) -> None:
    """Polygons in another coordinate system than the raster's; the chips are cut by the real engine."""
    examples = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"kind": "shed"},
                "geometry": {
                    "type": "Polygon",
                    "coordinates": [[[x, 29.6924], [x + 4e-5, 29.6924], [x + 4e-5, 29.69245], [x, 29.6924]]],
                },
            }
            for x in (-81.99, -81.9899, -81.9898)
        ],
    }
    (tmp_path / "sheds.geojson").write_text(json.dumps(examples))
    found = run(
        environment,
        "trainingset",
        INPUT=scene,
        EXAMPLES=tmp_path / "sheds.geojson",
        FIELD="kind",
        OUTPUT=tmp_path / "set",
    )
    assert found["COUNT"] > 0
    lines = Path(found["DATA"]).read_text(encoding="utf-8").splitlines()
    assert len(lines) == found["COUNT"]
    assert "shed" in lines[0]


def test_fine_tune(environment: dict[str, str], scene: Path, tmp_path: Path) -> None:
    """A short training with the real engine; the new model answers."""
    found = run(environment, "ground", INPUT=scene, EXPRESSIONS="tree", MIN_SCORE=0.6, OUTPUT=tmp_path / "trees.gpkg")
    taught = run(
        environment,
        "finetune",
        INPUT=scene,
        EXAMPLES=found["OUTPUT"],
        EXPRESSION="scrub oak",
        STEPS=2,
        OUTPUT=tmp_path / "oaks",
    )
    model = Path(taught["MODEL_NAME"])
    assert json.loads((model / "training.json").read_text(encoding="utf-8"))["taught"] == ["scrub oak"]
    again = run(
        environment, "ground", INPUT=scene, EXPRESSIONS="tree", MODEL=model, MIN_SCORE=0, OUTPUT=tmp_path / "again.gpkg"
    )
    assert again["COUNT"] > 0


def test_the_algorithms_are_listed(environment: dict[str, str]) -> None:
    listed = call(environment, "list")
    for name in ("ground", "groundbatch", "trainingset", "finetune"):
        assert f"geogrounding:{name}\t" in listed


def test_without_an_engine_it_says_what_to_do(environment: dict[str, str], scene: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            PROCESS,
            "run",
            "geogrounding:ground",
            "--",
            f"INPUT={scene}",
            "EXPRESSIONS=tree",
            f"OUTPUT={tmp_path}/x.gpkg",
        ],
        env={**environment, "GEOGROUND_ENGINE": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "No engine is set up" in done.stdout + done.stderr
    assert not (tmp_path / "x.gpkg").exists()
