"""SAM, SAM 2, SAM 2.1 and the tracker of SAM 3 (Kirillov et al. 2023, Ravi et al. 2024, Carion et al. 2025) through
transformers. Imports torch: import it late.

Images are prepared here, as the image processors do it: those of SAM 2 and 3 need torchvision, which is not needed for
anything else. Embeddings are computed once per image; boxes are decoded in small groups, and each mask is thresholded
and enlarged only inside its box, so that memory does not grow with the number of objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from geogrounding.errors import ModelError
from geogrounding.geometry.masks import pack_mask
from geogrounding.messages import first_line
from geogrounding.models import hub
from geogrounding.models.hf.checkpoint import choose_device, choose_dtype, is_out_of_memory, quiet
from geogrounding.models.segmenters.base import Points
from geogrounding.types import Mask

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet, as the processors of SAM and SAM 2 have them."""
BATCH = 16
"""Boxes decoded at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is to know of a family of checkpoints."""

    model: str
    """Class of transformers."""
    stretched: bool = True
    """Whether images are stretched to the square of the model; else they keep their aspect."""
    mean: tuple[float, float, float] = MEAN
    std: tuple[float, float, float] = STD
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Names of weights in checkpoints (regular expressions), and what the class calls them."""


_SAM2 = Kind(model="Sam2Model")
_SAM3 = Kind(
    model="Sam3TrackerModel",
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    # transformers 5.23 has these renamings, and does not apply them where the tracker is part of a whole checkpoint.
    renamed={
        r"^detector_model\.vision_encoder\.backbone\.": "vision_encoder.backbone.",
        r"^tracker_neck\.": "vision_encoder.neck.",
        r"^tracker_model\.": "",
    },
)
KINDS = {
    "sam": Kind(model="SamModel", stretched=False),
    "sam2": _SAM2,
    "sam2_video": _SAM2,
    "sam3_tracker": _SAM3,
    "sam3_video": _SAM3,
}
"""By the ``model_type`` of a checkpoint; published SAM 2 and SAM 3 checkpoints are of the video types."""
ELSEWHERE = {
    "sam3": "answers text and takes no boxes: give it as --model",
    "edgetam": "needs timm and torchvision",
    "edgetam_video": "needs timm and torchvision",
}
"""Other segmenting models of transformers, and why they do not run here."""


class SamSegmenter:
    """Masks from boxes and points by a SAM checkpoint."""

    def __init__(self, source: str, *, device: str | None = None, dtype: str | None = None) -> None:
        folder = hub.find(source, "model")
        kind = str(hub.read_json(folder / "config.json").get("model_type"))
        if kind not in KINDS:
            reason = ELSEWHERE.get(kind, f"is a model of the type {kind}")
            raise ModelError(
                f"{source} cannot be the segmenter: it {reason}",
                hint="Give a SAM, SAM 2, SAM 2.1 or SAM 3 checkpoint, or builtin.",
            )
        self._device = choose_device(device)
        self._dtype = choose_dtype(dtype, self._device)
        self._kind = KINDS[kind]
        self._model: Any = _load(folder, self._kind, self._dtype, self._device)
        size = self._model.config.prompt_encoder_config.image_size
        self._side = int(size if isinstance(size, int) else size[0])
        self.name = source if folder != hub.local_path(source) else folder.name
        self.fingerprint = hub.fingerprint([folder], ["segmenter", str(self._dtype)])

    def segment(
        self, image: NDArray[np.uint8], boxes_px: NDArray[np.float64], keypoints_px: Sequence[Points]
    ) -> list[Mask | None]:
        """Draw the object in each box; see ``Segmenter.segment``. Keypoints count as points inside the object."""
        if self._model is None:
            raise ModelError("the segmenter is closed", hint="Load it again.")
        if not len(boxes_px):
            return []
        try:
            return self._segment(image, boxes_px, keypoints_px)
        except RuntimeError as error:
            hint = "Memory is too small for it: try a smaller checkpoint." if is_out_of_memory(error) else "Try cpu."
            raise ModelError(f"{self.name} failed: {first_line(error)}", hint=hint) from error

    def close(self) -> None:
        """Free the weights."""
        self._model = None

    @torch.inference_mode()
    def _segment(
        self, image: NDArray[np.uint8], boxes_px: NDArray[np.float64], keypoints_px: Sequence[Points]
    ) -> list[Mask | None]:
        pixels, scale = prepare(image, self._side, self._kind)
        embeddings = self._model.get_image_embeddings(pixels.to(self._device, self._dtype))
        out: list[Mask | None] = [None] * len(boxes_px)
        # Prompts of one call need equally many points.
        for count in sorted({len(points) for points in keypoints_px}):
            mine = [n for n, points in enumerate(keypoints_px) if len(points) == count]
            for start in range(0, len(mine), BATCH):
                some = mine[start : start + BATCH]
                boxes = torch.tensor(boxes_px[some] * np.tile(scale, 2), dtype=torch.float32)
                prompts: dict[str, Any] = {"input_boxes": boxes[None].to(self._device, self._dtype)}
                if count:
                    points = torch.tensor(np.array([keypoints_px[n] for n in some]) * scale, dtype=torch.float32)
                    prompts["input_points"] = points[None].to(self._device, self._dtype)
                answer = self._model(image_embeddings=embeddings, multimask_output=False, **prompts)
                logits = answer.pred_masks[0, :, 0].float().cpu()
                for n, one in zip(some, logits, strict=True):
                    out[n] = mask_in_box(one, boxes_px[n], scale, self._side, image.shape[:2])
        return out


def prepare(image: NDArray[np.uint8], side: int, kind: Kind) -> tuple[Tensor, NDArray[np.float64]]:
    """An image as the model wants it.

    Args:
        image: (height, width, 3) RGB.
        side: of the model's square, pixels.
        kind: of the model; one that does not stretch images pads them with zeros below and to the right.

    Returns:
        (1, 3, side, side) normalised pixels, and how many of them one pixel of the image is along x and y (2,).
    """
    height, width = image.shape[:2]
    if kind.stretched:
        new_width = new_height = side
    else:
        longest = max(height, width)
        new_width, new_height = (int(v * side / longest + 0.5) for v in (width, height))
    small = Image.fromarray(image).resize((new_width, new_height), Image.Resampling.BILINEAR)
    values = (np.asarray(small, np.float32) / 255 - np.array(kind.mean, np.float32)) / np.array(kind.std, np.float32)
    pixels = np.zeros((side, side, 3), np.float32)
    pixels[:new_height, :new_width] = values
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None], np.array([new_width / width, new_height / height])


def mask_in_box(
    logits: Tensor, box_px: NDArray[np.float64], scale: NDArray[np.float64], side: int, size: tuple[int, ...]
) -> Mask | None:
    """The mask inside a box, from low-resolution logits (S, S) over the square of the model; the rest is not enlarged.

    Args:
        logits: positive inside the object.
        box_px: in pixels of the image; the mask is cut at it.
        scale: pixels of the model's square for each pixel of the image, along x and y.
        side: of that square.
        size: (height, width) of the image.
    """
    x0, y0 = np.maximum(np.floor(box_px[:2]), 0).astype(int).tolist()
    x1, y1 = np.minimum(np.ceil(box_px[2:]), [size[1], size[0]]).astype(int).tolist()
    if x1 <= x0 or y1 <= y0:
        return None
    # Where the centres of the pixels of the box lie in the logits, in the coordinates of grid_sample.
    x = (torch.arange(x0, x1) + 0.5) * float(scale[0]) / side * 2 - 1
    y = (torch.arange(y0, y1) + 0.5) * float(scale[1]) / side * 2 - 1
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None].float()
    fine = torch.nn.functional.grid_sample(
        logits[None, None], grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    return pack_mask(fine[0, 0].numpy() > 0, (x0, y0))


def _load(folder: Path, kind: Kind, dtype: torch.dtype, device: torch.device) -> Any:
    import transformers

    try:
        with quiet():
            model, report = getattr(transformers, kind.model).from_pretrained(
                folder,
                dtype=dtype,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                key_mapping=dict(kind.renamed) or None,
            )
        missing = sorted(report.get("missing_keys", ())) + sorted(map(str, report.get("mismatched_keys", ())))
        if missing:
            raise ModelError(
                f"{folder} lacks {len(missing)} weights of its architecture, such as {missing[0]}",
                hint="Download the model again.",
            )
        return model.to(device).eval().requires_grad_(False)
    except ModelError:
        raise
    except Exception as error:  # whatever a foreign folder makes the libraries raise
        raise ModelError(f"{folder} cannot be loaded: {first_line(error)}", hint="Download the model again.") from error
