"""Images and prompts become tensors. Imports torch: import it late.

transformers' own processors of the Qwen-VL families need a video processor and so torchvision. Nothing here is a
video: the image processor with its Pillow backend and the tokenizer do the same work, with the image tokens expanded
here. One path for every machine also means that the same image gives the same numbers everywhere.

``SharedProcessing`` keeps images and texts apart, so that the vision tower sees an image once however many
questions are asked about it. It is used for the families it was tested with; any other architecture goes through
``PlainProcessing``, its own processor, which repeats the image for every question.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from geogrounding.errors import ModelError, SettingsError
from geogrounding.messages import first_line
from geogrounding.models import hub

DEFAULT_MAX_PIXELS = 1024 * 1024
"""Largest image a model is shown unless ``max_pixels`` is given; Qwen's own limit (12.8 megapixels) would cost minutes
a chip."""
_UNKNOWN_TILE_PX = 768

QWEN_FAMILIES = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "glm4v")
"""Model types with an image processor of Qwen's kind (any size, ``image_grid_thw``) and three-axis positions."""
SHARED_FAMILIES = (*QWEN_FAMILIES, "llava")
TRAINABLE_FAMILIES = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "llava")
"""Those of ``SHARED_FAMILIES`` whose training is tested."""

Pixels = NDArray[np.uint8]
"""(height, width, 3) uint8 RGB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedImage:
    """One image ready for the vision tower."""

    inputs: Mapping[str, torch.Tensor]
    """What ``get_image_features`` takes; the first axis counts patches or images, so that images are joined along
    it."""
    tokens: str = ""
    """The text that stands for the image in a prompt: one image token per feature."""
    model_size_px: tuple[int, int] | None = None
    """(width, height) of the image after it was resized; None when only the model's own processor knows."""
    original: Pixels | None = None
    """The image itself, where text and image must be processed together."""


class Processing(Protocol):
    """What the model class needs to know of a processor."""

    tokenizer: Any
    tile_size_px: int
    """Side of square images that suit the model, pixels."""
    shares_images: bool
    """Whether the vision tower can run apart from the texts."""

    def chat(self, prompt: str) -> str:
        """The conversation as the model expects it, with one placeholder for the image, ready for its answer."""
        ...

    def image(self, image: Pixels) -> EncodedImage:
        """Prepare one image.

        Raises:
            ValueError: the image cannot be used, such as one 200 times as long as wide.
        """
        ...

    def text(self, prompt: str) -> dict[str, torch.Tensor]:
        """The tensors of ``forward`` for a prompt without an image, (1, ...)."""
        ...

    def texts(self, chats: Sequence[str], images: Sequence[EncodedImage]) -> dict[str, torch.Tensor]:
        """The tensors of ``forward`` for conversations and their images, padded on the left.

        Each is (conversations, ...); pixels are among them only where ``shares_images`` is False.
        """
        ...


def load_processing(
    folder: Path, config: Any, *, min_pixels: int | None = None, max_pixels: int | None = None
) -> SharedProcessing | PlainProcessing:
    """Load tokenizer and image processor from a folder.

    Args:
        folder: holds preprocessor_config.json and the tokenizer; not necessarily that of the weights.
        config: configuration of the model.
        min_pixels: smaller images are enlarged to it (Qwen families), pixels.
        max_pixels: larger images are reduced to it (Qwen families), pixels.

    Raises:
        SettingsError: a pixel budget for a model that has none, or one that fits no image.
        ModelError: files are missing or broken, a package is missing, or there is no chat template.
    """
    import transformers

    library: Any = transformers  # its classes are only partly typed

    hub.check_folder(folder, "processor")
    family = str(config.model_type)
    local = {"trust_remote_code": False, "local_files_only": True}
    if (min_pixels or max_pixels) and family not in QWEN_FAMILIES:
        raise SettingsError(
            f"max_pixels does not suit model type {family}",
            hint=f"Types that take it: {', '.join(QWEN_FAMILIES)}. For others choose a tile size.",
        )
    try:
        if family in QWEN_FAMILIES:
            tokenizer = library.AutoTokenizer.from_pretrained(folder, padding_side="left", **local)
            images = library.AutoImageProcessor.from_pretrained(folder, backend="pil", **local)
            return SharedProcessing(folder, config, tokenizer, images, None, _budget(images, min_pixels, max_pixels))
        processor = library.AutoProcessor.from_pretrained(folder, **local)
        processor.tokenizer.padding_side = "left"
        if family in SHARED_FAMILIES:
            return SharedProcessing(folder, config, processor.tokenizer, processor.image_processor, processor, None)
        return PlainProcessing(folder, processor)
    except (ModelError, SettingsError):
        raise
    except Exception as error:  # whatever a foreign folder makes the libraries raise
        needs = " and its processor needs torchvision" if "orchvision" in str(error) else ""
        raise ModelError(
            f"{folder} has no usable processor{needs}: {first_line(error)}",
            hint="pip install torchvision" if needs else "Take it from the original model with --processor.",
        ) from error


