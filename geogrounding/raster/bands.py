"""What bands show: red, green and blue by their names, colour interpretations or wavelengths.

Names come from band descriptions. They say it in words ("Band 1 (Red)", "near infrared", "BAND_R") or by the band
numbers of a sensor ("B04", "SR_B4"). Sources of the numbers: Sentinel-2 MSI (ESA, Level-1C product definition), Landsat
4-9 (USGS Collection 2), MODIS surface reflectance (MOD09). A colour interpretation is weaker than three names: GDAL
calls the first bands of every 8-bit file of three or four bands red, green, blue and alpha, whatever they show.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

COLOURS = ("red", "green", "blue")
"""In the order in which a model sees them."""
CENTRES_NM = {"red": (660.0, 615.0, 705.0), "green": (560.0, 515.0, 600.0), "blue": (480.0, 440.0, 515.0)}
"""Usual centre, least and most wavelength of the band that shows a colour, in nanometres."""

_WORDS = {
    "red": ("red", "rot", "rouge", "rojo", "rosso", "vermelho", "vis-red"),
    "green": ("green", "grün", "gruen", "vert", "verde"),
    "blue": ("blue", "blau", "bleu", "azul", "blu"),
}
_FILLERS = ("band", "bande", "channel", "vis")
_LETTERS = {"r": "red", "g": "green", "b": "blue", "n": "nir", "nir": "nir", "a": "alpha"}
_OTHER = (  # looked for before the words for colours, some of which are part of them
    ("rededge", re.compile(r"red[ -]*edge|\bre\d?\b|\bvre\b|vegetation red")),
    (
        "nir",
        re.compile(r"near[ -]*infra|infra[ -]*red|infrarot|infrarouge|infrarrojo|\bv?nir\d*\b|\bcir\b|\bnear ir\b"),
    ),
    ("swir", re.compile(r"short[ -]?wave|\bs?mwir\d*\b|\bswir ?\d*\b|\blwir\d*\b|\btirs?\d*\b|thermal")),
    ("coastal", re.compile(r"coastal|aerosol|violet|deep blue")),
    ("pan", re.compile(r"\bpan(chromatic)?\b")),
    (
        "other",
        re.compile(r"cirrus|water vapou?r|\bqa\b|cloud|\budm2?\b|\bscl\b|yellow|height|elevation|\bdsm\b|\bdem\b"),
    ),
    ("alpha", re.compile(r"\balpha\b|opacity|transparency")),
)
_NUMBER = re.compile(
    r"(?<![a-z])(?P<word>b|band|refl b)[ ]?(?P<pad>0?)(?P<number>[0-9]{1,2})(?P<letter>a?)(?![0-9a-z])"
)
_LENGTH = re.compile(
    r"(?:([0-9]+(?:\.[0-9]+)?)\s*[-–]\s*)?([0-9]+(?:\.[0-9]+)?)\s*(nm|nanomet\w*|um|µm|μm|micromet\w*|micron\w*)\b"
)
# number of the band that shows red, green, blue
_MODERN, _LANDSAT_7, _MODIS = ("4", "3", "2"), ("3", "2", "1"), ("1", "4", "3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """What a raster says about one of its bands."""

    name: str = ""
    """The description; empty where there is none."""
    colour: str = "undefined"
    """GDAL's colour interpretation: red, green, blue, alpha, gray, palette, undefined, nir, ..."""
    wavelength_nm: float | None = None
    """Centre, from the metadata of the band."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Colours:
    """Which bands become red, green and blue, and why."""

    bands: tuple[int, ...]
    """1-based: three, or one (grey)."""
    reason: str
    """``names``, ``band numbers``, ``colour interpretation``, ``wavelengths``, ``order`` or ``single band``."""
    notices: tuple[str, ...] = ()


def role_of(name: str) -> str | None:
    """What a name says in words: red, green, blue, nir, rededge, swir, coastal, pan, alpha or other; else None."""
    text = _spaced(name)
    for role, pattern in _OTHER:
        if pattern.search(text):
            return role
    tokens = [
        token for token in text.split() if token not in ("band", "bande", "channel", "vis") and not token.isdigit()
    ]
    for role, words in _WORDS.items():
        if any(token in words for token in tokens):
            return role
    return _LETTERS.get(tokens[0]) if len(tokens) == 1 else None


def wavelength_in(name: str) -> float | None:
    """A wavelength in a name, in nanometres: the middle of ``450-515 nm``; None where there is none."""
    match = _LENGTH.search(name.lower())
    if match is None:
        return None
    low, high, unit = match.groups()
    value = float(high) if low is None else (float(low) + float(high)) / 2
    return value if unit.startswith("n") else value * 1000.0


def wavelength_of(tags: Mapping[str, str]) -> float | None:
    """The centre wavelength in the metadata of a band as GDAL, ENVI and others write it, in nanometres."""
    lowered = {key.lower(): value for key, value in tags.items()}
    for key, factor in (("central_wavelength_um", 1000.0), ("center_wavelength_um", 1000.0), ("wavelength", 1.0)):
        try:
            value = float(lowered[key]) * factor
        except (KeyError, ValueError):
            continue
        units = lowered.get("wavelength_units", "").lower()
        if key == "wavelength" and (units.startswith(("um", "µm", "micro")) or (not units and value < 50)):
            value *= 1000.0
        return value if 100 < value < 100_000 else None
    return None


def choose_colours(bands: Sequence[Band], *, platform: str = "") -> Colours:
    """The bands that become red, green and blue.

    Three names in words decide, then the numbers of a sensor, the colour interpretation, wavelengths, and last the
    order.

    Args:
        bands: of the raster, in order.
        platform: name of the satellite where the metadata of the raster has one.
    """
    declared = _by_interpretation(bands)
    shown = tuple(i for i, band in enumerate(bands, 1) if not is_alpha(band)) or tuple(range(1, len(bands) + 1))
    if len(shown) < 3 and declared is None:
        return Colours(bands=(shown[0],), reason="single band")
    for reason, found in (("names", _by_words(bands)), ("band numbers", _by_numbers(bands, platform))):
        if found is not None:
            return Colours(bands=found, reason=reason, notices=_contradiction(bands, found, declared))
    if declared is not None:
        return Colours(bands=declared, reason="colour interpretation")
    measured = _by_wavelength(bands)
    if measured is not None:
        return Colours(bands=measured, reason="wavelengths")
    notices: tuple[str, ...] = ()
    if len(shown) > 3:
        notices = (
            f"nothing says which of the {len(bands)} bands are red, green and blue: bands "
            f"{', '.join(map(str, shown[:3]))} are taken in this order; -b chooses others",
        )
    return Colours(bands=shown[:3], reason="order", notices=notices)


def is_alpha(band: Band) -> bool:
    """Whether a band holds opacity: declared so, and neither its name nor its wavelength says anything else."""
    if band.colour != "alpha":
        return role_of(band.name) == "alpha" and band.colour in ("undefined", "gray")
    if band.wavelength_nm is not None or role_of(band.name) not in (None, "alpha"):
        return False
    return _NUMBER.search(_spaced(band.name)) is None


def _spaced(name: str) -> str:
    text = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", name)
    return " ".join(re.sub(r"[_\-./():,;#\[\]=]+", " ", text.lower()).split())


def _by_words(bands: Sequence[Band]) -> tuple[int, ...] | None:
    """Of several bands with the word for a colour the shortest name, so "green" before "green i"."""
    found: list[int] = []
    for colour in COLOURS:
        named = [(len(band.name), i) for i, band in enumerate(bands, 1) if role_of(band.name) == colour]
        if not named:
            return None
        found.append(min(named)[1])
    return tuple(found)


def _by_numbers(bands: Sequence[Band], platform: str) -> tuple[int, ...] | None:
    matches = [_NUMBER.search(_spaced(band.name)) for band in bands]
    numbers = {m["number"] + m["letter"]: i for i, m in reversed(list(enumerate(matches, 1))) if m is not None}
    wanted = _sensor(bands, [m for m in matches if m is not None], numbers, platform)
    if wanted is None or not set(wanted) <= set(numbers):
        return None
    return tuple(numbers[number] for number in wanted)


def _sensor(
    bands: Sequence[Band], matches: Sequence[re.Match[str]], numbers: Mapping[str, int], platform: str
) -> tuple[str, str, str] | None:
    """Numbers of red, green and blue of the sensor that a set of band numbers belongs to; None where unknown."""
    names = " ".join(_spaced(band.name) for band in bands)
    satellite = _spaced(platform)
    if "sur refl" in names or "modis" in satellite:
        return _MODIS
    if re.search(r"landsat ?[0-7]\b|\bl[et]0?[457]\b|landsat[457]", satellite):
        return _LANDSAT_7
    known = re.search(r"sentinel ?2|landsat ?[89]|\bs2[abc]?\b", satellite) is not None
    if set(numbers) == {"1", "2", "3", "4", "5", "7"}:
        return _LANDSAT_7
    counted = set(numbers) == {str(i) for i in range(1, len(bands) + 1)}
    plain = all(match["word"] == "band" for match in matches) or (len(bands) < 7 and not any(m["pad"] for m in matches))
    if counted and plain and not known and "sr b" not in names:
        return None  # "Band 1", "Band 2": the order, not a sensor
    return _MODERN


def _by_interpretation(bands: Sequence[Band]) -> tuple[int, ...] | None:
    first: dict[str, int] = {}
    for i, band in enumerate(bands, 1):
        first.setdefault(band.colour, i)
    return tuple(first[colour] for colour in COLOURS) if set(COLOURS) <= set(first) else None


def _by_wavelength(bands: Sequence[Band]) -> tuple[int, ...] | None:
    found: list[int] = []
    for colour in COLOURS:
        centre, low, high = CENTRES_NM[colour]
        near = [
            (abs(nm - centre), i)
            for i, band in enumerate(bands, 1)
            if (nm := band.wavelength_nm or wavelength_in(band.name)) is not None and low <= nm <= high
        ]
        if not near:
            return None
        found.append(min(near)[1])
    return tuple(found)


def _contradiction(bands: Sequence[Band], named: tuple[int, ...], declared: tuple[int, ...] | None) -> tuple[str, ...]:
    if declared is None or declared == named:
        return ()
    names = ", ".join(f"{bands[i - 1].name!r}" for i in named)
    return (
        f"bands {', '.join(map(str, named))} become red, green, blue by their names ({names}), not bands "
        f"{', '.join(map(str, declared))} of the colour interpretation; -b chooses others",
    )
