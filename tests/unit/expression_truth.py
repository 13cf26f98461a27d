"""A second opinion on expressions, written from the definitions and not from the code: what fits, what sentences state.

Geometry is shapely's; every rule is a plain yes or no. ``reads`` takes reasoning word by word and returns the objects
that it leads to, or fails at the first sentence that is not true of the image.
"""

from __future__ import annotations

import math
import re

import shapely

from geogrounding.datasets.synthetic import Meaning, Objects

NAMES = {
    "airplane": "airplanes",
    "storage tank": "storage tanks",
    "harbor": "harbors",
    "vehicle": "vehicles",
    "car": "cars",
    "toll station": "toll stations",
    "building": "buildings",
    "tree": "trees",
    "ship": "ships",
    "bridge": "bridges",
    "bus": "buses",
}
LABELS = {
    **{name: name for name in NAMES},
    "storage-tank": "storage tank",
    "StorageTank": "storage tank",
    "Storage tanks": "storage tank",
    "toll_station": "toll station",
    "plane": "airplane",
    "harbour": "harbor",
    "17": "",
}
"""Labels of data sets, and the category that each names."""
NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
ORDINALS = ["first", "second", "third", "fourth", "fifth"]
SIDES = {"left": "leftmost", "right": "rightmost", "top": "topmost", "bottom": "bottommost"}
PLACES = {
    "in the left half": "left",
    "in the right half": "right",
    "in the upper half": "upper",
    "in the lower half": "lower",
    "in the upper left quarter": "upper left",
    "in the upper right quarter": "upper right",
    "in the lower left quarter": "lower left",
    "in the lower right quarter": "lower right",
    "in the centre": "central",
}
REACH = {"next to": 0.5, "near": 1.5, "inside": 0, "left of": 10, "right of": 10, "above": 10, "below": 10}
"""Gap that is allowed, in sizes of the two."""
LINKS = ("next to", "near", "left of", "right of", "above", "below", "inside")
COUNT = "(?:no|none|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|all|[0-9]+)"


