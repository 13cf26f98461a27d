"""How raw values become 8-bit red, green and blue: decided once per scene, the same for every chip."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from geogrounding.errors import SceneError, SettingsError
from geogrounding.messages import quote
from geogrounding.raster.pixels import BandPlan, Raw, Valid
from geogrounding.raster.sample import SAMPLE_PIXELS, Sampled, sample_windows


class Readable(Sampled, Protocol):
    """What a stretch is computed from; a Scene is one."""

    @property
    def plan(self) -> BandPlan:
        """Which bands are read and what decides whether a pixel holds data."""
        ...

    def read_raw(
        self, window_px: tuple[int, int, int, int] | None = None, *, out_shape: tuple[int, int] | None = None
    ) -> tuple[Raw, Valid | None]:
        """Values (bands, h, w) of a window, and where they are data; see ``Scene.read_raw``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A recorded, repeatable mapping of raw values to 8-bit RGB."""

    method: str
    """As asked for, such as ``auto`` or ``percentile:2,98``."""
    low: tuple[float, ...] | None = None
    """Per band, the value that becomes 0; None where values pass unchanged."""
    high: tuple[float, ...] | None = None
    """Per band, the value that becomes 255."""
    palette: tuple[tuple[int, int, int, int], ...] | None = None
    """Colours of a palette band; values then pass through it."""

    @property
    def passes(self) -> bool:
        """True where 8-bit values pass unchanged."""
        return self.low is None and self.palette is None

    def apply(self, array: Raw, mask: Valid | None = None) -> NDArray[np.uint8]:
        """Raw (bands, h, w) to RGB (h, w, 3) uint8; one band becomes grey; pixels where the mask is False become
        black.
        """
        pixels = self.pixels(array, mask)
        return pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)

    def channels(self, bands: int) -> int:
        """Channels of the pixels of so many bands: 1 for grey, else 3."""
        return 1 if bands == 1 and self.palette is None else 3

    def pixels(
        self, array: Raw, mask: Valid | None = None, *, out: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """Raw (bands, h, w) to 8 bits (h, w, 1), grey, or (h, w, 3); pixels where the mask is False become 0."""
        count = self.channels(len(array))
        pixels = np.empty((*array.shape[1:], count), np.uint8) if out is None else out
        for channel in range(count):  # far faster than one transposed copy
            pixels[:, :, channel] = self._channel(array, channel)
        if mask is not None:
            pixels[~mask] = 0
        return pixels

    def describe(self) -> dict[str, Any]:
        """The mapping in plain JSON values, for side-cars and the key of the journal."""
        described: dict[str, Any] = {"method": self.method}
        if self.low is not None and self.high is not None:
            described["low"], described["high"] = list(self.low), list(self.high)
        if self.palette is not None:
            described["palette_colours"] = len(self.palette)
        return described

    def _channel(self, array: Raw, channel: int) -> Raw:
        if self.palette is not None:
            size = int(np.iinfo(array.dtype).max) + 1
            colours = np.zeros(size, np.uint8)
            colours[: len(self.palette)] = [entry[channel] for entry in self.palette[:size]]
            channel_of_palette: NDArray[np.uint8] = colours[array[0]]
            return channel_of_palette
        return self._band(array[channel], channel)

    def _band(self, values: Raw, band: int) -> Raw:
        if self.low is None or self.high is None:
            return values if values.dtype == np.uint8 else _scale(values, 0.0, 255.0)
        low, high = self.low[band], self.high[band]
        if values.dtype.kind in "iu" and values.dtype.itemsize <= 2:
            # One look-up per pixel; the table is read as if the bits were unsigned, which keeps negative values apart.
            table: NDArray[np.uint8] = _table(values.dtype.str, low, high)
            looked_up: NDArray[np.uint8] = table[values.view(f"u{values.dtype.itemsize}")]
            return looked_up
        return _scale(values, low, high)


def compute_stretch(scene: Readable, method: str = "auto") -> Stretch:
    """Decide the mapping of a scene from its data, leaving out nodata, NaN, masked and transparent pixels.

    Args:
        scene: the raster.
        method: ``auto`` (8-bit colour passes unchanged, all else as percentile:2,98 per band), ``percentile:LOW,HIGH``,
            ``minmax`` (of the sample), ``none`` (8-bit values as they are; other types clipped to 0..255), or two
            numbers ``LOW,HIGH`` for all bands, or a pair for each band (``LOW,HIGH,LOW,HIGH,LOW,HIGH``).

    The sample is a decimated read of an overview where there is one of enough pixels, the whole scene where it is
    small, else whole windows spread evenly over the scene, the same ones every time.

    Raises:
        SettingsError: the method is not understood.
        SceneError: no part of the scene can be read.
    """
    kind, numbers = _parse(method)
    plan = scene.plan
    if plan.palette is not None:
        return Stretch(method=method, palette=plan.palette)
    if kind == "none" or (kind == "auto" and plan.dtype == np.uint8 and len(plan.bands) >= 3):
        return Stretch(method=method, low=(255.0,), high=(0.0,)) if plan.min_is_white else Stretch(method=method)
    if kind == "range":
        lows, highs = numbers[0::2], numbers[1::2]
        if len(lows) == 1:
            lows, highs = lows * len(plan.bands), highs * len(plan.bands)
        if len(lows) != len(plan.bands):
            raise SettingsError(
                f"stretch {quote(method)} has {len(lows)} pairs for {len(plan.bands)} bands",
                hint="Give LOW,HIGH once for all bands, or once for each.",
            )
        if plan.min_is_white:  # what is light on paper is light for the model
            lows, highs = highs, lows
        return Stretch(method=method, low=lows, high=highs)
    low_values, high_values = [], []
    percentiles = {"percentile": (numbers[0], numbers[-1]), "auto": (2.0, 98.0), "minmax": (0.0, 100.0)}[kind]
    for values in _sample(scene):
        low, high = _limits(values, percentiles)
        if plan.min_is_white:
            low, high = high, low
        low_values.append(low)
        high_values.append(high)
    return Stretch(method=method, low=tuple(low_values), high=tuple(high_values))


def parse_method(method: str) -> None:
    """Check a method's spelling without a scene.

    Raises:
        SettingsError: it is not understood.
    """
    _parse(method)


def _parse(method: str) -> tuple[str, tuple[float, ...]]:
    """Kind and numbers: two percentiles, or low and high of all bands or of each."""
    text = method.strip().lower()
    if text in ("auto", "minmax", "none"):
        return text, (0.0, 0.0)
    kind, _, rest = text.rpartition(":")
    hint = "One of: auto, percentile:2,98, minmax, none, or two numbers LOW,HIGH (for all bands, or for each)."
    try:
        numbers = tuple(float(part) for part in rest.replace(",", " ").split())
    except ValueError:
        numbers = ()
    pairs = list(zip(numbers[0::2], numbers[1::2], strict=False))
    most = 2 if kind else 6
    ordered = all(math.isfinite(low) and math.isfinite(high) and low < high for low, high in pairs)
    if kind not in ("", "percentile") or not pairs or len(numbers) % 2 or len(numbers) > most or not ordered:
        raise SettingsError(f"stretch {quote(method)} is not understood", hint=hint)
    if kind and not (numbers[0] >= 0 and numbers[1] <= 100):
        raise SettingsError("percentiles must lie between 0 and 100", hint=hint)
    return kind or "range", numbers


def _limits(values: NDArray[np.float64], percentiles: tuple[float, float]) -> tuple[float, float]:
    """Low and high of one band, never equal: flat data is widened to its extremes, then by one."""
    if not len(values):
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(values, percentiles))
    if not low < high:
        low, high = float(values.min()), float(values.max())
    if not low < high:
        high = low + max(1.0, abs(low) * 1e-6)
    return low, high


def _sample(scene: Readable) -> list[NDArray[np.float64]]:
    """Values of each band that hold data, from a bounded and repeatable sample of the scene."""
    failure: SceneError | None = None
    parts: list[list[NDArray[np.float64]]] = [[] for _ in scene.plan.bands]
    taken = windows = 0
    for window, shape in sample_windows(scene):
        try:
            raw, valid = scene.read_raw(window, out_shape=shape)
        except SceneError as error:  # a damaged block is the business of the chips that need it
            failure = error
            continue
        windows += 1
        for band, values in enumerate(raw):
            kept = values[np.isfinite(values) & (valid if valid is not None else True)].astype(np.float64)
            if scene.plan.nodata[band] is not None:
                kept = kept[kept != scene.plan.nodata[band]]
            parts[band].append(kept)
        taken += raw[0].size if valid is None else int(valid.sum())
        if taken >= SAMPLE_PIXELS:
            break
    if failure is not None and not windows:
        raise failure
    return [np.concatenate(band) if band else np.empty(0) for band in parts]


def _scale(values: Raw, low: float, high: float) -> NDArray[np.uint8]:
    """Linear, clipped to 0..255, rounded; what is not finite becomes 0 or 255 by its sign, NaN 0."""
    with np.errstate(over="ignore", invalid="ignore"):
        scaled: NDArray[np.float64] = values.astype(np.float64)
        scaled -= low
        scaled *= 255.0 / (high - low)
    np.clip(scaled, 0, 255, out=scaled)
    rounded: NDArray[np.uint8] = np.nan_to_num(np.rint(scaled, out=scaled), copy=False, nan=0).astype(np.uint8)
    return rounded


@lru_cache(maxsize=16)
def _table(dtype: str, low: float, high: float) -> NDArray[np.uint8]:
    unsigned = np.arange(2 ** (8 * np.dtype(dtype).itemsize), dtype=f"u{np.dtype(dtype).itemsize}")
    return _scale(unsigned.view(dtype), low, high)
