"""The words of the grammar of queries: comparisons, superlatives, relations and places, as patterns and tables."""

from __future__ import annotations

import re
from typing import Any

from geogrounding.query.lexicon import COLOURS, ORDINALS

SCENE = (
    r"(?:(?:whole |entire |aerial |satellite |drone |overhead |given |study )*"
    r"(?:image|scene|picture|photo|photograph|map|frame|raster|view|layer|extent|dataset|imagery|aoi|tile|area|site))"
)
COMPASS = r"(?:northeast|northwest|southeast|southwest|north|south|east|west)"
SIDES: dict[str, Any] = {
    "top left": "upper left", "upper left": "upper left", "top right": "upper right", "upper right": "upper right",
    "bottom left": "lower left", "lower left": "lower left", "bottom right": "lower right", "lower right": "lower right",
    "left hand": "left", "right hand": "right", "left": "left", "right": "right", "top": "upper", "upper": "upper",
    "bottom": "lower", "lower": "lower", "centre": "central", "center": "central", "central": "central",
    "middle": "central",
} | {word: word for word in ("northeast", "northwest", "southeast", "southwest", "north", "south", "east", "west")}  # fmt: skip
SIDE = "(?:" + "|".join(sorted(SIDES, key=len, reverse=True)) + ")"

OPERATORS: tuple[tuple[str, str], ...] = (
    (">=", r"at least|no less than|not less than|no fewer than|not fewer than|not under|not below|(?:a )?minimum(?: of)?|min|as (?:large|big|long|wide|much|many) as"),
    ("<=", r"at most|no more than|not more than|no greater than|not over|not above|not exceeding|up to|(?:a )?maximum(?: of)?|max|no higher than"),
    (">", r"(?:strictly )?(?:more than|greater than|larger than|bigger than|higher than|over|above|exceeding|exceeds|exceed|in excess of|upwards of|upward of|beyond|past)"),
    ("<", r"(?:strictly )?(?:less than|fewer than|smaller than|lower than|under|below|short of)"),
    ("~", r"about|around|roughly|approximately|approx|circa|nearly"),
    ("=", r"exactly|equal to|equals|precisely|just"),
)  # fmt: skip
OPERATOR = "|".join(f"(?P<{name}>{words})" for name, (_, words) in zip(("ge", "le", "gt", "lt", "ab", "eq"), OPERATORS, strict=True))  # fmt: skip
OPERATOR_OF = {"ge": ">=", "le": "<=", "gt": ">", "lt": "<", "ab": "~", "eq": "="}
COMPARATIVES: dict[str, tuple[Any, str]] = {
    "longer": ("length", ">"), "shorter": ("length", "<"), "wider": ("width", ">"), "broader": ("width", ">"),
    "narrower": ("width", "<"), "slimmer": ("width", "<"), "thinner": ("width", "<"), "larger": ("size", ">"),
    "bigger": ("size", ">"), "greater": ("size", ">"), "smaller": ("size", "<"), "tinier": ("size", "<"),
    "taller": ("height", ">"), "higher": ("height", ">"), "lower": ("height", "<"), "more extensive": ("size", ">"),
}  # fmt: skip
COMPARATIVE = "|".join(COMPARATIVES)
MEASURES: dict[str, Any] = {
    "surface area": "area", "floor area": "area", "ground area": "area", "roof area": "area", "total area": "area",
    "land area": "area", "area": "area", "areas": "area", "footprint": "area", "footprints": "area", "surface": "area",
    "floor space": "area", "floorspace": "area", "size": "size", "sizes": "size", "lengths": "length", "length": "length", "widths": "width", "width": "width", "breadth": "width",
    "perimeter": "perimeter", "perimeters": "perimeter", "circumference": "perimeter", "outline": "perimeter", "extent": "size", "dimension": "size", "height": "height",
    "diameter": "length", "diameters": "length",
}  # fmt: skip
MEASURE = "|".join(sorted(MEASURES, key=len, reverse=True))
SUFFIXES = {
    "long": "length", "in length": "length", "in extent": "length", "wide": "width", "in width": "width", "across": "width", "broad": "width",
    "in area": "area", "in size": "size", "in footprint": "area", "of area": "area", "of surface": "area", "large": "size", "big": "size",
    "in diameter": "length", "in perimeter": "perimeter", "around": "perimeter", "tall": "height", "high": "height", "in height": "height",
    "of ground": "area", "of floor area": "area", "of land": "area", "of floor space": "area",
}  # fmt: skip
SUFFIX = "|".join(sorted(SUFFIXES, key=len, reverse=True))

