"""Names of keys under which vision-language models write boxes, labels, scores and points.

Keys are compared in lower case without separators: ``Bounding Box``, ``bounding_box`` and ``boundingBox`` are one.
"""

from __future__ import annotations

import re

from geogrounding.types import BoxOrder

_SEPARATORS = re.compile(r"[^a-z0-9]")

CORNERS = frozenset(
    [
        "bbox2d",
        "bbox",
        "bboxes",
        "box",
        "boxes",
        "box2d",
        "boxes2d",
        "bboxes2d",
        "coordinates",
        "coordinate",
        "coords",
        "coord",
        "boundingbox",
        "boundingboxes",
        "boundingbox2d",
        "rect",
        "rectangle",
        "bndbox",
        "location",
        "position",
        "region",
        "grounding",
    ]
)
"""Four numbers in the order of the model's family, or pairs of corners."""
PLACES = frozenset(["location", "position", "region", "grounding"])
"""Those of ``CORNERS`` under which words may stand as well."""
OUTLINES = frozenset(
    [
        "points",
        "polygon",
        "polygons",
        "poly",
        "polys",
        "quad",
        "outline",
        "contour",
        "vertices",
        "corners",
        "segmentation",
        "quadrilateral",
    ]
)
"""Pairs of numbers, nested or in one row."""
NOT_BESIDE = frozenset(["points", "corners"])
"""Those that are no outline beside a box: points on the object, or the corners of the box once more."""
_TURNED_NAMES = "oriented|rotated|turned"
TURNED = re.compile(
    rf"(?:obb|r?b?box(?:es)?rotated|rbb?ox|rotbb?ox|(?:{_TURNED_NAMES})(?:bounding|b)?box(?:es)?|"
    r"(?:bb?ox)?(?:cx?cyw|xyw|xcycw)h(?:a|r|t|angle|theta))(?:2d)?"
)
"""Centre, size and angle: a turned box. Degrees, but radians under a key that ends in ``xywhr``."""
RADIANS = re.compile(r"xywhr|cywhr|radians?$|(?:angle|theta|rotation)rad")
ANGLES = re.compile(r"(?:angle|theta|rotation|orientation)(?:deg(?:rees)?|rad(?:ians)?)?|degrees|radians")
"""Keys of the angle beside a named centre and size."""
LABELS = (
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
    "textcontent",
    "labels",
    "classes",
    "names",
    "categories",
)
SCORES = ("score", "confidence", "conf", "probability", "prob")
WRAPPERS = frozenset(
    [
        "objects",
        "detections",
        "detection",
        "results",
        "result",
        "answer",
        "answers",
        "finalanswer",
        "predictions",
        "targets",
        "target",
        "items",
        "data",
        "output",
        "json",
        "annotations",
        "arguments",
        "parameters",
        "response",
        "instances",
    ]
)
"""Keys that hold boxes and are no label."""
DRAFTS = frozenset(["draft", "drafts", "initial", "firstpass", "thinking", "thoughts", "reasoning", "scratch", "rough"])
FINALS = frozenset(["final", "corrected", "revised", "correction", "corrections", "updated", "finalboxes", "finallist"])
"""Keys of an object that holds boxes twice: those under a draft count only where nothing else holds any."""
NAMED_CORNERS = (
    ("x0", "y0", "x1", "y1"),
    ("x1", "y1", "x2", "y2"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("minx", "miny", "maxx", "maxy"),
    ("left", "top", "right", "bottom"),
    ("xstart", "ystart", "xend", "yend"),
    ("startx", "starty", "endx", "endy"),
    ("x1", "y1", "x3", "y3"),
)
NAMED_SIZES = (
    ("x", "y", "w", "h"),
    ("x", "y", "width", "height"),
    ("left", "top", "width", "height"),
    ("xmin", "ymin", "width", "height"),
    ("x0", "y0", "width", "height"),
    ("x1", "y1", "width", "height"),
    ("xmin", "ymin", "w", "h"),
)
NAMED_CENTRES = (
    ("cx", "cy", "w", "h"),
    ("cx", "cy", "width", "height"),
    ("xcenter", "ycenter", "width", "height"),
    ("centerx", "centery", "width", "height"),
    ("xcenter", "ycenter", "w", "h"),
)
POINT_PAIRS = (
    ("topleft", "bottomright"),
    ("upperleft", "lowerright"),
    ("lefttop", "rightbottom"),
    ("min", "max"),
    ("start", "end"),
)
KEYPOINT = re.compile(r"(?:keypoints?|points?2d|point|center|centre)[0-9]{0,2}")

_ORDERS: dict[str, BoxOrder] = {
    "xyxy": "xyxy",
    "x1y1x2y2": "xyxy",
    "xminyminxmaxymax": "xyxy",
    "ltrb": "xyxy",
    "yxyx": "yxyx",
    "y1x1y2x2": "yxyx",
    "yminxminymaxxmax": "yxyx",
    "cxcywh": "cxcywh",
    "xywh": "xywh",
    "ltwh": "xywh",
}


def plain(key: str) -> str:
    """A key in lower case without separators."""
    return _SEPARATORS.sub("", key.casefold())


def order_in(key: str) -> BoxOrder | None:
    """The order that a plain key names itself, as ``bboxxywh`` does; None where it names none."""
    return next((order for ending, order in _ORDERS.items() if key.endswith(ending)), None)


def is_box(key: str) -> bool:
    """Whether a plain key holds the numbers of boxes."""
    return key in CORNERS or key in OUTLINES or TURNED.fullmatch(key) is not None or order_in(key) is not None
