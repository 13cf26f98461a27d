"""Samples of training and evaluation: an image, an expression and its ground truth.

Frame: ``px`` are pixels of the image (of the window, where only a part of the file is the image), x right, y down,
half-open floats, (0, 0) at the outer corner of the first pixel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.datasets.dihedral import turn_boxes, turn_pixels, turn_points, turn_size
from geogrounding.datasets.images import read_image
from geogrounding.errors import InputError
from geogrounding.settings import MAX_EXPRESSION_CHARS
from geogrounding.types import Task

EDGE_TOLERANCE_PX = 1e-3
"""Boxes may pass the edge of the image by rounding noise, not by more."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """One question about one image and its ground truth, validated on construction; equality is identity.

    Raises:
        InputError: boxes are empty, not finite or outside the image; their number does not fit the labels or the
            task; the expression is empty or too long; the window does not fit the size.
    """

    id: str
    """Unique within one data set."""
    image: Path
    """A PNG, JPEG, WebP, BMP or raster file; never a link."""
    window_px: tuple[int, int, int, int] | None = None
    """(x0, y0, x1, y1) of the file's own pixels that are the image; None is all of it."""
    size_px: tuple[int, int]
    """(width, height) of the image."""
    turn: int = 0
    """Which of the eight orientations of the file's image it is; see ``dihedral``."""
    expression: str
    task: Task
    boxes_px: NDArray[np.float64]
    """(N, 4) as x0, y0, x1, y1; none where the image shows no target. Read-only."""
    labels: tuple[str, ...]
    """(N,) the label of each box, in words."""
    unlike_px: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 4)))
    """(M, 4) boxes of what looks similar and is not meant, as ``boxes_px``; counts where ``complete`` is False as well."""
    complete: bool = True
    """Whether all targets in the image are labelled; where False, unlabelled objects may fit the expression too."""
    polygons_px: tuple[shapely.Geometry, ...] = ()
    """Polygons whose union is the mask of all targets; not necessarily one for each box. Empty where no masks are known."""
    category: str = ""
    """Class, for few-shot choice and metrics by class; empty where unknown."""
    unique: bool | None = None
    """Whether the target is the only one of its class in the image; None where unknown."""
    reasoning: str = ""
    """Reasoning that leads to the answer; empty where there is none."""
    origin: str
    """Place in the label file, for messages: ``train.jsonl:12``."""

    def __post_init__(self) -> None:
        boxes_px = _checked_boxes(self.boxes_px, self.size_px)
        boxes_px.setflags(write=False)
        object.__setattr__(self, "boxes_px", boxes_px)
        unlike_px = _checked_boxes(self.unlike_px, self.size_px)
        unlike_px.setflags(write=False)
        object.__setattr__(self, "unlike_px", unlike_px)
        if self.task not in get_args(Task):
            raise InputError(f"task {self.task!r} is unknown", hint=f"Choose one of: {', '.join(get_args(Task))}.")
        if len(self.labels) != len(boxes_px):
            raise InputError(f"{len(boxes_px)} boxes have {len(self.labels)} labels")
        if self.task == "refer" and len(boxes_px) > 1:
            raise InputError(f"a sample of the task refer has one target at most, not {len(boxes_px)}")
        if self.task == "segment" and bool(self.polygons_px) != bool(len(boxes_px)):
            raise InputError("a sample of the task segment needs masks and boxes for its targets")
        if not self.expression.strip():
            raise InputError("the expression is empty")
        if len(self.expression) > MAX_EXPRESSION_CHARS:
            raise InputError(
                f"the expression has {len(self.expression)} characters, more than {MAX_EXPRESSION_CHARS}",
                hint="A referring expression is a phrase of a few words.",
            )
        if self.window_px is not None:
            x0, y0, x1, y1 = self.window_px
            if min(x0, y0) < 0 or (x1 - x0, y1 - y0) != turn_size(self.size_px, self.turn):
                raise InputError(f"the window {self.window_px} does not fit an image of {self.size_px} pixels")

    def pixels(self) -> NDArray[np.uint8]:
        """The image, (height, width, 3) RGB, as stored in the file (an orientation tag is not followed), then turned.

        Raises:
            SceneError: the file is missing, damaged or of another size than it was.
            UnsafeSceneError: it is a link, or declares more pixels than an image has.
        """
        return turn_pixels(read_image(self.image, self.window_px, turn_size(self.size_px, self.turn)), self.turn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A record that could not be used, and why."""

    origin: str
    """File and line, or file and place inside it."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """The content of one data set."""

    samples: tuple[Sample, ...]
    problems: tuple[Problem, ...]
    """Records that were left out, in the order of the file."""
    format: str
    """The format of the labels."""
    files: Mapping[str, str]
    """SHA-256 of each label file, as a hexadecimal text, by path; a folder of many label files has one for all of them."""


def _checked_boxes(boxes_px: NDArray[np.float64], size_px: tuple[int, int]) -> NDArray[np.float64]:
    """A copy of the boxes, clipped to the image by no more than ``EDGE_TOLERANCE_PX``."""
    width, height = size_px
    if width < 1 or height < 1:
        raise InputError(f"an image of {width} x {height} pixels is empty")
    boxes = np.array(boxes_px, dtype=np.float64).reshape(-1, 4) if np.size(boxes_px) else np.empty((0, 4))
    if not np.isfinite(boxes).all():
        raise InputError("a box holds a number that is not finite")
    low, high = boxes.min(initial=0.0), (boxes - [0, 0, width, height]).max(axis=0, initial=-np.inf)
    if low < -EDGE_TOLERANCE_PX or high[2:].max() > EDGE_TOLERANCE_PX:
        raise InputError(f"a box lies outside the image of {width} x {height} pixels")
    boxes = np.clip(boxes, 0.0, [width, height, width, height])
    if (boxes[:, :2] >= boxes[:, 2:]).any():
        raise InputError("a box is empty or has its corners swapped")
    return boxes


def turned(sample: Sample, turn: int) -> Sample:
    """A sample of orientation 0 in another orientation."""
    if turn == 0:
        return sample
    polygons = tuple(
        shapely.transform(polygon, lambda xy: turn_points(xy, sample.size_px, turn)) for polygon in sample.polygons_px
    )
    return replace(
        sample,
        id=f"{sample.id}#{turn}",
        turn=turn,
        size_px=turn_size(sample.size_px, turn),
        boxes_px=turn_boxes(sample.boxes_px, sample.size_px, turn),
        unlike_px=turn_boxes(sample.unlike_px, sample.size_px, turn),
        polygons_px=polygons,
    )
