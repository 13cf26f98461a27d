"""Images and prompts to the built-in model's inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from transformers import BatchFeature, ProcessorMixin
from transformers.image_processing_utils import BaseImageProcessor

from geogrounding.models.builtin.pixels import as_rgb, letterbox, normalise
from geogrounding.models.builtin.tokenizer import ANYTHING, IMAGE, answer_text


class GeogroundImageProcessor(BaseImageProcessor):
    """Letterboxes and normalises images; needs no torchvision."""

    model_input_names = ["pixel_values"]

    def __init__(self, image_size: int = 336, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.image_size = image_size

    def __call__(self, images: Any, *args: Any, **kwargs: Any) -> BatchFeature:  # type: ignore[override]  # images are all it reads
        """Same as ``preprocess``."""
        return self.preprocess(images)

    def preprocess(self, images: Any, *args: Any, **kwargs: Any) -> BatchFeature:
        """``pixel_values`` (B, 3, S, S) of one image or a list (nested lists are flattened)."""
        flat: list[Any] = []

        def walk(item: Any) -> None:
            if isinstance(item, list | tuple):
                for part in item:
                    walk(part)
            else:
                flat.append(item)

        walk(images)
        squares = np.stack([letterbox(as_rgb(image), self.image_size)[0] for image in flat])
        return BatchFeature({"pixel_values": normalise(squares)})


class GeogroundProcessor(ProcessorMixin):
    """Image processor and tokenizer as one."""

    def __init__(
        self,
        image_processor: Any = None,
        tokenizer: Any = None,
        chat_template: str | None = None,
        image_tokens: int = 80,
    ) -> None:
        self.image_tokens = image_tokens
        self.image_token = IMAGE
        super().__init__(  # type: ignore[no-untyped-call]  # transformers'
            image_processor, tokenizer, chat_template=chat_template or getattr(tokenizer, "chat_template", None)
        )

    def __call__(
        self,
        images: Any = None,
        text: str | Sequence[str] | None = None,
        return_tensors: str | None = None,
        **kwargs: Any,
    ) -> BatchFeature:
        """Inputs of the model: each ``<image>`` in a text becomes as many placeholders as the image has tokens.

        Args:
            images: images in the order of their places in the texts.
            text: one text or several, such as ``"<image>detect: airplane<s>"``.
            return_tensors: ``"pt"`` for tensors (pads on the left); None for lists.
            kwargs: handed to the tokenizer.
        """
        data: dict[str, Any] = {}
        if images is not None:
            data["pixel_values"] = self.image_processor(images)["pixel_values"]
        if text is not None:
            texts = [text] if isinstance(text, str) else list(text)
            kwargs.pop("do_resize", None)
            kwargs.setdefault("padding", return_tensors is not None and len(texts) > 1)
            kwargs["add_special_tokens"] = False
            data.update(
                self.tokenizer(
                    [t.replace(IMAGE, IMAGE * self.image_tokens) for t in texts],
                    return_tensors=return_tensors,
                    **kwargs,
                )
            )
            data.pop("token_type_ids", None)
        return BatchFeature(data)

    def question(self, task: str, expression: str) -> str:
        """The words of a question, as they stand after the image."""
        return f"{task}: {expression}"

    def completion(
        self,
        label: str,
        boxes_model_px: Sequence[Sequence[float]],
        *,
        task: str = "detect",
        size_px: tuple[int, int] | None = None,
        sought: str | None = None,
    ) -> str:
        """The text of a right answer with its reasoning.

        Args:
            label: of every box: a class, or the expression itself.
            boxes_model_px: (x0, y0, x1, y1) in pixels of the model's image, best match first.
            task: "refer" keeps the first box only.
            size_px: not needed by this model.
            sought: what the reasoning says is looked for; default the label.
        """
        boxes = list(boxes_model_px)[:1] if task == "refer" else list(boxes_model_px)
        name = self.as_words(label)
        return answer_text(
            self.as_words(sought) if sought else name, name, boxes, side_px=self.image_processor.image_size
        )

    def as_words(self, text: str) -> str:
        """A text as the tokenizer gives it back: lower case, no punctuation."""
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return str(self.tokenizer.decode(ids)).strip() or ANYTHING

    @property
    def model_input_names(self) -> list[str]:
        """Names of what ``__call__`` gives."""
        return ["input_ids", "attention_mask", "pixel_values"]
