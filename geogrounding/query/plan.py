"""The query plan: what a query asks for, as typed parts that are checked, written as JSON and read back.

A plan names targets; each target narrows what was found by steps, in order; the answer says what is made of the result.
Lengths are in metres and areas in square metres whatever the user wrote. ``QueryPlan.model_json_schema()`` is the
schema that docs/questions.md describes; ``version`` grows when an old plan can no longer be read.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from geogrounding.errors import SettingsError

VERSION = 1
MAX_PLAN_BYTES = 1_000_000

Measure = Literal["area", "length", "width", "perimeter", "elongation", "score"]
SizeRank = Literal["area", "length", "width", "perimeter", "elongation", "score"]
ImageRank = Literal["left", "right", "top", "bottom"]
CompassRank = Literal["north", "south", "east", "west"]
Compass = Literal["north", "south", "east", "west", "northeast", "northwest", "southeast", "southwest"]
ImagePlace = Literal[
    "left", "right", "upper", "lower", "upper left", "upper right", "lower left", "lower right", "central"
]
RelationKind = Literal[
    "within", "next to", "near", "same as", "inside", "containing", "touching", "overlapping", "between",
    "left of", "right of", "above", "below",
    "north of", "south of", "east of", "west of",
    "northeast of", "northwest of", "southeast of", "southwest of",
]  # fmt: skip
ScenePart = Literal["edge", "corner", "centre"]
Statistic = Literal["each", "total", "average", "median", "largest", "smallest"]
AnswerKind = Literal[
    "features", "count", "exists", "every", "measure", "share", "distance", "coverage", "bearing", "compare"
]  # fmt: skip

Metres = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
Text = Annotated[str, Field(min_length=1, max_length=500)]


class Part(BaseModel):
    """A part of a plan: nothing unknown, nothing converted, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TargetReference(Part):
    """Other objects: of the same scene, or of a context layer whose name or labels fit the noun."""

    kind: Literal["target"] = "target"
    target: Target
    every: bool = False
    """All of them must fit, not one of them: "far from every house"."""


class PointReference(Part):
    """A point."""

    kind: Literal["point"] = "point"
    x: float
    y: float
    crs: str | None = None
    """None: that of the scene; else anything pyproj understands, x (longitude) first."""


class SceneReference(Part):
    """A part of the scene's outline: an edge, a corner, the centre; without ``side`` the nearest of its kind."""

    kind: Literal["scene"] = "scene"
    part: ScenePart
    side: ImagePlace | Compass | None = None


Reference = Annotated[TargetReference | PointReference | SceneReference, Field(discriminator="kind")]


class Comparison(Part):
    """A measure in an interval; metres or square metres."""

    kind: Literal["comparison"] = "comparison"
    measure: Measure
    least: float | None = None
    most: float | None = None
    least_open: bool = False
    """More than, not at least."""
    most_open: bool = False
    than: Literal["average", "median"] | None = None
    """Compared with this of all that are left, in place of numbers: ``least`` and ``most`` are then shares of it."""
    negated: bool = False

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.least is None and self.most is None:
            raise ValueError("a comparison needs least or most")
        if any(v is not None and v < 0 for v in (self.least, self.most)):
            raise ValueError("a length or an area is never negative")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError(f"nothing is at least {self.least:g} and at most {self.most:g}")
        return self


class Relation(Part):
    """Where a target stands to others; one of them is enough unless a count says otherwise."""

    kind: Literal["relation"] = "relation"
    how: RelationKind
    other: Reference | None = None
    """None: others of the same target ("next to each other")."""
    second: Reference | None = None
    """With "between"."""
    least_m: Metres | None = None
    """Least distance between outlines; pixels where the scene has no CRS."""
    most_m: Metres | None = None
    centres: bool = False
    """Distances between centres, not outlines."""
    count_least: Count | None = None
    """How many others must fit."""
    count_most: Count | None = None
    negated: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.how == "within" and self.least_m is None and self.most_m is None:
            raise ValueError("'within' needs a distance")
        if self.least_m is not None and self.most_m is not None and self.least_m > self.most_m:
            raise ValueError(f"nothing is at least {self.least_m:g} m and at most {self.most_m:g} m away")
        if (self.count_least or 0) > (math.inf if self.count_most is None else self.count_most):
            raise ValueError("the least count is above the most")
        return self


class Place(Part):
    """A part of the scene."""

    kind: Literal["place"] = "place"
    part: ImagePlace | Compass
    corner: bool = False
    """The outer third of both sides, in place of the quarter."""
    negated: bool = False


class Group(Part):
    """Members of a group of so many, whose neighbours are at most so far apart."""

    kind: Literal["group"] = "group"
    least: Count = 2
    most: Count | None = None
    distance_m: Metres | None = None
    """None: next to each other by their size."""
    line: bool = False
    """The group stands in a line."""
    negated: bool = False


