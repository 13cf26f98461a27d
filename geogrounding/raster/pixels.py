"""Raw values of a window and which of its pixels hold data: one place for bands, nodata, NaN, alpha and masks."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.windows import Window

from geogrounding.errors import SceneError, SettingsError

Raw = NDArray[Any]
Valid = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class BandPlan:
    """Which bands are read, and what decides whether a pixel holds data."""

    bands: tuple[int, ...]
    """1-based, one (grey or palette) or three (red, green, blue)."""
    dtype: np.dtype[Any]
    nodata: tuple[float | int | None, ...]
    """Per band; None where there is none or where the type cannot hold it (it then never occurs)."""
    alpha: int | None
    """1-based band of opacity, 0 where transparent."""
    mask: bool
    """True where the raster has a mask of its own, inside the file or beside it (.msk)."""
    palette: tuple[tuple[int, int, int, int], ...] | None
    """Red, green, blue, alpha for each value of a palette band."""

    @property
    def always_valid(self) -> bool:
        """True where every pixel is known to hold data without looking."""
        return (
            self.alpha is None
            and not self.mask
            and all(value is None for value in self.nodata)
            and self.dtype.kind != "f"
            and not self.transparent_entries
        )

    @property
    def transparent_entries(self) -> bool:
        """True where some palette entries are fully transparent."""
        return self.palette is not None and any(entry[3] == 0 for entry in self.palette)


def plan_bands(dataset: rasterio.DatasetBase, bands: Sequence[int] | None, nodata: float | None, name: str) -> BandPlan:
    """Choose bands by the user's wish or by colour interpretation.

    Red, green and blue where the raster says so; the palette; else the first three bands that are not alpha; with one
    or two such bands the first, as grey.

    Raises:
        SettingsError: the bands asked for do not exist, or are neither one nor three.
        SceneError: the values are complex, or the bands have several types.
    """
    interpretation = dataset.colorinterp
    alphas = [i for i, kind in zip(dataset.indexes, interpretation, strict=True) if kind == ColorInterp.alpha]
    if bands is not None:
        chosen = _check_bands(bands, dataset.count)
    else:
        chosen = _default_bands(dataset.indexes, interpretation)
    dtypes = {dataset.dtypes[i - 1] for i in chosen}
    if any("complex" in dtype for dtype in dtypes):
        raise SceneError(
            f"{name} holds complex numbers", hint="Write its amplitude to a raster of its own and use that."
        )
    if len(dtypes) > 1:
        raise SceneError(
            f"bands {chosen} of {name} have different types", hint="Choose bands of one type with -b/--bidx."
        )
    dtype = np.dtype(dtypes.pop())
    flags = dataset.mask_flag_enums[chosen[0] - 1]
    palette = None
    if len(chosen) == 1 and interpretation[chosen[0] - 1] == ColorInterp.palette and dtype.kind == "u":
        palette = _palette(dataset, chosen[0])
    declared = [dataset.nodatavals[i - 1] if nodata is None else nodata for i in chosen]
    return BandPlan(
        bands=chosen,
        dtype=dtype,
        nodata=tuple(representable(value, dtype) for value in declared),
        alpha=next((i for i in alphas if i not in chosen), None),
        mask=MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags,
        palette=palette,
    )


def representable(nodata: float | int | None, dtype: np.dtype[Any]) -> float | int | None:
    """A nodata value as the type would hold it, or None where it cannot: -9999 never occurs in 8-bit data.

    NaN needs no value: what is not finite is never data.
    """
    if nodata is None or (isinstance(nodata, float) and not math.isfinite(nodata)):
        return None
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            value = float(dtype.type(nodata))
        return value if math.isfinite(value) else None
    if nodata != int(nodata):
        return None
    limits = np.iinfo(dtype)
    return int(nodata) if limits.min <= int(nodata) <= limits.max else None


def read_raw(
    dataset: rasterio.DatasetBase,
    plan: BandPlan,
    window: Window,
    out_shape: tuple[int, int] | None = None,
    *,
    out: Raw | None = None,
) -> tuple[Raw, Valid | None]:
    """Values (bands, h, w) of a window, and which pixels hold data (h, w); None stands for all of them.

    With ``out_shape`` the window is decimated (nearest neighbour, through overviews where there are any). A pixel holds
    data where the alpha band and the mask say so and at least one chosen band is finite and not nodata. ``out``
    (bands, h, w), if given, receives the values.

    Raises:
        rasterio.errors.RasterioError: a block cannot be decoded.
    """
    shape = {} if out_shape is None else {"out_shape": (len(plan.bands), *out_shape)}
    flat = {} if out_shape is None else {"out_shape": out_shape}
    raw = dataset.read(list(plan.bands), window=window, out=out, **shape)
    if plan.always_valid:
        return raw, None
    valid = data_mask(raw, plan)
    if plan.alpha is not None:
        valid = _both(valid, dataset.read(plan.alpha, window=window, **flat) > 0)
    if plan.mask:
        valid = _both(valid, dataset.read_masks(plan.bands[0], window=window, **flat) > 0)
    if valid is not None and valid.all():
        valid = None
    return raw, valid


def data_mask(raw: Raw, plan: BandPlan) -> Valid | None:
    """Which pixels of (bands, h, w) hold data as far as their values tell; None stands for all of them."""
    if plan.palette is not None:
        if not plan.transparent_entries:
            return _differs(raw[0], plan.nodata[0])
        opaque = np.zeros(int(np.iinfo(plan.dtype).max) + 1, bool)
        opaque[: len(plan.palette)] = [entry[3] > 0 for entry in plan.palette[: len(opaque)]]
        return _both(_differs(raw[0], plan.nodata[0]), opaque[raw[0]])
    any_band: Valid | None = None
    for band, nodata in zip(raw, plan.nodata, strict=True):
        valid = _differs(band, nodata)
        if valid is None:
            return None
        any_band = valid if any_band is None else any_band | valid
    return any_band


def _differs(band: Raw, nodata: float | int | None) -> Valid | None:
    valid: Valid | None = None
    if band.dtype.kind == "f":
        valid = np.isfinite(band)
    if nodata is not None:
        valid = _both(valid, band != band.dtype.type(nodata))
    return valid


def _both(first: Valid | None, second: Valid) -> Valid:
    return second if first is None else first & second


def _check_bands(bands: Sequence[int], count: int) -> tuple[int, ...]:
    if len(bands) not in (1, 3):
        raise SettingsError(
            f"one band (grey) or three (red, green, blue) are needed, not {len(bands)}", hint="Example: -b 4,3,2"
        )
    for band in bands:
        if not 1 <= operator.index(band) <= count:
            raise SettingsError(f"band {band!r} does not exist: the raster has bands 1 to {count}")
    return tuple(bands)


def _default_bands(indexes: tuple[int, ...], interpretation: tuple[ColorInterp, ...]) -> tuple[int, ...]:
    by_kind: dict[ColorInterp, int] = {}
    for index, kind in zip(indexes, interpretation, strict=True):
        by_kind.setdefault(kind, index)
    try:
        return by_kind[ColorInterp.red], by_kind[ColorInterp.green], by_kind[ColorInterp.blue]
    except KeyError:
        pass
    colours = [i for i, kind in zip(indexes, interpretation, strict=True) if kind != ColorInterp.alpha] or list(indexes)
    return tuple(colours[:3]) if len(colours) >= 3 else (colours[0],)


def _palette(dataset: rasterio.DatasetBase, band: int) -> tuple[tuple[int, int, int, int], ...] | None:
    try:
        table = dataset.colormap(band)
    except ValueError:
        return None
    size = max(table, default=-1) + 1
    return tuple(tuple(table.get(value, (0, 0, 0, 0))) for value in range(size)) or None
