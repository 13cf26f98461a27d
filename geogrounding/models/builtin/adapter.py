"""The built-in model as a backend of the pipeline.

An image is looked at once. A question that names a class is answered from the class scores of its regions (``classes``);
any other reads the best regions, thinks in a few words, and names the regions it means (``generation``). The text of an
answer is what the model would write token by token, and boxes keep their fractions.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from geogrounding.errors import ModelError, SettingsError
from geogrounding.models.builtin import BUILTIN_CONVENTIONS, CLASS_GROUND_M
from geogrounding.models.builtin import tokenizer as vocabulary
from geogrounding.models.builtin._compat import bfloat16_is_fast
from geogrounding.models.builtin.classes import LEAST_OF_CLASS, Names, Sought, class_scores, of_class
from geogrounding.models.builtin.generation import name_of, think
from geogrounding.models.builtin.like import LookedAt
from geogrounding.models.builtin.processing import as_rgb, letterbox, normalise
from geogrounding.models.builtin.question_encoder import Seen
from geogrounding.models.builtin.regions import Regions, features_in_the_middle
from geogrounding.models.builtin.register import GeogroundForConditionalGeneration, GeogroundProcessor
from geogrounding.models.builtin.tokenizer import START
from geogrounding.models.hf.checkpoint import quiet
from geogrounding.packaged import folder_name
from geogrounding.types import Answer, Detection, Question

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_THINK = re.compile(r"<think>(.*?)</think>", re.DOTALL)
MAX_PROMPT_TOKENS = 47
"""Words of a question; the reader has one more place, for ``<s>``."""
MAX_THOUGHT = 16
MAX_LABEL = 6
FAINT = 0.02
"""Boxes below this score are noise even where low scores are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """A batch of images, looked at once."""

    regions: Regions
    scores: NDArray[np.float64]
    """(B, K, classes)."""
    seen: Callable[[], Seen]
    """What the language side reads; made when a question needs it."""
    frames: list[tuple[tuple[int, int], float]]
    """Per image its (width, height) and model pixels per image pixel."""


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
        try:
            with quiet():
                self._processor: Any = GeogroundProcessor.from_pretrained(folder)
                model = GeogroundForConditionalGeneration.from_pretrained(
                    folder, dtype=torch.float32, use_safetensors=True
                )
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise ModelError(
                f"the weights in {folder} cannot be loaded: {error}", hint="Reinstall geogrounding."
            ) from error
        self._model: Any = model.eval().requires_grad_(False).to(self._device)
        self._model.vision_tower.to(self._dtype)
        self._model.region_head.to(memory_format=torch.channels_last)
        self._tokenizer: Any = self._processor.tokenizer
        chunks = vocabulary.chunks(self._model.config.image_size)
        self._first_word = int(self._tokenizer.convert_tokens_to_ids(chunks[-1])) + 1
        self._labels: dict[tuple[int, ...], str] = {}
        config = self._model.config
        self._names = Names(config.classes, [word for word in config.taught if isinstance(word, str)])
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
        if self._model is None:
            raise ModelError("the model is closed", hint="Load it again.")
        answers: list[list[Answer]] = []
        for start in range(0, len(images), self.conventions.batch_size):
            answers += self._batch(images[start : start + self.conventions.batch_size], questions)
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
        side_px = self._model.config.image_size
        for n, image in enumerate(images):
            try:
                square, factor = letterbox(as_rgb(image), side_px)
            except ValueError as error:
                out.append(str(error))
                continue
            with torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32):
                maps = self._model.dense_maps(normalise(square[None]).to(self._device))
                regions = self._model.regions_of(maps)
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
                    classes=len(self._model.config.classes),
                )
            )
        return out

    def close(self) -> None:
        """Free the weights."""
        self._model = None

    @torch.inference_mode()
    def _batch(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        out: list[list[Answer]] = [[] for _ in images]
        usable: list[tuple[int, NDArray[np.uint8]]] = []
        for n, image in enumerate(images):
            try:
                usable.append((n, as_rgb(image)))
            except ValueError as error:
                out[n] = [Answer(error=str(error)) for _ in questions]
        if not usable or not questions:
            return out
        boxed = [letterbox(image, self._model.config.image_size) for _, image in usable]
        pixels = normalise(np.stack([square for square, _ in boxed])).to(self._device)
        with torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32):
            maps = self._model.dense_maps(pixels)
            regions = self._model.regions_of(maps)
            looked = _Looked(
                regions=regions,
                scores=class_scores(regions.scores, self._model.config.class_shifts),
                seen=cache(lambda: self._model.seen(maps, regions)),
                frames=[
                    ((image.shape[1], image.shape[0]), factor)
                    for (_, image), (_, factor) in zip(usable, boxed, strict=True)
                ],
            )
            for question in questions:
                sought = self._names.sought(question.expression)
                if sought.plain:
                    answers = self._by_class(question, sought.classes[0], looked)
                elif sought.known:
                    answers = self._by_reading(question, sought, looked)
                else:
                    answers = [_unknown() for _ in usable]
                for (n, _), answer in zip(usable, answers, strict=True):
                    out[n].append(answer)
        return out

    def _by_class(self, question: Question, index: int, looked: _Looked) -> list[Answer]:
        """Answers to a question for a class, by what the regions score for it."""
        name = self._model.config.classes[index]
        answers = []
        for row, frame in enumerate(looked.frames):
            boxes, scores = looked.regions.boxes_px[row].double().cpu().numpy(), looked.scores[row, :, index]
            order = of_class(boxes, scores, least=FAINT)
            if question.task == "refer":
                order = order[:1]
            sure = [k for k in order if scores[k] >= BUILTIN_CONVENTIONS.min_score or question.task == "refer"]
            answers.append(self._answer(name, name, order, sure, boxes, scores, frame))
        return answers

    def _by_reading(self, question: Question, sought: Sought, looked: _Looked) -> list[Answer]:
        """Answers of the language side. Of the classes that a question names, only regions that score for one of them are
        meant: what it says beside them chooses among these.
        """
        seen = looked.seen()
        prompt = self._prompt(question)
        words = torch.tensor(prompt[:-1] or [self._tokenizer.unk_token_id], device=self._device)
        words = words.expand(len(looked.frames), -1)
        read = self._model.read(seen, words, torch.ones_like(words, dtype=torch.bool))
        word = str(self._processor.as_words(sought.taught)) if sought.taught else ""
        thought = think(self._model, read, prompt, most=MAX_THOUGHT, said=self._thought_of(word))
        every = thought.scores(self._model.config).double().cpu().numpy()
        by_class = class_scores(seen.regions.scores, self._model.config.class_shifts)
        answers = []
        for row, frame in enumerate(looked.frames):
            scores, odds = every[row], thought.odds[row].double().cpu().numpy()
            fits = np.ones(len(scores), bool)
            if sought.classes and not sought.names_taught:
                fits = by_class[row][:, list(sought.classes)].max(1) >= LEAST_OF_CLASS
            # the one target of ``refer`` may be faint, as far as it is of a class that was asked for
            least = 0.0 if question.task == "refer" and sought.classes else FAINT
            order = [int(k) for k in np.argsort(-odds, kind="stable") if scores[k] >= least and fits[k]]
            emitted = [k for k in order if odds[k] >= 0]
            if question.task == "refer":
                order, emitted = order[:1], order[:1]
            label = ""
            if order and sought.classes and not sought.names_taught:
                best = by_class[row][order[0], list(sought.classes)].argmax()
                label = self._model.config.classes[sought.classes[int(best)]]
            elif order:
                label = word or self._label(read, row, prompt, thought.tokens[row], order[0])
            said = str(self._tokenizer.decode(thought.tokens[row])).removeprefix(vocabulary.LOOK).strip()
            boxes = read.boxes_px[row].double().cpu().numpy()
            answers.append(self._answer(said, label, order, emitted, boxes, scores, frame))
        return answers

    def _answer(
        self,
        sought: str,
        label: str,
        order: Sequence[int],
        emitted: Sequence[int],
        boxes_px: NDArray[np.float64],
        scores: NDArray[np.float64],
        frame: tuple[tuple[int, int], float],
    ) -> Answer:
        """One answer: detections in pixels of the image, and the text of the boxes that the model is sure of."""
        size, factor = frame
        detections = []
        for k in order:
            x0, y0, x1, y1 = (
                min(max(float(v) / factor, 0.0), float(size[side % 2])) for side, v in enumerate(boxes_px[k])
            )
            if x1 > x0 and y1 > y0:
                detections.append(Detection(box_chip_px=(x0, y0, x1, y1), label=label, score=float(scores[k])))
        side_px = self._model.config.image_size
        text = vocabulary.answer_text(sought, label, boxes_px[list(emitted)].tolist(), side_px=side_px)
        reasoning = _THINK.search(text)
        return Answer(
            reasoning=reasoning.group(1).strip() if reasoning else "", detections=tuple(detections), raw_text=text
        )

    def _thought_of(self, word: str) -> list[int]:
        """Ids of the thought about a word; none for none."""
        if not word:
            return []
        ids: list[int] = self._tokenizer(f"{vocabulary.LOOK} {word}", add_special_tokens=False)["input_ids"]
        return ids

    def _label(self, read: Any, row: int, prompt: Sequence[int], tokens: Sequence[int], region: int) -> str:
        """What the model calls a region; asked once for everything that is looked for in the same words."""
        key = tuple(tokens)
        if key not in self._labels:
            if len(self._labels) >= 4096:
                self._labels.clear()
            one = replace(
                read,
                embeds=read.embeds[row : row + 1],
                relevance=read.relevance[row : row + 1],
                boxes_px=read.boxes_px[row : row + 1],
            )
            said = [*prompt, *tokens, self._model.config.see_token_id]
            ids = name_of(self._model, one, said, region, most=MAX_LABEL)
            self._labels[key] = str(self._tokenizer.decode(ids)).strip() or vocabulary.ANYTHING
        return self._labels[key]

    def _prompt(self, question: Question) -> list[int]:
        task = "detect" if question.task == "segment" else question.task  # masks are drawn from boxes
        ids: list[int] = self._tokenizer(f"{task}: {question.expression}", add_special_tokens=False)["input_ids"]
        # words of a user cannot stand for images, pretend to be an answer or end the prompt
        words = [i for i in ids[:MAX_PROMPT_TOKENS] if i >= self._first_word or i == self._tokenizer.unk_token_id]
        return [*words, int(self._tokenizer.convert_tokens_to_ids(START))]


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
