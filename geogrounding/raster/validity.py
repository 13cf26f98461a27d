"""What hides pixels of a scene, and how many: sampled, for ``info`` and for notices before a run."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from rasterio.windows import Window

from geogrounding.errors import SceneError
from geogrounding.raster.handle import gdal_errors
from geogrounding.raster.pixels import BandPlan, Raw, Valid, data_mask, inside
from geogrounding.raster.sample import sample_windows
from geogrounding.raster.scene import Scene

MOST = 0.5
"""A mask that hides more than this share of a scene is worth a notice."""
MAX_WINDOWS = 100
SAMPLE_SIDE_PX = 512
MANY_ALPHA_VALUES = 0.05
"""Share of pixels whose opacity is neither none nor full. Soft edges of a mosaic are far fewer."""
INSIDE, OBJECT_PX = 0.0005, 5
"""Share of a scene that is hidden between its pixels with data, in squares of this side, from which on it may be
objects; single pixels and thin stripes are none."""
BLUR = 10
"""By so much lossy compression changes 8-bit values of a border of one colour."""
COVERED = 0.01
"""Share of a scene that an alpha band or mask hides although it holds colours."""


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
    inside_nodata: float = 0.0
    """Hidden pixels in squares (see ``INSIDE``) with data on all four sides, which a border around the data never has.
    Of nodata only where the value lies among those of the data."""
    inside_alpha: float = 0.0
    """Only those that are not black: nothing can be seen in a black hole."""
    inside_mask: float = 0.0
    covered_by_alpha: float = 0.0
    """Hidden pixels of another colour than most of them."""
    covered_by_mask: float = 0.0
    lacks_full_alpha: float = 0.0
    """1 where no pixel of the sample has the highest value of the type of the alpha band, nor 1."""


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
    names = [field.name for field in fields(Validity)]
    means = np.average([[getattr(s, name) for name in names] for s in shares], axis=0, weights=weights)
    values = dict(zip(names, map(float, means), strict=True))
    return Validity(**values | {"lacks_full_alpha": min(s.lacks_full_alpha for s in shares)})


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
    raw = read(list(plan.bands), window=window, out_shape=(len(plan.bands), *shape))
    by_value = data_mask(raw, plan)
    valid = np.ones(shape, bool) if by_value is None else by_value
    found = {"hidden_by_nodata": float(1.0 - valid.mean())}
    if _among_data(raw, valid, plan):
        found["inside_nodata"] = float(_in_squares(inside(valid)).mean())
    if plan.alpha is not None:
        opacity = read(plan.alpha, window=window, out_shape=shape)
        full = np.iinfo(opacity.dtype).max if opacity.dtype.kind in "iu" else opacity.max()
        shown = opacity > 0
        found |= _hidden("alpha", raw, shown)
        found["half_transparent"] = float((shown & (opacity < min(full, max(opacity.max(), 1)))).mean())
        found["lacks_full_alpha"] = float(opacity.max() not in (0, 1, full))
        valid = valid & shown
    if plan.mask:
        shown = read_masks(plan.bands[0], window=window, out_shape=shape) > 0
        found |= _hidden("mask", raw, shown)
        valid = valid & shown
    return Validity(valid=float(valid.mean()), **found)


def _among_data(raw: Raw, valid: Valid, plan: BandPlan) -> bool:
    """Whether what is nodata can be a value of the data: any value in 8 bits, else one between its extremes."""
    if valid.all() or not valid.any() or plan.palette is not None:
        return False
    for band, nodata in zip(raw, plan.nodata, strict=True):
        if nodata is None:
            return False
        values = band[valid]
        if band.dtype.itemsize > 1 and not values.min() < nodata < values.max():
            return False
    return True


def _in_squares(hidden: Valid) -> Valid:
    """Those hidden pixels that lie in a square of ``OBJECT_PX`` hidden ones."""
    found = np.zeros_like(hidden)
    if min(hidden.shape) < OBJECT_PX:
        return found
    whole = sliding_window_view(hidden, (OBJECT_PX, OBJECT_PX)).all(axis=(2, 3))
    rows, columns = whole.shape
    for row, column in np.ndindex(OBJECT_PX, OBJECT_PX):
        found[row : row + rows, column : column + columns] |= whole
    return found


def _hidden(what: str, raw: Raw, shown: Valid) -> dict[str, float]:
    """What an alpha band or a mask hides, and how much of that can be seen in the bands."""
    black = (raw == 0).all(axis=0)
    covered = np.zeros_like(shown)
    if not shown.all():
        under = raw[:, ~shown].astype(np.float64)
        blur = BLUR if raw.dtype == np.uint8 else 0
        covered[~shown] = (np.abs(under - np.median(under, axis=1, keepdims=True)) > blur).any(axis=0)
    return {
        f"hidden_by_{what}": float(1.0 - shown.mean()),
        f"inside_{what}": float(_in_squares(inside(shown) & ~black).mean()),
        f"covered_by_{what}": float(covered.mean()),
    }


def _mask_notices(plan: BandPlan, validity: Validity) -> list[str]:
    notices = []
    if plan.alpha is not None and (why := _doubts_of_alpha(validity)):
        notices.append(
            f"band {plan.alpha} counts as opacity: it hides {_share(validity.hidden_by_alpha)} of the scene{why}; "
            "if it shows something else, such as near infrared, add --alpha none"
        )
    if validity.hidden_by_mask > MOST or validity.inside_mask > INSIDE or validity.covered_by_mask > COVERED:
        where = f", {_share(validity.inside_mask)} between pixels with data" if validity.inside_mask > INSIDE else ""
        notices.append(f"the mask of the raster hides {_share(validity.hidden_by_mask)} of the scene{where}")
    if validity.hidden_by_nodata > MOST or validity.inside_nodata > INSIDE:
        values = ", ".join(sorted({f"{value:g}" for value in plan.nodata if value is not None}))
        what = f"nodata {values}" if values else "pixels without a value"
        remedy = "; --nodata sets another value, --nodata nan none" if values else ""
        where = ""
        if validity.inside_nodata > INSIDE:
            where = f", {_share(validity.inside_nodata)} between pixels with data, where it may be objects"
        notices.append(f"{what}: {_share(validity.hidden_by_nodata)} of the scene holds no data{where}{remedy}")
    return notices


def _doubts_of_alpha(validity: Validity) -> str:
    """What speaks against opacity, in words; empty where nothing does."""
    why = ""
    if validity.half_transparent > MANY_ALPHA_VALUES:
        why += f" and takes values between none and full over {_share(validity.half_transparent)}"
    if validity.lacks_full_alpha:
        why += " and is nowhere full"
    if validity.inside_alpha > INSIDE:
        why += f", {_share(validity.inside_alpha)} between pixels that it shows"
    if validity.covered_by_alpha > COVERED:
        why += f", of which {_share(validity.covered_by_alpha)} hold colours"
    return why or ("" if validity.hidden_by_alpha <= MOST else " (most of it)")


def _share(share: float) -> str:
    """A share in per cent, two digits of a small one."""
    return f"{share:.0%}" if share >= 0.1 or share == 0 else f"{100 * share:.2g}%"
