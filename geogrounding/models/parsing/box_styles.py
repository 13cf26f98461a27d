"""From JSON-like values to boxes: the key styles and shapes that vision-language models write.

Boxes are lists of four numbers, pairs of corners, outlines of three or more points (their bounds are taken), strings
of four numbers, or objects with named corners. They stand alone, in lists, or in objects under keys of many names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from geogrounding.models.parsing.found import Located, LocatedBox, Reason
from geogrounding.models.parsing.lenient_json import NUMBER, Array, Mapping, Number, Text, Value, number
from geogrounding.models.parsing.sections import says_none

MAX_KEYPOINTS = 16

_SEPARATORS = re.compile(r"[^a-z0-9]")
_BOX_KEYS = frozenset(
    [
        "bbox2d",
        "bbox",
        "bboxes",
        "box",
        "boxes",
        "box2d",
        "coordinates",
        "coordinate",
        "coords",
        "boundingbox",
        "boundingboxes",
        "points",
        "polygon",
        "rect",
    ]
)
_CORNER_KEYS = (
    ("x0", "y0", "x1", "y1"),
    ("x1", "y1", "x2", "y2"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("minx", "miny", "maxx", "maxy"),
    ("left", "top", "right", "bottom"),
)
_SIZE_KEYS = (("x", "y", "w", "h"), ("x", "y", "width", "height"), ("left", "top", "width", "height"))
_LABEL_KEYS = (
    "label",
    "class",
    "category",
    "name",
    "classname",
    "object",
    "type",
    "phrase",
    "description",
    "caption",
    "labels",
    "classes",
    "names",
    "categories",
)
_SCORE_KEYS = ("score", "confidence", "conf", "probability", "prob")
_KEYPOINT_KEY = re.compile(r"(?:keypoints?|point2d|point)[0-9]{0,2}")
_WRAPPER_KEYS = _BOX_KEYS | frozenset(
    [
        "objects",
        "detections",
        "detection",
        "results",
        "result",
        "answer",
        "answers",
        "predictions",
        "targets",
        "target",
        "items",
        "data",
        "output",
        "json",
    ]
)
_ONLY_SEPARATORS = re.compile(r"[\s,;()\[\]{}<>|]*")


def numbers_in(text: str, start: int, stop: int) -> list[Number] | None:
    """Four numbers with nothing but separators between them, or None."""
    numbers: list[Number] = []
    position = start
    for match in NUMBER.finditer(text, start, stop):
        separators = _ONLY_SEPARATORS.match(text, position, match.start())
        if len(numbers) == 4 or separators is None or separators.end() != match.start():
            return None
        numbers.append(Number(value=number(match.group()), start=match.start(), stop=match.end()))
        position = match.end()
    rest = _ONLY_SEPARATORS.match(text, position, stop)
    return numbers if len(numbers) == 4 and rest is not None and rest.end() == stop else None


@dataclass(slots=True)
class Fields:
    """What an object says beside its box."""

    label: str | None = None
    score: float | None = None
    keypoints: tuple[tuple[float, float], ...] = ()


def collect_all(text: str, values: Sequence[Value], label: str | None, found: Located) -> None:
    """Collect from values that stand side by side; two points beside each other are the corners of one box."""
    waiting: Array | None = None
    for value in values:
        if isinstance(value, Array) and _is_point(value):
            if waiting is None:
                waiting = value
                continue
            value = Array(start=waiting.start, stop=value.stop, items=[waiting, value], whole=value.whole)
        elif waiting is not None:
            found.drop(Reason.NOT_FOUR_NUMBERS, text[waiting.start : waiting.stop])
        waiting = None
        _collect(text, value, label, found)
    if waiting is not None:
        _drop_numbers(text, waiting, found)


def _collect(text: str, value: Value, label: str | None, found: Located) -> None:
    """Collect the boxes of one value. Recursion is bounded by the reader's MAX_DEPTH."""
    if isinstance(value, Mapping):
        _collect_mapping(text, value, label, found)
    elif isinstance(value, Array):
        names = [item for item in value.items if isinstance(item, Text)]
        if (
            any(isinstance(item, Number) for item in value.items)
            or _are_points(value.items)
            or _numeric(text, value.items)
        ):
            _collect_boxes(text, value, [Fields(label=label)], found)
            return
        if len(names) == 1 and len(value.items) > 1 and not says_none(names[0].value):
            label = names[0].value
        elif any(not says_none(name.value) for name in names):
            found.drop(Reason.NO_BOX, text[value.start : value.stop])
        collect_all(text, [item for item in value.items if not isinstance(item, Text)], label, found)


