"""What was read of a noun phrase so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from geogrounding.query.plan import AnyOf, Rank, Step


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun in the text."""

    noun: str
    said: str


@dataclass(slots=True)
class Head:
    """What stood before a noun."""

    steps: list[Step] = field(default_factory=list)
    ranks: list[Rank] = field(default_factory=list)
    count: int | None = None
    order: int | None = None
    """Of "second ... from the left"."""
    every: bool = False
    article: str = ""
    article_said: str = ""
    """The determiner itself."""
    nearest: Rank | None = None
    """A rank by distance whose reference follows the noun."""


@dataclass(slots=True)
class Found:
    """Conditions read so far."""

    noun: str
    order: int | None
    count: int | None = None
    factors: list[list[list[Step]]] = field(default_factory=list)
    """And of ors of ands."""
    ranks: list[Rank] = field(default_factory=list)
    except_: Step | None = None

    def add(self, step: Step, joined: str) -> None:
        """A step that stands alone (""), or is joined to the one before by "and" or "or"."""
        if joined == "or" and self.factors:
            self.factors[-1].append([step])
        elif joined == "and" and self.factors:
            self.factors[-1][-1].append(step)
        else:
            self.factors.append([[step]])

    def leave_out(self, step: Step, rest: str) -> str:
        """What follows "except"; several of them all hold. A rank comes last. Returns the rest."""
        if self.except_ is None or isinstance(step, Rank):
            step, self.except_ = self.except_, step  # type: ignore[assignment] # None is tested for
        if step is not None:
            self.add(step, "and")
        return rest

    def steps(self) -> list[Step]:
        """Steps that must all hold."""
        out: list[Step] = []
        for factor in self.factors:
            if len(factor) == 1:
                out += factor[0]
            else:
                out.append(AnyOf(options=tuple(tuple(option) for option in factor)))
        return out
