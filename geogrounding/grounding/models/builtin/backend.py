"""The embedded model as a backend of the pipeline.

The language model reads the question and says what it looks for: the first words of its reasoning. The rest of the answer
follows from that and from the regions that are seen, by the rule it was trained on (``training.embedded.questions.targets``), in
the same words. Free generation (``generate``) lists the same boxes one token at a time; it is slower, and less exact.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from geogrounding.errors import ModelError, SettingsError
from geogrounding.grounding.detection import Answer, Detection, Question
from geogrounding.grounding.models.builtin import BUILTIN_CONVENTIONS, vocabulary
from geogrounding.grounding.models.builtin.decoding import Spoken, prefill_images, speak
from geogrounding.grounding.models.builtin.hf import GeogroundForConditionalGeneration, GeogroundProcessor
from geogrounding.grounding.models.builtin.processing import as_rgb, letterbox, normalise
from geogrounding.grounding.models.builtin.regions import Regions
from geogrounding.grounding.models.builtin.vocabulary import START
from geogrounding.grounding.models.checkpoint import quiet
from geogrounding.training.embedded import questions

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_THINK = re.compile(r"<think>(.*?)</think>", re.DOTALL)
_RELATION = re.compile(
    r"\s(?:next to|near|beside|besides|close to|along|alongside|around|behind|parked|moored|docked|inside|within)\b",
    re.IGNORECASE,
)
"""What follows names a neighbour, which this model does not look for: it would take the neighbour for the target."""
MAX_PROMPT_TOKENS = 48


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
        self._end = int(self._tokenizer.eos_token_id)
        names = [*self._model.config.classes, vocabulary.ANYTHING]
        labels = [*range(len(self._model.config.classes)), None]
        self._class_of = {vocabulary.class_token(name): label for name, label in zip(names, labels, strict=True)}
        self._qualifier_of = {vocabulary.look_token(q): q for q in vocabulary.QUALIFIERS}
        digest = hashlib.sha256()
        for file in (*weights, folder / "tokenizer.json", folder / "config.json"):
            digest.update(file.read_bytes())
        self.name = "builtin"
        self.fingerprint = f"builtin:{digest.hexdigest()[:16]}:{str(self._dtype).removeprefix('torch.')}"
        self.conventions = replace(BUILTIN_CONVENTIONS, batch_size=batch_size or BUILTIN_CONVENTIONS.batch_size)

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
        state, regions = self._see(pixels)
        prefix = prefill_images(self._model, state)
        for question in questions:
            replies = speak(self._model, state, prefix, self._prompt(question), end=self._end, most=READING_TOKENS)
            for row, ((n, image), (_, factor)) in enumerate(zip(usable, boxed, strict=True)):
                height, width = image.shape[:2]
                reading = self._reading(replies[row])
                out[n].append(self._answer(question, reading, regions, row, factor=factor, size_px=(width, height)))
        return out

    def _see(self, pixels: torch.Tensor) -> tuple[Any, Regions]:
        with torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32):
            features = self._model.vision_features(pixels)
            regions, coarse = self._model.find_regions(features, pixels)
        regions = Regions(
            boxes_px=regions.boxes_px.float(), scores=regions.scores.float(), hidden=regions.hidden.float()
        )
        return self._model.read_regions(regions, coarse.float()), regions

    def _prompt(self, question: Question) -> list[int]:
        target = _RELATION.split(question.expression)[0].strip() or question.expression
        ids: list[int] = self._tokenizer(f"{question.task}: {target}")["input_ids"][:MAX_PROMPT_TOKENS]
        # words of a user cannot stand for pictures or end the prompt
        special = {
            self._model.config.image_token_id,
            self._tokenizer.bos_token_id,
            self._end,
            self._tokenizer.pad_token_id,
        }
        return [*(i for i in ids if i not in special), int(self._tokenizer.convert_tokens_to_ids(START))]

    def _reading(self, reply: Sequence[Spoken]) -> Reading:
        """What the language model took the question to mean: the first words of its reasoning."""
        label, qualifier, certainty = None, None, 1.0
        for said in reply:
            token = str(self._tokenizer.convert_ids_to_tokens(said.token))
            if token in self._class_of:
                return Reading(label=self._class_of[token], qualifier=qualifier, certainty=certainty * said.mass)
            if token in self._qualifier_of:
                qualifier = self._qualifier_of[token]
            certainty *= min(1.0, said.mass)
        return Reading(label=label, qualifier=None, certainty=0.0)

    def _answer(
        self,
        question: Question,
        reading: Reading,
        regions: Regions,
        row: int,
        *,
        factor: float,
        size_px: tuple[int, int],
    ) -> Answer:
        """The answer that follows from what was read and what was seen, boxes in pixels of the chip."""
        boxes = regions.boxes_px[row].double().cpu().numpy()
        scores = regions.scores[row].double().cpu().numpy()
        asked = questions.Asked(
            task=question.task, text=question.expression, label=reading.label, qualifier=reading.qualifier
        )
        # One target, or a rank ("the leftmost"), is among what is seen; otherwise faint boxes come too, with their scores.
        chosen = question.task == "refer" or reading.qualifier in questions.RANKS
        least = SEEN if chosen else FAINT
        told = least if chosen else self.conventions.min_score
        side_px = max(size_px) * factor
        found = questions.targets(asked, boxes, scores, side_px=side_px, least=least)
        name = vocabulary.ANYTHING if reading.label is None else self._model.config.classes[reading.label]
        detections = []
        sure = []
        for k in found:
            score = float(scores[k, reading.label]) * min(1.0, reading.certainty)
            x0, y0, x1, y1 = (
                min(max(float(v) / factor, 0.0), float(size_px[side % 2])) for side, v in enumerate(boxes[k])
            )
            if x1 > x0 and y1 > y0:
                detections.append(Detection(box_chip_px=(x0, y0, x1, y1), label=name, score=min(1.0, max(0.0, score))))
                if score >= told * reading.certainty:
                    sure.append(k)
        text = "".join(
            vocabulary.answer_chunks(
                name,
                reading.qualifier,
                boxes[sure],
                refer=question.task == "refer",
                side_px=side_px,
                largest=self._model.config.image_size,
            )
        )
        think = _THINK.search(text)
        return Answer(reasoning=think.group(1).strip() if think else "", detections=tuple(detections), raw_text=text)


READING_TOKENS = 3
"""Tokens up to the class: "I look for", a qualifier if there is one, the class."""
SEEN = 0.4
"""Score from which a region counts as seen on a chip; the region head is calibrated so (``training.embedded.inspection``)."""
FAINT = 0.1
"""Boxes below this score are noise even where low scores are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the language model took a question to mean."""

    label: int | None
    """Class index; None for a thing the model has no class for."""
    qualifier: str | None
    """A key of ``questions.RANKS`` or ``questions.PLACES``."""
    certainty: float
    """Probability of the tokens that say so."""


def _fast_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where it is computed in hardware, else float32."""
    if device.type == "cuda":
        return torch.bfloat16
    if device.type == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return torch.bfloat16
    return torch.float32
