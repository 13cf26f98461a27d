"""What hides pixels of a scene, and how many: sampled, for ``info`` and for notices before a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rasterio.windows import Window

from geogrounding.errors import SceneError
from geogrounding.raster.handle import gdal_errors
from geogrounding.raster.pixels import BandPlan, data_mask
from geogrounding.raster.sample import sample_windows
from geogrounding.raster.scene import Scene

MOST = 0.5
"""A mask that hides more than this share of a scene is worth a notice."""
MAX_WINDOWS = 100
SAMPLE_SIDE_PX = 512
MANY_ALPHA_VALUES = 0.05
"""Share of pixels whose opacity is neither none nor full. Soft edges of a mosaic are far fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """Shares of the pixels of a scene, 0 to 1, as sampled."""

    valid: float
    """Pixels that hold data."""
    hidden_by_nodata: float = 0.0
    """Pixels that are nodata, NaN or a transparent entry of the palette."""
    hidden_by_alpha: float = 0.0
    hidden_by_mask: float = 0.0
    half_transparent: float = 0.0
    """Pixels whose alpha is neither 0 nor the highest value of its type (or of the sample, for other types)."""


def sample_validity(scene: Scene) -> Validity:
    """Look at a bounded number of windows of a scene.

    Windows that cannot be decoded are left out; where none can, the scene counts as valid, since its chips report it.
    """
    if scene.plan.always_valid:
        return Validity(valid=1.0)
    shares: list[Validity] = []
    weights: list[int] = []
    for window_px, shape in sample_windows(scene)[:MAX_WINDOWS]:
        try:
            with gdal_errors(f"{scene.name} cannot be read"), scene.gdal(), scene.open_handle() as handle:
                shares.append(_of_window(handle.dataset, scene.plan, window_px, shape))
        except SceneError:
            continue
        weights.append((window_px[2] - window_px[0]) * (window_px[3] - window_px[1]))
    if not shares:
        return Validity(valid=1.0)
    columns = [(s.valid, s.hidden_by_nodata, s.hidden_by_alpha, s.hidden_by_mask, s.half_transparent) for s in shares]
    valid, nodata, alpha, mask, half = (float(v) for v in np.average(columns, axis=0, weights=weights))
    return Validity(
        valid=valid, hidden_by_nodata=nodata, hidden_by_alpha=alpha, hidden_by_mask=mask, half_transparent=half
    )


def notices_of(scene: Scene, validity: Validity) -> tuple[str, ...]:
    """What a user should know about a scene before a run: how bands were chosen, what hides most of it."""
    return (*scene.plan.notices, *scene.notices, *_mask_notices(scene.plan, validity))


def _of_window(
    dataset: object, plan: BandPlan, window_px: tuple[int, int, int, int], shape: tuple[int, int] | None
) -> Validity:
    x0, y0, x1, y1 = window_px
    rows, columns = shape or (y1 - y0, x1 - x0)
    shape = min(rows, SAMPLE_SIDE_PX), min(columns, SAMPLE_SIDE_PX)
    window = Window(x0, y0, x1 - x0, y1 - y0)
    read, read_masks = dataset.read, dataset.read_masks  # type: ignore[attr-defined] # rasterio ships no types
    by_value = data_mask(read(list(plan.bands), window=window, out_shape=(len(plan.bands), *shape)), plan)
    valid = np.ones(shape, bool) if by_value is None else by_value
    nodata, alpha, mask, half = float(1.0 - valid.mean()), 0.0, 0.0, 0.0
    if plan.alpha is not None:
        opacity = read(plan.alpha, window=window, out_shape=shape)
        full = np.iinfo(opacity.dtype).max if opacity.dtype.kind in "iu" else opacity.max()
        alpha = float((opacity <= 0).mean())
        half = float(((opacity > 0) & (opacity < min(full, max(opacity.max(), 1)))).mean())
        valid = valid & (opacity > 0)
    if plan.mask:
        opaque = read_masks(plan.bands[0], window=window, out_shape=shape) > 0
        mask = float(1.0 - opaque.mean())
        valid = valid & opaque
    return Validity(
        valid=float(valid.mean()),
        hidden_by_nodata=nodata,
        hidden_by_alpha=alpha,
        hidden_by_mask=mask,
        half_transparent=half,
    )


def _mask_notices(plan: BandPlan, validity: Validity) -> list[str]:
    notices = []
    if plan.alpha is not None and (validity.hidden_by_alpha > MOST or validity.half_transparent > MANY_ALPHA_VALUES):
        takes = (
            f" and takes values between none and full over {validity.half_transparent:.0%}"
            if validity.half_transparent > MANY_ALPHA_VALUES
            else ""
        )
        notices.append(
            f"band {plan.alpha} counts as opacity: it hides {validity.hidden_by_alpha:.0%} of the scene{takes}; if it "
            "shows something else, such as near infrared, add --alpha none"
        )
    if validity.hidden_by_mask > MOST:
        notices.append(f"the mask of the raster hides {validity.hidden_by_mask:.0%} of the scene")
    if validity.hidden_by_nodata > MOST:
        values = ", ".join(sorted({f"{value:g}" for value in plan.nodata if value is not None}))
        what = f"nodata {values}" if values else "pixels without a value"
        notices.append(
            f"{what}: {validity.hidden_by_nodata:.0%} of the scene holds no data; --nodata sets another value"
        )
    return notices
