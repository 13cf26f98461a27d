"""The built-in model as a backend of the pipeline.

An image is looked at once. A question that names a class is answered from the class scores of its regions (``classes``);
any other reads the best regions, thinks in a few words, and names the regions it means (``generation``). The text of an
answer is what the model would write token by token, and boxes keep their fractions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from geogrounding.errors import ModelError, SettingsError
from geogrounding.models.builtin import BUILTIN_CONVENTIONS, CLASS_GROUND_M
from geogrounding.models.builtin import tokenizer as vocabulary
from geogrounding.models.builtin._compat import bfloat16_is_fast
from geogrounding.models.builtin.answers import FAINT, Looked, answer_of
from geogrounding.models.builtin.classes import Names, Sought, class_scores, of_class
from geogrounding.models.builtin.like import LookedAt
from geogrounding.models.builtin.pixels import as_rgb, letterbox, normalise
from geogrounding.models.builtin.regions import features_in_the_middle
from geogrounding.models.builtin.vision import load_vision
from geogrounding.packaged import folder_name
from geogrounding.types import Answer, Question

if TYPE_CHECKING:
    from geogrounding.models.builtin.reading import ReadingPart

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class BuiltinModel:
    """Answers questions about chips; see ``builtin.load``."""

    def __init__(self, folder: Path, *, device: str | None, dtype: str | None, batch_size: int | None) -> None:
        if dtype is not None and dtype not in _DTYPES:
            raise SettingsError(f"dtype {dtype!r} is unknown", hint=f"Choose one of: {', '.join(_DTYPES)}.")
        if batch_size is not None and not 1 <= batch_size <= 4096:
            raise SettingsError(f"batch size {batch_size} is outside 1 to 4096")
        try:
            self._device = torch.device(device or "cpu")
            torch.zeros(1, device=self._device)
        except (RuntimeError, AssertionError) as error:
            raise ModelError(
                f"device {device!r} cannot be used: {error}", hint='The built-in model runs on "cpu".'
            ) from error
        self._dtype = _DTYPES[dtype] if dtype else fast_dtype(self._device)
        weights = sorted(folder.glob("*.safetensors"))
        if not weights:
            raise ModelError(
                f"no weights in {folder}", hint="Reinstall geogrounding, or give a folder made by its training."
            )
        self._folder, self._open = folder, True
        self._reading: ReadingPart | None = None
        with self._loading():
            self._vision = load_vision(folder).to(self._device)
        self._vision.vision_tower.to(self._dtype)
        self._vision.region_head.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # documented, not in its stubs
        config = self._vision.config
        self._names = Names(config.classes, config.taught)
        digest = hashlib.sha256()
        for file in (*weights, folder / "tokenizer.json", folder / "config.json"):
            digest.update(file.read_bytes())
        self.name = folder_name(folder)
        self.fingerprint = f"builtin:{digest.hexdigest()[:16]}:{str(self._dtype).removeprefix('torch.')}"
        self.conventions = replace(
            BUILTIN_CONVENTIONS,
            batch_size=batch_size or BUILTIN_CONVENTIONS.batch_size,
            taught=self._names.taught_names,
            classes={name: CLASS_GROUND_M.get(name, ()) for name in config.classes},
        )

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        """Answer every question about every image; see ``Model.ground``."""
        if not self._open:
            raise ModelError("the model is closed", hint="Load it again.")
        sought = [self._names.sought(question.expression) for question in questions]
        if self._reading is None and any(one.known and not one.plain for one in sought):
            from geogrounding.models.builtin.reading import ReadingPart

            with self._loading():
                self._reading = ReadingPart(self._folder, self._device)
        answers: list[list[Answer]] = []
        for start in range(0, len(images), self.conventions.batch_size):
            answers += self._batch(
                images[start : start + self.conventions.batch_size], list(zip(questions, sought, strict=True))
            )
        return answers

    @torch.inference_mode()
    def look_at(
        self, images: Sequence[NDArray[np.uint8]], given_px: Sequence[NDArray[np.float64]] | None = None
    ) -> list[LookedAt | str]:
        """What is seen of each image, with no question: regions and their features, or why it cannot be looked at.

        Args:
            images: as of ``ground``.
            given_px: (G, 4) boxes in each image whose features are wanted as well.
        """
        out: list[LookedAt | str] = []
        side_px = self._vision.config.image_size
        for n, image in enumerate(images):
            try:
                square, factor = letterbox(as_rgb(image), side_px)
            except ValueError as error:
                out.append(str(error))
                continue
            with torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32):
                maps = self._vision.dense_maps(normalise(square[None]).to(self._device))
                regions = self._vision.regions_of(maps)
            real = regions.scores[0].amax(-1) > 0
            mine = regions.boxes_px[0][real]
            given = torch.zeros(0, 4) if given_px is None else torch.from_numpy(given_px[n] * factor).float()
            limit = torch.tensor([image.shape[1], image.shape[0]] * 2)
            out.append(
                LookedAt(
                    boxes_px=torch.minimum(mine.double().cpu() / factor, limit).numpy(),
                    objectness=regions.scores[0][real][:, -1].double().cpu().numpy(),
                    features=features_in_the_middle(maps, mine, side_px).cpu().numpy(),
                    given=features_in_the_middle(maps, given.to(mine), side_px).cpu().numpy(),
                    classes=len(self._vision.config.classes),
                )
            )
        return out

    def close(self) -> None:
        """Free the weights."""
        self._open, self._reading = False, None
        del self._vision

    @contextmanager
    def _loading(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise ModelError(
                f"the weights in {self._folder} cannot be loaded: {error}", hint="Reinstall geogrounding."
            ) from error

    @torch.inference_mode()
    def _batch(
        self, images: Sequence[NDArray[np.uint8]], asked: Sequence[tuple[Question, Sought]]
    ) -> list[list[Answer]]:
        out: list[list[Answer]] = [[] for _ in images]
        usable: list[tuple[int, NDArray[np.uint8]]] = []
        for n, image in enumerate(images):
            try:
                usable.append((n, as_rgb(image)))
            except ValueError as error:
                out[n] = [Answer(error=str(error)) for _ in asked]
        if not usable or not asked:
            return out
        boxed = [letterbox(image, self._vision.config.image_size) for _, image in usable]
        pixels = normalise(np.stack([square for square, _ in boxed])).to(self._device)
        with torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32):
            maps = self._vision.dense_maps(pixels)
            regions = self._vision.regions_of(maps)
            looked = Looked(
                regions=regions,
                scores=class_scores(regions.scores, self._vision.config.class_shifts),
                maps=maps,
                frames=[
                    ((image.shape[1], image.shape[0]), factor)
                    for (_, image), (_, factor) in zip(usable, boxed, strict=True)
                ],
            )
            for question, sought in asked:
                if sought.plain:
                    answers = self._by_class(question, sought.classes[0], looked)
                elif sought.known and self._reading is not None:
                    answers = self._reading.answers(question, sought, looked)
                else:
                    answers = [_unknown() for _ in usable]
                for (n, _), answer in zip(usable, answers, strict=True):
                    out[n].append(answer)
        return out

    def _by_class(self, question: Question, index: int, looked: Looked) -> list[Answer]:
        """Answers to a question for a class, by what the regions score for it."""
        name = self._vision.config.classes[index]
        answers = []
        for row, frame in enumerate(looked.frames):
            boxes, scores = looked.regions.boxes_px[row].double().cpu().numpy(), looked.scores[row, :, index]
            order = of_class(boxes, scores, least=FAINT)
            if question.task == "refer":
                order = order[:1]
            sure = [k for k in order if scores[k] >= BUILTIN_CONVENTIONS.min_score or question.task == "refer"]
            answers.append(answer_of(name, name, order, sure, boxes, scores, frame, self._vision.config.image_size))
        return answers


def _unknown() -> Answer:
    """No answer to a question that names nothing the model knows."""
    return Answer(
        reasoning="No word of the query names a class that this model knows.",
        raw_text=vocabulary.answer_text(vocabulary.ANYTHING, "", [], side_px=1),
    )


def fast_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where it is computed in hardware, else float32."""
    if device.type == "cuda":
        return torch.bfloat16
    if device.type == "cpu" and bfloat16_is_fast():
        return torch.bfloat16
    return torch.float32
