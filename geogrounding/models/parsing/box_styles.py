"""From JSON-like values to boxes: the key styles and shapes that vision-language models write.

Boxes are lists of four numbers, pairs of corners, outlines of three or more points (their bounds are taken), strings
of four numbers, or objects with named corners. They stand alone, in lists, or in objects under keys of many names.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from geogrounding.models.parsing import keys
from geogrounding.models.parsing.drawn import Outline, bounds_of, is_box, turned_box
from geogrounding.models.parsing.found import Located, LocatedBox, Reason
from geogrounding.models.parsing.lenient_json import Array, Mapping, Number, Text, Value
from geogrounding.models.parsing.numbers import are_numbers, are_points, as_number, is_point, numbers_in, points_in
from geogrounding.models.parsing.sections import says_none
from geogrounding.types import BoxOrder

MAX_KEYPOINTS = 16


@dataclass(frozen=True, slots=True)
class Fields:
    """What stands beside the numbers of a box; see ``found.LocatedBox``."""

    label: str | None = None
    score: float | None = None
    keypoints: tuple[tuple[float, float], ...] = ()
    key: str = ""
    order: BoxOrder | Literal["as-asked"] = "as-asked"
    tag: str = ""

    def under(self, key: str) -> Fields:
        """The same beside a box that stands under a plain key."""
        return replace(self, key=key, order=keys.order_in(key) or "as-asked")


def collect_all(text: str, values: Sequence[Value], beside: Fields, found: Located) -> None:
    """Collect from values that stand side by side; two points beside each other are the corners of one box."""
    waiting: Array | None = None
    for value in values:
        if isinstance(value, Array) and is_point(value):
            if waiting is None:
                waiting = value
                continue
            value = Array(start=waiting.start, stop=value.stop, items=[waiting, value], whole=value.whole)
        elif waiting is not None:
            found.drop(Reason.NOT_FOUR_NUMBERS, text[waiting.start : waiting.stop])
        waiting = None
        _collect(text, value, beside, found)
    if waiting is not None:
        _drop_numbers(text, waiting, found)


def _collect(text: str, value: Value, beside: Fields, found: Located) -> None:
    """Collect the boxes of one value. Recursion is bounded by the reader's MAX_DEPTH."""
    if isinstance(value, Mapping):
        _collect_mapping(text, value, beside, found)
    elif isinstance(value, Array):
        names = [item for item in value.items if isinstance(item, Text)]
        if (
            any(isinstance(item, Number) for item in value.items)
            or are_points(value.items)
            or are_numbers(text, value.items)
        ):
            _collect_boxes(text, value, [beside], found)
            return
        if len(names) == 1 and len(value.items) > 1 and not says_none(names[0].value):
            beside = replace(beside, label=names[0].value)
        elif any(not says_none(name.value) for name in names):
            found.drop(Reason.NO_BOX, text[value.start : value.stop])
        collect_all(text, [item for item in value.items if not isinstance(item, Text)], beside, found)


def _collect_mapping(text: str, mapping: Mapping, beside: Fields, found: Located) -> None:
    if not mapping.pairs:
        if mapping.loose:
            inner = Array(start=mapping.start, stop=mapping.stop, items=mapping.loose, whole=mapping.whole)
            _collect(text, inner, beside, found)
        return
    values: dict[str, list[Value]] = {}
    for key, value in mapping.pairs:
        values.setdefault(keys.plain(key), []).append(value)
    all_fields = _fields(text, values, beside)
    boxes_before, before = len(found.boxes), len(found.boxes) + len(found.drops)
    boxes = _box_values(mapping)
    loose = [value for value in mapping.loose if isinstance(value, Array | Mapping)]
    if len(boxes) == 1 and loose and are_points([boxes[0][1], loose[0]]):
        # "bbox": (x, y), (x, y): the second corner stands without a key
        key, first = boxes[0]
        corner = loose.pop(0)
        boxes = [(key, Array(start=first.start, stop=corner.stop, items=[first, corner], whole=mapping.whole))]
    empty = False
    for index, (key, box) in enumerate(boxes):
        chosen = all_fields if len(boxes) == 1 else [all_fields[min(index, len(all_fields) - 1)]]
        empty |= _collect_keyed(text, key, box, chosen, found)
    if len(found.boxes) == boxes_before + 1:
        _draw_beside(text, mapping, found)
    if not boxes:
        _collect_unkeyed(text, mapping, values, all_fields[0], beside, found)
    collect_all(text, loose, all_fields[0], found)
    if before == len(found.boxes) + len(found.drops) and not empty and not _says_nothing(mapping):
        reason = Reason.POINT if all_fields[0].keypoints or {"x", "y"} <= values.keys() else Reason.NO_BOX
        found.drop(reason, text[mapping.start : mapping.stop])