def _budget(images: Any, min_pixels: int | None, max_pixels: int | None) -> tuple[int, int]:
    """Set the pixel budget of a Qwen image processor and return (smallest, largest) image in pixels."""
    factor = images.patch_size * images.merge_size
    # GLM counts the pixels of a still image once for each frame of a patch in time; the budget here is of one image.
    frames = int(images.temporal_patch_size) if type(images).__name__.startswith("Glm") else 1
    own_smallest, own_largest = (int(images.size[edge]) // frames for edge in ("shortest_edge", "longest_edge"))
    largest = max_pixels if max_pixels is not None else max(factor * factor, min(own_largest, DEFAULT_MAX_PIXELS))
    smallest = min_pixels if min_pixels is not None else min(own_smallest, largest)
    if not factor * factor <= largest <= 1 << 28:
        raise SettingsError(
            f"max_pixels {largest} is not between {factor * factor} (one patch) and {1 << 28}",
            hint=f"{DEFAULT_MAX_PIXELS} (1024 x 1024) is the default.",
        )
    if not 0 < smallest <= largest:
        raise SettingsError(f"min_pixels {smallest} is not between 1 and max_pixels {largest}")
    images.size = type(images.size)(shortest_edge=smallest * frames, longest_edge=largest * frames)
    return smallest, largest


class SharedProcessing:
    """Images and texts separately, for the families of ``SHARED_FAMILIES``."""

    shares_images = True

    def __init__(
        self, folder: Path, config: Any, tokenizer: Any, images: Any, processor: Any, budget: tuple[int, int] | None
    ) -> None:
        self.tokenizer = tokenizer
        self._images = images
        self._processor = processor
        self._image_token_id = int(config.image_token_id)
        self._image_token: str = tokenizer.convert_ids_to_tokens(self._image_token_id)
        if not isinstance(self._image_token, str):
            raise ModelError(
                "the tokenizer lacks the model's image token",
                hint="Take the processor from the original with --processor.",
            )
        self._template = _chat_template(folder, processor, tokenizer)
        self._budget = budget
        if budget is not None:
            factor = images.patch_size * images.merge_size
            self.tile_size_px = max(factor, math.isqrt(budget[1]) // factor * factor)
        else:
            probe = self._images(images=[np.zeros((64, 64, 3), dtype=np.uint8)], input_data_format="channels_last")
            self.tile_size_px = int(probe["pixel_values"][0].shape[-1])

    @property
    def image_token(self) -> str:
        """The text of one image token."""
        return self._image_token

    @property
    def max_pixels(self) -> int | None:
        """Largest image the model is shown, pixels; None where the size of its input is fixed."""
        return None if self._budget is None else self._budget[1]

    @property
    def min_pixels(self) -> int | None:
        """Smaller images are enlarged to it; None where the size of its input is fixed."""
        return None if self._budget is None else self._budget[0]

    def save(self, folder: Path) -> None:
        """Write tokenizer, chat template and image processor, so that ``load_processing`` finds them again."""
        if self._processor is not None:
            self._processor.save_pretrained(folder)
        else:
            self._images.save_pretrained(folder)
        self.tokenizer.chat_template = self._template
        self.tokenizer.save_pretrained(folder)

    def chat(self, prompt: str) -> str:
        """See ``Processing.chat``."""
        return _render(self.tokenizer, self._template, prompt, self._image_token)

    def image(self, image: Pixels) -> EncodedImage:
        """See ``Processing.image``."""
        if self._budget is None:
            image = squared(image, self._images)
        inputs = self._images(images=[image], return_tensors="pt", input_data_format="channels_last")
        if self._budget is None:
            height, width = inputs["pixel_values"].shape[-2:]
            tokens = self._processor.replace_image_token(inputs, 0)
            return EncodedImage(
                inputs={"pixel_values": inputs["pixel_values"]}, tokens=tokens, model_size_px=(int(width), int(height))
            )
        grid = inputs["image_grid_thw"]
        _, rows, columns = (int(count) for count in grid[0])
        return EncodedImage(
            inputs={"pixel_values": inputs["pixel_values"], "image_grid_thw": grid},
            tokens=self._image_token * (rows * columns // self._images.merge_size**2),
            model_size_px=(columns * self._images.patch_size, rows * self._images.patch_size),
        )

    def text(self, prompt: str) -> dict[str, torch.Tensor]:
        """See ``Processing.text``."""
        return _text_inputs(self.tokenizer, self._template, prompt)

    def texts(self, chats: Sequence[str], images: Sequence[EncodedImage]) -> dict[str, torch.Tensor]:
        """See ``Processing.texts``: input_ids, attention_mask; for Qwen also mm_token_type_ids and image_grid_thw."""
        expanded = [chat.replace(self._image_token, image.tokens, 1) for chat, image in zip(chats, images, strict=True)]
        batch = _tokenize(self.tokenizer, expanded)
        if self._budget is not None:
            batch["mm_token_type_ids"] = (batch["input_ids"] == self._image_token_id).long()
            batch["image_grid_thw"] = torch.cat([image.inputs["image_grid_thw"] for image in images])
        return batch


def squared(image: Pixels, processor: Any) -> Pixels:
    """An oblong image stretched to a square where the processor would cut its ends off or pad it; any other unchanged.

    Numbers that are relative to the sides then refer to the whole image, along each axis.
    """
    height, width = image.shape[:2]
    crops = bool(getattr(processor, "do_center_crop", False))
    pads = bool(getattr(processor, "do_pad", False)) and type(processor).__name__.startswith("Llava")
    tiles = hasattr(processor, "image_grid_pinpoints")  # sees the whole image in parts
    if height == width or tiles or not (crops or pads):
        return image
    side = max(height, width)
    crop = getattr(processor, "crop_size", None) if crops else None
    size = (side, side) if crop is None else (int(crop["width"]), int(crop["height"]))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


class PlainProcessing:
    """A model's own processor, image and text together."""

    tile_size_px = _UNKNOWN_TILE_PX
    shares_images = False

    def __init__(self, folder: Path, processor: Any) -> None:
        if not hasattr(processor, "tokenizer") or not hasattr(processor, "image_processor"):
            raise ModelError(
                f"{folder} has no processor for images and text", hint="Take it from the original with --processor."
            )
        self.tokenizer = processor.tokenizer
        self._processor = processor
        self._image_token = getattr(processor, "image_token", None)
        self._template = _chat_template(folder, processor, processor.tokenizer)

    def chat(self, prompt: str) -> str:
        """See ``Processing.chat``."""
        return _render(self.tokenizer, self._template, prompt, self._image_token)

    def image(self, image: Pixels) -> EncodedImage:
        """See ``Processing.image``."""
        return EncodedImage(inputs={}, original=squared(image, self._processor.image_processor))

    def text(self, prompt: str) -> dict[str, torch.Tensor]:
        """See ``Processing.text``."""
        return _text_inputs(self.tokenizer, self._template, prompt)

    def texts(self, chats: Sequence[str], images: Sequence[EncodedImage]) -> dict[str, torch.Tensor]:
        """See ``Processing.texts``."""
        originals = [[Image.fromarray(image.original)] for image in images if image.original is not None]
        _ensure_padding(self.tokenizer)
        inputs = self._processor(
            text=list(chats),
            images=originals,
            return_tensors="pt",
            padding=True,
            add_special_tokens=not _starts_with_bos(self.tokenizer, chats[0]),
        )
        return dict(inputs)


def _chat_template(folder: Path, processor: Any, tokenizer: Any) -> str:
    # chat_template.json is the older form and belongs to the processor; the tokenizer's may know no images.
    template: object = getattr(processor, "chat_template", None)
    if template is None and (folder / "chat_template.json").is_file():
        template = hub.read_json(folder / "chat_template.json").get("chat_template")
    if template is None:
        template = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    if not isinstance(template, str):
        raise ModelError(
            f"{folder} holds no chat template: how to ask the model is unknown",
            hint="Take it from the original instruction-tuned model with --processor.",
        )
    return template


def _text_inputs(tokenizer: Any, template: str, prompt: str) -> dict[str, torch.Tensor]:
    conversation = [{"role": "user", "content": [{"type": "text", "text": prompt}]}]
    chat = tokenizer.apply_chat_template(
        conversation, chat_template=template, add_generation_prompt=True, tokenize=False
    )
    return _tokenize(tokenizer, [str(chat)])


def _render(tokenizer: Any, template: str, prompt: str, image_token: str | None) -> str:
    conversation = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}]
    try:
        text = tokenizer.apply_chat_template(
            conversation, chat_template=template, add_generation_prompt=True, tokenize=False
        )
    except Exception as error:  # a template is a foreign program, run in transformers' sandbox
        raise ModelError(
            f"the chat template fails: {first_line(error)}", hint="Take another with --processor."
        ) from error
    if image_token is not None and text.count(image_token) != 1:
        raise ModelError(
            f"the chat template writes {text.count(image_token)} image tokens where one belongs",
            hint="Take the processor from the original model with --processor.",
        )
    return str(text)


def _tokenize(tokenizer: Any, texts: Sequence[str]) -> dict[str, torch.Tensor]:
    _ensure_padding(tokenizer)
    batch = tokenizer(
        list(texts), padding=True, return_tensors="pt", add_special_tokens=not _starts_with_bos(tokenizer, texts[0])
    )
    return {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}


def _ensure_padding(tokenizer: Any) -> None:
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token


def _starts_with_bos(tokenizer: Any, text: str) -> bool:
    return bool(tokenizer.bos_token) and text.startswith(tokenizer.bos_token)
