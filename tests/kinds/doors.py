"""The command line and the pipeline, as the tests of kinds use them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyogrio
from click.testing import CliRunner, Result
from geogrounding_cli.main import geoground
from shapely.geometry.base import BaseGeometry

from geogrounding.execution.report import RunReport
from geogrounding.pipeline import run
from geogrounding.settings import RunSettings
from tests.blobs import BlobModel


def command(*arguments: object) -> Result:
    """``geoground ARGUMENTS`` in this process."""
    return CliRunner().invoke(geoground, [str(argument) for argument in arguments])


def go(source: Path, output: Path, *, model: BlobModel | None = None, **settings: Any) -> RunReport:
    """Find what is bright in a scene."""
    ours = {name: settings.pop(name) for name in ("overwrite", "dst_crs", "preview") if name in settings}
    return run(
        RunSettings(source=str(source), expressions=("bright",), **settings), output, model=model or BlobModel(), **ours
    )


def polygons(path: Path, layer: str | None = None) -> list[BaseGeometry]:
    """The geometries of a layer."""
    return list(pyogrio.read_dataframe(path, layer=layer).geometry)
