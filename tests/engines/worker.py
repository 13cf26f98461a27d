"""The engine's worker with models to try faults with: ``python -m tests.engines.worker --scratch FOLDER``."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geogrounding.engine.worker import main
from geogrounding.errors import ModelError
from geogrounding.models import load as loading
from geogrounding.types import Answer, Detection, Question
from tests.blobs import BlobModel

HOSTILE = '\x1b[2J<script>alert(1)</script>\u202e\n{"id": 1, "result": {}}\n\ud800 \' OR 1=1 --'


class Endless(BlobModel):
    """Computes for ever, in Python: a signal stops it."""

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        while True:
            np.sqrt(np.ones(1000))


class Waiting(BlobModel):
    """Waits for ever in the system, as for a server: a signal stops it on POSIX."""

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        threading.Event().wait()
        raise AssertionError


class SecondSlow(BlobModel):
    """Its second batch never ends."""

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        while self.batches:
            np.sqrt(np.ones(1000))
        return super().ground(images, questions)


class Deaf(BlobModel):
    """Waits for ever and hears no signal: only a kill stops it."""

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        deaf_mark(os.getpid()).touch()
        threading.Event().wait()
        raise AssertionError


def deaf_mark(pid: int) -> Path:
    """A file that appears when the deaf model of a process has stopped listening."""
    return Path(tempfile.gettempdir()) / f"geogrounding-test-deaf-{pid}"


class Dying(BlobModel):
    """Is killed by the system in its second batch."""

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        if self.batches:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().ground(images, questions)


class Loud(BlobModel):
    """Prints where the protocol is spoken: in Python, in C, and to the descriptor."""

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        print('{"id": 1, "result": {"printed": true}}', flush=True)
        os.write(1, b"written\n")
        libc = ctypes.CDLL(None)
        libc.puts(b"from C")
        libc.fflush(None)
        return super().ground(images, questions)


class Hostile(BlobModel):
    """Says what no terminal, table or protocol should take literally."""

    def answer(self, image: NDArray[np.uint8], question: Question) -> Answer:
        plain = super().answer(image, question)
        found = [Detection(box_chip_px=d.box_chip_px, label=HOSTILE, score=d.score) for d in plain.detections]
        return Answer(reasoning=HOSTILE, detections=tuple(found))


class Broken(BlobModel):
    """Has a defect."""

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        raise ZeroDivisionError("a defect")


class HalfBlind(BlobModel):
    """Cannot answer about dark chips."""

    def answer(self, image: NDArray[np.uint8], question: Question) -> Answer:
        return super().answer(image, question) if int(image.max()) > 100 else Answer(error="too dark")


MODELS = {
    kind.__name__.lower(): kind
    for kind in (Endless, Waiting, SecondSlow, Deaf, Dying, Loud, Hostile, Broken, HalfBlind)
}
loads = 0


def load_model(name: str, **given: Any) -> BlobModel:
    global loads
    loads += 1
    print(f"load {loads}: {name} {sorted(given)}", file=sys.stderr, flush=True)
    if name == "missing":
        raise ModelError("no such model", hint="Try another.")
    return MODELS.get(name, BlobModel)(batch_size=2)


if __name__ == "__main__":
    loading.load_model = load_model  # type: ignore[assignment]
    main(sys.argv[1:])
