"""The worker of a service under test: its models are those of ``worker.py``, by the name of their folder."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geogrounding.engine.jobs import Jobs
from geogrounding.engine.worker import main
from geogrounding.models import load as loading
from geogrounding.types import Answer, Question
from tests.blobs import BlobModel
from tests.engines.worker import MODELS

GATE = "GEOGROUND_TEST_GATE"
"""A file: as long as it is there, the model ``gated`` answers one batch and then waits."""


class Gated(BlobModel):
    """Answers one batch each time that a file is made, and the others once it is gone."""

    _answered: int | None = None

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        while (shut := _made(Path(os.environ[GATE]))) is not None and shut == self._answered:
            time.sleep(0.02)
        self._answered = shut
        return super().ground(images, questions)


def _made(gate: Path) -> int | None:
    try:
        return gate.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def load_model(name: str, **_given: Any) -> BlobModel:
    kinds = {**MODELS, "gated": Gated}
    return kinds.get(Path(name).name, BlobModel)(batch_size=2)


if __name__ == "__main__":
    Jobs._measure = lambda *_: 0.01  # type: ignore[method-assign]
    loading.load_model = load_model  # type: ignore[assignment]
    main(sys.argv[1:])