class Attribute(Part):
    """A value of a column of a vector layer, or what a model is asked for together with the noun."""

    kind: Literal["attribute"] = "attribute"
    column: Text
    value: Text
    negated: bool = False


class Facing(Part):
    """The direction of the longer side, within 22.5 degrees."""

    kind: Literal["facing"] = "facing"
    bearing: Annotated[float, Field(ge=0, lt=180)]
    """Degrees clockwise from north, or from up."""
    negated: bool = False


class Rank(Part):
    """A choice by order among all that are left."""

    kind: Literal["rank"] = "rank"
    by: SizeRank | ImageRank | CompassRank | Literal["distance"]
    descending: bool = True
    """Largest or farthest first; directions need no such word: "left" begins at the left."""
    first: Annotated[int, Field(ge=1)] = 1
    """Positions that are chosen, from 1."""
    last: Annotated[int, Field(ge=1)] = 1
    all_but: bool = False
    to: Reference | None = None
    """With "distance"; None: others of the same target."""
    centres: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first > self.last:
            raise ValueError("a rank ends before it begins")
        return self


class AnyOf(Part):
    """At least one of these lists of steps keeps a target."""

    kind: Literal["any"] = "any"
    options: Annotated[tuple[tuple[Step, ...], ...], Field(min_length=1)]
    negated: bool = False


Step = Annotated[Comparison | Relation | Place | Group | Attribute | Facing | Rank | AnyOf, Field(discriminator="kind")]


class Target(Part):
    """What is looked for."""

    noun: Text
    """In the singular, as the lexicon has it where it knows the word."""
    said: str = ""
    """The words of the user; empty: the noun."""
    known: bool = True
    """The lexicon (or the caller's labels) has this noun."""
    steps: tuple[Step, ...] = ()


class Answer(Part):
    """What is made of the targets that are left."""

    kind: AnswerKind = "features"
    measure: Literal["area", "length", "width", "perimeter", "distance"] | None = None
    statistic: Statistic = "each"
    unit: str | None = None
    """The unit asked for, such as "ft"; None: m and m2."""
    count_least: Count | None = None
    """With "exists": how many there must be."""
    count_most: Count | None = None
    sign: Literal["more", "fewer", "as many"] | None = None
    """With "compare": whether there are more of the first target than of the second; None asks how many more."""
    predicate: tuple[Step, ...] = ()
    """With "every" and "share": what is asked about the targets."""
    to: Reference | None = None
    """With "distance" and "bearing"; None: others of the same target."""


class QueryPlan(Part):
    """A query, taken apart."""

    version: Literal[1] = 1
    query: str
    """As the user wrote it."""
    answer: Answer = Answer()
    targets: Annotated[tuple[Target, ...], Field(min_length=1, max_length=20)]
    """Several are a union: "ships and tanks"."""
    unread: tuple[str, ...] = ()
    """Words that the grammar could not read; they narrow nothing."""
    remarks: tuple[Text, ...] = ()
    """How words were read that can be read in another way."""
    unit: Literal["m", "px"] | None = None
    """What its lengths were given in; None: it has none. Metres need a scene with a CRS, pixels one without."""
    planned_by: Text | None = None
    """The language model that made the plan; None: the grammar or a person."""

    @model_validator(mode="after")
    def _two_to_compare(self) -> Self:
        if self.answer.kind == "compare" and len(self.targets) != 2:
            raise ValueError("a comparison of numbers needs two targets")
        return self

    @classmethod
    def read(cls, text: str | bytes) -> QueryPlan:
        """A plan from JSON.

        Raises:
            SettingsError: it is no plan of this version, or contradicts itself.
        """
        if len(text) > MAX_PLAN_BYTES:
            raise SettingsError("the plan is longer than a plan can be", hint='`geoground plan "..."` prints one.')
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            at = ".".join(str(item) for item in first["loc"])
            raise SettingsError(
                f"this is no query plan of version {VERSION}: {at or 'the text'}: {first['msg']}"[:400],
                hint='`geoground plan "..."` prints one; docs/questions.md describes the parts.',
            ) from None
        except RecursionError:
            raise SettingsError("the plan is nested too deeply") from None

    def json_text(self) -> str:
        """The plan as JSON, without what is as usual."""
        return self.model_dump_json(indent=2, exclude_defaults=False, exclude_none=True)

    def plain_values(self) -> dict[str, Any]:
        """The plan as dictionaries, lists, texts and numbers."""
        return self.model_dump(mode="json", exclude_none=True)


for _part in (TargetReference, Comparison, Relation, Rank, AnyOf, Target, Answer, QueryPlan):
    _part.model_rebuild()
