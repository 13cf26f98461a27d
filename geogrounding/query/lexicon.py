"""The words in which people speak of classes, sizes, places and neighbours in an image from above.

The tables serve both ways: what is generated (``making``) and what is understood (``reading``). Tables whose name starts with
``MORE`` are understood but not generated: ambiguous or clumsy, yet typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

Words = Mapping[str, tuple[tuple[str, str], ...]]
"""Category to (singular, plural) pairs; the first pair is the name of the category."""

SYNONYMS: dict[str, tuple[tuple[str, str], ...]] = {
    "airplane": (("airplane", "airplanes"), ("aircraft", "aircraft"), ("plane", "planes"), ("jet", "jets"), ("aeroplane", "aeroplanes"), ("airliner", "airliners")),
    "ship": (("ship", "ships"), ("boat", "boats"), ("vessel", "vessels"), ("yacht", "yachts"), ("sailboat", "sailboats"), ("motorboat", "motorboats")),
    "storage tank": (("storage tank", "storage tanks"), ("oil tank", "oil tanks"), ("tank", "tanks"), ("fuel tank", "fuel tanks")),
    "baseball diamond": (("baseball diamond", "baseball diamonds"), ("baseball field", "baseball fields"), ("baseball court", "baseball courts")),
    "tennis court": (("tennis court", "tennis courts"),),
    "basketball court": (("basketball court", "basketball courts"),),
    "ground track field": (("ground track field", "ground track fields"), ("running track", "running tracks"), ("stadium", "stadiums"), ("track field", "track fields"), ("athletics track", "athletics tracks")),
    "harbor": (("harbor", "harbors"), ("harbour", "harbours"), ("dock", "docks"), ("pier", "piers"), ("port", "ports"), ("jetty", "jetties")),
    "bridge": (("bridge", "bridges"),),
    "vehicle": (("vehicle", "vehicles"), ("car", "cars"), ("truck", "trucks"), ("automobile", "automobiles"), ("van", "vans"), ("lorry", "lorries"), ("bus", "buses")),
    "building": (("building", "buildings"), ("house", "houses"), ("roof", "roofs"), ("rooftop", "rooftops"), ("home", "homes")),
    "tree": (("tree", "trees"), ("tree crown", "tree crowns"), ("crown", "crowns")),
    "swimming pool": (("swimming pool", "swimming pools"), ("pool", "pools")),
    "solar panel": (("solar panel", "solar panels"), ("photovoltaic panel", "photovoltaic panels"), ("solar array", "solar arrays"), ("solar module", "solar modules"), ("pv panel", "pv panels"), ("photovoltaic array", "photovoltaic arrays"), ("pv array", "pv arrays"), ("photovoltaics", "photovoltaics"), ("pv", "pv")),
    "wind turbine": (("wind turbine", "wind turbines"), ("windmill", "windmills"), ("wind mill", "wind mills"), ("wind generator", "wind generators")),
    "overpass": (("overpass", "overpasses"), ("flyover", "flyovers"), ("viaduct", "viaducts"), ("road bridge", "road bridges")),
    "helicopter": (("helicopter", "helicopters"), ("chopper", "choppers")),
    "soccer field": (("soccer field", "soccer fields"), ("football field", "football fields"), ("soccer pitch", "soccer pitches"), ("football pitch", "football pitches")),
    "golf course": (("golf course", "golf courses"),),
    "roundabout": (("roundabout", "roundabouts"), ("traffic circle", "traffic circles")),
    "parking lot": (("parking lot", "parking lots"), ("car park", "car parks")),
    "chimney": (("chimney", "chimneys"), ("smokestack", "smokestacks")),
    "container": (("container", "containers"), ("shipping container", "shipping containers")),
    "crane": (("crane", "cranes"),),
    "dam": (("dam", "dams"),),
    "train station": (("train station", "train stations"), ("railway station", "railway stations")),
    "airport": (("airport", "airports"),),
    "greenhouse": (("greenhouse", "greenhouses"),),
    "lake": (("lake", "lakes"),),
    "pond": (("pond", "ponds"),),
}  # fmt: skip
"""How people name a class. The first sixteen are the classes of the built-in model, in its order. Some words are narrower
than the class (a "jet", a "car"): people use them for the class anyway."""

NARROWER: dict[str, frozenset[str]] = {
    "vehicle": frozenset({"car", "truck", "van", "bus", "small vehicle", "large vehicle", "automobile", "lorry"}),
    "ship": frozenset({"boat", "yacht", "vessel", "ferry", "cargo ship", "warship", "sailboat", "barge"}),
    "building": frozenset({"house", "home", "warehouse", "greenhouse", "hangar", "shed", "train station"}),
    "airplane": frozenset({"jet", "airliner", "fighter"}),
    "tree": frozenset({"palm", "oil palm", "palm tree", "conifer"}),
    "airport": frozenset(),
}
"""Categories that are also the other: where both are labelled in one image, the wider one is not asked for."""

MORE_NOUNS = {
    "bldg": "building", "structure": "building", "residence": "building", "dwelling": "building", "edifice": "building",
    "motor vehicle": "vehicle", "watercraft": "ship", "seacraft": "ship", "solar array": "solar panel",
    "pv panel": "solar panel", "photovoltaic panel": "solar panel", "solar module": "solar panel", "runway": "runway",
    "road": "road", "street": "road", "river": "river", "railway": "railway", "park": "park", "field": "field",
    "forest": "forest", "parcel": "parcel", "plot": "parcel", "beach": "beach",
}  # fmt: skip
"""Words of queries that are neither classes of the built-in model nor said when expressions are generated."""

_ALIASES = {
    "plane": "airplane", "aeroplane": "airplane", "aircraft": "airplane", "baseballfield": "baseball diamond",
    "harbour": "harbor", "soccerballfield": "soccer field", "golffield": "golf course", "pool": "swimming pool",
    "treecrown": "tree", "windmill": "wind turbine", "containercrane": "crane", "railwaystation": "train station",
    "expresswaytollstation": "expressway toll station", "expresswayservicearea": "expressway service area",
}  # fmt: skip
"""Labels of public data sets that say the same as a category, without spaces or hyphens."""

COLOURS = (
    "white", "black", "grey", "red", "blue", "green", "yellow", "orange", "brown", "silver", "dark", "light", "beige",
    "pink", "purple",
)  # fmt: skip
"""Colours that stand before a noun; any other value of a colour column is said with "whose colour is"."""

RANKS: dict[str, tuple[str, ...]] = {
    "leftmost": ("leftmost {}", "{} furthest left", "{} farthest to the left"),
    "rightmost": ("rightmost {}", "{} furthest right", "{} farthest to the right"),
    "topmost": ("topmost {}", "uppermost {}", "{} nearest the top", "{} closest to the top"),
    "bottommost": ("bottommost {}", "lowest {}", "{} nearest the bottom", "{} closest to the bottom"),
    "largest": ("largest {}", "biggest {}"),
    "smallest": ("smallest {}", "tiniest {}"),
}
"""Phrases that choose by order among all that are meant."""
COMPASS_RANKS: dict[str, tuple[str, ...]] = {
    "leftmost": ("westernmost {}", "most western {}"),
    "rightmost": ("easternmost {}", "most eastern {}"),
    "topmost": ("northernmost {}", "most northern {}"),
    "bottommost": ("southernmost {}", "most southern {}"),
}
"""The same for images whose upper edge is north."""
MORE_RANKS: dict[str, tuple[str, ...]] = {
    "leftmost": ("left most {}", "left-most {}", "far left {}", "{} furthest to the left", "{} farthest left", "{} closest to the left", "{} nearest the left", "first {} from the left", "{} on the far left", "furthest left {}"),
    "rightmost": ("right most {}", "right-most {}", "far right {}", "{} furthest to the right", "{} farthest right", "{} closest to the right", "{} nearest the right", "first {} from the right", "{} on the far right", "furthest right {}"),
    "topmost": ("top most {}", "highest {}", "first {} from the top", "{} nearest to the top"),
    "bottommost": ("bottom most {}", "lowermost {}", "first {} from the bottom", "{} nearest to the bottom"),
    "largest": ("most large {}", "{} largest", "{} biggest", "greatest {}"),
    "smallest": ("{} smallest", "littlest {}"),
}  # fmt: skip
ORDINAL_RANKS: dict[str, tuple[str, ...]] = {
    "leftmost": ("{} from the left",),
    "rightmost": ("{} from the right",),
    "topmost": ("{} from the top",),
    "bottommost": ("{} from the bottom",),
    "largest": ("largest {}", "biggest {}"),
    "smallest": ("smallest {}",),
}
"""What follows "second", "third" ..."""
RANK_SIDES = {"leftmost": "left", "rightmost": "right", "topmost": "top", "bottommost": "bottom"}
"""The side from which a rank counts, in reasoning and in plans."""
RANK_NAMES: dict[str, str] = {key: key for key in RANKS}
"""The word for a rank in reasoning."""

PLACES: dict[str, tuple[str, ...]] = {
    "left": ("{} on the left", "{} in the left half", "{} on the left side", "left {}"),
    "right": ("{} on the right", "{} in the right half", "{} on the right side", "right {}"),
    "upper": ("{} in the upper half", "{} in the top half", "upper {}"),
    "lower": ("{} in the lower half", "{} in the bottom half", "lower {}"),
    "upper left": ("{} in the upper left", "{} in the top left", "upper left {}", "top left {}"),
    "upper right": ("{} in the upper right", "{} in the top right", "upper right {}", "top right {}"),
    "lower left": ("{} in the lower left", "{} in the bottom left", "lower left {}", "bottom left {}"),
    "lower right": ("{} in the lower right", "{} in the bottom right", "lower right {}", "bottom right {}"),
    "central": ("{} in the centre", "{} in the center", "{} in the middle", "central {}"),
}
"""Phrases that keep what lies in a part of the image: a half, a quarter, or the middle (half of each side)."""
CORNERS: dict[str, tuple[str, ...]] = {
    "upper left": ("{} in the top left corner", "{} in the upper left corner"),
    "upper right": ("{} in the top right corner", "{} in the upper right corner"),
    "lower left": ("{} in the bottom left corner", "{} in the lower left corner"),
    "lower right": ("{} in the bottom right corner", "{} in the lower right corner"),
}
"""Said of a quarter when all that is meant lies in the outer third of both sides."""
COMPASS_PLACES: dict[str, tuple[str, ...]] = {
    "left": ("{} in the west", "western {}"),
    "right": ("{} in the east", "eastern {}"),
    "upper": ("{} in the north", "northern {}"),
    "lower": ("{} in the south", "southern {}"),
    "upper left": ("{} in the northwest", "northwestern {}"),
    "upper right": ("{} in the northeast", "northeastern {}"),
    "lower left": ("{} in the southwest", "southwestern {}"),
    "lower right": ("{} in the southeast", "southeastern {}"),
}
MORE_PLACES: dict[str, tuple[str, ...]] = {
    "left": ("{} at the left", "{} to the left", "{} left side", "{} on the left hand side", "{} in the left part", "left hand {}", "{} in the left", "{} at left", "{} left"),
    "right": ("{} at the right", "{} to the right", "{} right side", "{} on the right hand side", "{} in the right part", "right hand {}", "{} in the right", "{} at right", "{} right"),
    "upper": ("{} at the top", "{} on top", "{} on the top", "{} in the upper part", "{} in the top part", "{} near the top", "top {}"),
    "lower": ("{} at the bottom", "{} on the bottom", "{} in the lower part", "{} in the bottom part", "{} near the bottom", "bottom {}"),
    "upper left": ("{} at the top left", "{} on the top left", "{} at the upper left", "{} on the upper left", "{} in the upper left quarter", "{} upper left", "{} top left"),
    "upper right": ("{} at the top right", "{} on the top right", "{} at the upper right", "{} on the upper right", "{} in the upper right quarter", "{} upper right", "{} top right"),
    "lower left": ("{} at the bottom left", "{} on the bottom left", "{} at the lower left", "{} on the lower left", "{} in the lower left quarter", "{} lower left", "{} bottom left"),
    "lower right": ("{} at the bottom right", "{} on the bottom right", "{} at the lower right", "{} on the lower right", "{} in the lower right quarter", "{} lower right", "{} bottom right"),
    "central": ("{} at the centre", "{} at the center", "{} near the centre", "{} near the center", "middle {}", "center {}", "centre {}"),
}  # fmt: skip

RELATIONS: dict[str, tuple[str, ...]] = {
    "nearest": ("nearest", "nearest to", "closest to"),
    "farthest": ("farthest from", "furthest from"),
    "next to": ("next to", "beside", "adjacent to"),
    "near": ("near", "close to"),
    "left of": ("left of", "to the left of"),
    "right of": ("right of", "to the right of"),
    "above": ("above",),
    "below": ("below",),
    "inside": ("inside", "within"),
}
"""Phrases between a target and its neighbour."""
COMPASS_RELATIONS: dict[str, tuple[str, ...]] = {
    "left of": ("west of", "to the west of"),
    "right of": ("east of", "to the east of"),
    "above": ("north of", "to the north of"),
    "below": ("south of", "to the south of"),
}
MORE_RELATIONS: dict[str, tuple[str, ...]] = {
    "nearest": ("closest", "most near"),
    "farthest": ("farthest away from", "furthest away from", "most distant from"),
    "next to": ("right next to", "directly next to", "besides", "by", "alongside", "along", "at", "touching"),
    "near": ("nearby", "not far from", "around", "in the vicinity of", "nearby to"),
    "left of": ("on the left of", "at the left of", "left from", "on the left side of", "to left of"),
    "right of": ("on the right of", "at the right of", "right from", "on the right side of", "to right of"),
    "above": ("over", "on top of", "at the top of"),
    "below": ("under", "beneath", "underneath"),
    "inside": ("in", "on", "contained in", "enclosed by"),
}  # fmt: skip

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")

MAX_LABEL_CHARACTERS = 200
_INVARIANT = frozenset({"aircraft", "sheep", "deer", "fish", "spacecraft", "hovercraft", "watercraft", "series"})
_IRREGULAR = {"person": "people", "man": "men", "woman": "women", "child": "children", "goose": "geese"}
_SINGULAR = {plural: singular for singular, plural in _IRREGULAR.items()}
_ES = ("s", "x", "z", "ch", "sh")


def number(count: int) -> str:
    """A count in words up to twelve, then in digits; 0 is "no"."""
    return NUMBERS[count] if count < len(NUMBERS) else str(count)


def ordinal(position: int) -> str:
    """1 is "first"; beyond ten in digits ("11th").

    Raises:
        IndexError: below 1.
    """
    if position < 1:
        raise IndexError(position)
    if position <= len(ORDINALS):
        return ORDINALS[position - 1]
    ending = "th" if position % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(position % 10, "th")
    return f"{position}{ending}"


def plural(noun: str) -> str:
    """The plural of an English noun phrase: its last word is put in the plural, or the word before "of"."""
    head, of, rest = noun.partition(" of ")
    first, space, last = head.rpartition(" ")
    if last in _INVARIANT:
        many = last
    elif last in _IRREGULAR:
        many = _IRREGULAR[last]
    elif last.endswith("man") and len(last) > 4 and not last.endswith("human"):
        many = last[:-3] + "men"
    elif last.endswith(_ES):
        many = last + "es"
    elif last.endswith("y") and len(last) > 1 and last[-2] not in "aeiou":
        many = last[:-1] + "ies"
    else:
        many = last + "s"
    return first + space + many + of + rest


def singular(noun: str) -> str:
    """The singular of a noun phrase that may be in the plural; what looks singular is left as it is."""
    first, space, last = noun.rpartition(" ")
    if last in _SINGULAR:
        return first + space + _SINGULAR[last]
    if last in _INVARIANT or len(last) < 4 or not last.endswith("s") or last.endswith(("ss", "us", "is", "canvas")):
        return noun
    if last.endswith("ies") and len(last) > 4:
        return first + space + last[:-3] + "y"
    if last.endswith("es") and last[:-2].endswith(("ss", "x", "ch", "sh", "us")):
        return first + space + last[:-2]
    return first + space + last[:-1]


def with_article(noun: str) -> str:
    """The noun with "a" or "an", by how its first word sounds."""
    first = noun.split(" ", 1)[0]
    vowel = first[:1] in "aeiou"
    if re.match(r"(?:uni(?!n)|use|usu|eu|one\b|once\b|ut[ei])", first):
        vowel = False
    elif re.match(r"(?:hour|honest|heir|honou?r)", first):
        vowel = True
    return f"{'an' if vowel else 'a'} {noun}"


def spoken(text: str) -> str:
    """A label or a text as plain words: lower case, one space for every run of hyphens, underscores and other signs."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", text)
    return " ".join(re.sub(r"[^\w'&]|_", " ", parted).split()).casefold()