def _box_values(mapping: Mapping) -> list[tuple[str, Value]]:
    """The values under keys of boxes, with their plain keys; outlines only where there is nothing else."""
    named = [(keys.plain(key), value) for key, value in mapping.pairs]
    turned = [(key, value) for key, value in named if keys.TURNED.fullmatch(key)]
    boxes = turned or [
        (key, value)
        for key, value in named
        if keys.is_box(key) and key not in keys.OUTLINES and not (key in keys.PLACES and isinstance(value, Text))
    ]
    return boxes or [(key, value) for key, value in named if key in keys.OUTLINES]


def _draw_beside(text: str, mapping: Mapping, found: Located) -> None:
    """Give the last box the one outline that stands beside it; of several polygons none is the outline of the box."""
    drawn = Located()
    for key, value in mapping.pairs:
        if (name := keys.plain(key)) in keys.OUTLINES - keys.NOT_BESIDE:
            _collect_keyed(text, name, value, [Fields()], drawn)
    if len(drawn.boxes) == 1 and drawn.boxes[0].outline and not found.boxes[-1].outline:
        found.boxes[-1] = replace(found.boxes[-1], outline=drawn.boxes[0].outline)


def _collect_keyed(text: str, key: str, box: Value, all_fields: Sequence[Fields], found: Located) -> bool:
    """Collect what stands under the key of a box; True where it says that there is none."""
    if isinstance(box, Array) and any(isinstance(item, Mapping) for item in box.items):
        _collect(text, box, all_fields[0].under(key), found)
    elif isinstance(box, Mapping):
        _collect_mapping(text, box, all_fields[0].under(key), found)
    elif (isinstance(box, Array) and not box.items and box.whole) or (isinstance(box, Text) and says_none(box.value)):
        found.denied = True
        return True
    else:
        _collect_boxes(text, box, [fields.under(key) for fields in all_fields], found)
    return False


def _collect_unkeyed(
    text: str, mapping: Mapping, values: dict[str, list[Value]], fields: Fields, beside: Fields, found: Located
) -> None:
    """Collect from an object without a key of boxes: corners that are keys themselves, or objects inside it."""
    turned = _keyed_turned(text, values)
    if turned is not None:
        add_turned(text, turned[0], fields, found, radians=turned[1], whole=mapping.whole)
        return
    corners = _keyed_corners(text, values)
    if corners is not None:
        _add_corners(text, *corners, replace(fields, order="xyxy"), found, whole=mapping.whole)
        return
    named = [(key, keys.plain(key), value) for key, value in mapping.pairs if isinstance(value, Array | Mapping)]
    drafts = [value for _, name, value in named if name in keys.DRAFTS]
    for key, name, value in named:
        if name in keys.LABELS or keys.KEYPOINT.fullmatch(name):
            continue
        if name in keys.DRAFTS and len(drafts) < len(named):
            found.drop(Reason.REPEATED_ANSWER, text[value.start : value.stop])
            continue
        known = name in keys.WRAPPERS or name in keys.DRAFTS or name in keys.FINALS or keys.is_box(name)
        _collect(text, value, beside if known else replace(beside, label=key), found)


def _says_nothing(mapping: Mapping) -> bool:
    """Whether every value is an empty bracket or a word for "none"."""
    return all(
        says_none(value.value) if isinstance(value, Text) else isinstance(value, Array | Mapping)
        for _, value in mapping.pairs
    )


