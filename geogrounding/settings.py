"""The settings of a run, in one checked object."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypedDict, get_args

from geogrounding.errors import SettingsError
from geogrounding.messages import quote
from geogrounding.types import Outline, Question, Task

RUN_TASKS: tuple[Task, ...] = get_args(Task)
"""Tasks of a run; ``segment`` is ``detect`` whose results are masks."""
LEAST_FIT = 0.9
"""Right angles that overlap less with the mask (IoU) are not taken."""
FROM_MASKS: frozenset[Outline] = frozenset({"mask", "regular", "oriented"})
"""Outlines that are drawn from masks."""
MIN_TILE_PX, MAX_TILE_PX = 32, 8192
"""Smallest and largest side of a chip, chip pixels."""
MergeMethod = Literal["auto", "nms", "nmm", "union", "none"]
MatchMetric = Literal["iou", "ios"]

MAX_EXPRESSIONS = 64
"""Questions per run: each is asked of every chip, so more is nearly always a file given by mistake."""
MAX_EXPRESSION_CHARS = 500
"""Longer texts are no referring expressions, and would leave no room for the image in a small model's context."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """The settings of one run over one scene; everything but the model and the place of the output.

    Raises:
        SettingsError: a value is out of range or two settings contradict each other.
    """

    source: str
    """Path of the raster (or a URL where ``allow_remote`` is set)."""
    expressions: tuple[str, ...]
    task: Task = "detect"
    whole_scene: bool | None = None
    """Whether a question that chooses by rank, place or neighbour is decided over the whole scene (True) or by the
    model, chip by chip (False); None takes what suits the model."""
    contexts: Mapping[str, Path] = field(default_factory=dict)
    """Vector layers by the names that queries use for them: "within 50 m of the river" with {"river": ...}."""
    plans: Mapping[str, str] = field(default_factory=dict)
    """Query plans (``query.plan``, as JSON) of expressions that are not to be read again."""

    tile_size: int | None = None
    """Side of the chips in chip pixels; None takes what suits the model."""
    overlap: float | str | None = None
    """Overlap of neighbouring chips: pixels when >= 1, a share of the tile when below, or text such as ``"20%"`` or
    ``"64px"`` (kept as a number); None is what suits the model."""
    resolution_m: float | None = None
    """Ground resolution looked at, metres per chip pixel; None is native, or the nearest that suits the model."""
    scales: tuple[float, ...] | None = None
    """Levels of the grid, each a multiple of the resolution, finest first; None takes what suits the model."""

    bbox: tuple[float, float, float, float] | None = None
    """(xmin, ymin, xmax, ymax) in ``bbox_crs``."""
    bbox_crs: str | None = None
    """CRS of ``bbox``, or ``"pixels"`` for pixels of the scene; None is the CRS of the scene."""
    aoi: Path | None = None
    """A vector file whose polygons limit the search; ``areas.gpkg|layername=fields`` names its layer as well."""
    aoi_layer: str | None = None
    """The layer of ``aoi``, where it has several."""

    bands: tuple[int, ...] | None = None
    """1-based bands that become red, green, blue (one band: grey)."""
    nodata: float | None = None
    alpha: int | None = None
    """1-based band of opacity, 0 for none; None is the declared one, but none where ``bands`` are given."""
    stretch: str = "auto"
    open_options: Mapping[str, str] = field(default_factory=dict)
    pixel_coordinates: bool = False
    """Answer in pixels when the raster has no CRS."""
    allow_remote: bool = False
    assets: tuple[str, ...] = ()
    """Of a STAC item: key of the asset, or of three for red, green, blue; empty goes by what the item says."""
    trusted_folders: tuple[Path, ...] = ()
    """Folders whose VRT files may be opened."""

    merge: MergeMethod = "auto"
    match_metric: MatchMetric = "iou"
    match_threshold: float = 0.5
    min_score: float | None = None
    """Detections with a lower score are left out; None takes what suits the model."""
    outline: Outline | None = None
    """What geometries show: ``box``, ``mask``, ``regular`` (right angles), ``oriented`` or ``point``; None is ``mask``
    for the task ``segment`` and ``box`` else."""
    simplify_m: float | None = None
    """Tolerance of the simplification of ``mask`` and ``regular``, metres (pixels of a scene without CRS); None goes by
    the size of a pixel and of the object, 0 keeps the edges of pixels."""

    like: Path | None = None
    """A vector file with one to twenty outlines or boxes of examples: the run reports what looks like them, and the
    expressions are names for it."""
    unlike: Path | None = None
    """The same of things that look alike and are not meant."""
    like_scene: Path | None = None
    """The raster of the examples; None is the scene."""

    def __post_init__(self) -> None:
        _check_expressions(self.expressions)
        _check_choice("task", self.task, get_args(Task))
        if self.outline is not None:
            _check_choice("outline", self.outline, get_args(Outline))
        if self.simplify_m is not None:
            if not (math.isfinite(self.simplify_m) and self.simplify_m >= 0):
                raise SettingsError(f"simplification {self.simplify_m} is not a number of metres, 0 or more")
            if self.drawn_outline not in ("mask", "regular"):
                raise SettingsError(
                    f"outline {self.drawn_outline} has nothing to simplify", hint="Use outline mask or regular."
                )
        _check_choice("merge", self.merge, get_args(MergeMethod))
        _check_choice("match-metric", self.match_metric, get_args(MatchMetric))
        self._check_tiling()
        if not (math.isfinite(self.match_threshold) and 0 < self.match_threshold <= 1):
            raise SettingsError(f"match threshold {self.match_threshold} is outside (0, 1]")
        if self.min_score is not None and not 0 <= self.min_score <= 1:
            raise SettingsError(f"minimum score {self.min_score} is outside [0, 1]")
        if self.aoi_layer is not None and self.aoi is None:
            raise SettingsError("--aoi-layer without --aoi", hint="Give --aoi FILE as well.")
        if self.like is None and (self.unlike is not None or self.like_scene is not None):
            raise SettingsError("--unlike and --like-scene go with --like", hint="Give examples with --like FILE.")
        if self.bbox_crs is not None and self.bbox is None:
            raise SettingsError("--bbox-crs without --bbox", hint="Give --bbox xmin,ymin,xmax,ymax as well.")

    def _check_tiling(self) -> None:
        if self.tile_size is not None and not MIN_TILE_PX <= self.tile_size <= MAX_TILE_PX:
            raise SettingsError(f"tile size {self.tile_size} is outside {MIN_TILE_PX} to {MAX_TILE_PX} pixels")
        if self.overlap is not None:
            object.__setattr__(self, "overlap", read_overlap(self.overlap))
        if self.resolution_m is not None and not (math.isfinite(self.resolution_m) and self.resolution_m > 0):
            raise SettingsError(f"resolution {self.resolution_m} is not a positive number of metres")
        if self.resolution_m is not None and self.pixel_coordinates:
            raise SettingsError(
                "a resolution in metres needs a raster with coordinates", hint="Drop --resolution, or use --scales."
            )
        if self.scales is not None and (
            not self.scales
            or any(not math.isfinite(s) or s <= 0 for s in self.scales)
            or list(self.scales) != sorted(set(self.scales))
        ):
            raise SettingsError(f"scales {self.scales} are not positive numbers in rising order", hint="Example: 1,2,4")

    @property
    def drawn_outline(self) -> Outline:
        """The outline that geometries show."""
        return drawn_outline(self.outline, self.task)

    @property
    def needs_masks(self) -> bool:
        """Whether a segmenter is asked."""
        return self.drawn_outline in FROM_MASKS

    @property
    def questions(self) -> tuple[Question, ...]:
        """One question per expression, in the order given; a model may be asked others: see ``Plan.composition``."""
        return tuple(Question(expression=e, task=self.task) for e in self.expressions)


def read_overlap(value: float | str) -> float:
    """An overlap as a number: pixels (128, ``"128"``, ``"128px"``), or a share of the tile (0.2, ``"0.2"``, ``"20%"``).

    Returns:
        Pixels when 0 or >= 1, a share of the tile when between 0 and 1.

    Raises:
        SettingsError: no number, negative, not finite, 100% or more, or a part of a pixel.
    """
    text = str(value).strip().lower()
    percent, pixels = text.endswith("%"), text.endswith("px")
    try:
        number = float(text.removesuffix("%").removesuffix("px")) / (100 if percent else 1)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0) or (percent and number >= 1) or (pixels and 0 < number < 1):
        raise SettingsError(
            f"overlap {quote(value, 60)} is neither a number of pixels nor a share of the tile below 1",
            hint="Examples: 128, 0.2, 20%.",
        )
    return number


class RunOptions(TypedDict, total=False):
    """Keyword options of ``ground``, ``stream`` and ``run``: the fields of ``RunSettings`` but source and expressions.

    What each means stands at the field of the same name; a test holds the two lists against each other.
    """

    task: Task
    whole_scene: bool | None
    contexts: Mapping[str, Path]
    plans: Mapping[str, str]
    tile_size: int | None
    overlap: float | str | None
    resolution_m: float | None
    scales: tuple[float, ...] | None
    bbox: tuple[float, float, float, float] | None
    bbox_crs: str | None
    aoi: Path | None
    aoi_layer: str | None
    bands: tuple[int, ...] | None
    nodata: float | None
    alpha: int | None
    stretch: str
    open_options: Mapping[str, str]
    pixel_coordinates: bool
    allow_remote: bool
    assets: tuple[str, ...]
    trusted_folders: tuple[Path, ...]
    merge: MergeMethod
    match_metric: MatchMetric
    match_threshold: float
    min_score: float | None
    outline: Outline | None
    simplify_m: float | None
    like: Path | None
    unlike: Path | None
    like_scene: Path | None


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SettingsError(f"{name} {value!r} is unknown", hint=f"Choose one of: {', '.join(choices)}.")


def _check_expressions(expressions: Sequence[str]) -> None:
    if isinstance(expressions, str):
        raise SettingsError("expressions must be a tuple of strings, not one string")
    if not expressions:
        raise SettingsError("nothing to look for", hint='Give at least one expression, such as "the storage tanks".')
    if len(expressions) > MAX_EXPRESSIONS:
        raise SettingsError(
            f"{len(expressions)} expressions; at most {MAX_EXPRESSIONS} fit one run", hint="Split the list."
        )
    for expression in expressions:
        if not expression.strip():
            raise SettingsError("an expression is empty")
        if len(expression) > MAX_EXPRESSION_CHARS:
            raise SettingsError(
                f"an expression has {len(expression)} characters; at most {MAX_EXPRESSION_CHARS} are allowed"
            )
    if len(set(expressions)) != len(expressions):
        raise SettingsError("an expression is given twice")


def drawn_outline(outline: Outline | None, task: Task) -> Outline:
    """The outline that geometries show, given the one asked for, if any, and the task."""
    return outline or ("mask" if task == "segment" else "box")
