"""The data sets that the built-in model learns from: what each labels, how it is looked at, and its dev part.

A set is exhaustive only for some classes. ``known`` names them, together with the classes that its images cannot show: there
an unlabelled place is a true negative. Every other class is unknown and counts neither way, except where a label of another
class stands (``detector.target_of``).

Frames: as in ``images``.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from recipes.builtin_model import corpora
from recipes.builtin_model.corpora import CLASSES, OTHER, LabelledImage, known_in_nwpu

_FIELDS = frozenset({"baseball diamond", "tennis court", "basketball court", "ground track field"})
_FAR = frozenset({"airplane", "baseball diamond", "ground track field", "wind turbine"})
"""What stands apart and would have been seen in a few images of something else."""
_DEV_SHARE = 0.12


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSet:
    """One data set and how it is used."""

    folder: str
    share: float
    """Relative share of the training views."""
    scales: tuple[float, float]
    """Range of image pixels per view pixel."""
    known: frozenset[str]
    faint: dict[str, float] = field(default_factory=dict)
    """Weight of a place without a label as a negative, for classes of which some objects are not labelled."""
    scene: Callable[[str], str] = lambda name: name
    """Scene of a file name: images of one scene are all trained on or all kept back."""
    ground_m: Callable[[str], float | None] = lambda name: None
    """Metres per pixel of a file, by its name, where the set says so: it is in no file of these."""
    open: bool = False
    """Whether images and labels may be used at work, weights made from them included (licences: docs/model-card.md)."""


def _estonia_scene(name: str) -> str:
    return re.sub(r"^\d+cm-image-|-copy|_\d+|\.jpg$", "", name)


def _estonia_ground_m(name: str) -> float:
    return int(name.partition("cm-")[0]) / 100


def _neon_plot(name: str) -> str:
    return name.split("-image-")[0] if "-image-" in name else "-".join(name.split("-")[:2])


SETS = (
    LabelledSet(folder="nwpu-vhr10", share=12, scales=(0.5, 3.2), known=frozenset(CLASSES[:10]) | {"wind turbine"}),
    LabelledSet(
        folder="airbus-aircraft",
        ground_m=lambda name: 0.5,
        share=5,
        scales=(0.5, 5.0),
        known=_FIELDS | _FAR | {"harbor", "ship", "swimming pool"},
    ),
    LabelledSet(folder="hrplanes", share=2, scales=(0.4, 2.0), known=_FIELDS | _FAR | {"harbor", "swimming pool"}),
    LabelledSet(
        folder="pools", share=4, scales=(0.6, 3.0), known=_FAR | {"ship", "storage tank", "harbor", "swimming pool"}
    ),
    LabelledSet(
        folder="drone-vehicles",
        share=3,
        scales=(0.6, 3.5),
        known=_FIELDS | _FAR | {"ship", "storage tank", "harbor", "vehicle", "swimming pool"},
    ),
    LabelledSet(
        folder="neon-crowns", share=11, scales=(0.45, 2.0), known=frozenset(CLASSES), faint={"tree": 0.15}, open=True
    ),
    LabelledSet(
        folder="estonia-ortho",
        share=30,
        scales=(0.3, 4.0),
        known=_FAR | {"vehicle", "building", "ship"},
        scene=_estonia_scene,
        ground_m=_estonia_ground_m,
        open=True,
    ),
    LabelledSet(
        folder="ships-boats",
        share=13,
        scales=(0.3, 1.8),
        known=_FAR | {"ship", "tennis court", "basketball court", "solar panel"},
    ),
    LabelledSet(folder="port-ships", share=4, scales=(0.35, 2.0), known=_FAR | {"ship"}, faint={"ship": 0.5}),
    LabelledSet(folder="rsod", share=7, scales=(0.7, 4.0), known=_FAR - {"ground track field"} | {"solar panel"}),
    LabelledSet(
        folder="simd",
        share=3,
        scales=(0.6, 4.0),
        known=_FAR | {"ship", "vehicle", "storage tank"},
        faint={"vehicle": 0.0, "ship": 0.3},
    ),
    LabelledSet(
        folder="neon-crowns-2",
        share=12,
        scales=(0.45, 1.8),
        known=frozenset(CLASSES) - {"building", "vehicle"},
        faint={"tree": 0.6},
        scene=_neon_plot,
        ground_m=lambda name: 0.1,
        open=True,
    ),
    LabelledSet(
        folder="solar-drone",
        share=3,
        scales=(1.0, 4.0),
        known=_FAR | {"solar panel", "ship", "storage tank", "harbor", "bridge"},
        scene=lambda name: name.split("-jpg")[0],
    ),
    LabelledSet(
        folder="gsi-solar",
        share=15,
        scales=(0.45, 2.2),
        known=_FAR | {"solar panel", "ship", "harbor"},
        ground_m=lambda name: 0.2,
        open=True,
    ),
    LabelledSet(
        folder="wind-turbines",
        share=5,
        scales=(0.4, 1.3),
        known=_FAR | {"ship", "harbor", "tennis court", "basketball court", "swimming pool", "overpass"},
        scene=lambda name: name[:18],
        ground_m=lambda name: 1.0,
        open=True,
    ),
    LabelledSet(
        folder="tennis-courts",
        share=9,
        scales=(0.5, 2.8),
        known=frozenset({"tennis court", "airplane", "ship", "harbor", "wind turbine", "storage tank"}),
    ),
    LabelledSet(
        folder="kampala-buildings",
        share=2,
        scales=(1.0, 4.0),
        known=_FAR | {"building", "ship", "harbor"},
        ground_m=lambda name: 0.075,
        open=True,
    ),
    LabelledSet(
        folder="dota-parking",
        share=2,
        scales=(0.5, 4.0),
        known=_FAR | {"vehicle", "ship", "harbor"},
        scene=lambda name: name.split("_")[0].split(".")[0],
    ),
    LabelledSet(
        folder="banepa-buildings",
        share=9,
        scales=(0.6, 4.0),
        known=_FAR | {"building", "swimming pool", "ship", "storage tank", "harbor"},
        ground_m=lambda name: 0.13,
        open=True,
    ),
)
OPEN_CLASSES = ("vehicle", "building", "tree", "solar panel", "wind turbine")
"""What the sets that may be used at work show often enough to be learned, in the order of CLASSES. Their 87 ships of a few
scenes are not: AP50 on the test part was 0.02."""
BANEPA_WINDOW_PX = {"train": (0, 0, 2048, 3072), "test": (0, 3072, 2048, 4096)}
"""Parts of the scene (x0, y0, x1, y1)."""
_OLD_NAMES = {item.folder: item.name for item in (*corpora.SETS, corpora.BANEPA)}


def set_of(source: str) -> LabelledSet:
    """The set of an image, by its folder."""
    return next(item for item in SETS if item.folder == source)


def ground_m_of(labelled: LabelledImage) -> float | None:
    """Metres per pixel of an image; None where its set does not say."""
    return set_of(labelled.source).ground_m(labelled.path.name)


def _covered(item: LabelledSet, present: set[str]) -> frozenset[str]:
    """Classes known in one image of a set, given those labelled in it."""
    known = item.known
    if item.folder == "nwpu-vhr10":
        return known_in_nwpu(known, present)
    if item.folder == "rsod":  # each image was chosen for one class; of tracks only one is drawn
        return known | (present & {"storage tank", "overpass"})
    return known


def _read(root: Path, item: LabelledSet, split: str) -> list[tuple[LabelledImage, str]]:
    folder = root / item.folder
    images = corpora.read_coco(
        folder / f"{split}.json", folder / "images", source=item.folder, known=partial(_covered, item), other=OTHER
    )
    return [(labelled, labelled.path.relative_to(folder / "images").as_posix()) for labelled in images]


def _first_sets(root: Path) -> list[LabelledImage]:
    """Training images of the sets that the first weights were made from, in the order that decides their dev part."""
    return corpora.read_all(root, "train")


def read_part(
    root: Path, part: str, *, without: frozenset[str] = frozenset(), only_open: bool = False
) -> list[LabelledImage]:
    """Labelled images of every set under ``root``.

    Args:
        root: folder of the data sets.
        part: ``train``, ``dev`` (of the training split, kept back by scene) or ``test``.
        without: classes to withhold: images that show one are left out, and the classes count as labelled nowhere.
        only_open: leave out sets that may not be used at work.
    """
    gone = [CLASSES.index(name) for name in sorted(without)]
    return [
        replace(labelled, known=labelled.known - without)
        for labelled in _read_part(root, part)
        if (set_of(labelled.source).open or not only_open) and not set(gone) & set(labelled.labels.tolist())
    ]


def _read_part(root: Path, part: str) -> list[LabelledImage]:
    old_dev = {p.path for n, p in enumerate(_first_sets(root)) if corpora.is_dev(n)}
    out: list[LabelledImage] = []
    for item in SETS:
        if item.folder == "banepa-buildings":
            out += _banepa(root, item, part)
            continue
        if not (root / item.folder / ("test.json" if part == "test" else "train.json")).exists():
            continue
        if part == "test":
            out += [labelled for labelled, _ in _read(root, item, "test")]
            continue
        read = _read(root, item, "train")
        if item.folder in _OLD_NAMES:
            dev = {labelled.path for labelled, _ in read} & old_dev
        else:
            scenes = sorted({item.scene(name) for _, name in read}, key=lambda s: zlib.crc32(s.encode()))
            kept = set(scenes[: round(len(scenes) * _DEV_SHARE)])
            dev = {labelled.path for labelled, name in read if item.scene(name) in kept}
        out += [labelled for labelled, _ in read if (labelled.path in dev) == (part == "dev")]
    return out


def _banepa(root: Path, item: LabelledSet, part: str) -> list[LabelledImage]:
    """The upper three quarters of the scene are trained on, the lowest is the test part; nothing is kept back."""
    folder = root / item.folder
    if part == "dev" or not folder.exists():
        return []
    return [
        corpora.read_raster_and_layer(
            folder / "banepa_dev.tif",
            folder / "banepa_dev_buildings.geojson",
            source=item.folder,
            label="building",
            known=item.known,
            window_px=BANEPA_WINDOW_PX[part],
        )
    ]