def _collect_mapping(text: str, mapping: Mapping, label: str | None, found: Located) -> None:
    if not mapping.pairs:
        if mapping.loose:
            inner = Array(start=mapping.start, stop=mapping.stop, items=mapping.loose, whole=mapping.whole)
            _collect(text, inner, label, found)
        return
    values: dict[str, list[Value]] = {}
    for key, value in mapping.pairs:
        values.setdefault(_SEPARATORS.sub("", key.casefold()), []).append(value)
    all_fields = _fields(text, values, label)
    before = len(found.boxes) + len(found.drops)
    empty = False
    boxes = [value for key, value in mapping.pairs if _SEPARATORS.sub("", key.casefold()) in _BOX_KEYS]
    loose = [value for value in mapping.loose if isinstance(value, Array | Mapping)]
    if len(boxes) == 1 and loose and _are_points([boxes[0], loose[0]]):
        # "bbox": (x, y), (x, y): the second corner stands without a key
        corner = loose.pop(0)
        boxes = [Array(start=boxes[0].start, stop=corner.stop, items=[boxes[0], corner], whole=mapping.whole)]
    for index, box in enumerate(boxes):
        if isinstance(box, Array) and any(isinstance(item, Mapping) for item in box.items):
            _collect(text, box, all_fields[0].label, found)
        elif isinstance(box, Mapping):
            _collect_mapping(text, box, all_fields[0].label, found)
        elif (isinstance(box, Array) and not box.items and box.whole) or (
            isinstance(box, Text) and says_none(box.value)
        ):
            found.denied = empty = True
        else:
            _collect_boxes(
                text, box, all_fields if len(boxes) == 1 else [all_fields[min(index, len(all_fields) - 1)]], found
            )
    if not boxes and (corners := _keyed_corners(values)) is not None:
        _add_corners(text, *corners, all_fields[0], found, whole=mapping.whole)
    elif not boxes:
        for key, value in mapping.pairs:
            name = _SEPARATORS.sub("", key.casefold())
            if isinstance(value, Array | Mapping) and name not in _LABEL_KEYS and not _KEYPOINT_KEY.fullmatch(name):
                _collect(text, value, label if name in _WRAPPER_KEYS else key, found)
    collect_all(text, loose, all_fields[0].label, found)
    if before == len(found.boxes) + len(found.drops) and not empty and not _says_nothing(mapping):
        found.drop(Reason.NO_BOX, text[mapping.start : mapping.stop])


def _says_nothing(mapping: Mapping) -> bool:
    """Whether every value is an empty bracket or a word for "none"."""
    return all(
        says_none(value.value) if isinstance(value, Text) else isinstance(value, Array | Mapping)
        for _, value in mapping.pairs
    )


def _fields(text: str, values: dict[str, list[Value]], label: str | None) -> list[Fields]:
    """One set of fields per label; at least one."""
    labels: list[str | None] = []
    for key in _LABEL_KEYS:
        for value in values.get(key, []):
            items = value.items if isinstance(value, Array) else [value]
            for item in items:
                if isinstance(item, Text) and (item.whole or item.stop < len(text)):
                    labels.append(item.value)
                elif isinstance(item, Number):
                    labels.append(text[item.start : item.stop])
        if labels:
            break
    score = None
    for key in _SCORE_KEYS:
        for value in values.get(key, []):
            stated = _as_number(text, value)
            if score is None and stated is not None and stated.value is not None and 0.0 <= stated.value <= 1.0:
                score = stated.value
    points: list[tuple[float, float]] = []
    for key, of_key in values.items():
        if _KEYPOINT_KEY.fullmatch(key):
            for value in of_key:
                points.extend(_points(value))
    return [Fields(name, score, tuple(points[:MAX_KEYPOINTS])) for name in labels or [label]]


def _points(value: Value) -> list[tuple[float, float]]:
    points = []
    for inner in [value, *value.items] if isinstance(value, Array) else []:
        if isinstance(inner, Array) and _is_point(inner):
            x, y = (item.value for item in inner.items if isinstance(item, Number))
            if x is not None and y is not None:
                points.append((x, y))
    return points


def _is_point(value: Value) -> bool:
    return isinstance(value, Array) and len(value.items) == 2 and all(isinstance(item, Number) for item in value.items)


def _are_points(items: Sequence[Value]) -> bool:
    return len(items) >= 2 and all(_is_point(item) for item in items)


