"""Raw rasters: pixels without a word about themselves, and a header beside them (ENVI, and ESRI's EHdr).

GDAL opens whatever file stands beside a header as its pixels: a text, a neighbour, the header itself. So the size of
the file must be exactly the one that the header describes. Sources: ENVI header format (NV5), ESRI BIL, BIP and BSQ
raster files (ArcGIS documentation).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from geogrounding.errors import SceneError

MAX_HEADER_BYTES = 4 * 2**20
"""Headers of hyperspectral rasters list wavelengths and statistics of hundreds of bands."""
ENVI_TYPE_BYTES = {1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 6: 8, 9: 16, 12: 2, 13: 4, 14: 8, 15: 8}
_MAX_COUNT = 2**40


@dataclass(frozen=True, slots=True, kw_only=True)
class RawHeader:
    """What a header says about the file of pixels."""

    driver: str
    """ENVI or EHdr."""
    path: Path
    size_bytes: int
    """Of the file of pixels."""


def find_header(path: Path) -> RawHeader | None:
    """The header beside a file; None where there is none, or where the file is a header itself."""
    if path.suffix.lower() == ".hdr":
        return None
    for beside in (path.with_name(path.name + ".hdr"), path.with_suffix(".hdr"), path.with_suffix(".HDR")):
        if not beside.is_file() or beside.stat().st_size > MAX_HEADER_BYTES:
            continue
        text = beside.read_text(encoding="latin-1")
        try:
            if text.lstrip().startswith("ENVI"):
                fields = _envi_fields(text)
                if "tiff" in fields.get("file type", "").lower():
                    return None
                return RawHeader(driver="ENVI", path=beside, size_bytes=_envi_size(fields))
            fields = _ehdr_fields(text)
            if {"nrows", "ncols"} <= set(fields):
                return RawHeader(driver="EHdr", path=beside, size_bytes=_ehdr_size(fields, path))
        except (KeyError, ValueError):
            continue
    return None


def check_size(header: RawHeader, path: Path) -> None:
    """Refuse a file of another size than its header says.

    Raises:
        SceneError: it has.
    """
    actual = path.stat().st_size
    if actual == header.size_bytes:
        return
    if actual < header.size_bytes:
        raise SceneError(
            f"{path.name} is cut off: {actual:,} bytes instead of the {header.size_bytes:,} of {header.path.name}",
            hint="Copy it again. GDAL would read what is missing as zeros.",
        )
    raise SceneError(
        f"{path.name} is not the raster of {header.path.name}: {actual:,} bytes instead of {header.size_bytes:,}",
        hint="Name the file of pixels that belongs to the header.",
    )


def _envi_fields(text: str) -> dict[str, str]:
    """``name = value`` of an ENVI header, names in lower case; values in braces may span lines."""
    fields: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, separator, value = line.partition("=")
        if not separator:
            continue
        while value.lstrip().startswith("{") and "}" not in value:
            following = next(lines, None)
            if following is None:
                break
            value += " " + following
        fields[" ".join(name.lower().split())] = value.strip()
    return fields


def _envi_size(fields: dict[str, str]) -> int:
    samples, rows = _count(fields["samples"]), _count(fields["lines"])
    bands = _count(fields.get("bands", "1"))
    return int(fields.get("header offset", "0")) + samples * rows * bands * ENVI_TYPE_BYTES[int(fields["data type"])]


def _ehdr_fields(text: str) -> dict[str, str]:
    pairs = (line.split(maxsplit=1) for line in text.splitlines())
    return {pair[0].lower(): pair[1].strip() for pair in pairs if len(pair) == 2}


def _ehdr_size(fields: dict[str, str], path: Path) -> int:
    rows, columns = _count(fields["nrows"]), _count(fields["ncols"])
    bands = _count(fields.get("nbands", "1"))
    bits = _count(fields.get("nbits", "32" if path.suffix.lower() == ".flt" else "8"))
    band_row = int(fields.get("bandrowbytes", "0")) or -(-columns * bits // 8)
    skip, layout = int(fields.get("skipbytes", "0")), fields.get("layout", "bil").lower()
    if layout == "bsq":
        return skip + bands * rows * band_row + (bands - 1) * int(fields.get("bandgapbytes", "0"))
    whole_row = bands * band_row if layout == "bil" else -(-columns * bands * bits // 8)
    return skip + rows * (int(fields.get("totalrowbytes", "0")) or whole_row)


def _count(text: str) -> int:
    value = int(text)
    if not 0 < value < _MAX_COUNT:
        raise ValueError(text)
    return value
