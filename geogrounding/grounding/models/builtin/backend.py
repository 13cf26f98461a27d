"""The embedded model as a backend of the pipeline."""

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
from geogrounding.grounding.detection import Answer, Detection, Drop, Question
from geogrounding.grounding.models.builtin import BUILTIN_CONVENTIONS
from geogrounding.grounding.models.builtin.decoding import Spoken, prefill_images, speak
from geogrounding.grounding.models.builtin.hf import GeogroundForConditionalGeneration, GeogroundProcessor
from geogrounding.grounding.models.builtin.processing import as_rgb, letterbox, normalise
from geogrounding.grounding.models.builtin.regions import Regions
from geogrounding.grounding.models.builtin.vocabulary import START
from geogrounding.grounding.models.checkpoint import quiet

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_THINK = re.compile(r"<think>(.*?)</think>", re.DOTALL)
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
            raise ModelError(f"device {device!r} cannot be used: {error}", hint='The embedded model runs on "cpu".') from error
        self._dtype = _DTYPES[dtype] if dtype else _fast_dtype(self._device)
        weights = sorted(folder.glob("*.safetensors"))
        if not weights:
            raise ModelError(f"no weights in {folder}", hint="Reinstall geogrounding, or give a folder made by its training.")
        try:
            with quiet():
                self._processor: Any = GeogroundProcessor.from_pretrained(folder)
                model = GeogroundForConditionalGeneration.from_pretrained(
                    folder, dtype=torch.float32, use_safetensors=True
                )
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise ModelError(f"the weights in {folder} cannot be loaded: {error}", hint="Reinstall geogrounding.") from error
        self._model: Any = model.eval().requires_grad_(False).to(self._device)
        self._model.vision_tower.to(self._dtype)
        self._model.region_head.to(memory_format=torch.channels_last)
        self._tokenizer: Any = self._processor.tokenizer
        self._end = int(self._tokenizer.eos_token_id)
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
        most = self._model.config.regions * 5 + 16
        for question in questions:
            prompt = self._prompt(question)
            replies = speak(self._model, state, prefix, prompt, end=self._end, most=most)
            for row, ((n, image), (_, factor)) in enumerate(zip(usable, boxed, strict=True)):
                height, width = image.shape[:2]
                out[n].append(self._answer(replies[row], regions, row, factor=factor, size_px=(width, height)))
        return out

    def _see(self, pixels: torch.Tensor) -> tuple[Any, Regions]:
        with torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32):
            features = self._model.vision_features(pixels)
            regions, coarse = self._model.find_regions(features, pixels)
        regions = Regions(boxes_px=regions.boxes_px.float(), scores=regions.scores.float(), hidden=regions.hidden.float())
        return self._model.read_regions(regions, coarse.float()), regions

    def _prompt(self, question: Question) -> list[int]:
        ids: list[int] = self._tokenizer(f"{question.task}: {question.expression}")["input_ids"][:MAX_PROMPT_TOKENS]
        # words of a user cannot stand for pictures or end the prompt
        special = {self._model.config.image_token_id, self._tokenizer.bos_token_id, self._end, self._tokenizer.pad_token_id}
        return [*(i for i in ids if i not in special), int(self._tokenizer.convert_tokens_to_ids(START))]

    def _answer(
        self, reply: Sequence[Spoken], regions: Regions, row: int, *, factor: float, size_px: tuple[int, int]
    ) -> Answer:
        """Tokens to detections in pixels of the chip."""
        config = self._model.config
        first, count, classes = config.number_token_ids[0], config.image_size + 1, len(config.classes)
        goes_on, ends = config.label_token_ids
        text = self._tokenizer.decode([s.token for s in reply], skip_special_tokens=False)
        found: list[Detection] = []
        dropped: list[Drop] = []
        sides: list[Spoken] = []
        for s in reply:
            if first <= s.token < first + 3 * count:
                sides.append(s)
                continue
            label = s.token - goes_on if goes_on <= s.token < goes_on + classes else s.token - ends
            if sides and not 0 <= label < classes:
                dropped.append(Drop(reason="broken box"))
            elif sides:
                families = [(x.token - first) // count for x in sides]
                detection = self._detection(sides, label, regions, row, factor, size_px) if families == [0, 1, 1, 2] else None
                if detection is None:
                    dropped.append(Drop(reason="broken box"))
                else:
                    found.append(detection)
            sides = []
        think = _THINK.search(text)
        return Answer(
            reasoning=think.group(1).strip() if think else "", detections=tuple(found), dropped=tuple(dropped), raw_text=text
        )

    def _detection(
        self, sides: Sequence[Spoken], label: int, regions: Regions, row: int, factor: float, size_px: tuple[int, int]
    ) -> Detection | None:
        config = self._model.config
        first, count = config.number_token_ids[0], config.image_size + 1
        pointed = sides[0].region
        box = []
        for side, s in enumerate(sides):
            number = float((s.token - first) % count)
            exact = float(regions.boxes_px[row, pointed, side])
            # the token is the region's side rounded to a pixel; keep the fraction
            box.append((exact if abs(exact - number) <= 1.0 else number) / factor)
        width, height = float(size_px[0]), float(size_px[1])
        x0, x1 = min(max(box[0], 0.0), width), min(max(box[2], 0.0), width)
        y0, y1 = min(max(box[1], 0.0), height), min(max(box[3], 0.0), height)
        if not (x1 > x0 and y1 > y0):
            return None
        score = float(regions.scores[row, pointed, label]) * min(1.0, sides[0].mass) ** MASS_POWER
        return Detection(box_chip_px=(x0, y0, x1, y1), label=config.classes[label], score=min(1.0, max(0.0, score)))


MASS_POWER = 0.5
"""How much the language model's certainty that a box stands here counts in a score, beside the region's own quality."""


def _fast_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where it is computed in hardware, else float32."""
    if device.type == "cuda":
        return torch.bfloat16
    if device.type == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return torch.bfloat16
    return torch.float32
