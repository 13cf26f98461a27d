"""Referring expressions with truthful reasoning, made from boxes, labels and attributes, and read back.

``make_expressions`` generates them. Parsing and evaluation are those of ``geogrounding.query``, as at inference.
"""

from __future__ import annotations

from geogrounding.datasets.synthetic.generate import ALL_KINDS, Expression, make_expressions
from geogrounding.query.borders import RelationKind
from geogrounding.query.explain import reason
from geogrounding.query.expression import Kind, Meaning, Objects, Relation
from geogrounding.query.image_objects import Fit, ImageObjects, evaluate
from geogrounding.query.lexicon import PLACES, RANKS, SYNONYMS, Words, category_of, words_for
from geogrounding.query.parser import read_expression

__all__ = [
    "ALL_KINDS",
    "PLACES",
    "RANKS",
    "SYNONYMS",
    "Expression",
    "Fit",
    "ImageObjects",
    "Kind",
    "Meaning",
    "Objects",
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