SUPERLATIVES: dict[str, tuple[Any, bool]] = {
    **dict.fromkeys(("largest", "biggest", "greatest", "most extensive", "hugest", "most spacious", "maximum", "most large"), ("area", True)),
    **dict.fromkeys(("smallest", "littlest", "tiniest", "minimum", "least", "most small"), ("area", False)),
    **dict.fromkeys(("longest",), ("length", True)), **dict.fromkeys(("shortest",), ("length", False)),
    **dict.fromkeys(("widest", "broadest"), ("width", True)),
    **dict.fromkeys(("narrowest", "slimmest", "thinnest"), ("width", False)),
    **dict.fromkeys(("most elongated", "most oblong"), ("elongation", True)),
    **dict.fromkeys(("most compact", "roundest", "least elongated"), ("elongation", False)),
    **dict.fromkeys(("leftmost", "left most", "far left", "furthest left", "farthest left"), ("left", True)),
    **dict.fromkeys(("rightmost", "right most", "far right", "furthest right", "farthest right"), ("right", True)),
    **dict.fromkeys(("topmost", "top most", "uppermost", "highest"), ("top", True)),
    **dict.fromkeys(("bottommost", "bottom most", "lowermost", "lowest"), ("bottom", True)),
    **{form: (side, True) for side in ("north", "south", "east", "west")
       for form in (f"{side}ernmost", f"{side}most", f"most {side}erly", f"most {side}ern", f"furthest {side}", f"farthest {side}", f"far {side}")},
    **dict.fromkeys(("most isolated", "most remote", "loneliest", "most secluded"), ("distance", True)),
    **dict.fromkeys(("most confident", "surest"), ("score", True)),
}  # fmt: skip
SUPERLATIVE = "|".join(sorted(SUPERLATIVES, key=len, reverse=True))
NEAREST = r"(?:nearest|closest)"
FARTHEST = r"(?:farthest|furthest|most distant|remotest)"
ORDINAL = "|".join(ORDINALS[1:]) + r"|first|\d{1,3}(?:st|nd|rd|th)"
ORDINAL_VALUES = {word: value for value, word in enumerate(ORDINALS, start=1)}

