"""Shared by the readers of all formats: reading label files, parsing JSON, and checking values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geogrounding.datasets.images import MalformedError
from geogrounding.errors import InputError
from geogrounding.messages import ERROR, shorten
from geogrounding.types import Task

MAX_LABEL_BYTES = 2**30
"""Largest size of one label file; COCO's own training labels are 450 MB."""
LEAST_INSIDE = 0.5
"""Boxes that stick out of the image are cut at its edge where at least this share of them lies inside; annotators'
boxes do by a few pixels. With less, the numbers have another meaning (such as corners read as sizes)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Arguments of ``read_samples`` that readers need."""

    task: Task | None
    """None is what the format holds."""
    negatives: int
    """Absent classes that are asked about in each image."""
    split: str | None
    """Name of the split, where a folder holds several."""


@dataclass(slots=True)
class LabelFiles:
    """Reads label files and keeps the hash of what was read."""

    digests: dict[str, str] = field(default_factory=dict)

    def read(self, path: Path, *, part_of: Path | None = None) -> bytes:
        """The bytes of a label file; ``part_of`` names the folder whose one hash it goes into.

        Raises:
            InputError: it cannot be read or is too large.
        """
        try:
            large = path.stat().st_size > MAX_LABEL_BYTES
            content = b"" if large else path.read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "its name cannot be used"
            raise InputError(f"the label file {path} cannot be read: {reason}", hint="Check its path.") from None
        if large:
            raise InputError(f"{path} is larger than {MAX_LABEL_BYTES:,} bytes", hint="Split the label file.")
        digest = hashlib.sha256(content).hexdigest()
        if part_of is None:
            self.digests[str(path)] = digest
        else:
            before = self.digests.get(str(part_of), "")
            self.digests[str(part_of)] = hashlib.sha256(f"{before}{path.name}{digest}".encode()).hexdigest()
        return content


def parse_json(content: bytes, what: str) -> Any:
    """The value of a JSON text in UTF-8, with or without a byte order mark.

    Raises:
        InputError: it is not JSON.
    """
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InputError(f"{what} is not JSON: {shorten(reason, ERROR)}", hint="Was the file cut off?") from None


def parse_records(content: bytes, name: str) -> Iterator[tuple[str, Mapping[str, Any] | MalformedError]]:
    """The records of a JSONL file, or of a JSON file that is one list of records, each with its origin.

    Raises:
        InputError: the file is neither.
    """
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[":
        records = parse_json(content, name)
        for index, record in enumerate(records):
            origin = f"{name}[{index}]"
            yield origin, record if isinstance(record, Mapping) else MalformedError("the record is not a JSON object")
        return
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip(b"\xef\xbb\xbf \t\r"):
            continue
        origin = f"{name}:{number}"
        try:
            record = parse_json(line, "the line")
        except InputError as error:
            yield origin, MalformedError(str(error))
            continue
        yield origin, record if isinstance(record, Mapping) else MalformedError("the line is not a JSON object")


def text_of(value: object, what: str) -> str:
    """A text with its white space tidied.

    Raises:
        MalformedError: it is not a text, empty, or holds control characters.
    """
    if not isinstance(value, str):
        raise MalformedError(f"{what} is missing or not a text")
    text = " ".join(value.split())
    if not text:
        raise MalformedError(f"{what} is empty")
    if any(ord(character) < 32 or "\ud800" <= character <= "\udfff" for character in text):
        raise MalformedError(f"{what} holds characters that are not text")
    return text


def numbers_of(value: object, count: int, what: str) -> list[float]:
    """A list of finite numbers.

    Raises:
        MalformedError: it is something else.
    """
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != count:
        raise MalformedError(f"{what} is not a list of {count} numbers")
    numbers = []
    for item in value:
        if isinstance(item, bool) or not isinstance(item, int | float):
            raise MalformedError(f"{what} holds {str(item)[:40]!r}, which is not a number")
        try:
            number = float(item)
        except OverflowError:
            number = float("inf")
        if not np.isfinite(number):
            raise MalformedError(f"{what} holds a number that is not finite")
        numbers.append(number)
    return numbers


def boxes_in_image(boxes_px: Sequence[Sequence[float]], size_px: tuple[int, int]) -> NDArray[np.float64]:
    """Boxes (N, 4) as x0, y0, x1, y1 cut at the edges of the image.

    Raises:
        MalformedError: a box is empty, has swapped corners, or lies outside the image for the most part.
    """
    boxes = np.asarray(boxes_px, dtype=np.float64).reshape(-1, 4)
    sides = boxes[:, 2:] - boxes[:, :2]
    if (sides <= 0).any():
        worst = boxes[int(sides.min(axis=1).argmin())]
        raise MalformedError(f"the box {_numbers(worst)} is empty or has its corners swapped")
    inside = np.clip(boxes, 0.0, [*size_px, *size_px])
    share = np.prod(inside[:, 2:] - inside[:, :2], axis=1) / np.prod(sides, axis=1)
    if (share < LEAST_INSIDE).any():
        worst = boxes[int(share.argmin())]
        raise MalformedError(f"the box {_numbers(worst)} lies outside the image of {size_px[0]} x {size_px[1]} pixels")
    return inside


def check_declared_size(record: Mapping[str, Any], size_px: tuple[int, int]) -> None:
    """Refuse a record whose ``width`` and ``height`` are not those of its image: its boxes then are in other pixels.

    Sizes that are missing, or 0 as some services write an unknown size, are not compared.

    Raises:
        MalformedError: they differ.
    """
    width, height = (_whole(record.get(name)) for name in ("width", "height"))
    if width and height and (width, height) != size_px:
        raise MalformedError(f"the labels are for {width} x {height} pixels, the image has {size_px[0]} x {size_px[1]}")


def id_of(value: object) -> str | None:
    """An id as text, so that 7, 7.0 and "7" are the same; None for any other value."""
    if isinstance(value, str) and value.strip():
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or value in (np.inf, -np.inf):
        return None
    return str(int(value)) if value == int(value) else str(value)


def _whole(value: object) -> int | None:
    """A number of pixels; None for anything else."""
    text = id_of(value)
    return int(text) if text is not None and text.isdecimal() and len(text) < 10 else None


def readable(name: str) -> str:
    """A class name as words: ``ground_track-field`` becomes ``ground track field``."""
    return " ".join(name.replace("_", " ").replace("-", " ").split())


def _numbers(box: NDArray[np.float64]) -> str:
    return "[" + ", ".join(f"{value:g}" for value in box) + "]"