def _numeric(text: str, items: Sequence[Value]) -> bool:
    return bool(items) and all(isinstance(item, Text) and _as_number(text, item) is not None for item in items)


def _as_number(text: str, value: Value) -> Number | None:
    """A number, or a string that is nothing but a number."""
    if isinstance(value, Number):
        return value
    if isinstance(value, Text):
        match = NUMBER.search(text, value.start, value.stop)
        if match is not None and match.group() == value.value.strip():
            return Number(value=number(match.group()), start=match.start(), stop=match.end())
    return None


def _collect_boxes(text: str, value: Value, all_fields: Sequence[Fields], found: Located) -> None:
    """Collect from the value of a box key: one box, or a list of boxes that share or list their labels."""
    first = all_fields[0]
    if isinstance(value, Text):
        numbers = numbers_in(text, value.start + (not value.bare), value.stop - (not value.bare and value.whole))
        if numbers is None:
            found.drop(Reason.NOT_FOUR_NUMBERS, text[value.start : value.stop])
        else:
            add_box(text, numbers, first, found)
        return
    if not isinstance(value, Array) or not value.items:
        _drop_numbers(text, value, found)
    elif _are_points(value.items):
        corners = [item for point in value.items if isinstance(point, Array) for item in point.items]
        xs = [item.value for item in corners[0::2] if isinstance(item, Number) and item.value is not None]
        ys = [item.value for item in corners[1::2] if isinstance(item, Number) and item.value is not None]
        numbers = [item for item in corners if isinstance(item, Number)]
        bounds = (min(xs), min(ys), max(xs), max(ys)) if len(xs) + len(ys) == len(numbers) else None
        _add_corners(text, bounds, numbers, first, found, whole=value.whole)
    elif all(isinstance(item, Array) for item in value.items):
        for index, item in enumerate(value.items):
            matching = all_fields[index] if len(all_fields) == len(value.items) else first
            _collect_boxes(text, item, [matching], found)
    else:
        numbers = [item for item in (_as_number(text, item) for item in value.items) if item is not None]
        if len(numbers) == len(value.items) == 4:
            add_box(text, numbers, first, found, whole=value.whole)
        else:
            _drop_numbers(text, value, found)


def _drop_numbers(text: str, value: Value, found: Located) -> None:
    cut = isinstance(value, Array) and not value.whole
    found.drop(Reason.CUT_OFF if cut else Reason.NOT_FOUR_NUMBERS, text[value.start : value.stop])


def _keyed_corners(
    values: dict[str, list[Value]],
) -> tuple[tuple[float, float, float, float] | None, list[Number]] | None:
    """Corners spelled as keys: (corners, None when one is not finite; their numbers), or None without such keys."""
    for keys in (*_CORNER_KEYS, *_SIZE_KEYS):
        if not all(key in values and isinstance(values[key][0], Number) for key in keys):
            continue
        numbers = [value for value in (values[key][0] for key in keys) if isinstance(value, Number)]
        finite = [value.value for value in numbers if value.value is not None]
        if len(finite) < 4:
            return None, numbers
        x0, y0, x1, y1 = finite
        return ((x0, y0, x0 + x1, y0 + y1) if keys in _SIZE_KEYS else (x0, y0, x1, y1)), numbers
    return None


def add_box(text: str, numbers: Sequence[Number], fields: Fields, found: Located, *, whole: bool = True) -> None:
    """Add a box of four numbers; one that is not finite or may be cut off is dropped and counted."""
    finite = [value.value for value in numbers if value.value is not None]
    corners = (finite[0], finite[1], finite[2], finite[3]) if len(finite) == 4 else None
    _add_corners(text, corners, numbers, fields, found, whole=whole)


def _add_corners(
    text: str,
    corners: tuple[float, float, float, float] | None,
    numbers: Sequence[Number],
    fields: Fields,
    found: Located,
    *,
    whole: bool,
) -> None:
    start, stop = min(item.start for item in numbers), max(item.stop for item in numbers)
    if corners is None:
        found.drop(Reason.NOT_FINITE, text[start:stop])
    elif not whole and stop == len(text):
        found.drop(Reason.CUT_OFF, text[start:stop])  # the last number may have lost digits
    else:
        found.boxes.append(
            LocatedBox(
                corners=corners,
                span=(start, stop),
                number_spans=tuple((item.start, item.stop) for item in numbers),
                label=fields.label,
                stated_score=fields.score,
                keypoints=fields.keypoints,
            )
        )