def _fields(text: str, values: dict[str, list[Value]], beside: Fields) -> list[Fields]:
    """One set of fields per label; at least one."""
    score = _score(text, values)
    points: list[tuple[float, float]] = []
    for key, of_key in values.items():
        if keys.KEYPOINT.fullmatch(key):
            for value in of_key:
                points.extend(points_in(value))
    keypoints = tuple(points[:MAX_KEYPOINTS]) or beside.keypoints
    return [
        replace(beside, label=name, score=beside.score if score is None else score, keypoints=keypoints)
        for name in _labels(text, values) or [beside.label]
    ]


def _labels(text: str, values: dict[str, list[Value]]) -> list[str | None]:
    """Those of the first key that holds any."""
    labels: list[str | None] = []
    for key in keys.LABELS:
        for value in values.get(key, []):
            items = value.items if isinstance(value, Array) else [value]
            for item in items:
                if isinstance(item, Text) and (item.whole or item.stop < len(text)):
                    labels.append(item.value)
                elif isinstance(item, Number):
                    labels.append(text[item.start : item.stop])
        if labels:
            break
    return labels


def _score(text: str, values: dict[str, list[Value]]) -> float | None:
    """The first number from 0 to 1."""
    for key in keys.SCORES:
        for value in values.get(key, []):
            stated = as_number(text, value)
            if stated is not None and stated.value is not None and 0.0 <= stated.value <= 1.0:
                return stated.value
    return None


def _collect_boxes(text: str, value: Value, all_fields: Sequence[Fields], found: Located) -> None:
    """Collect from the value of a box key: one box, or a list of boxes that share or list their labels."""
    first = all_fields[0]
    if (first.key in keys.OUTLINES or keys.TURNED.fullmatch(first.key)) and isinstance(value, Array):
        value = _paired(value)
    if isinstance(value, Text):
        numbers = numbers_in(text, value.start + (not value.bare), value.stop - (not value.bare and value.whole))
        if numbers is None:
            found.drop(Reason.NOT_FOUR_NUMBERS, text[value.start : value.stop])
        else:
            add_box(text, numbers, first, found)
        return
    if not isinstance(value, Array) or not value.items:
        _drop_numbers(text, value, found)
    elif are_points(value.items):
        corners = [item for point in value.items if isinstance(point, Array) for item in point.items]
        xs = [item.value for item in corners[0::2] if isinstance(item, Number) and item.value is not None]
        ys = [item.value for item in corners[1::2] if isinstance(item, Number) and item.value is not None]
        numbers = [item for item in corners if isinstance(item, Number)]
        outline = tuple(zip(xs, ys, strict=True)) if len(xs) + len(ys) == len(numbers) else ()
        bounds = bounds_of(outline) if outline else None
        _add_corners(text, bounds, numbers, first, found, whole=value.whole, pairs=True, outline=outline)
    elif all(isinstance(item, Array) for item in value.items):
        for index, item in enumerate(value.items):
            matching = all_fields[index] if len(all_fields) == len(value.items) else first
            _collect_boxes(text, item, [matching], found)
    else:
        numbers = [item for item in (as_number(text, item) for item in value.items) if item is not None]
        if len(numbers) == len(value.items) == 4:
            add_box(text, numbers, first, found, whole=value.whole)
        elif len(numbers) == len(value.items) == 5 and keys.TURNED.fullmatch(first.key):
            add_turned(text, numbers, first, found, radians=bool(keys.RADIANS.search(first.key)), whole=value.whole)
        else:
            _drop_numbers(text, value, found)


def _drop_numbers(text: str, value: Value, found: Located) -> None:
    cut = isinstance(value, Array) and not value.whole
    found.drop(Reason.CUT_OFF if cut else Reason.NOT_FOUR_NUMBERS, text[value.start : value.stop])


def _paired(value: Array) -> Array:
    """An outline whose numbers stand in one row, as pairs; any other array unchanged."""
    count = len(value.items)
    if count < 6 or count % 2 or not all(isinstance(item, Number) for item in value.items):
        return value
    pairs: list[Value] = [
        Array(start=first.start, stop=second.stop, items=[first, second])
        for first, second in zip(value.items[::2], value.items[1::2], strict=True)
    ]
    return replace(value, items=pairs)


