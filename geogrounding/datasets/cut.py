"""A raster and a vector layer become a training set: chips as PNG and one JSONL file in the form of Geo-R1.

The chips are those of a run: the same grid, the same stretch, the same resampling. What a model learns on them is what it
will be asked.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image

from geogrounding.datasets.labels import Objects, read_objects
from geogrounding.errors import InputError, MissingCRSError, OutputError, SettingsError
from geogrounding.execution.scan_plan import Plan, make_plan
from geogrounding.io.atomic import flush, partial_folder
from geogrounding.models.base import Conventions
from geogrounding.models.prompts import build_prompt
from geogrounding.raster.grid import Chip
from geogrounding.raster.reader import ChipImage, read_chips
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import Stretch, compute_stretch
from geogrounding.settings import RunSettings
from geogrounding.types import Question

USUAL = Conventions(tile_size_px=336, overlap_px=48, coordinates="resized-pixels")
"""How chips are cut when no model says otherwise."""
MAX_GRID_CHIPS = 2_000_000
"""Chips of a grid that are looked through for labels; a scene of 300,000 x 300,000 pixels in chips of 336."""
LEAST_SIDE_PX = 2.0
"""Objects with a shorter side, in chip pixels, are too small to be seen at that scale."""
LEAST_VALID = 0.25
"""Chips with a smaller share of data are left out."""
_QUERY_CHIPS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Labelled:
    """One expression on one chip."""

    chip: Chip
    name: int
    """Index into ``Objects.names``."""
    boxes_chip_px: NDArray[np.float64]
    """(N, 4); none for a negative."""


def cut_training_set(
    raster: Path,
    layer: Path,
    *,
    out: Path,
    expression_field: str | None = None,
    expression: str | None = None,
    task: Literal["detect", "refer"] = "detect",
    layer_name: str | None = None,
    aoi: Path | None = None,
    conventions: Conventions | None = None,
    tile_size_px: int | None = None,
    overlap_px: int | None = None,
    scales: Sequence[float] | None = None,
    resolution_m: float | None = None,
    least_visible: float = 0.6,
    negatives: float = 0.25,
    max_chips: int = 20_000,
    stretch: str = "auto",
    bands: Sequence[int] | None = None,
    nodata: float | None = None,
    repair: bool = False,
    seed: int = 0,
) -> Path:
    """Cut chips around labelled polygons.

    The layer must show all targets within ``aoi``: what is not in it is taken to be absent. A polygon of which a chip shows
    less than ``least_visible`` is not a label of that chip; nor does that chip count as one without the target.

    Args:
        raster: georeferenced.
        layer: polygons in any CRS; see ``read_objects``.
        out: the folder to make; it must not exist.
        expression_field: the text column that says what each polygon is.
        expression: what every polygon is; exactly one of the two is given.
        task: ``refer`` takes only chips that show one target of an expression, and no part of another.
        layer_name: of a file with several layers.
        aoi: a vector file; only chips inside its polygons are cut. None is the whole scene.
        conventions: of the model to be trained; None is 336 px chips at the resolution of the scene. Chips are then exactly
            those that ``make_plan`` decides for a run with that model.
        tile_size_px: side of the chips, in place of what suits the model.
        overlap_px: the least overlap of neighbouring chips.
        scales: multiples of the resolution, one level each.
        resolution_m: metres per chip pixel; None is native, or the nearest that suits the model.
        least_visible: share of a polygon's area, 0 to 1.
        negatives: samples without a target, as a share of those with one.
        max_chips: samples with a target beyond this number are left out, chosen by seed.
        stretch: as for a run; see ``compute_stretch``.
        bands: 1-based bands that become red, green and blue.
        nodata: a value that means "no data".
        repair: make invalid polygons valid in place of refusing them.
        seed: of the choice of negatives.

    Returns:
        ``out/train.jsonl``, for ``read_samples``; beside it ``images/`` and ``cut.json``, which tells what was done.

    Raises:
        SettingsError: an option is out of range.
        InputError: the layer cannot be used, does not touch the scene, or no chip shows a label.
        SceneError: the raster cannot be used.
        OutputError: the folder is there already or cannot be written.
    """
    if not 0 < least_visible <= 1:
        raise SettingsError(f"the least visible share must lie between 0 and 1, not {least_visible}")
    if not 0 <= negatives <= 10:
        raise SettingsError(f"the share of negatives must lie between 0 and 10, not {negatives}")
    if max_chips < 1:
        raise SettingsError(f"at least one chip is needed, not {max_chips}")
    if out.exists():
        raise OutputError(f"{out} is there already", hint="Name a new folder.")
    settings = RunSettings(
        source=str(raster),
        expressions=("labels",),
        aoi=aoi,
        tile_size=tile_size_px,
        overlap=overlap_px,
        scales=None if scales is None else tuple(sorted(set(scales))),
        resolution_m=resolution_m,
    )
    with Scene.open(raster, bands=bands, nodata=nodata) as scene:
        if scene.crs is None:
            raise MissingCRSError(f"{scene.name} has no coordinate system", hint="A layer can only be laid over one.")
        objects = read_objects(
            layer,
            scene,
            expression_field=expression_field,
            expression=expression,
            layer_name=layer_name,
            repair=repair,
        )
        plan = make_plan(scene, settings, conventions or USUAL, look_around=False)
        chips = _Chips(plan, objects, least_visible)
        chosen = chips.choose(task, negatives, max_chips, np.random.default_rng(seed))
        mapping = compute_stretch(scene, stretch)
        told = {
            "raster": scene.name,
            "raster_fingerprint": scene.fingerprint,
            "layer": layer.name,
            "expressions": list(objects.names),
            "task": task,
            "plan": plan.describe(),
            "stretch": mapping.describe(),
            "least_visible": least_visible,
            "seed": seed,
            "left_out_features": objects.left_out,
        }
        with partial_folder(out) as folder:
            made = folder / "set"
            (made / "images").mkdir(parents=True)
            told["samples"] = _write(made, scene, mapping, chosen, objects, task)
            (made / "cut.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            flush(made / "train.jsonl")
            try:
                made.rename(out)
            except OSError as error:
                raise OutputError(f"{out} cannot be written: {error.strerror}", hint="Name a new folder.") from None
    return out / "train.jsonl"


class _Chips:
    """The grid, and which objects its chips touch."""

    def __init__(self, plan: Plan, objects: Objects, least_visible: float) -> None:
        self.grid = plan.grid
        if len(self.grid) > MAX_GRID_CHIPS:
            raise SettingsError(
                f"the scene has {len(self.grid):,} chips, more than {MAX_GRID_CHIPS:,}",
                hint="Name the part that is labelled (aoi), or use larger tiles.",
            )
        self._objects, self._least_visible = objects, least_visible
        self._areas = shapely.area(objects.polygons_scene_px)
        self._touched: dict[int, list[int]] = {}
        """Objects by chip."""
        self._usable: list[int] = []
        tree = shapely.STRtree(objects.polygons_scene_px)
        for first in range(0, len(self.grid), _QUERY_CHIPS):
            windows = shapely.box(
                *np.array([chip.window_scene_px for chip in self.grid[first : first + _QUERY_CHIPS]]).T
            )
            inside = np.ones(len(windows), bool)
            if plan.area.shape_scene_px is not None:
                shown = shapely.area(shapely.intersection(windows, plan.area.shape_scene_px))
                inside = shown >= 0.999 * shapely.area(windows)
            self._usable += (first + np.flatnonzero(inside)).tolist()
            for chip, item in tree.query(windows, predicate="intersects").T:
                if inside[chip]:
                    self._touched.setdefault(first + int(chip), []).append(int(item))
        if not self._usable:
            raise InputError(
                f"no chip of {plan.tiling.tile_size_px} px lies inside the area of interest", hint="Use smaller tiles."
            )

    def choose(self, task: str, negatives: float, max_chips: int, rng: np.random.Generator) -> list[_Labelled]:
        """The expressions on chips that become samples, in the order of the chips."""
        shown = [item for index in sorted(self._touched) for item in self._labels(index, task)]
        if not shown:
            raise InputError(
                "no chip shows a labelled polygon well enough",
                hint="Larger tiles or coarser scales show more of large objects; or lower the least visible share.",
            )
        if len(shown) > max_chips:
            shown = [shown[i] for i in sorted(rng.choice(len(shown), max_chips, replace=False))]
        absent = self._negatives(round(negatives * len(shown)), rng)
        return sorted([*shown, *absent], key=lambda item: (item.chip.index, item.name))

    def _labels(self, index: int, task: str) -> Iterator[_Labelled]:
        """The expressions of which a chip shows targets well enough."""
        chip = self.grid[index]
        places = np.array(self._touched[index])
        x0, y0, x1, y1 = chip.window_scene_px
        clipped = shapely.intersection(self._objects.polygons_scene_px[places], shapely.box(x0, y0, x1, y1))
        share = shapely.area(clipped) / np.maximum(self._areas[places], 1e-12)
        scale_x, scale_y = chip.scale
        boxes = (shapely.bounds(clipped) - [x0, y0, x0, y0]) / [scale_x, scale_y, scale_x, scale_y]
        boxes = np.clip(boxes, 0.0, [*chip.size_px, *chip.size_px])
        large = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= LEAST_SIDE_PX
        good = (share >= self._least_visible) & large
        for name in np.unique(self._objects.expressions[places]):
            mine = self._objects.expressions[places] == name
            found = boxes[mine & good]
            if len(found) and (task == "detect" or (len(found) == 1 and (share[mine] > 0).sum() == 1)):
                yield _Labelled(chip=chip, name=int(name), boxes_chip_px=found[np.lexsort(found.T[::-1])])

    def _negatives(self, count: int, rng: np.random.Generator) -> list[_Labelled]:
        """Pairs of a chip and an expression of which it shows no part, by chance."""
        found: list[_Labelled] = []
        names = len(self._objects.names)
        for place in rng.permutation(len(self._usable)):
            if len(found) >= count:
                break
            index = self._usable[int(place)]
            present = {int(self._objects.expressions[item]) for item in self._touched.get(index, [])}
            absent = [name for name in range(names) if name not in present]
            if absent:
                name = absent[int(rng.integers(len(absent)))]
                found.append(_Labelled(chip=self.grid[index], name=name, boxes_chip_px=np.empty((0, 4))))
        return found


def _write(
    folder: Path,
    scene: Scene,
    stretch: Stretch,
    chosen: list[_Labelled],
    objects: Objects,
    task: Literal["detect", "refer"],
) -> dict[str, int]:
    """Write images and records; what happened to the samples, counted."""
    by_chip: dict[int, list[_Labelled]] = {}
    for item in chosen:
        by_chip.setdefault(item.chip.index, []).append(item)
    counts: Counter[str] = Counter({"with target": 0, "without": 0})
    failed = ""
    stem = re.sub(r"[^A-Za-z0-9.-]+", "-", Path(scene.name).stem)[:60] or "scene"
    chips: Iterable[Chip] = (items[0].chip for items in by_chip.values())
    images = cast("Any", read_chips(scene, chips, stretch))
    with closing(images), (folder / "train.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        image: ChipImage
        for image in images:
            labelled = by_chip[image.chip.index]
            if image.pixels is None or image.valid_share < LEAST_VALID:
                counts["damaged" if image.error else "without data"] += len(labelled)
                failed = failed or (image.error or "")
                continue
            chip = image.chip
            name = f"images/{stem}_{chip.level}_{chip.row}_{chip.column}.png"
            Image.fromarray(image.pixels).save(folder / name, compress_level=1)
            for item in labelled:
                counts["with target" if len(item.boxes_chip_px) else "without"] += 1
                record = _record(item, name, objects.names[item.name], task)
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
    if not counts["with target"]:
        raise InputError(
            f"no chip with a label could be read{': ' + failed if failed else ', they hold no data'}",
            hint="Does the layer lie on the part of the raster that holds data?",
        )
    return dict(counts)


def _record(item: _Labelled, image: str, name: str, task: Literal["detect", "refer"]) -> dict[str, Any]:
    boxes = [[round(float(value), 2) for value in box] for box in item.boxes_chip_px]
    answer = json.dumps([{"bbox_2d": box, "label": name} for box in boxes], ensure_ascii=False)
    return {
        "id": f"{Path(image).stem}/{name}",
        "image": image,
        "width": item.chip.size_px[0],
        "height": item.chip.size_px[1],
        "problem": build_prompt(Question(expression=name, task=task), "geo-r1"),
        "solution": f"```json\n{answer}\n```" if boxes else "None",
        "expression": name,
        "task": task,
        "category": name,
        "window_scene_px": list(item.chip.window_scene_px),
    }
