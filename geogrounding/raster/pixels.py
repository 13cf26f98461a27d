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
from geogrounding.raster.bands import Band, Colours, choose_colours, is_alpha, wavelength_of

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
    min_is_white: bool = False
    """True where the lowest value of a grey band is white, as in scanned maps (TIFF's MINISWHITE)."""
    names: tuple[str, ...] = ()
    """Descriptions of all bands of the raster, empty where a band has none."""
    chosen_by: str = ""
    """What decided the bands: see ``bands.Colours``, or ``option``."""
    notices: tuple[str, ...] = ()
    """What a user should know about the choice."""

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


def plan_bands(
    dataset: rasterio.DatasetBase,
    bands: Sequence[int] | None,
    nodata: float | None,
    name: str,
    *,
    alpha: int | None = None,
    called: Sequence[str] = (),
) -> BandPlan:
    """Choose bands by the user's wish, or by their names, colour interpretation, wavelengths and order.

    Args:
        dataset: the open raster.
        bands: 1-based, one or three, as the user wishes; None goes by ``bands.choose_colours``.
        nodata: in place of what the raster declares.
        name: of the raster, for errors.
        alpha: 1-based band of opacity, 0 for none. None is what the raster declares, but none where ``bands`` are
            given: a fourth band is often near infrared that GDAL takes for alpha.
        called: names of the bands in order, where a catalogue has them; instead of those in the raster.

    Raises:
        SettingsError: the bands asked for do not exist, or are neither one nor three.
        SceneError: the values are complex, or the bands have several types.
    """
    described = _describe_bands(dataset, called)
    if bands is not None:
        colours = Colours(bands=_check_bands(bands, dataset.count), reason="option")
    else:
        colours = choose_colours(described, platform=_platform(dataset))
    chosen = colours.bands
    dtype = _one_dtype(dataset, chosen, name)
    kinds = dataset.colorinterp
    flags = dataset.mask_flag_enums[chosen[0] - 1]
    palette = None
    if len(chosen) == 1 and kinds[chosen[0] - 1] == ColorInterp.palette and dtype.kind == "u":
        palette = _palette(dataset, chosen[0])
    declared = [dataset.nodatavals[i - 1] if nodata is None else nodata for i in chosen]
    return BandPlan(
        bands=chosen,
        dtype=dtype,
        nodata=tuple(representable(value, dtype) for value in declared),
        alpha=_alpha_band(described, chosen, alpha, by_option=bands is not None),
        mask=MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags,
        palette=palette,
        min_is_white=palette is None and len(chosen) == 1 and _structure(dataset).get("MINISWHITE") == "YES",
        names=tuple(band.name for band in described),
        chosen_by=colours.reason,
        notices=colours.notices,
    )


def _one_dtype(dataset: rasterio.DatasetBase, chosen: tuple[int, ...], name: str) -> np.dtype[Any]:
    dtypes = {dataset.dtypes[i - 1] for i in chosen}
    if any("complex" in dtype for dtype in dtypes):
        raise SceneError(
            f"{name} holds complex numbers", hint="Write its amplitude to a raster of its own and use that."
        )
    if len(dtypes) > 1:
        raise SceneError(
            f"bands {chosen} of {name} have different types", hint="Choose bands of one type with -b/--bidx."
        )
    dtype: np.dtype[Any] = np.dtype(dtypes.pop())
    return dtype


def _alpha_band(
    described: Sequence[Band], chosen: tuple[int, ...], wanted: int | None, *, by_option: bool
) -> int | None:
    if wanted is not None:
        if not 0 <= operator.index(wanted) <= len(described):
            raise SettingsError(f"band {wanted!r} does not exist: the raster has bands 1 to {len(described)}")
        return wanted or None
    if by_option:
        return None
    return next((i for i, band in enumerate(described, 1) if is_alpha(band) and i not in chosen), None)


def _describe_bands(dataset: rasterio.DatasetBase, called: Sequence[str] = ()) -> tuple[Band, ...]:
    names = [*called, *(dataset.descriptions[len(called) :])][: dataset.count]
    return tuple(
        Band(
            name=description or "",
            colour=kind.name,
            wavelength_nm=wavelength_of(dataset.tags(i) | dataset.tags(i, ns="IMAGERY")),
        )
        for i, description, kind in zip(dataset.indexes, names, dataset.colorinterp, strict=True)
    )


def _platform(dataset: rasterio.DatasetBase) -> str:
    """Name of the satellite, from the keys under which products keep it."""
    tags = {**dataset.tags(ns="IMAGERY"), **dataset.tags()}
    lowered = {key.lower(): value for key, value in tags.items()}
    for key in ("spacecraft_id", "satellite", "satelliteid", "platform", "mission_id", "spacecraft_name"):
        if lowered.get(key):
            return str(lowered[key])[:100]
    return ""


def _structure(dataset: rasterio.DatasetBase) -> dict[str, str]:
    return dict(dataset.tags(ns="IMAGE_STRUCTURE"))


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
    """Which pixels of (bands, h, w) hold data, judged by their values; None stands for all of them."""
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


def inside(valid: Valid) -> Valid:
    """Which pixels without data have data to the left, right, above and below."""
    around = [
        np.logical_or.accumulate(valid, axis=1),
        np.logical_or.accumulate(valid[:, ::-1], axis=1)[:, ::-1],
        np.logical_or.accumulate(valid, axis=0),
        np.logical_or.accumulate(valid[::-1], axis=0)[::-1],
    ]
    enclosed: Valid = ~valid & np.logical_and.reduce(around)
    return enclosed


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


def _palette(dataset: rasterio.DatasetBase, band: int) -> tuple[tuple[int, int, int, int], ...] | None:
    try:
        table = dataset.colormap(band)
    except ValueError:
        return None
    size = max(table, default=-1) + 1
    return tuple(tuple(table.get(value, (0, 0, 0, 0))) for value in range(size)) or None
