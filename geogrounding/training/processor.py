"""The processor of trainers, built on the objects that prepare images and prompts at inference.

TRL needs a ``ProcessorMixin``; those of the Qwen-VL families need torchvision, prepare an image once for each completion
of a group, and ignore the pixel budget. ``TrainingProcessor`` prepares each image once, with
``Processing`` (``models/hf/processing.py``) or the built-in model's own processor, so that training and answering
cannot differ. Imports torch: import it late.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import BatchFeature, ProcessorMixin

from geogrounding.models.builtin.tokenizer import LOOK, SEE, chunks
from geogrounding.models.hf.processing import EncodedImage, SharedProcessing
from geogrounding.training.image_refs import ImageRef, Recent

IMAGES_LIMIT_BYTES = 1 << 29


class InputEncoder(Protocol):
    """Prepares images and conversations for one kind of model."""

    @property
    def tokenizer(self) -> Any:
        """The tokenizer."""
        ...

    @property
    def image_token(self) -> str:
        """What stands for one feature of an image."""
        ...

    def chat(self, prompt: str) -> str:
        """A conversation with one place for the image, ready for the answer."""
        ...

    def encode_image(self, pixels: NDArray[np.uint8]) -> EncodedImage:
        """Prepare one image; ValueError when it cannot be used."""
        ...

    def extras(self, batch: Mapping[str, torch.Tensor], images: Sequence[EncodedImage]) -> dict[str, torch.Tensor]:
        """Further inputs of the model."""
        ...

    def save(self, folder: Path) -> None:
        """Write tokenizer, template and image processor."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedEncoder:
    """Models of transformers, through the ``SharedProcessing`` that answers with them."""

    processing: SharedProcessing

    @property
    def tokenizer(self) -> Any:
        """The tokenizer."""
        return self.processing.tokenizer

    @property
    def image_token(self) -> str:
        """What stands for one feature of an image."""
        return self.processing.image_token

    def chat(self, prompt: str) -> str:
        """See ``InputEncoder.chat``."""
        return self.processing.chat(prompt)

    def encode_image(self, pixels: NDArray[np.uint8]) -> EncodedImage:
        """See ``InputEncoder.encode_image``."""
        return self.processing.image(pixels)

    def extras(self, batch: Mapping[str, torch.Tensor], images: Sequence[EncodedImage]) -> dict[str, torch.Tensor]:
        """See ``InputEncoder.extras``."""
        if "image_grid_thw" not in images[0].inputs:
            return {}
        image_token_id = self.tokenizer.convert_tokens_to_ids(self.image_token)
        return {"mm_token_type_ids": (batch["input_ids"] == image_token_id).long()}

    def save(self, folder: Path) -> None:
        """See ``InputEncoder.save``."""
        self.processing.save(folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltinEncoder:
    """The built-in model, through its own processor."""

    processor: Any
    side_px: int
    """Side of the model's square image."""

    @property
    def tokenizer(self) -> Any:
        """The tokenizer."""
        return self.processor.tokenizer

    @property
    def image_token(self) -> str:
        """What stands for one feature of an image."""
        return str(self.processor.image_token)

    @property
    def box_token_ids(self) -> tuple[int, ...]:
        """Tokens of places, of coordinates, and of what stands between and after boxes."""
        tokens_of_boxes = [token for token in chunks(self.side_px) if token not in (LOOK, SEE)]
        return tuple(self.tokenizer.convert_tokens_to_ids(tokens_of_boxes))

    def chat(self, prompt: str) -> str:
        """See ``InputEncoder.chat``."""
        conversation = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}]
        text: str = self.processor.apply_chat_template(conversation, add_generation_prompt=True, tokenize=False)
        return text

    def encode_image(self, pixels: NDArray[np.uint8]) -> EncodedImage:
        """See ``InputEncoder.encode_image``; the model size is that of the image inside the square."""
        values = self.processor.image_processor(pixels)["pixel_values"]
        height, width = pixels.shape[:2]
        factor = min(1.0, self.side_px / max(height, width))
        return EncodedImage(
            inputs={"pixel_values": values},
            tokens=self.image_token * int(self.processor.image_tokens),
            model_size_px=(max(1, round(width * factor)), max(1, round(height * factor))),
        )

    def extras(self, batch: Mapping[str, torch.Tensor], images: Sequence[EncodedImage]) -> dict[str, torch.Tensor]:
        """See ``InputEncoder.extras``."""
        return {}

    def save(self, folder: Path) -> None:
        """See ``InputEncoder.save``."""
        self.processor.save_pretrained(folder)


