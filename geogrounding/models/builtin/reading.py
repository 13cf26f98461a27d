"""The half of the built-in model that reads: questions that say more than a class. Imports transformers: import it late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from geogrounding.models.builtin import tokenizer as vocabulary
from geogrounding.models.builtin.answers import FAINT, Looked, answer_of
from geogrounding.models.builtin.classes import LEAST_OF_CLASS, Sought, class_scores
from geogrounding.models.builtin.generation import name_of, think
from geogrounding.models.builtin.register import GeogroundForConditionalGeneration, GeogroundProcessor
from geogrounding.models.builtin.tokenizer import START
from geogrounding.models.hf.checkpoint import quiet
from geogrounding.types import Answer, Question

MAX_PROMPT_TOKENS = 47
"""Words of a question; the reader has one more place, for ``<s>``."""
MAX_THOUGHT = 16
MAX_LABEL = 6


class ReadingPart:
    """Reads questions about what was seen."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        """Load it.

        Raises:
            OSError, ValueError, KeyError, TypeError, RuntimeError: weights or configuration are damaged.
        """
        self._device = device
        with quiet():
            self._processor: Any = GeogroundProcessor.from_pretrained(folder)
            model = GeogroundForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
        del model.vision_tower, model.region_head  # what is seen comes from ``vision``
        self._model: Any = model.eval().requires_grad_(False).to(device)
        self._tokenizer: Any = self._processor.tokenizer
        chunks = vocabulary.chunks(self._model.config.image_size)
        self._first_word = int(self._tokenizer.convert_tokens_to_ids(chunks[-1])) + 1
        self._labels: dict[tuple[int, ...], str] = {}

    def answers(self, question: Question, sought: Sought, looked: Looked) -> list[Answer]:
        """An answer for each image. Of the classes that a question names, only regions that score for one of them are
        meant: what it says beside them chooses among these.
        """
        seen = self._model.seen(looked.maps, looked.regions)
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
            answers.append(answer_of(said, label, order, emitted, boxes, scores, frame, self._model.config.image_size))
        return answers

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
