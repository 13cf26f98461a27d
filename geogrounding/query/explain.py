"""Why an answer is right, in plain sentences that follow from the image.

Every sentence states what ``image_objects`` found: how many there are, how many fit, where the chosen one lies. A place is
named only where it is beyond doubt.
"""

from __future__ import annotations

from collections.abc import Iterable

from geogrounding.query.expression import Meaning
from geogrounding.query.image_objects import Fit, ImageObjects, place_degree
from geogrounding.query.lexicon import PLACES, RANK_SIDES, RELATIONS, Words, number, ordinal, plural

PLACE_NAMES: dict[str, str] = {
    "upper left": "in the upper left quarter",
    "upper right": "in the upper right quarter",
    "lower left": "in the lower left quarter",
    "lower right": "in the lower right quarter",
    "left": "in the left half",
    "right": "in the right half",
    "upper": "in the upper half",
    "lower": "in the lower half",
    "central": "in the centre",
}
"""How reasoning names the parts of an image, the smallest first."""


def clear_place(x: float, y: float) -> str:
    """The smallest part of the image in which a centre clearly lies: a quarter, else a half, else the middle.

    Args:
        x: centre as a share of the width.
        y: centre as a share of the height.
    """
    for place in PLACE_NAMES:
        if place_degree(place, x, y) >= 1:
            return place
    raise AssertionError("a centre near both middle lines lies in the middle")


def reason(image: ImageObjects, meaning: Meaning, fit: Fit, words: Words) -> str:
    """One to three sentences that lead to the answer.

    Args:
        image: the objects.
        meaning: what is asked for.
        fit: what fits it; where it is not clear, the sentences can be disputed.
        words: names of the categories.
    """
    one, many = names(meaning.category, words)
    members = image.members.get(meaning.category, [])
    total, relation = len(members), meaning.relation
    too_few = meaning.selector is not None and meaning.ordinal > total > 0
    opening = ("only " if too_few else "") + _counted(total, one, many)
    counts = [opening]
    if relation is not None and total:
        counts.append(_counted(len(image.members.get(relation.category, [])), *names(relation.category, words)))
    sentences = [f"There {'is' if total <= 1 else 'are'} {' and '.join(counts)} in the picture."]
    group = "them" if relation is None else f"the {many}"
    single = "It" if relation is None else f"The {one}"
    if meaning.attribute is not None and total:
        sentences.append(_attribute(meaning.attribute, len(fit.alike), total, group, single))
        group, single = "these", "It"
    if relation is not None and fit.alike and relation.category in image.members:
        sentences.append(_relation(image, meaning, fit, words, group, single))
        group, single = "these", "It"
    if not fit.pool or (relation is not None and relation.kind in ("nearest", "farthest")):
        return " ".join(sentences)
    if meaning.selector in PLACES:
        sentences.append(_some(len(fit.targets), len(fit.pool), PLACE_NAMES[meaning.selector], group, single))
    elif meaning.selector is not None and fit.targets and len(fit.pool) > 1:
        sentences.append(f"The {_rank_name(meaning)} of {group} {_are_somewhere(image, fit.targets)}.")
    elif len(fit.targets) == 1:
        sentences.append(f"It {_are_somewhere(image, fit.targets)}.")
    return " ".join(sentences)


def names(category: str, words: Words) -> tuple[str, str]:
    """Singular and plural name of a category."""
    return words[category][0] if category in words else (category, plural(category))


def _counted(count: int, one: str, many: str) -> str:
    return f"{number(count)} {one if count <= 1 else many}"


def _some(count: int, of: int, fact: str, group: str, single: str) -> str:
    """Such as "Two of them are in the left half."."""
    if of == 1:
        return f"{single} is {'' if count else 'not '}{fact}."
    if count == of:
        return f"All of {group} are {fact}."
    share = number(count).capitalize() if count else "None"
    return f"{share} of {group} {'is' if count <= 1 else 'are'} {fact}."


def _attribute(attribute: tuple[str, str], count: int, of: int, group: str, single: str) -> str:
    column, value = attribute
    if of == 1:
        return f"{'Its' if single == 'It' else single + chr(39) + 's'} {column} is {'' if count else 'not '}{value}."
    share = "none" if not count else "all" if count == of else number(count)
    return f"The {column} of {share} of {group} is {value}."


def _relation(image: ImageObjects, meaning: Meaning, fit: Fit, words: Words, group: str, single: str) -> str:
    relation = meaning.relation
    assert relation is not None
    one, many = names(relation.category, words)
    unique = len(image.members[relation.category]) == 1
    if relation.kind in ("nearest", "farthest"):
        link = "to" if relation.kind == "nearest" else "from"
        subject = f"The {names(meaning.category, words)[0]}" if group != "these" else "The one"
        neighbour = f"the {one}" if unique else f"the {many}"
        return f"{subject} {relation.kind} {link} {neighbour} {_are_somewhere(image, fit.pool)}."
    fact = f"{RELATIONS[relation.kind][0]} {f'the {one}' if unique else f'one of the {many}'}"
    return _some(len(fit.pool), len(fit.alike), fact, group, single)


def _rank_name(meaning: Meaning) -> str:
    rank = str(meaning.selector)
    if meaning.count is not None:
        return f"{number(meaning.count)} {rank}" if meaning.count > 1 else rank
    if meaning.ordinal == 1:
        return rank
    position = ordinal(meaning.ordinal)
    return f"{position} from the {RANK_SIDES[rank]}" if rank in RANK_SIDES else f"{position} {rank}"


def _are_somewhere(image: ImageObjects, indexes: Iterable[int]) -> str:
    """Such as "is in the left half" or "are in the left half and in the centre"; each place once."""
    many = list(indexes)
    here = {clear_place(image.boxes.x[index], image.boxes.y[index]) for index in many}
    places = [name for place, name in PLACE_NAMES.items() if place in here]
    where = ", ".join(places[:-1]) + (" and " if len(places) > 1 else "") + places[-1]
    return f"{'is' if len(many) == 1 else 'are'} {where}"