class TrainingProcessor(ProcessorMixin):
    """The processor of a trainer; images come as ``ImageRef`` (or as arrays) and are prepared once."""

    model_input_names = ("input_ids", "attention_mask", "pixel_values")  # type: ignore[assignment]  # is only read

    def __init__(self, encoder: InputEncoder, *, share: bool = True) -> None:
        """Wrap what prepares images and texts; without ``share`` each image is prepared every time, as TRL does."""
        # ProcessorMixin.__init__ needs parts that it can load and save by class.
        self.encoder = encoder
        self.tokenizer = encoder.tokenizer
        self.tokenizer.padding_side = "left"
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.image_token = encoder.image_token
        self.chat_template = str(getattr(self.tokenizer, "chat_template", "") or "")
        self._images: Recent[EncodedImage] = Recent(
            IMAGES_LIMIT_BYTES if share else 0,
            lambda image: sum(tensor.numel() * tensor.element_size() for tensor in image.inputs.values()),
        )

    def encode_image(self, image: ImageRef | NDArray[np.uint8] | Any) -> EncodedImage:
        """One image ready for the model; a reference is read and prepared once as long as there is room."""
        if not isinstance(image, ImageRef):
            return self.encoder.encode_image(np.asarray(image))
        known = self._images.get(image.key)
        if known is None:
            known = self.encoder.encode_image(image.pixels())
            self._images.put(image.key, known)
        return known

    def __call__(
        self, images: Any = None, text: str | Sequence[str] | None = None, return_tensors: str | None = None, **_: Any
    ) -> BatchFeature:
        """Inputs of the model for conversations and the image of each, padded on the left.

        Args:
            images: an image for each text; lists of one image are taken too.
            text: conversations made by ``apply_chat_template``.
            return_tensors: "pt"; None gives ``input_ids`` as lists without padding.
        """
        texts = [text] if isinstance(text, str) else list(text or ())
        encoded = [self.encode_image(image) for image in _flat(images)]
        if encoded:
            texts = [one.replace(self.image_token, image.tokens, 1) for one, image in zip(texts, encoded, strict=True)]
        data: dict[str, Any] = {}
        if encoded:
            data = {name: torch.cat([image.inputs[name] for image in encoded]) for name in encoded[0].inputs}
        starts = bool(texts and self.tokenizer.bos_token and texts[0].startswith(self.tokenizer.bos_token))
        builtin = isinstance(self.encoder, BuiltinEncoder)
        tokens = self.tokenizer(texts, padding=True, return_tensors="pt", add_special_tokens=not (starts or builtin))
        batch = {"input_ids": tokens["input_ids"], "attention_mask": tokens["attention_mask"]}
        if encoded:
            data.update(self.encoder.extras(batch, encoded))
        if return_tensors is None:
            masks = batch["attention_mask"].bool()
            for name, values in (*batch.items(), *((n, v) for n, v in data.items() if n == "mm_token_type_ids")):
                data[name] = [row[mask].tolist() for row, mask in zip(values, masks, strict=True)]
        else:
            data.update(batch)
        return BatchFeature(data)

    def apply_chat_template(  # type: ignore[override]  # trainers name what they pass
        self,
        conversation: Any,
        chat_template: str | None = None,
        *,
        tokenize: bool = False,
        **_: Any,
    ) -> Any:
        """A question, or several, as the model reads them; with ``tokenize`` also their tokens and images."""
        several = bool(conversation) and isinstance(conversation[0], list)
        conversations = conversation if several else [conversation]
        texts, images = [], []
        for messages in conversations:
            content = messages[-1]["content"]
            parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
            texts.append(self.encoder.chat("".join(part["text"] for part in parts if part["type"] == "text")))
            images += [part["image"] for part in parts if part["type"] == "image" and "image" in part]
        if not tokenize:
            return texts if several else texts[0]
        return self(images=images or None, text=texts)

    def batch_decode(self, *args: Any, **kwargs: Any) -> list[str]:
        """Texts of tokens, as they are parsed at inference."""
        kwargs.setdefault("clean_up_tokenization_spaces", False)
        texts: list[str] = self.tokenizer.batch_decode(*args, **kwargs)
        return texts

    def decode(self, *args: Any, **kwargs: Any) -> str:
        """Text of tokens."""
        kwargs.setdefault("clean_up_tokenization_spaces", False)
        text: str = self.tokenizer.decode(*args, **kwargs)
        return text

    def save_pretrained(  # type: ignore[override]  # trainers pass the folder alone
        self, save_directory: str | Path, **_: Any
    ) -> list[str]:
        """Write what inference loads beside the weights."""
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        self.encoder.save(folder)
        return sorted(str(path) for path in folder.iterdir())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({type(self.encoder).__name__})"


def _flat(images: Any) -> list[Any]:
    if images is None:
        return []
    return [one for image in images for one in (image if isinstance(image, list | tuple) else [image])]
