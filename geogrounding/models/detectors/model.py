"""An open-vocabulary detector as a model: Grounding DINO, OWL-ViT, OWLv2, OmDet-Turbo, SAM 3. Imports torch.

The question is the text prompt, the label of a box is the question, and the score is the detector's own. A detector
finds things by name; it does not read "the northern one" or "next to the pier", so such questions are decided over the
whole scene (``Conventions.scene_questions``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from geogrounding.errors import ModelError, SettingsError
from geogrounding.geometry.boxes import iou_matrix
from geogrounding.messages import first_line
from geogrounding.models import hub
from geogrounding.models.base import Conventions
from geogrounding.models.detectors.heads import HEADS, Scored
from geogrounding.models.detectors.images import read_image_input
from geogrounding.models.detectors.kinds import KINDS, Kind, kind_of
from geogrounding.models.hf import checkpoint
from geogrounding.models.prompts import clean_expression
from geogrounding.models.segmenters.sam import mask_in_box
from geogrounding.types import Answer, Detection, Mask, Question

MAX_BOXES = 300
"""Boxes of a chip for one question, the best first."""
_FLOOR = 0.02
"""Scores below it are the background of every chip."""
_SAME_IOU = 0.5
"""Two boxes of a question that overlap more are one object: most of these detectors see each several times."""
_VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "tokenizer.model")
_BATCH = {"cuda": 16, "mps": 4, "cpu": 2}


class DetectorModel:
    """A detector from a folder or the hub; fulfils ``Model``."""

    def __init__(
        self,
        source: str,
        *,
        processor: str | None = None,
        device: str | None = None,
        dtype: str | None = None,
        batch_size: int | None = None,
    ) -> None:
        """Find, check and load a detector.

        Args:
            source: folder written by ``save_pretrained``, or hub id.
            processor: folder or hub id of tokenizer and image processor; default ``source``.
            device: "cpu", "cuda", "cuda:1", "mps"; default the fastest there is.
            dtype: default float32, in which these models were trained.
            batch_size: chips seen together; halved when memory runs out.

        Raises:
            SettingsError: a setting is wrong.
            ModelError: the detector cannot be found, is damaged, or needs a package that is missing here.
        """
        if batch_size is not None and batch_size < 1:
            raise SettingsError(f"batch_size {batch_size} is not positive")
        self._device = checkpoint.choose_device(device)
        chosen_dtype = checkpoint.choose_dtype(dtype or "float32", self._device)
        folder = hub.find(source, "model")
        texts = folder if processor is None else hub.find(processor, "processor")
        kind = _kind(folder)
        self._head = HEADS[kind.model_type]
        self._input = read_image_input(texts)
        self._model: Any = _load(folder, kind, self._device, chosen_dtype)
        self._tokenizer: Any = _tokenizer(texts)
        self._batch_size = batch_size or _BATCH[self._device.type]
        self.name = source if "/" in source and not hub.local_path(source).is_dir() else folder.resolve().name
        settings = {"dtype": str(chosen_dtype), "kind": kind.model_type, "version": 1}
        self.fingerprint = "detector-" + hub.fingerprint([folder, texts], settings)
        tile = min(kind.tile_size_px, self._input.side_px)
        self.conventions = Conventions(
            tile_size_px=tile,
            overlap_px=tile // 8,
            coordinates="fractions",
            batch_size=self._batch_size,
            min_score=kind.min_score,
            scene_questions=True,
        )

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        """Answer every question about every image; see ``Model.ground``."""
        if self._model is None:
            raise ModelError("the model is closed", hint="Load it again.")
        phrases = [clean_expression(question.expression) for question in questions]
        answers: list[list[Answer]] = [[Answer() for _ in questions] for _ in images]
        usable = [index for index, image in enumerate(images) if _problem(image) is None]
        for index in set(range(len(images))) - set(usable):
            answers[index] = [Answer(error=_problem(images[index])) for _ in questions]
        position = 0
        while position < len(usable) and questions:
            batch = usable[position : position + self._batch_size]
            try:
                self._answer_batch([images[index] for index in batch], batch, questions, phrases, answers)
            except Exception as error:
                if not checkpoint.is_out_of_memory(error):
                    raise ModelError(f"{self.name} failed: {first_line(error)}", hint="Try --device cpu.") from error
                error.__traceback__ = None  # its frames hold the tensors that did not fit
                checkpoint.release_memory(self._device)
                if len(batch) > 1:
                    self._batch_size = len(batch) // 2
                    continue
                answers[batch[0]] = [Answer(error="the image does not fit into memory") for _ in questions]
            position += len(batch)
        return answers

    def close(self) -> None:
        """Free the weights."""
        self._model = None
        checkpoint.release_memory(self._device)

    def _answer_batch(
        self,
        images: Sequence[NDArray[np.uint8]],
        places: Sequence[int],
        questions: Sequence[Question],
        phrases: Sequence[str],
        answers: list[list[Answer]],
    ) -> None:
        pixels = self._input.tensor(images).to(self._device, self._model.dtype)
        with torch.inference_mode():
            for scored in self._head(self._model, self._tokenizer, pixels, phrases):
                for row, place in enumerate(places):
                    for column, question in enumerate(scored.questions):
                        answers[place][question] = _answer(scored, row, column, questions[question], images[row].shape)


def _answer(scored: Scored, row: int, column: int, question: Question, shape: tuple[int, ...]) -> Answer:
    """The boxes of one question on one chip, best first, each object once."""
    height, width = shape[:2]
    scores = scored.scores[row, column].cpu().numpy().astype(np.float64)
    boxes = scored.boxes[row].cpu().numpy().astype(np.float64) * [width, height, width, height]
    if not (np.isfinite(scores).all() and np.isfinite(boxes).all()):
        return Answer(error="the model computes numbers that are not finite; choose dtype float32")
    boxes = np.clip(boxes, 0, [width, height, width, height])
    sides = boxes[:, 2:] - boxes[:, :2]
    order = np.lexsort((np.arange(len(scores)), -scores))
    order = order[(scores[order] >= _FLOOR) & (sides[order] > 1e-3).all(axis=1)][: 2 * MAX_BOXES]
    kept = _each_once(boxes[order])[:MAX_BOXES]
    chosen = order[kept][: 1 if question.task == "refer" else None]
    return Answer(
        detections=tuple(
            Detection(
                box_chip_px=(float(x0), float(y0), float(x1), float(y1)),
                label=question.expression,
                score=min(1.0, float(scores[index])),
                mask=_mask(scored.masks, row, int(index), boxes[index], (height, width)),
            )
            for index in chosen
            for x0, y0, x1, y1 in [boxes[index]]
        )
    )


def _mask(
    masks: torch.Tensor | None, row: int, index: int, box: NDArray[np.float64], size: tuple[int, int]
) -> Mask | None:
    """The mask of a box, clipped to it."""
    if masks is None:
        return None
    height, width = size
    return mask_in_box(masks[row, index].float().cpu(), box, np.array([1.0 / width, 1.0 / height]), 1, size)


def _each_once(boxes: NDArray[np.float64]) -> NDArray[np.intp]:
    """Indices of boxes, sorted by falling score, that overlap no better box by more than ``_SAME_IOU``."""
    overlaps = iou_matrix(boxes, boxes) if len(boxes) else np.zeros((0, 0))
    kept: list[int] = []
    for index in range(len(boxes)):
        if not kept or overlaps[index, kept].max() <= _SAME_IOU:
            kept.append(index)
    return np.array(kept, dtype=np.intp)


def _problem(image: NDArray[np.uint8]) -> str | None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        return "not an image of (height, width, 3) uint8"
    return "an empty image" if min(image.shape) < 1 else None


def _kind(folder: Path) -> Kind:
    model_type = str(hub.read_json(folder / "config.json").get("model_type"))
    kind = kind_of(model_type)
    if kind is None:
        known = ", ".join(kind.model_type for kind in KINDS)
        raise ModelError(f"{folder} is of type {model_type}, which is not a detector", hint=f"Known: {known}.")
    return kind


def _load(folder: Path, kind: Kind, device: torch.device, dtype: torch.dtype) -> Any:
    import transformers

    library: Any = transformers
    auto = library.Sam3Model if kind.model_type == "sam3" else library.AutoModelForZeroShotObjectDetection
    options = {"dtype": dtype, "use_safetensors": True, "local_files_only": True, "output_loading_info": True}
    if kind.model_type != "sam3":
        options["trust_remote_code"] = False
    try:
        with checkpoint.quiet():
            model, report = auto.from_pretrained(folder, **options)
        checkpoint.check_report(folder, report)
        return model.to(device).eval()
    except ModelError:
        raise
    except Exception as error:  # whatever a foreign folder makes the libraries raise
        missing = next((name for name in ("timm", "torchvision", "scipy") if name in str(error).lower()), None)
        if missing is not None:
            raise ModelError(
                f"the detector {folder} needs the package {missing}, which is not installed here",
                hint=f"pip install {missing}",
            ) from error
        raise ModelError(
            f"{folder} cannot be loaded: {first_line(error)}", hint="Download the model again, or try --device cpu."
        ) from error


def _tokenizer(folder: Path) -> Any:
    import transformers

    library: Any = transformers
    if not any((folder / name).is_file() for name in _VOCABULARIES):  # transformers then makes an empty tokenizer
        raise ModelError(
            f"{folder} holds no vocabulary: how texts are read is unknown",
            hint="Take it from the original model with --processor.",
        )
    try:
        return library.AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # whatever a foreign folder makes the libraries raise
        raise ModelError(
            f"{folder} has no usable tokenizer: {first_line(error)}",
            hint="Take it from the original model with --processor.",
        ) from error