def _keyed_turned(text: str, values: dict[str, list[Value]]) -> tuple[list[Number], bool] | None:
    """Centre, size and angle spelled as keys, and whether the angle is in radians; None without such keys."""
    angle = next((key for key in values if keys.ANGLES.fullmatch(key)), None)
    names = next((names for names in keys.NAMED_CENTRES if all(name in values for name in names)), None)
    if angle is None or names is None:
        return None
    numbers = [as_number(text, values[name][0]) for name in (*names, angle)]
    stated = [one for one in numbers if one is not None]
    return (stated, keys.RADIANS.search(angle) is not None) if len(stated) == len(numbers) else None


def _keyed_corners(
    text: str, values: dict[str, list[Value]]
) -> tuple[tuple[float, float, float, float] | None, list[Number]] | None:
    """Corners spelled as keys: (corners, None when one is not finite; their numbers), or None without such keys."""
    for names in (*keys.NAMED_CENTRES, *keys.NAMED_CORNERS, *keys.NAMED_SIZES):
        if not all(name in values for name in names):
            continue
        numbers = [stated for name in names if (stated := as_number(text, values[name][0])) is not None]
        if len(numbers) < 4:
            continue
        finite = [number.value for number in numbers if number.value is not None]
        if len(finite) < 4:
            return None, numbers
        a, b, c, d = finite
        if names in keys.NAMED_CENTRES:
            return (a - c / 2, b - d / 2, a + c / 2, b + d / 2), numbers
        return ((a, b, a + c, b + d) if names in keys.NAMED_SIZES else (a, b, c, d)), numbers
    for pair in keys.POINT_PAIRS:
        points = [_point(text, values[name][0]) for name in pair if name in values]
        numbers = [number for point in points for number in point]
        if len(numbers) == 4:
            finite = [number.value for number in numbers if number.value is not None]
            return ((finite[0], finite[1], finite[2], finite[3]) if len(finite) == 4 else None), numbers
    return None


def _point(text: str, value: Value) -> list[Number]:
    """The numbers (x, y) of a named corner: an object with the keys x and y, or a pair; else none."""
    if isinstance(value, Mapping):
        named = {keys.plain(key): as_number(text, inner) for key, inner in value.pairs}
        return [number for number in (named.get("x"), named.get("y")) if number is not None]
    return (
        [item for item in value.items if isinstance(item, Number)]
        if is_point(value) and isinstance(value, Array)
        else []
    )


def add_box(text: str, numbers: Sequence[Number], fields: Fields, found: Located, *, whole: bool = True) -> None:
    """Add a box of four numbers; one that is not finite or may be cut off is dropped and counted."""
    finite = [value.value for value in numbers if value.value is not None]
    corners = (finite[0], finite[1], finite[2], finite[3]) if len(finite) == 4 else None
    _add_corners(text, corners, numbers, fields, found, whole=whole)


def add_turned(
    text: str, numbers: Sequence[Number], fields: Fields, found: Located, *, radians: bool, whole: bool = True
) -> None:
    """Add a box of centre, size and angle; the angle turns clockwise as the image is seen (y down)."""
    finite = [one.value for one in numbers if one.value is not None]
    if len(finite) < 5 or min(finite[2:4]) <= 0:
        span = text[min(n.start for n in numbers) : max(n.stop for n in numbers)]
        found.drop(Reason.NOT_FINITE if len(finite) < 5 else Reason.EMPTY_BOX, span)
        return
    x, y, width, height, angle = finite
    outline = turned_box(x, y, width, height, angle if radians else math.radians(angle % 360.0))
    plain = replace(fields, order="xyxy")
    _add_corners(text, bounds_of(outline), numbers, plain, found, whole=whole, pairs=True, outline=outline)


def _add_corners(
    text: str,
    corners: tuple[float, float, float, float] | None,
    numbers: Sequence[Number],
    fields: Fields,
    found: Located,
    *,
    whole: bool,
    pairs: bool = False,
    outline: Outline = (),
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
                order=fields.order,
                corner_pairs=pairs,
                outline=() if not outline or is_box(outline) else outline,
                key=fields.key,
                tag=fields.tag,
            )
        )
