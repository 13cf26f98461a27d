"""Cut a training set from a raster and a vector layer: chips as PNG and one JSONL file in the form of Geo-R1.

Chips have the grid, stretch and resampling of a run, so that a model is trained on what it will be asked about.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image

from geogrounding.datasets.chip_labels import Labelled, labels_on, with_unlike
from geogrounding.datasets.labels import LabelLayer, LabelledPolygons, read_labels
from geogrounding.errors import InputError, MissingCRSError, OutputError, SettingsError
from geogrounding.execution.scan_plan import Plan, make_plan
from geogrounding.io.atomic import flush, partial_folder
from geogrounding.io.read_layer import source_file
from geogrounding.models.base import Conventions
from geogrounding.models.prompts import build_prompt
from geogrounding.raster.grid import Chip
from geogrounding.raster.reader import ChipImage, read_chips
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import Stretch, compute_stretch
from geogrounding.settings import RunSettings
from geogrounding.types import Question

DEFAULT_CONVENTIONS = Conventions(tile_size_px=336, overlap_px=48, coordinates="resized-pixels")
"""How chips are cut when no model is given."""
RECORD = "cut.json"
MAX_GRID_CHIPS = 2_000_000
"""Largest grid that is searched for labels: a scene of about 300,000 x 300,000 pixels in chips of 336."""
LEAST_VALID = 0.25
"""Chips with a smaller share of data are left out."""
_QUERY_CHIPS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOptions:
    """How chips are cut around labels. Fields that ``RunSettings`` has too mean the same.

    Raises:
        SettingsError: an option is out of range.
    """

    expression: str | None = None
    """The name of all polygons; exactly one of this and ``expression_field`` is given."""
    expression_field: str | None = None
    """The text column that names each polygon."""
    unlike: Path | None = None
    """A vector file of what looks similar and is not meant: each polygon is something else than its name, which it has
    as the labels have theirs. Chips that show only such become samples without a target."""
    labels_layer: str | None = None
    """Of a file of labels with several layers."""
    task: Literal["detect", "refer"] = "detect"
    """``refer`` takes only chips that show one target of an expression, and no part of another."""
    aoi: Path | None = None
    """A vector file; only chips inside its polygons are cut. None is the whole scene."""
    aoi_layer: str | None = None
    """Of a file of areas with several layers."""
    tile_size_px: int | None = None
    """Side of the chips; None takes what suits the model."""
    overlap_px: int | None = None
    """The least overlap of neighbouring chips."""
    scales: tuple[float, ...] | None = None
    """Multiples of the resolution, one level each."""
    resolution_m: float | None = None
    """Metres per chip pixel; None is native, or the nearest that suits the model."""
    least_visible: float = 0.6
    """A polygon of which a chip shows a smaller share of its area is not a label of that chip; nor does that chip count
    as one without the target."""
    negatives: float = 0.25
    """Samples without a target, as a share of those with one."""
    max_chips: int = 20_000
    """Samples with a target beyond this number are left out, chosen by seed."""
    stretch: str = "auto"
    bands: tuple[int, ...] | None = None
    """1-based bands that become red, green and blue."""
    nodata: float | None = None
    seed: int = 0
    """Of the choice of negatives."""

    def __post_init__(self) -> None:
        if not 0 < self.least_visible <= 1:
            raise SettingsError(f"the least visible share must lie between 0 and 1, not {self.least_visible}")
        if not 0 <= self.negatives <= 10:
            raise SettingsError(f"the share of negatives must lie between 0 and 10, not {self.negatives}")
        if self.max_chips < 1:
            raise SettingsError(f"at least one chip is needed, not {self.max_chips}")

    def run_settings(self, raster: Path) -> RunSettings:
        """Settings of a run that looks at the same chips."""
        return RunSettings(
            source=str(raster),
            expressions=("labels",),
            aoi=self.aoi,
            aoi_layer=self.aoi_layer,
            tile_size=self.tile_size_px,
            overlap=self.overlap_px,
            scales=None if self.scales is None else tuple(sorted(set(self.scales))),
            resolution_m=self.resolution_m,
        )


def cut_training_set(
    raster: Path, labels: Path, *, out: Path, options: CutOptions, conventions: Conventions | None = None
) -> Path:
    """Cut chips around labelled polygons.

    The layer must show all targets within the area of interest: what is not in it counts as absent.

    Args:
        raster: georeferenced.
        labels: polygons in any CRS; see ``read_labels``.
        out: the folder to make; it must not exist.
        options: what is cut.
        conventions: of the model to be trained; None is 336 px chips at the resolution of the scene. Chips are then exactly
            those that ``make_plan`` decides for a run with that model.

    Returns:
        ``out/train.jsonl``, for ``read_samples``; beside it ``images/`` and ``cut.json``, the record of what was done.

    Raises:
        SettingsError: an option is out of range.
        InputError: the layer cannot be used, does not touch the scene, or no chip shows a label.
        SceneError: the raster cannot be used.
        OutputError: the folder exists or cannot be written.
    """
    if out.exists():
        raise OutputError(f"{out} exists", hint="Name a new folder.")
    source = LabelLayer(
        path=labels,
        layer=options.labels_layer,
        expression_field=options.expression_field,
        expression=options.expression,
    )
    settings = options.run_settings(raster)
    with Scene.open(raster, bands=options.bands, nodata=options.nodata) as scene:
        if scene.crs is None:
            raise MissingCRSError(
                f"{scene.name} has no coordinate system, which labels of a vector layer need",
                hint="Set one: gdal_edit.py -a_srs EPSG:n in.tif; or label its pixels in a COCO file (--data).",
            )
        objects = read_labels(source, scene)
        plan = make_plan(scene, settings, conventions or DEFAULT_CONVENTIONS, look_around=False)
        chips = _Chips(plan, objects, options.least_visible)
        rng = np.random.default_rng(options.seed)
        chosen = chips.choose(options.task, options.negatives, options.max_chips, rng)
        unlike = _read_unlike(options, scene)
        if unlike is not None:
            chosen = chips.with_unlike(chosen, unlike, options.max_chips)
        mapping = compute_stretch(scene, options.stretch)
        record = {
            "raster": scene.name,
            "raster_fingerprint": scene.fingerprint,
            "layer": source_file(labels).name,
            "expressions": list(objects.names),
            "task": options.task,
            "plan": plan.describe(),
            "stretch": mapping.describe(),
            "least_visible": options.least_visible,
            "seed": options.seed,
            "unlike": 0 if unlike is None else len(unlike.polygons_scene_px),
            "left_out_features": objects.left_out,
            "repaired_features": objects.repaired,
        }
        with partial_folder(out) as folder:
            made = folder / "set"
            (made / "images").mkdir(parents=True)
            record["samples"] = _write(made, scene, mapping, chosen, objects, options.task)
            text = json.dumps(record, indent=1, ensure_ascii=False)
            (made / RECORD).write_text(text + "\n", encoding="utf-8")
            flush(made / "train.jsonl")
            try:
                made.rename(out)
            except OSError as error:
                raise OutputError(f"{out} cannot be written: {error.strerror}", hint="Name a new folder.") from None
    return out / "train.jsonl"


def _read_unlike(options: CutOptions, scene: Scene) -> LabelledPolygons | None:
    """What is not meant; None where nothing is given."""
    if options.unlike is None:
        return None
    source = LabelLayer(path=options.unlike, expression_field=options.expression_field, expression=options.expression)
    return read_labels(source, scene)


def notes_of_cut(folder: Path) -> tuple[str, ...]:
    """Notes on the labels of a cut training set."""
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    notes = []
    if record.get("repaired_features"):
        notes.append(f"{record['layer']}: {record['repaired_features']} polygons crossed themselves and were repaired")
    left_out = record["left_out_features"]
    notes += [f"{record['layer']}: {count} features left out: {reason}" for reason, count in left_out.items()]
    return tuple(notes)


class _Chips:
    """The grid, and which objects its chips touch."""

    def __init__(self, plan: Plan, objects: LabelledPolygons, least_visible: float) -> None:
        self.grid = plan.grid
        if len(self.grid) > MAX_GRID_CHIPS:
            raise SettingsError(
                f"the scene has {len(self.grid):,} chips, more than {MAX_GRID_CHIPS:,}",
                hint="Name the labelled part with --aoi, or choose a larger --tile-size.",
            )
        self._plan, self._objects, self._least_visible = plan, objects, least_visible
        self._usable: list[int] = []
        for first in range(0, len(self.grid), _QUERY_CHIPS):
            self._usable += (first + np.flatnonzero(self._inside(self._windows(first)))).tolist()
        self._touched = self._touching(objects)
        """Objects by chip."""
        if not self._usable:
            raise InputError(
                f"no chip of {plan.tiling.tile_size_px} px lies inside the area of interest",
                hint="Choose a smaller --tile-size.",
            )

    def _windows(self, first: int) -> NDArray[np.object_]:
        """Windows of the next chips from a number on, as polygons in scene pixels."""
        corners = np.array([chip.window_scene_px for chip in self.grid[first : first + _QUERY_CHIPS]])
        windows: NDArray[np.object_] = shapely.box(*corners.T)
        return windows

    def _inside(self, windows: NDArray[np.object_]) -> NDArray[np.bool_]:
        """Which windows lie inside the area of interest."""
        if self._plan.area.shape_scene_px is None:
            return np.ones(len(windows), bool)
        shown = shapely.area(shapely.intersection(windows, self._plan.area.shape_scene_px))
        inside: NDArray[np.bool_] = shown >= 0.999 * shapely.area(windows)
        return inside

    def _touching(self, objects: LabelledPolygons) -> dict[int, list[int]]:
        """Objects by the usable chip that they touch."""
        usable, found = set(self._usable), dict[int, list[int]]()
        tree = shapely.STRtree(objects.polygons_scene_px)
        for first in range(0, len(self.grid), _QUERY_CHIPS):
            for chip, item in tree.query(self._windows(first), predicate="intersects").T:
                if first + int(chip) in usable:
                    found.setdefault(first + int(chip), []).append(int(item))
        return found

    def with_unlike(self, chosen: list[Labelled], unlike: LabelledPolygons, max_chips: int) -> list[Labelled]:
        """Samples with what they show that is not meant, and at most so many that show nothing else."""
        wide = with_unlike(
            chosen,
            self.grid,
            unlike=unlike,
            on_chip=self._touching(unlike),
            objects=self._objects,
            meant_on_chip=self._touched,
            least_visible=self._least_visible,
        )
        return sorted(wide[: len(chosen) + max_chips], key=lambda item: (item.chip.index, item.name))

    def choose(self, task: str, negatives: float, max_chips: int, rng: np.random.Generator) -> list[Labelled]:
        """The expressions on chips that become samples, in the order of the chips."""
        shown = [item for index in sorted(self._touched) for item in self._labels(index, task)]
        if not shown:
            raise InputError(
                "no chip shows a labelled polygon well enough",
                hint="A larger --tile-size shows more of large objects.",
            )
        if len(shown) > max_chips:
            shown = [shown[i] for i in sorted(rng.choice(len(shown), max_chips, replace=False))]
        absent = self._negatives(round(negatives * len(shown)), rng)
        return sorted([*shown, *absent], key=lambda item: (item.chip.index, item.name))

    def _labels(self, index: int, task: str) -> Iterator[Labelled]:
        """The expressions of which a chip shows targets well enough."""
        places = np.array(self._touched[index])
        for item in labels_on(self.grid[index], self._objects, places, self._least_visible):
            if task == "detect" or (len(item.boxes_chip_px) == 1 and item.shown == 1):
                yield item

    def _negatives(self, count: int, rng: np.random.Generator) -> list[Labelled]:
        """Random pairs of a chip and an expression of which it shows no part."""
        found: list[Labelled] = []
        names = len(self._objects.names)
        for place in rng.permutation(len(self._usable)):
            if len(found) >= count:
                break
            index = self._usable[int(place)]
            present = {int(self._objects.expressions[item]) for item in self._touched.get(index, [])}
            absent = [name for name in range(names) if name not in present]
            if absent:
                name = absent[int(rng.integers(len(absent)))]
                found.append(Labelled(chip=self.grid[index], name=name))
        return found


def _write(
    folder: Path,
    scene: Scene,
    stretch: Stretch,
    chosen: list[Labelled],
    objects: LabelledPolygons,
    task: Literal["detect", "refer"],
) -> dict[str, int]:
    """Write images and records; return the number of samples by what became of them."""
    by_chip: dict[int, list[Labelled]] = {}
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


def _record(item: Labelled, image: str, name: str, task: Literal["detect", "refer"]) -> dict[str, Any]:
    boxes = [[round(float(value), 2) for value in box] for box in item.boxes_chip_px]
    unlike = [[round(float(value), 2) for value in box] for box in item.unlike_chip_px]
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
        **({"unlike": unlike} if unlike else {}),
    }
