"""A run in a process of its own, to be killed: ``python -m tests.fault.run_blobs SCENE OUTPUT``."""

from __future__ import annotations

import sys
from pathlib import Path

from geogrounding.pipeline import run
from geogrounding.settings import RunSettings
from tests.blobs import BlobModel

if __name__ == "__main__":
    scene, output = sys.argv[1:]
    print("started", flush=True)
    run(
        RunSettings(source=scene, expressions=("bright", "light")),
        Path(output),
        model=BlobModel(batch_size=2),
        resume=True,
    )
