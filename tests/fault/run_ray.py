"""A run over a Ray cluster, to be killed: ``python -m tests.fault.run_ray SCENE OUTPUT ADDRESS``."""

from __future__ import annotations

import sys
from pathlib import Path

from geogrounding.distributed.ray import RayExecutor
from geogrounding.pipeline import run
from tests.blobs import BlobModel


def load() -> BlobModel:
    return BlobModel(batch_size=3)


if __name__ == "__main__":
    scene, output, address = sys.argv[1:]
    with RayExecutor(address=address, workers=2) as executor:
        run(scene, Path(output), "bright", "light", model=load, resume=True, executor=executor)