@lru_cache(maxsize=4096)
def category_of(label: str) -> str:
    """The category that a label names: ``"storage-tank"``, ``"storagetank"`` and ``"Storage tanks"`` are one.

    Empty for a label without any letter: it cannot be asked for in words.
    """
    words = spoken(label[:MAX_LABEL_CHARACTERS])
    if not any(character.isalpha() for character in words):
        return ""
    for form in (words, singular(words)):
        known = _KNOWN.get(form.replace(" ", ""))
        if known:
            return known
    return singular(words)


_KNOWN: dict[str, str] = {**_ALIASES, **{name.replace(" ", ""): name for name in SYNONYMS}}


def words_for(categories: Iterable[str], synonyms: Words = SYNONYMS) -> dict[str, tuple[tuple[str, str], ...]]:
    """The table with an entry for every category, in which no word means two things.

    A category of the caller takes its own name away from the others: where "car" is labelled, "car" is no longer a word
    for "vehicle". The result understands (``read_expression``) what is said about images with these categories.

    Args:
        categories: names as ``category_of`` gives them.
        synonyms: known words.
    """
    table = {name: tuple(pairs) for name, pairs in synonyms.items()}
    for category in categories:
        if category and category not in table:
            table[category] = ((category, plural(category)),)
    owner = {word: name for name, pairs in table.items() for word in pairs[0]}
    out = {}
    for name, pairs in table.items():
        kept = [pairs[0]]
        for pair in pairs[1:]:
            if all(owner.setdefault(word, name) == name for word in pair):
                kept.append(pair)  # noqa: PERF401 - the owner table grows on the way
        out[name] = tuple(kept)
    return out


def attribute_key(column: str) -> str:
    """A column's name as words; "color" is "colour"."""
    return "colour" if (words := spoken(column[:MAX_LABEL_CHARACTERS])) in ("color", "colors", "colours") else words


def attribute_value(value: object) -> str:
    """A value as words; "gray" is "grey". Empty where there is none."""
    words = spoken(str(value)[:MAX_LABEL_CHARACTERS]) if value is not None else ""
    return "grey" if words == "gray" else "" if words in ("none", "nan", "null", "unknown") else words


_CLASS = {one: category for category, pairs in SYNONYMS.items() for one, _ in pairs} | {
    one: category for category, words in NARROWER.items() for one in words
}


def class_of(noun: str) -> str:
    """The class of a noun: "vehicle" for "car"; the noun itself where it is none of the lexicon."""
    return _CLASS.get(noun, noun)


def is_plural(said: str) -> bool:
    """Whether words for a thing are in the plural."""
    return singular(said) != said
