"""Any image-text-to-text model that transformers knows, run on this machine. Imports torch: import it late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from geogrounding.errors import GeogroundingError, ModelError, SettingsError
from geogrounding.messages import first_line
from geogrounding.models import hub as weights
from geogrounding.models.base import Conventions
from geogrounding.models.families import UNKNOWN_LOCAL, by_model_type
from geogrounding.models.hf import checkpoint, generation
from geogrounding.models.hf.processing import (
    EncodedImage,
    Pixels,
    Processing,
    load_processing,
)
from geogrounding.models.parsing.answer import parse_answer
from geogrounding.models.parsing.problems import Limit, problem_of
from geogrounding.models.prompts import build_prompt, check_usable, choose_form, report_assumption
from geogrounding.types import Answer, BoxOrder, CoordinateConvention, PromptStyle, Question

DEFAULT_MAX_NEW_TOKENS = 1024
"""Room for some reasoning and about thirty boxes; of a reply cut off the boxes that are whole are kept."""
DEFAULT_BATCH_SIZE = {"cuda": 16, "mps": 4, "cpu": 4}


def default_style(family: str) -> PromptStyle:
    """The style in which a model type of transformers is asked unless something else is given."""
    return choose_form(by_model_type(family), UNKNOWN_LOCAL).style


_SMALLER = "choose smaller tiles or a smaller max_pixels"


class TransformersModel:
    """A vision-language model from a folder or the hub.

    The questions asked of an image share one pass through the vision tower for the families in
    ``processing.SHARED_FAMILIES``; ``shares_images`` says whether this model is one of them. Decoding is greedy:
    the same batch gives the same answers. In float32 a batch of another size gives the same answers too; in bfloat16
    and float16 rounding depends on the batch, and a near tie between two tokens may then fall the other way.
    """

    def __init__(  # noqa: PLR0913 - keyword-only options of the public class
        self,
        source: str,
        *,
        adapter: str | None = None,
        processor: str | None = None,
        device: str | None = None,
        dtype: str | None = None,
        batch_size: int | None = None,
        coordinates: CoordinateConvention | None = None,
        box_order: BoxOrder | None = None,
        style: PromptStyle | None = None,
        max_new_tokens: int | None = None,
        min_pixels: int | None = None,
        max_pixels: int | None = None,
    ) -> None:
        """Find, check and load a model.

        Args:
            source: folder written by ``save_pretrained``, or hub id (``owner/name`` or ``owner/name@revision``).
            adapter: PEFT folder or hub id (LoRA and its relatives), merged into the weights.
            processor: folder or hub id to take tokenizer, image processor and chat template from; default ``source``.
            device: "cpu", "cuda", "cuda:1", "mps"; default the fastest there is.
            dtype: "float32", "bfloat16", "float16"; default what suits the device (``checkpoint.choose_dtype``).
            batch_size: images times questions decoded together; halved when memory runs out.
            coordinates: what the numbers in the replies mean; default what the model's family writes.
            box_order: order of the four numbers of a box; default that of the model's family.
            style: how questions are worded; default by model type.
            max_new_tokens: where a reply is cut off.
            min_pixels: smaller images are enlarged to it (Qwen families).
            max_pixels: larger images are reduced to it (Qwen families).

        Raises:
            SettingsError: a setting is wrong or contradicts another.
            ModelError: the model cannot be found, is unsafe or damaged, or does not fit here.
        """
        for name, value in (("batch_size", batch_size), ("max_new_tokens", max_new_tokens), ("max_pixels", max_pixels)):
            if value is not None and value < 1:
                raise SettingsError(f"{name} {value} is not positive")
        chosen_device = checkpoint.choose_device(device)
        chosen_dtype = checkpoint.choose_dtype(dtype, chosen_device)
        folder = weights.find(source, "model")
        adapter_folder = None if adapter is None else weights.find(adapter, "adapter")
        texts_folder = folder if processor is None else weights.find(processor, "processor")
        config = _read_config(folder)
        family = str(config.model_type)
        self._processing: Processing = load_processing(
            texts_folder, config, min_pixels=min_pixels, max_pixels=max_pixels
        )
        known = by_model_type(family)
        form = choose_form(known, UNKNOWN_LOCAL, style=style, coordinates=coordinates, order=box_order)
        check_usable(source, known, given=coordinates is not None)
        self._style, self._convention = form.style, form.convention
        if self._convention.needs_image_size and not self._processing.shares_images:
            raise SettingsError(
                f"coordinates resized-pixels do not suit model type {family}: its resized image is not known",
                hint="Say with --coordinates what else the numbers mean, or serve the model and use --base-url.",
            )
        report_assumption(source, known, self._convention)
        self._max_new_tokens = max_new_tokens or DEFAULT_MAX_NEW_TOKENS
        self._batch_size = batch_size or DEFAULT_BATCH_SIZE[chosen_device.type]
        self._device = chosen_device
        self._model: Any = checkpoint.load(folder, adapter=adapter_folder, device=chosen_device, dtype=chosen_dtype)
        self._shares_images = self._processing.shares_images and generation.takes_features(self._model)
        tokenizer = self._processing.tokenizer
        self._end_ids = _end_ids(self._model.generation_config.eos_token_id, tokenizer.eos_token_id)
        self._pad_id = int(tokenizer.pad_token_id if tokenizer.pad_token_id is not None else min(self._end_ids))
        self._context = int(getattr(config.get_text_config(), "max_position_embeddings", None) or 1 << 30)

        self.name = source if "/" in source and not weights.local_path(source).is_dir() else folder.resolve().name
        if adapter is not None:
            self.name += "+" + Path(adapter).name
        settings = {
            "dtype": str(chosen_dtype),
            "convention": asdict(self._convention),
            "style": self._style,
            "pixels": [min_pixels, max_pixels],
        }
        folders = [folder, texts_folder] + ([] if adapter_folder is None else [adapter_folder])
        self.fingerprint = "transformers-" + weights.fingerprint(folders, settings)
        tile = self._processing.tile_size_px
        self.conventions = Conventions(
            tile_size_px=tile,
            overlap_px=tile // 8,
            coordinates=self._convention.coordinates,
            box_order=self._convention.order,
            batch_size=self._batch_size,
        )

    @property
    def shares_images(self) -> bool:
        """Whether questions about one image share one pass through the vision tower."""
        return self._shares_images

    @property
    def batch_size(self) -> int:
        """Questions decoded together at present: what was asked for, or less after memory ran out."""
        return self._batch_size

    def close(self) -> None:
        """Free the weights."""
        self._model = None
        checkpoint.release_memory(self._device)

    def ground(self, images: Sequence[Pixels], questions: Sequence[Question]) -> list[list[Answer]]:
        """Answer every question about every image; see ``Model.ground``.

        Where memory runs out the batch is halved and tried again, and stays halved for the calls that follow; a single
        question about a single image that still does not fit gets an Answer with an error.
        """
        if self._model is None:
            raise ModelError("the model is closed", hint="Load it again.")
        answers: list[list[Answer]] = [[] for _ in images]
        chats = [self._processing.chat(build_prompt(question, self._style, self._convention)) for question in questions]
        asks = [
            _Ask(index=index, image=image, question=question, chat=chat)
            for index, image in enumerate(images)
            for question, chat in zip(questions, chats, strict=True)
        ]
        seen: dict[int, _Seen] = {}
        position, fitted = 0, self._batch_size
        while position < len(asks):
            batch = asks[position : position + self._batch_size]
            for done in [index for index in seen if index < batch[0].index]:
                del seen[done]
            try:
                given = self._answer(batch, seen)
            except Exception as error:
                if isinstance(error, GeogroundingError):
                    raise
                if not checkpoint.is_out_of_memory(error):
                    raise ModelError(
                        f"{self.name} failed: {first_line(error)}", hint="Try device cpu, or dtype float32."
                    ) from error
                seen.clear()
                error.__traceback__ = None  # its frames hold the tensors that did not fit
                checkpoint.release_memory(self._device)
                if len(batch) > 1:
                    self._batch_size = len(batch) // 2
                    continue
                # Not the batch but this image was too large: go on with what fitted before it.
                self._batch_size = fitted
                given = [
                    Answer(error=f"{_size(batch[0].image)} does not fit into the memory of {self._device}; {_SMALLER}")
                ]
            else:
                fitted = self._batch_size
            for ask, answer in zip(batch, given, strict=True):
                answers[ask.index].append(answer)
            position += len(batch)
        return answers

    def write(self, prompt: str, *, max_tokens: int = 1024) -> str:
        """What the model writes to a prompt without an image.

        Raises:
            ModelError: it cannot go on without an image, or the prompt fills its context.
        """
        if self._model is None:
            raise ModelError("the model is closed", hint="Load it again.")
        try:
            inputs = self._processing.text(prompt)
            room = self._context - int(inputs["input_ids"].shape[1])
            if room < 1:
                raise ModelError(f"the prompt fills the {self._context} tokens that {self.name} can read")
            limit = min(max_tokens, room)
            (reply,) = generation.generate(
                self._model, inputs, features=None, max_new_tokens=limit, end_ids=self._end_ids, pad_id=self._pad_id
            )
        except Exception as error:
            if isinstance(error, GeogroundingError):
                raise
            raise ModelError(f"{self.name} cannot write without an image: {first_line(error)}") from error
        return self._text(reply.token_ids)

    def _answer(self, batch: Sequence[_Ask], seen: dict[int, _Seen]) -> list[Answer]:
        """Answer one batch; ``seen`` keeps what images became, for the questions of the next batch."""
        for ask in batch:
            if ask.index not in seen:
                seen[ask.index] = self._see(ask.image)
        usable = [ask for ask in batch if seen[ask.index].encoded is not None]
        replies = iter(self._decode(usable, [seen[ask.index] for ask in usable]) if usable else ())
        answers = []
        for ask in batch:
            encoded = seen[ask.index].encoded
            if encoded is None:
                answers.append(Answer(error=seen[ask.index].error))
            else:
                answers.append(self._parse(ask, next(replies), encoded))
        return answers

    def _see(self, image: Pixels) -> _Seen:
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            return _Seen(error="not an image of (height, width, 3) uint8")
        if min(image.shape) < 1:
            return _Seen(error="an empty image")
        try:
            return _Seen(encoded=self._processing.image(image))
        except ValueError as error:
            return _Seen(error=f"{_size(image)} cannot be prepared for the model: {first_line(error)}")

    def _decode(self, asks: Sequence[_Ask], seen: Sequence[_Seen]) -> list[generation.Reply]:
        """Decode a batch; ``seen`` holds the image of each question, the same object where they share one."""
        encoded = [image.encoded for image in seen if image.encoded is not None]
        inputs = self._processing.texts([ask.chat for ask in asks], encoded)
        features = None
        if self.shares_images:
            new = list({id(image): image for image in seen if image.features is None}.values())
            if new:
                found = generation.encode_images(self._model, [p.encoded.inputs for p in new if p.encoded is not None])
                for image, feature in zip(new, found, strict=True):
                    image.features = feature
            features = [image.features for image in seen if image.features is not None]
        elif encoded[0].inputs:
            inputs |= generation.joined([image.inputs for image in encoded])
        room = self._context - int(inputs["input_ids"].shape[1])
        if room < 1:
            raise ModelError(
                f"image and question fill the {self._context} tokens that {self.name} can read", hint=f"{_SMALLER}."
            )
        return generation.generate(
            self._model,
            inputs,
            features=features,
            max_new_tokens=min(self._max_new_tokens, room),
            end_ids=self._end_ids,
            pad_id=self._pad_id,
        )

    def _parse(self, ask: _Ask, reply: generation.Reply, image: EncodedImage) -> Answer:
        if not reply.finite:
            return Answer(error="the model computes numbers that are not finite; choose dtype float32 or bfloat16")
        height, width = ask.image.shape[:2]
        text = self._text(reply.token_ids)
        answer = parse_answer(
            text,
            image_size_px=(width, height),
            model_size_px=image.model_size_px,
            coordinates=self._convention,
            task=ask.question.task,
            default_label=ask.question.expression,
            tokens=generation.token_spans(self._text, reply.token_ids),
            logprobs=reply.logprobs,
            truncated=not reply.finished,
        )
        limit = Limit.found(self._max_new_tokens)
        if len(reply.token_ids) < self._max_new_tokens:
            limit = Limit.of_context(self._context)
        problem = problem_of(answer, task=ask.question.task, convention=self._convention, limit=limit)
        if problem is not None and not answer.detections:
            return Answer(error=problem, raw_text=answer.raw_text)
        return replace(answer, error=problem)

    def _text(self, token_ids: Sequence[int]) -> str:
        text: str = self._processing.tokenizer.decode(
            list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    """One question about one image of a call."""

    index: int
    """Index in the call."""
    image: Pixels
    question: Question
    chat: str


@dataclass(slots=True, kw_only=True)
class _Seen:
    """What one image of a call became."""

    encoded: EncodedImage | None = None
    features: generation.ImageFeatures | None = None
    error: str | None = None


def _size(image: Pixels) -> str:
    return f"an image of {image.shape[1]} x {image.shape[0]} pixels"


def _end_ids(*ids: int | list[int] | None) -> frozenset[int]:
    """All tokens that end a reply, of the model and of the tokenizer."""
    found: set[int] = set()
    for some in ids:
        if some is not None:
            found.update([some] if isinstance(some, int) else some)
    if not found:
        raise ModelError("neither the model nor its tokenizer says which token ends a reply", hint="Use --processor.")
    return frozenset(found)


def _read_config(folder: Path) -> Any:
    from transformers import AutoConfig

    try:
        with checkpoint.quiet():
            return AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # whatever a foreign folder makes the libraries raise
        raise ModelError(
            f"{folder / 'config.json'} cannot be used: {first_line(error)}",
            hint="Only models that the installed transformers knows can run, without code of their own.",
        ) from error
