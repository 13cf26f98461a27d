"""The built-in model: small, offline, made for CPUs. Importing this does not import torch."""

from __future__ import annotations

from pathlib import Path

from geogrounding.models.base import Conventions, Model
from geogrounding.packaged import BUILTIN, PACKAGED

WEIGHTS = PACKAGED[BUILTIN]
"""Folder of the weights that come with the package and know most."""

CLASS_GROUND_M: dict[str, tuple[float, ...]] = {
    "airplane": (0.5, 1.0),
    "ship": (0.15, 0.6),
    "storage tank": (0.4,),
    "baseball diamond": (0.6,),
    "tennis court": (0.25,),
    "basketball court": (0.25,),
    "ground track field": (1.0,),
    "harbor": (0.5, 1.5),
    "bridge": (0.5, 1.5),
    "vehicle": (0.12,),
    "building": (0.2, 0.4, 0.8),
    "tree": (0.1,),
    "swimming pool": (0.15,),
    "solar panel": (0.15, 0.3),
    "wind turbine": (0.5, 1.0),
    "overpass": (0.8,),
}
"""Metres per chip pixel at which each class is looked for, finest first: where most of its objects measure 20 to 150 chip
pixels, the sizes that are found best (docs/model-card.md). A class of widely different sizes is looked for at two or three.
Those of buildings, cars, solar panels, trees and wind turbines were chosen on images kept back whose ground resolution is
known."""

COARSE_TO_FINE = {"airplane": (1.0, 0.03), "vehicle": (0.36, 0.03)}
"""See ``Conventions``. From 0.07 on, airplanes of orthophotos and of scenes shown at half their size were lost, and cars;
docs/model-card.md says what these scores cost."""

BUILTIN_CONVENTIONS = Conventions(
    tile_size_px=336,
    overlap_px=64,
    coordinates="resized-pixels",
    scales=(1.0, 2.0, 4.0),
    ground_resolution_m=(0.1, 2.0),
    object_sizes_px=(24.0, 120.0),
    unnested=tuple(name for name in CLASS_GROUND_M if name not in ("ship", "vehicle")),
    batch_size=16,
    min_score=0.4,
    scene_questions=True,
    classes=CLASS_GROUND_M,
    coarse_to_fine=COARSE_TO_FINE,
)


def load(
    folder: Path | None = None, device: str | None = None, dtype: str | None = None, batch_size: int | None = None
) -> Model:
    """Load the built-in model.

    Args:
        folder: weights of a retrained model; None takes those of the package.
        device: "cpu" (default), "cuda", "mps".
        dtype: of the vision tower; "float32", or "bfloat16" (the default where the processor computes it quickly).
        batch_size: chips seen at once.

    Raises:
        SettingsError: an option is out of range.
        ModelError: weights are missing or damaged, or the device is not there.
    """
    from geogrounding.models.builtin.adapter import BuiltinModel

    return BuiltinModel(folder or WEIGHTS, device=device, dtype=dtype, batch_size=batch_size)
