"""How well ``--like`` finds more of a few examples: five targets of one image, asked for in other images of their set.

python -m recipes.builtin_model like --data ../shared/data --split test
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from recipes.builtin_model.corpora import CLASSES, LabelledImage
from recipes.builtin_model.matching import Hits, match
from recipes.builtin_model.sets import read_part

EXAMPLES = 5
CASES = (
    *(("nwpu-vhr10", name) for name in CLASSES[:10] if name != "bridge"),
    ("estonia-ortho", "vehicle"), ("estonia-ortho", "building"), ("airbus-aircraft", "airplane"),
    ("gsi-solar", "solar panel"), ("neon-crowns-2", "tree"),
)  # fmt: skip
"""Set and class; images of a bridge show one each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Examples in one image, and other images that show more of them."""

    name: str
    label: int
    examples: LabelledImage
    others: list[LabelledImage]


def cases(root: Path, split: str, *, others: int = 2) -> Iterator[Case]:
    """The cases of a split: examples are taken where a class has most targets, and asked for where it has next most."""
    images = read_part(root, split)
    for source, name in CASES:
        label = CLASSES.index(name)
        shown = [p for p in images if p.source == source and label in p.labels]
        shown.sort(key=lambda p: (-int((p.labels == label).sum()), p.path.name))
        if len(shown) > 1:
            yield Case(name=f"{source}: {name}", label=label, examples=shown[0], others=shown[1 : 1 + others])


def found_like(model: Any, case: Case, *, seed: int = 0) -> Hits:
    """What a run finds in the other images, given five targets drawn at random."""
    import geogrounding

    rng = np.random.default_rng((seed, case.label))
    boxes = case.examples.boxes_px[case.examples.labels == case.label]
    chosen = boxes[rng.choice(len(boxes), min(EXAMPLES, len(boxes)), replace=False)]
    found, truth = [], []
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # images without a georeference, layers without a CRS
        path = Path(folder) / "examples.gpkg"
        gpd.GeoDataFrame(geometry=shapely.box(*chosen.T)).to_file(path)
        for other in case.others:
            layer = geogrounding.ground(
                str(other.path),
                "such things",
                model=model,
                like=path,
                like_scene=case.examples.path,
                pixel_coordinates=True,
                min_score=0.05,
            )
            targets = other.boxes_px[other.labels == case.label]
            found.append((layer.geometry.bounds.to_numpy().reshape(-1, 4), layer["score"].to_numpy()))
            truth.append((targets, np.ones(len(targets), bool)))
    return match(found, truth)


def measure_like(root: Path, *, split: str = "test", folder: Path | None = None) -> dict[str, Any]:
    """AP50, F1 at the default score and best F1 of every case, and their means."""
    from geogrounding.models import builtin

    least = builtin.BUILTIN_CONVENTIONS.min_score
    metrics: dict[str, Any] = {}
    for case in cases(root, split):
        # the model goes with the run that it looks for examples in
        hits = found_like(lambda: builtin.load(folder), case)
        at, best = hits.best_threshold()
        metrics[case.name] = {
            "ap": round(hits.average_precision(), 3),
            "f1": round(hits.f1(least), 3),
            "best_f1": round(best, 3),
            "best_at": round(at, 2),
            "targets": hits.targets,
        }
        print(case.name, metrics[case.name], flush=True)
    means = {k: round(float(np.mean([m[k] for m in metrics.values()])), 3) for k in ("ap", "f1", "best_f1")}
    return {"mean": means, **metrics}