RELATIONS: tuple[tuple[Any, str], ...] = (
    ("next to", r"(?:right |directly |immediately )?(?:next to|beside|besides|adjacent to|alongside|bordering on|neighbou?ring)|next door to|by the side of"),
    ("near", r"(?:very )?(?:near to|near|close to|nearby to|nearby|not far from|in the vicinity of|in the neighbou?rhood of|around|close by)"),
    ("containing", r"containing|contains?|enclosing|encloses?|surrounding|surrounds?|including|holding|that hold|which hold"),
    ("inside", r"(?:completely |entirely |fully |wholly |located )?(?:inside of|inside|contained (?:in|by)|enclosed (?:in|by)|within the (?:bounds|boundary|boundaries|limits|perimeter) of|surrounded by|within|in|on top of|on|atop|at)"),
    ("touching", r"touching|touches|touch|abutting|abuts?|adjoining|adjoins?|bordering|borders?|attached to|in contact with|connected to|sharing (?:a|an) (?:border|edge|boundary|wall) with"),
    ("overlapping", r"overlapping(?: with)?|overlaps?(?: with)?|intersecting(?: with)?|intersects?(?: with)?|crossing|crosses|cross|covered by|crossed by|over"),
    ("left of", r"(?:to |on |at )?(?:the )?left (?:hand )?(?:side )?of"), ("right of", r"(?:to |on |at )?(?:the )?right (?:hand )?(?:side )?of"),
    ("above", r"above"), ("below", r"below|under|beneath|underneath"),
)  # fmt: skip
THINGS = frozenset({
    "airplane", "ship", "vehicle", "helicopter", "building", "tree", "storage tank", "chimney", "crane", "container", "wind turbine",
    "bridge", "overpass", "swimming pool", "solar panel", "lake", "pond", "river", "road",
})  # fmt: skip
"""What stands "at" one of these stands next to it; at a harbor or an airport it is inside."""
OF: dict[str, Any] = {side: f"{side} of" for side in ("north", "south", "east", "west", "northeast", "northwest", "southeast", "southwest")}  # fmt: skip
FACING = {"north": 0.0, "south": 0.0, "east": 90.0, "west": 90.0, "northeast": 45.0, "southwest": 45.0, "northwest": 135.0, "southeast": 135.0}  # fmt: skip
COLOUR = "|".join((*COLOURS, "gray"))
SHAPES = {
    **dict.fromkeys(("round", "circular", "cylindrical", "circle"), "round"), "square": "square", "square ish": "square",
    **dict.fromkeys(("rectangular", "rectangle", "oblong"), "rectangular"),
    **dict.fromkeys(("elongated", "long", "long and narrow", "long narrow", "slender"), "elongated"),
}  # fmt: skip
"""Words for shapes, and the shape that ``appearance.has_shape`` measures."""
SHAPE = "|".join(sorted(SHAPES, key=len, reverse=True))
VAGUE = frozenset({
    "large", "big", "small", "tiny", "huge", "short", "wide", "narrow", "tall", "little", "giant", "massive",
})  # fmt: skip
"""Sizes without a number: they are left out and named, because they have no defined limit."""
FILLERS = frozenset({"parked", "moored", "anchored", "docked", "standing", "visible", "individual", "single", "different", "existing", "detected", "separate", "nearby", "actual", "given", "respective", "such", "own", "entire", "whole"})  # fmt: skip
STOPS = frozenset({
    "and", "or", "but", "nor", "with", "without", "that", "which", "who", "whose", "within", "inside", "outside", "near", "nearby",
    "next", "beside", "besides", "adjacent", "close", "closer", "closest", "nearest", "farther", "further", "farthest", "furthest", "far", "away", "from", "to",
    "of", "in", "on", "at", "by", "along", "alongside", "between", "over", "under", "above", "below", "beyond", "than", "more", "less", "fewer", "larger",
    "bigger", "smaller", "longer", "shorter", "wider", "narrower", "broader", "taller", "touching", "touch", "touches", "overlapping", "overlap", "overlaps",
    "containing", "contains", "contain", "except", "excluding", "other", "not", "no", "is", "are", "be", "have", "has", "having", "does", "do", "lie", "lies", "lying",
    "stand", "stands", "standing", "sit", "sits", "located", "situated", "parked", "moored", "covering", "cover", "covers", "exceeding", "exceed", "exceeds",
    "measuring", "measure", "measures", "least", "most", ",", "exactly", "about", "around", "surrounding", "surrounded", "facing", "pointing", "oriented", "aligned", "crossing", "intersecting",
    "left", "right", "for", "as", "clustered", "grouped", "there", "up", "surround", "surrounds", "intersect", "intersects", "abutting", "adjoining", "bordering",
    "apart", "together", "per", "occupying", "occupy", "occupies", "enclosed", "enclosing", "isolated", "detached", "lined", "arranged",
})  # fmt: skip
GLUE = re.compile(
    r"(?:that|which|who|where|sized|also|both|either|are|is|be|being|was|were|been|stand|stands|standing|lie|lies|lying|sit|sits|sitting|located|"
    r"situated|placed|positioned|parked|docked|moored|anchored|berthed|found|built|planted|visible|shown|there|have|has|having|measuring|measure|"
    r"measures|do|does|can|could|will|currently|it|them|themselves|seen|they|we|you|see|exist|exists|all|still|only|too|in total|"
    r"(?:in|of|on|from|within|across|throughout) (?:the|this|that|my) " + SCENE + r"(?! (?:edge|border|boundary|corner|cent))|please|overall|altogether|combined|here|present|of|on average)\b(?: |$)"
)  # fmt: skip
DETERMINER = re.compile(
    r"(?:all of the|all of these|all of those|all the|all of|all|every single|every one of the|every|each of the|each|any of the|any|some of the|some|both of the|"
    r"both the|both|either|neither|these|those|this|that|the|an|a|another|any other|other|only|just|of the|of|my|our|its|their)\b(?: |$)"
)  # fmt: skip
