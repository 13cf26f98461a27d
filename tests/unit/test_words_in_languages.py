"""Names of classes in six languages are read as the class, and no English query is read as another one for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from geogrounding.asking import plan_query
from geogrounding.query.lexicon import SYNONYMS
from geogrounding.query.parser import read_expression
from geogrounding.query.words_in_languages import _WORDS, in_english, words_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("query", "category"),
    [
        ("Gebäude", "building"),
        ("alle Gebaeude", "building"),
        ("die Häuser", "building"),
        ("les bateaux", "ship"),
        ("Tous les arbres.", "tree"),
        ("l'éolienne", "wind turbine"),
        ("l’avion", "airplane"),
        ("ronds-points", "roundabout"),
        ("todos los árboles", "tree"),
        ("todos os aviões", "airplane"),
        ("paneles solares", "solar panel"),
        ("aviao", "airplane"),
        ("飞机", "airplane"),
        ("所有的建筑物", "building"),
        ("すべての車", "vehicle"),
        ("飛行機", "airplane"),
        ("テニスコート", "tennis court"),
        ("ヘリコプター。", "helicopter"),
    ],
)
def test_a_name_is_the_class(query: str, category: str) -> None:
    meaning = read_expression(query)
    assert meaning is not None
    assert (meaning.category, meaning.task) == (category, "detect")
    plan = plan_query(query)
    assert [target.noun for target in plan.targets] == [category]
    assert not plan.unread
    assert plan.query == query, "what the user wrote stays with the results"


def test_each_word_names_one_class() -> None:
    owner: dict[str, str] = {}
    for category in _WORDS:
        assert category in SYNONYMS
        for word in words_of(category):
            assert owner.setdefault(word.casefold(), category) == category, word
            assert in_english(word) == SYNONYMS[category][0][1]


def test_every_class_of_the_built_in_model_has_words_in_each_language() -> None:
    for category in list(SYNONYMS)[:16]:
        cells = _WORDS[category].split("|")
        japanese = cells[-1]
        assert any(ord(letter) > 0x3000 for letter in japanese), category
        assert any(ord(letter) > 0x3000 for letter in cells[-2]), category
        assert len(cells) >= 5, category


def test_the_documents_list_every_word() -> None:
    text = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
    assert [word for category in _WORDS for word in words_of(category) if word not in text] == []


def test_english_keeps_its_meaning() -> None:
    """No word of another language takes one that is English already, and nothing longer is translated."""
    for category, pairs in SYNONYMS.items():
        for word in {word for pair in pairs for word in pair}:
            assert in_english(word) == word or read_expression(in_english(word)).category == category  # type: ignore[union-attr]
    for query in ("tank", "port", "see", "the largest Gebäude", "Gebäude am Fluss", "die", "all", "", "  ", "l'", "😀"):
        assert in_english(query) == query


def test_a_class_of_ones_own_keeps_its_name() -> None:
    own = {"serre": (("serre", "serres"),)}
    meaning = read_expression("serres", own)
    assert meaning is not None
    assert meaning.category == "serre"
    assert plan_query("die Estufa", names=("estufa",)).targets[0].noun != "greenhouse"
