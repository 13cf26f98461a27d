"""The model that stays loaded from one request to the next, and how fast it was on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geogrounding.engine.parameters import Load
from geogrounding.models.base import Conventions, Model, Writer
from geogrounding.types import Answer, Question


class Guarded:
    """A model whose answering can be interrupted, and that stays open when a run closes it."""

    def __init__(self, model: Model, interruptible: Callable[[], AbstractContextManager[None]]) -> None:
        self._model, self._interruptible = model, interruptible
        self.name: str = model.name
        self.fingerprint: str = model.fingerprint
        self.conventions: Conventions = model.conventions
        if isinstance(model, Writer):
            self.write = self._write
        look_at = getattr(model, "look_at", None)
        if look_at is not None:  # only the built-in model can look for what resembles examples
            self.look_at = self._guarded(look_at)

    def _write(self, prompt: str, *, max_tokens: int) -> str:
        with self._interruptible():
            written: str = self._model.write(prompt, max_tokens=max_tokens)  # type: ignore[attr-defined] # a Writer
        return written

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        """As the model does."""
        with self._interruptible():
            return self._model.ground(images, questions)

    def close(self) -> None:
        """Nothing: the next request needs it."""

    def _guarded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*values: Any) -> Any:
            with self._interruptible():
                return function(*values)

        return call


@dataclass(slots=True)
class Speed:
    """Seconds per chip that was looked at, by number of questions."""

    seconds_per_chip: dict[int, float] = field(default_factory=dict)

    def record(self, questions: int, seconds_per_chip: float) -> None:
        """Keep a measurement; the latest is the best guess."""
        self.seconds_per_chip[questions] = seconds_per_chip

    def guess(self, questions: int) -> float | None:
        """Seconds per chip; from another number of questions in proportion, which is too long rather than too short:
        the questions of a chip share the work on the image.
        """
        if questions in self.seconds_per_chip:
            return self.seconds_per_chip[questions]
        nearest = min(self.seconds_per_chip, key=lambda known: abs(known - questions), default=None)
        if nearest is None:
            return None
        return self.seconds_per_chip[nearest] * max(1.0, questions / nearest)


class WarmModel:
    """At most one model, loaded when it is asked for."""

    def __init__(self, interruptible: Callable[[], AbstractContextManager[None]]) -> None:
        self._interruptible = interruptible
        self._model: Model | None = None
        self._key = ""
        self._speeds: dict[str, Speed] = {}

    def loaded(self, wanted: Load) -> bool:
        """Whether this very model is there."""
        return self._model is not None and self._key == _key(wanted)

    def speed(self, wanted: Load, *, like: bool = False) -> Speed:
        """What is known of its speed at questions, or at looking for what resembles examples."""
        return self._speeds.setdefault(f"{'like ' if like else ''}{_key(wanted)}", Speed())

    def get(self, wanted: Load) -> Guarded:
        """The model; another one that was loaded is closed first, since two may not fit.

        Raises:
            SettingsError: its options do not go together.
            ModelError: it cannot be loaded.
        """
        if not self.loaded(wanted):
            from geogrounding.models import load

            if self._model is not None:
                self._model.close()
                self._model = None
            self._model = load.load_model(wanted.model, **wanted.model_options.given())
            self._key = _key(wanted)
        assert self._model is not None
        return Guarded(self._model, self._interruptible)


def _key(wanted: Load) -> str:
    return json.dumps([wanted.model, wanted.model_options.given()], sort_keys=True)
