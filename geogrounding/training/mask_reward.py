"""The mask reward of Geo-R1: boxes and keypoints of an answer -> frozen segmenter -> masks clipped to their boxes -> IoU.

The completions of a group share their image, so all their boxes go to the segmenter in one call: it reads the image once,
and boxes that several completions answer are drawn once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize

from geogrounding.errors import SettingsError
from geogrounding.geometry.masks import unpack_mask
from geogrounding.models.segmenters.base import Points, Segmenter
from geogrounding.training.image_refs import ImageRef
from geogrounding.training.reward_inputs import (
    Column,
    GroundTruth,
    ParsedCompletion,
    column_of,
    ground_truths,
    parse_completion,
    polygon_of,
)
from geogrounding.types import Mask

Bools = NDArray[np.bool_]
Prompt = tuple[tuple[float, float, float, float], Points]
"""A box and keypoints in pixels of the image."""


class MaskReward:
    """``segment``: IoU of the union of the answered masks with the union of the true ones, in pixels of the image.

    The mean over images is gIoU. None against none is 1. A box that the segmenter draws nothing in adds nothing.
    """

    __name__ = "mask_reward"

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter

    def __call__(
        self,
        completions: Sequence[Any],
        *,
        shown: Column = None,
        scale: Column = None,
        boxes_px: Column = None,
        labels: Column = None,
        size_px: Column = None,
        polygons_px: Column = None,
        solution: Column = None,
        **columns: Any,
    ) -> list[float]:
        """Rewards of completions, in [0, 1].

        Args:
            completions: texts, or messages.
            shown: the ``ImageRef`` of each; completions with equal keys are segmented together.
            scale: numbers of the answers for each pixel of the image, along x and y; 1 where not given.
            boxes_px: see ``rewards``; so the following.
            labels: not used.
            size_px: frame of the answers.
            polygons_px: true masks in the frame of the answers; where there are none, ``boxes_px``.
            solution: in place of boxes and labels.
            columns: others are not used.

        Raises:
            SettingsError: the images are missing.
        """
        count = len(completions)
        refs = column_of("shown", shown, count)
        if refs is None:
            raise SettingsError("mask_reward needs the images of the completions (column shown)")
        truths = ground_truths(count, boxes_px, labels, size_px, solution)
        scales, masks = column_of("scale", scale, count), column_of("polygons_px", polygons_px, count)
        groups: dict[Any, list[int]] = {}
        for index, ref in enumerate(refs):
            groups.setdefault(ref.key, []).append(index)
        rewards = [0.0] * count
        for members in groups.values():
            answers = [parse_completion(completions[i], truths[i], "segment") for i in members]
            image = cast(ImageRef, refs[members[0]]).pixels()
            steps = [np.ones(2) if scales is None else np.asarray(scales[i], np.float64) for i in members]
            prompts = [prompts_of(answer, step) for answer, step in zip(answers, steps, strict=True)]
            drawn = self._drawn(image, prompts)
            known: dict[str, Bools] = {}
            for i, answer, step, own in zip(members, answers, steps, prompts, strict=True):
                shapes = None if masks is None else masks[i]
                name = repr((shapes, truths[i].boxes_px.tolist(), step.tolist()))
                if name not in known:
                    known[name] = _true_mask(shapes, truths[i], step, image.shape[:2], i)
                rewards[i] = _iou(known[name], own, drawn, none=answer.none)
        return rewards

    def _drawn(self, image: NDArray[np.uint8], prompts: Sequence[Sequence[Prompt]]) -> Mapping[Prompt, Mask | None]:
        every = list(dict.fromkeys(one for own in prompts for one in own))
        if not every:
            return {}
        boxes = np.array([box for box, _ in every], np.float64)
        return dict(zip(every, self._segmenter.segment(image, boxes, [points for _, points in every]), strict=True))


def prompts_of(answer: ParsedCompletion, scale: NDArray[np.float64]) -> list[Prompt]:
    """The boxes of an answer with their keypoints, in pixels of the image."""
    boxes = answer.boxes_px / np.tile(scale, 2)
    points = answer.keypoints_px or ((),) * len(boxes)
    return [
        ((box[0], box[1], box[2], box[3]), tuple((x / float(scale[0]), y / float(scale[1])) for x, y in own))
        for box, own in zip(boxes.tolist(), points, strict=True)
    ]


def _true_mask(shapes: Any, truth: GroundTruth, scale: NDArray[np.float64], size: tuple[int, ...], index: int) -> Bools:
    polygons = [polygon_of(item, index) for item in shapes or ()] or list(np.atleast_1d(shapely.box(*truth.boxes_px.T)))
    placed = [shapely.transform(polygon, lambda xy: xy / scale) for polygon in polygons]
    filled = [polygon for polygon in placed if polygon.area > 0]
    if not filled:
        return np.zeros(size, np.bool_)
    return np.asarray(rasterize(filled, size, dtype="uint8")) > 0


def _iou(true: Bools, prompts: Sequence[Prompt], drawn: Mapping[Prompt, Mask | None], *, none: bool) -> float:
    if not true.any():
        return float(none)
    found = np.zeros_like(true)
    for prompt in prompts:
        mask = drawn[prompt]
        if mask is not None:
            _add(found, mask, prompt[0])
    return float((found & true).sum() / (found | true).sum())


def _add(found: Bools, mask: Mask, box: tuple[float, float, float, float]) -> None:
    """Set the pixels of a mask, as far as they touch its box."""
    x0, y0, x1, y1 = mask.window_chip_px
    left, top = max(x0, int(np.floor(box[0]))), max(y0, int(np.floor(box[1])))
    right, bottom = min(x1, int(np.ceil(box[2]))), min(y1, int(np.ceil(box[3])))
    if left < right and top < bottom:
        found[top:bottom, left:right] |= unpack_mask(mask)[top - y0 : bottom - y0, left - x0 : right - x0]


@lru_cache(maxsize=1)
def mask_reward(name: str, device: str | None) -> Callable[..., list[float]]:
    """The reward with a segmenter by name; loaded once for the probe and the training.

    Raises:
        ModelError: it cannot be loaded.
    """
    from geogrounding.models.segmenters.load import load_segmenter

    return MaskReward(load_segmenter(name, device=device))
