"""Referring expressions with truthful reasoning, made from boxes, labels and attributes, and read back.

``make_expressions`` makes them, ``evaluate`` says what an expression of a meaning fits, ``read_expression`` understands
what people type. Words are in ``words``, rules in ``meaning`` and ``relations``.
"""

from __future__ import annotations

from geogrounding.training.expressions.making import ALL_KINDS, Expression, make_expressions
from geogrounding.training.expressions.meaning import Fit, Kind, Meaning, Objects, Picture, Relation, evaluate
from geogrounding.training.expressions.reading import read_expression
from geogrounding.training.expressions.reasoning import reason
from geogrounding.training.expressions.relations import RelationKind
from geogrounding.training.expressions.words import PLACES, RANKS, SYNONYMS, Words, category_of, words_for

__all__ = [
    "ALL_KINDS",
    "PLACES",
    "RANKS",
    "SYNONYMS",
    "Expression",
    "Fit",
    "Kind",
    "Meaning",
    "Objects",
    "Picture",
    "Relation",
    "RelationKind",
    "Words",
    "category_of",
    "evaluate",
    "make_expressions",
    "read_expression",
    "reason",
    "words_for",
]
