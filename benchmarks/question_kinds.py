# ruff: noqa: E501 - one question a line
"""Every kind of question about an annotated scene, in three wordings, with the answer of geopandas and shapely."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
from pyproj import CRS

SPOKEN = {
    "airplane": ("airplanes", "planes", "aircraft"), "vehicle": ("vehicles", "cars", "vehicles"),
    "building": ("buildings", "houses", "buildings"), "ship": ("ships", "boats", "vessels"),
    "tree": ("trees", "trees", "tree crowns"), "storage tank": ("storage tanks", "tanks", "oil tanks"),
}  # fmt: skip

SINGLE = {
    "airplanes": "airplane", "planes": "plane", "aircraft": "aircraft", "vehicles": "vehicle", "cars": "car",
    "buildings": "building", "houses": "house", "ships": "ship", "boats": "boat", "vessels": "vessel", "trees": "tree",
    "tree crowns": "tree crown", "storage tanks": "storage tank", "tanks": "tank", "oil tanks": "oil tank",
}  # fmt: skip


@dataclass(frozen=True)
class Truth:
    """A scene as geopandas sees it: outlines in metres around its middle."""

    frame: gpd.GeoDataFrame
    """With ``label``, ``area``, ``long``, ``wide``, ``lon``, ``lat``; the index counts from 1."""

    def of(self, label: str) -> gpd.GeoDataFrame:
        return self.frame[self.frame.label == label]


@dataclass(frozen=True)
class Asked:
    kind: str
    query: str
    features: list[int] | None = None
    value: Any = None


def truth_of(layer: gpd.GeoDataFrame) -> Truth:
    lonlat = layer.to_crs(4326)
    x0, y0, x1, y1 = lonlat.total_bounds
    plane = CRS.from_proj4(f"+proj=tmerc +lat_0={(y0 + y1) / 2} +lon_0={(x0 + x1) / 2} +k=1 +ellps=WGS84 +units=m")
    frame = layer.to_crs(plane)
    frame.index = np.arange(1, len(frame) + 1)
    frame["area"] = frame.geometry.area
    sides = [
        np.hypot(*np.diff(np.array(box.exterior.coords)[:3], axis=0).T)
        for box in frame.geometry.minimum_rotated_rectangle()
    ]
    frame["long"], frame["wide"] = np.max(sides, axis=1), np.min(sides, axis=1)
    centre = frame.geometry.centroid.to_crs(4326)
    frame["lon"], frame["lat"] = centre.x, centre.y
    return Truth(frame)


def between(values: Any, share: float) -> float | None:
    """A threshold between two neighbouring values that are clearly apart, near a share of them."""
    ordered = np.sort(np.asarray(values, float))
    at = int(share * len(ordered))
    for step in range(len(ordered)):
        for i in (at + step, at - step):
            if 1 <= i < len(ordered) and ordered[i] > ordered[i - 1] * 1.02 and ordered[i - 1] > 0:
                for digits in (2, 3, 4):
                    middle = float(f"{(ordered[i] + ordered[i - 1]) / 2:.{digits}g}")
                    if ordered[i - 1] * 1.002 < middle < ordered[i] * 0.998:
                        return middle
    return None


def clear(values: Any, position: int) -> bool:
    """Whether the value at a position, the largest first, is apart from the next."""
    ordered = np.sort(np.asarray(values, float))[::-1]
    return len(ordered) > position and ordered[position - 1] > ordered[position] * 1.01


def ids(frame: gpd.GeoDataFrame) -> list[int]:
    return sorted(int(i) for i in frame.index)


def questions(truth: Truth, label: str, other: str | None, voice: int) -> Iterator[Asked]:  # noqa: C901 - one branch a kind
    """All kinds of questions about one class, in one of three voices."""
    things = truth.of(label)
    many = SPOKEN[label][voice]
    one = SINGLE[many]

    def say(*wordings: str) -> str:
        return wordings[voice].format(many=many, one=one)

    yield Asked(
        "count",
        say("How many {many} can be seen here?", "tally of {many}", "I'd like to know the number of {many}"),
        value=len(things),
    )
    if (limit := between(things["long"], 0.6)) is not None:
        found = things[things["long"] > limit]
        feet = f"{limit / 0.3048:.6g}"
        yield Asked(
            "longer than",
            say(
                f"{{many}} exceeding {limit} m in length",
                f"Could you mark all {{many}} that are longer than {feet} feet?",
                f"{{many}} with length > {limit} m",
            ),
            ids(found),
        )
        yield Asked(
            "share",
            say(
                f"What percentage of the {{many}} is longer than {limit} m?",
                f"share of {{many}} over {limit} metres long",
                f"what fraction of {{many}} are more than {limit} m long",
            ),
            value=100 * len(found) / len(things),
        )
    if (limit := between(things.area, 0.5)) is not None:
        found = things[things.area > limit]
        acres = f"{limit / 4046.8564224:.7g}"
        yield Asked(
            "larger than",
            say(
                f"{{many}} bigger than {limit} square meters",
                f"Please find any {{many}} covering more than {acres} acres",
                f"{{many}}, footprint above {limit} sqm",
            ),
            ids(found),
        )
        yield Asked(
            "yes or no",
            say(
                f"Is there a {{one}} larger than {limit} m2?",
                f"do any {{many}} cover more than {limit} sq m",
                f"are there {{many}} of at least {limit} m²?",
            ),
            value=True,
        )
        yield Asked(
            "every",
            say(
                f"Are all {{many}} larger than {limit} m2?",
                f"is every {{one}} bigger than {limit} square metres?",
                f"do all {{many}} cover over {limit} m²",
            ),
            value=False,
        )
    low, high = between(things["wide"], 0.3), between(things["wide"], 0.8)
    if low is not None and high is not None and low < high:
        found = things[(things["wide"] >= low) & (things["wide"] <= high)]
        yield Asked(
            "between",
            say(
                f"{{many}} whose width lies between {low} and {high} m",
                f"all {{many}} {low} to {high} metres wide",
                f"{{many}} at least {low} m wide and no wider than {high} m",
            ),
            ids(found),
        )
    if clear(things.area, 1):
        top = things.loc[[things.area.idxmax()]]
        yield Asked(
            "largest",
            say("the biggest of all {many}", "Which {one} is the largest?", "{one} with the greatest area"),
            ids(top),
        )
        yield Asked(
            "all but",
            say("every {one} but the largest", "all {many} apart from the biggest one", "{many} excluding the largest"),
            ids(things.drop(top.index)),
        )
        yield Asked(
            "extreme",
            say("How big is the biggest {one}?", "what area does the largest {one} have", "area of the largest {one}"),
            value=float(things.area.max()),
        )
    if clear(things.area, 2) and clear(things.area, 1):
        yield Asked(
            "second",
            say("the 2nd biggest {one}", "Which is the second largest {one}?", "second-largest {one}"),
            ids(things.nlargest(2, "area").iloc[1:]),
        )
    if clear(things["long"], 3):
        yield Asked(
            "top",
            say("the 3 longest {many}", "Show me the three longest {many}", "top 3 {many} by length"),
            ids(things.nlargest(3, "long")),
        )
    yield Asked(
        "total",
        say(
            "What is the combined area of the {many}?",
            "how many square metres of {many} are there?",
            "total footprint of {many}",
        ),
        value=float(things.area.sum()),
    )
    yield Asked(
        "average",
        say("How long are the {many} on average?", "mean length of the {many}", "average {one} length"),
        value=float(things["long"].mean()),
    )
    for word, column, sign in (("north", "lat", 1), ("west", "lon", -1)):
        if len(things) > 1:
            order = (sign * things[column]).nlargest(2)
            if abs(order.iloc[0] - order.iloc[1]) > 2e-6:
                yield Asked(
                    "compass",
                    say(
                        f"the {word}ernmost {{one}}", f"Which {{one}} lies farthest {word}?", f"most {word}erly {{one}}"
                    ),
                    [int(order.index[0])],
                )
    yield from neighbours(things, truth.of(other) if other else things, label, other, voice, say)


def neighbours(
    things: gpd.GeoDataFrame,
    others: gpd.GeoDataFrame,
    label: str,
    other: str | None,
    voice: int,
    say: Callable[..., str],
) -> Iterator[Asked]:
    """Questions about distances to another class, or to others of the same."""
    if len(things) < 4:
        return
    same = other is None
    apart = np.array([[a.distance(b) for b in others.geometry] for a in things.geometry])
    if same:
        np.fill_diagonal(apart, np.inf)
    gap = apart.min(axis=1)
    noun = SPOKEN[other][voice] if other else SPOKEN[label][voice]
    single = ("another " if same else "a ") + SINGLE[noun]
    if other == "airplane":
        single = f"an {SINGLE[noun]}" if SINGLE[noun][0] in "aeiou" else single
    plural = f"other {noun}" if same else noun
    limit = between(gap[gap > 0], 0.4)
    if limit is not None:
        near, far = things[gap <= limit], things[gap > limit]
        yield Asked(
            "within",
            say(
                f"{{many}} less than {limit} m away from {single}",
                f"Which {{many}} lie within {limit} metres of {single}?",
                f"{{many}} with {single} inside {limit} m",
            ),
            ids(near),
        )
        yield Asked(
            "beyond",
            say(
                f"{{many}} that are not within {limit} m of {single}",
                f"all {{many}} more than {limit} metres from any {SINGLE[noun] if not same else 'other ' + SINGLE[noun]}",
                f"{{many}} without {plural} within {limit} m",
            ),
            ids(far),
        )
        wide = between(things.area, 0.4)
        if wide is not None:
            both, either = things[(gap <= limit) & (things.area > wide)], things[(gap <= limit) | (things.area > wide)]
            yield Asked(
                "and",
                say(
                    f"{{many}} above {wide} m2 that are also closer than {limit} m to {single}",
                    f"{{many}} within {limit} m of {single} and larger than {wide} m2",
                    f"{{many}} > {wide} sqm and < {limit} m from {single}",
                ),
                ids(both),
            )
            yield Asked(
                "or",
                say(
                    f"{{many}} larger than {wide} m2 or within {limit} m of {single}",
                    f"{{many}} that are within {limit} m of {single} or bigger than {wide} sq m",
                    f"{{many}} over {wide} m2 or closer than {limit} m to {single}",
                ),
                ids(either),
            )
        count = (apart <= limit * 3).sum(axis=1)
        edge = np.abs(apart / (limit * 3) - 1).min()
        if edge > 1e-3 and count.max() >= 2:
            reach = f"{limit * 3:.6g}"
            yield Asked(
                "neighbours",
                say(
                    f"{{many}} with at least 2 {plural} within {reach} m",
                    f"{{many}} that have two or more {plural} within {reach} metres",
                    f"{{many}} within {reach} m of at least two {plural}",
                ),
                ids(things[count >= 2]),
            )
    if not same and clear(others.area, 1):
        big = others.geometry[others.area.idxmax()]
        distances = things.geometry.distance(big)
        first = distances.nsmallest(2)
        if first.iloc[0] > 0 and first.iloc[1] > first.iloc[0] * 1.01:
            yield Asked(
                "nearest",
                say(
                    f"the {{one}} closest to the largest {SINGLE[noun]}",
                    f"Which {{one}} is nearest to the biggest {SINGLE[noun]}?",
                    f"nearest {{one}} to the largest {SINGLE[noun]}",
                ),
                [int(first.index[0])],
            )
            yield Asked(
                "distance",
                say(
                    f"How far is the largest {SINGLE[noun]} from the nearest {{one}}?",
                    f"distance between the largest {SINGLE[noun]} and the nearest {{one}}",
                    f"distance from the largest {SINGLE[noun]} to the closest {{one}}",
                ),
                value=float(first.iloc[0]),
            )