class Truth:
    """What holds in an image."""

    def __init__(self, objects: Objects) -> None:
        self.width, self.height = objects.size_px
        self.boxes = [shapely.box(*map(float, box)) for box in objects.boxes_px]
        self.categories = [LABELS[str(label)] for label in objects.labels]
        self.columns = [{k.replace("color", "colour"): v for k, v in its.items()} for its in objects.attributes]

    def members(self, category: str) -> list[int]:
        return [index for index, name in enumerate(self.categories) if name == category]

    def centre(self, index: int) -> tuple[float, float]:
        x0, y0, x1, y1 = self.boxes[index].bounds
        return (x0 + x1) / 2, (y0 + y1) / 2

    def gap(self, index: int, category: str) -> float:
        return min(
            (
                float(self.boxes[index].distance(self.boxes[other]))
                for other in self.members(category)
                if other != index
            ),
            default=math.inf,
        )

    def apart(self, index: int, category: str) -> float:
        """Between centres, which decides where gaps are alike."""
        here, others = self.centre(index), [other for other in self.members(category) if other != index]
        return min((math.dist(here, self.centre(other)) for other in others), default=math.inf)

    def is_in(self, index: int, place: str) -> bool:
        x, y = self.centre(index)
        if place == "central":
            return self.width / 4 <= x <= self.width * 3 / 4 and self.height / 4 <= y <= self.height * 3 / 4
        tests = {"left": 2 * x <= self.width, "right": 2 * x >= self.width}
        tests |= {"upper": 2 * y <= self.height, "lower": 2 * y >= self.height}
        return all(tests[word] for word in place.split())

    def is_to(self, index: int, link: str, other: int) -> bool:
        one, two = self.boxes[index], self.boxes[other]
        (x, y), (neighbour_x, neighbour_y) = self.centre(index), self.centre(other)
        x0, y0, x1, y1 = two.bounds
        across, down = neighbour_x - x, neighbour_y - y
        reach = REACH[link] * math.sqrt(math.sqrt(one.area) * math.sqrt(two.area))
        if one.distance(two) > reach:
            return False
        match link:
            case "next to" | "near":
                return True
            case "inside":
                return bool(one.intersection(two).area >= one.area / 2)
            case "left of":
                return x <= x0 and abs(down) <= across
            case "right of":
                return x >= x1 and abs(down) <= -across
            case "above":
                return y <= y0 and abs(across) <= down
            case "below":
                return y >= y1 and abs(across) <= -down
        raise AssertionError(link)

    def related(self, pool: list[int], link: str, category: str) -> list[int]:
        if link in ("nearest", "farthest"):
            far, sign = [i for i in pool if self.gap(i, category) < math.inf], 1 if link == "nearest" else -1
            return sorted(far, key=lambda i: (sign * self.gap(i, category), sign * self.apart(i, category), i))[:1]
        return [i for i in pool if any(self.is_to(i, link, other) for other in self.members(category) if other != i)]

    def ordered(self, pool: list[int], rank: str) -> list[int]:
        def key(index: int) -> float:
            x, y = self.centre(index)
            return x if rank in ("leftmost", "rightmost") else y if rank.endswith("most") else self.boxes[index].area

        return sorted(pool, key=key, reverse=rank in ("rightmost", "bottommost", "largest"))

    def fits(self, meaning: Meaning) -> list[int]:
        found = self.members(meaning.category)
        if meaning.attribute is not None:
            column, value = meaning.attribute
            found = [i for i in found if self.columns[i].get(column) == value]
        if meaning.relation is not None:
            found = self.related(found, meaning.relation.kind, meaning.relation.category)
        return self.selected(found, meaning)

    def selected(self, pool: list[int], meaning: Meaning) -> list[int]:
        """What the place or the rank of a meaning chooses of a pool."""
        if meaning.selector is None:
            return sorted(pool)
        if meaning.selector in PLACES.values():
            return sorted(i for i in pool if self.is_in(i, meaning.selector))
        order = self.ordered(pool, meaning.selector)
        return sorted(order[: meaning.count] if meaning.count else order[meaning.ordinal - 1 : meaning.ordinal])

    def reads(self, reasoning: str, category: str) -> list[int]:
        """The objects that the reasoning leads to; AssertionError where a sentence is not true."""
        opening, *sentences = re.findall(r"[^.]+\.", reasoning)
        self._opening(opening.strip(), category)
        pool, narrowed = self.members(category), False
        if opening.startswith(("There is only", "There are only")):
            assert pool, opening
            assert not sentences, opening
            return []
        if " and no " in opening:
            assert not sentences, opening
            return []
        for sentence in sentences:
            pool = self._sentence(sentence.strip(), pool, category, narrowed=narrowed)
            narrowed = True
        return pool

    def _opening(self, sentence: str, category: str) -> None:
        found = re.fullmatch(r"There (is|are) (only )?(.+) in the picture\.", sentence)
        assert found, sentence
        first = ""
        for part in found[3].split(" and "):
            count, _, noun = part.partition(" ")
            name = next(name for name, many in NAMES.items() if noun == (name if count in ("no", "one") else many))
            first = first or name
            assert len(self.members(name)) == _value(count, 0), sentence
        assert first == category
        assert found[1] == ("is" if found[3].startswith(("no ", "one ")) else "are")

    def _sentence(self, sentence: str, pool: list[int], category: str, *, narrowed: bool) -> list[int]:
        groups = rf"(?:{'these' if narrowed else 'them'}|the {NAMES[category]})"
        subject = rf"(?:It|The {category}) (?P<one>is not|is)"
        counted = rf"(?P<count>{COUNT}) of {groups} (?:is|are)"
        if found := re.fullmatch(rf"(?i:{subject}|{counted}) (?P<fact>.+)\.", sentence):
            kept = self._fact(found["fact"], pool)
        elif found := re.fullmatch(
            rf"(?:(?:Its|The {category}'s) (?P<own>\w+) (?P<one>is not|is)|"
            rf"The (?P<column>\w+) of (?P<count>{COUNT}) of {groups} is) (?P<value>.+)\.",
            sentence,
        ):
            column = found["own"] or found["column"]
            kept = [i for i in pool if self.columns[i].get(column) == found["value"]]
        elif found := re.fullmatch(
            rf"The (?:{category}|one) (nearest to|farthest from) the (.+?) (is in the .+)\.", sentence
        ):
            neighbour = _category(found[2])
            assert (found[2] == neighbour) == (len(self.members(neighbour)) == 1), sentence
            kept = self.related(pool, found[1].split()[0], neighbour)
            assert len(kept) == 1
            self._where(found[3], kept)
            return kept
        else:
            found = re.fullmatch(rf"The (.+) of {groups} ((?:is|are) .+)\.", sentence)
            assert found, sentence
            kept = self._rank(found[1], pool)
            self._where(found[2], kept)
            return kept
        if found["one"]:
            assert len(pool) == 1, sentence
            assert len(kept) == (found["one"] == "is"), sentence
        else:
            assert len(pool) > 1, sentence
            assert len(kept) == _value(found["count"].lower(), len(pool)), sentence
        return kept

    def _fact(self, fact: str, pool: list[int]) -> list[int]:
        if fact in PLACES:
            return [i for i in pool if self.is_in(i, PLACES[fact])]
        link = next(link for link in LINKS if fact.startswith(link))
        neighbour = fact.removeprefix(link).strip()
        category = _category(neighbour.removeprefix("one of ").removeprefix("the "))
        assert neighbour.startswith("one of ") == (len(self.members(category)) > 1), fact
        return self.related(pool, link, category)

    def _rank(self, words: str, pool: list[int]) -> list[int]:
        first, _, rest = words.partition(" ")
        assert len(pool) > 1
        if first in ORDINALS:
            rank = SIDES[rest.removeprefix("from the ")] if rest.startswith("from") else rest
            position = ORDINALS.index(first)
            return self.ordered(pool, rank)[position : position + 1]
        count = NUMBERS.index(first) if rest else 1
        return sorted(self.ordered(pool, rest or first)[:count])

    def _where(self, words: str, indexes: list[int]) -> None:
        verb, _, places = words.partition(" ")
        named = [PLACES[place] for place in re.split(r", | and ", places)]
        assert verb == ("is" if len(indexes) == 1 else "are")
        assert all(any(self.is_in(i, place) for i in indexes) for place in named), words
        assert all(any(self.is_in(i, place) for place in named) for i in indexes), words


def _value(word: str, of: int) -> int:
    if word in ("all", "none"):
        return of if word == "all" else 0
    return NUMBERS.index(word) if word in NUMBERS else int(word)


def _category(noun: str) -> str:
    return next(name for name, many in NAMES.items() if noun in (name, many))
