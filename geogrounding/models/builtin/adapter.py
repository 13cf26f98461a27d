"""The embedded model as a backend of the pipeline.

A picture is looked at once (``encode_images``); every question reads its regions anew, thinks in a few words, and names the
regions it means (``decoding``). What the model says is what it would write token by token, and boxes keep their fractions.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from geogrounding.errors import ModelError, SettingsError
from geogrounding.models.builtin import BUILTIN_CONVENTIONS, WEIGHTS
from geogrounding.models.builtin import tokenizer as vocabulary
from geogrounding.models.builtin.generation import name_of, think
from geogrounding.models.builtin.processing import as_rgb, letterbox, normalise
from geogrounding.models.builtin.register import GeogroundForConditionalGeneration, GeogroundProcessor
from geogrounding.models.builtin.tokenizer import START
from geogrounding.models.hf.checkpoint import quiet
from geogrounding.query.lexicon import SYNONYMS, category_of, words_for
from geogrounding.query.parser import read_expression
from geogrounding.types import Answer, Detection, Question

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_THINK = re.compile(r"<think>(.*?)</think>", re.DOTALL)
MAX_PROMPT_TOKENS = 47
"""Words of a question; the reader has one more place, for ``<s>``."""
MAX_THOUGHT = 16
MAX_LABEL = 6
FAINT = 0.1
"""Boxes below this score are noise even where low scores are asked for."""


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
                f"device {device!r} cannot be used: {error}", hint='The embedded model runs on "cpu".'
            ) from error
        self._dtype = _DTYPES[dtype] if dtype else _fast_dtype(self._device)
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
        taught = [category_of(word) for word in self._model.config.taught if isinstance(word, str)]
        self._taught = words_for([name for name in taught if name not in SYNONYMS], {})
        digest = hashlib.sha256()
        for file in (*weights, folder / "tokenizer.json", folder / "config.json"):
            digest.update(file.read_bytes())
        self.name = "builtin" if folder == WEIGHTS else folder.resolve().name
        self.fingerprint = f"builtin:{digest.hexdigest()[:16]}:{str(self._dtype).removeprefix('torch.')}"
        self.conventions = replace(
            BUILTIN_CONVENTIONS,
            batch_size=batch_size or BUILTIN_CONVENTIONS.batch_size,
            taught=tuple(self._taught),
        )

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        """Answer every question about every image; see ``Model.ground``."""
        if self._model is None:
            raise ModelError("the model is closed", hint="Load it again.")
        answers: list[list[Answer]] = []
        for start in range(0, len(images), self.conventions.batch_size):
            answers += self._batch(images[start : start + self.conventions.batch_size], questions)
        return answers

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
            seen = self._model.encode_images(pixels)
            for question in questions:
                answers = self._answers(
                    question,
                    seen,
                    [(image.shape[:2], factor) for (_, image), (_, factor) in zip(usable, boxed, strict=True)],
                )
                for (n, _), answer in zip(usable, answers, strict=True):
                    out[n].append(answer)
        return out

    def _answers(self, question: Question, seen: Any, sizes: Sequence[tuple[tuple[int, ...], float]]) -> list[Answer]:
        """Answers to one question about a batch of pictures.

        Args:
            question: what is asked.
            seen: the pictures.
            sizes: per picture its (height, width) and model pixels per picture pixel.
        """
        prompt = self._prompt(question)
        words = torch.tensor(prompt[:-1] or [self._tokenizer.unk_token_id], device=self._device).expand(len(sizes), -1)
        read = self._model.read(seen, words, torch.ones_like(words, dtype=torch.bool))
        word = self._taught_word(question.expression)
        thought = think(self._model, read, prompt, most=MAX_THOUGHT, said=self._thought_of(word))
        answers = []
        all_scores = thought.scores(self._model.config).double().cpu().numpy()
        for row, ((height, width), factor) in enumerate(sizes):
            scores, odds = all_scores[row], thought.odds[row].double().cpu().numpy()
            boxes = read.boxes_px[row].double().cpu().numpy()
            order = [int(k) for k in np.argsort(-odds, kind="stable") if scores[k] >= FAINT]
            told = [k for k in order if odds[k] >= 0]
            if question.task == "refer":
                order, told = told[:1], told[:1]
            label = (word or self._label(read, row, prompt, thought.tokens[row], order[0])) if order else ""
            detections = []
            for k in order:
                x0, y0, x1, y1 = (
                    min(max(float(v) / factor, 0.0), float((width, height)[side % 2]))
                    for side, v in enumerate(boxes[k])
                )
                if x1 > x0 and y1 > y0:
                    detections.append(Detection(box_chip_px=(x0, y0, x1, y1), label=label, score=float(scores[k])))
            sought = str(self._tokenizer.decode(thought.tokens[row])).removeprefix(vocabulary.LOOK).strip()
            side_px = self._model.config.image_size
            text = vocabulary.answer_text(sought, label, boxes[told].tolist(), side_px=side_px)
            reasoning = _THINK.search(text)
            answers.append(
                Answer(
                    reasoning=reasoning.group(1).strip() if reasoning else "",
                    detections=tuple(detections),
                    raw_text=text,
                )
            )
        return answers

    def _taught_word(self, expression: str) -> str:
        """The thing that an expression names and that fine-tuning has taught; empty where it names none, or more than it.

        It is made of words that the model has to spell, which takes longer to learn than to see the thing: it is told what
        it looks for, and what to call it.
        """
        if not self._taught:
            return ""
        meaning = read_expression(expression, self._taught)
        if meaning is None or meaning.selector or meaning.relation or meaning.attribute:
            return ""
        return str(self._processor.as_words(meaning.category))

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
        ids: list[int] = self._tokenizer(f"{question.task}: {question.expression}", add_special_tokens=False)[
            "input_ids"
        ]
        # words of a user cannot stand for pictures, pretend to be an answer or end the prompt
        words = [i for i in ids[:MAX_PROMPT_TOKENS] if i >= self._first_word or i == self._tokenizer.unk_token_id]
        return [*words, int(self._tokenizer.convert_tokens_to_ids(START))]


def _fast_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where it is computed in hardware, else float32."""
    if device.type == "cuda":
        return torch.bfloat16
    if device.type == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return torch.bfloat16
    return torch.float32
