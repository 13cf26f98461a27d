"""A look at the structure of a TIFF before GDAL sees it: dimensions, blocks, chain of directories.

GDAL trusts what a TIFF declares and allocates accordingly. Here only the few tags that decide allocations are read,
from the main directory, the overviews, the masks and their side-cars, with plain arithmetic on at most a few kilobytes.
Reference: TIFF 6.0; BigTIFF as in the libtiff documentation.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from geogrounding.errors import SceneError

MAX_DIRECTORIES = 1024
"""More image directories than any pyramid has; a longer chain is a loop or an attack."""
MAX_ENTRIES = 4096
"""Entries of one directory; real files have 15 to 40."""

_TYPE_SIZE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES, _ROWS_PER_STRIP = 256, 257, 258, 259, 277, 278
_PLANAR, _TILE_WIDTH, _TILE_HEIGHT, _SUB_DIRECTORIES = 284, 322, 323, 330
_WANTED = {
    _WIDTH,
    _HEIGHT,
    _BITS,
    _COMPRESSION,
    _SAMPLES,
    _ROWS_PER_STRIP,
    _PLANAR,
    _TILE_WIDTH,
    _TILE_HEIGHT,
    _SUB_DIRECTORIES,
}
_UNCOMPRESSED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TiffDirectory:
    """What one image directory declares."""

    width: int
    height: int
    samples: int
    bits: int
    """Bits per sample, of the first sample."""
    block_width: int
    block_height: int
    planar: bool
    """True where every band has its own blocks."""
    chopped: bool
    """True for uncompressed strips, which libtiff reads in small pieces whatever size is declared."""

    @property
    def block_bytes(self) -> int:
        """Decoded bytes of one block; GDAL widens anything under 8 bits to a byte."""
        samples = 1 if self.planar else self.samples
        return self.block_width * self.block_height * samples * max(8, self.bits) // 8

    @property
    def block_count(self) -> int:
        """How many blocks the directory declares; libtiff keeps two 8-byte numbers for each."""
        across = -(-self.width // self.block_width)
        down = -(-self.height // self.block_height)
        return across * down * (self.samples if self.planar else 1)


def is_tiff(head: bytes) -> bool:
    """True when the first bytes are those of a classic or a big TIFF in either byte order."""
    return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def read_directories(file: BinaryIO) -> Iterator[TiffDirectory]:
    """Yield what each image directory declares, sub-directories included.

    Raises:
        SceneError: the main directory is missing or unreadable, or the chain of directories has no end.
    """
    head = file.read(16)
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"+\0", b"\0+")
    try:
        queue = [struct.unpack(order + "Q", head[8:16])[0] if big else struct.unpack(order + "I", head[4:8])[0]]
    except struct.error:
        raise SceneError("the TIFF header is cut off", hint="The file is damaged; copy it again.") from None
    seen: set[int] = set()
    while queue:
        offset = queue.pop(0)
        if offset == 0:
            continue
        if offset in seen or len(seen) >= MAX_DIRECTORIES:
            raise SceneError("the TIFF's chain of image directories has no end", hint="The file is damaged.")
        first = not seen
        seen.add(offset)
        values, following = _read_directory(file, offset, order, big)
        directory = _interpret(values)
        if directory is not None:
            yield directory
        elif first:
            raise SceneError(
                "the TIFF's main image directory is unreadable", hint="The file is damaged; copy it again."
            )
        queue.extend(following)


def _read_directory(file: BinaryIO, offset: int, order: str, big: bool) -> tuple[dict[int, list[int]], list[int]]:
    """Values of the wanted tags, and the offsets of the next directory and of sub-directories; lenient on damage."""
    count_format, entry_size, inline = (order + "Q", 20, 8) if big else (order + "H", 12, 4)
    try:
        file.seek(offset)
        count = struct.unpack(count_format, file.read(8 if big else 2))[0]
    except (struct.error, OSError, OverflowError, ValueError):
        return {}, []
    if count > MAX_ENTRIES:
        return {}, []
    raw = file.read(count * entry_size)
    tail = file.read(inline)
    values: dict[int, list[int]] = {}
    for start in range(0, len(raw) - entry_size + 1, entry_size):
        tag, kind = struct.unpack_from(order + "HH", raw, start)
        if tag not in _WANTED or kind not in _INTEGERS:
            continue
        number = struct.unpack_from(order + ("Q" if big else "I"), raw, start + 4)[0]
        size = _TYPE_SIZE[kind]
        number = min(number, MAX_DIRECTORIES)  # only sub-directories have more than a few values that matter
        field = raw[start + entry_size - inline : start + entry_size]
        if number * size > inline:
            try:
                file.seek(struct.unpack(order + ("Q" if big else "I"), field)[0])
                field = file.read(number * size)
            except (OSError, OverflowError, ValueError):
                continue
        number = min(number, len(field) // size)
        values[tag] = list(struct.unpack_from(f"{order}{number}{_INTEGERS[kind]}", field))
    following = values.pop(_SUB_DIRECTORIES, [])
    if len(tail) == inline:
        following.insert(0, struct.unpack(order + ("Q" if big else "I"), tail)[0])
    return values, following


def _interpret(values: dict[int, list[int]]) -> TiffDirectory | None:
    def first(tag: int, default: int = 0) -> int:
        return (values.get(tag) or [default])[0]

    width, height = first(_WIDTH), first(_HEIGHT)
    if width <= 0 or height <= 0:
        return None
    tiled = _TILE_WIDTH in values and _TILE_HEIGHT in values
    block_width = first(_TILE_WIDTH) if tiled else width
    block_height = first(_TILE_HEIGHT) if tiled else min(first(_ROWS_PER_STRIP, height) or height, height)
    return TiffDirectory(
        width=width,
        height=height,
        samples=max(1, first(_SAMPLES, 1)),
        bits=max(1, max(values.get(_BITS) or [1])),
        block_width=max(1, block_width),
        block_height=max(1, block_height),
        planar=first(_PLANAR, 1) == 2,
        chopped=not tiled and first(_COMPRESSION, 1) == _UNCOMPRESSED,
    )
