"""Retired words stay out of comments, docstrings, messages, names and documents.

One thing has one word: the glossary in docs/design.md says which. This test is run by ``make lint`` as well.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]

RETIRED = {
    r"pictures?|pictured": "image",
    r"figures?": "metric, number, value",
    r"tell|tells|told|telling|tellers?": "report, return, emit, pass, print",
    r"embedded": "built-in (the model)",
    r"the start(?! (of|and|or|to)\b)": "base model; the beginning",
    r"sentences?": "query (what a user writes), expression (its parsed form), question (one model call)",
    r"handfuls?": "few-shot, a few",
    r"house rules?|(of|in) the house|the house('s|s')": "project rules",
    r"by heart": "memorise, overfit",
    r"twins?": "duplicate",
    r"doors?": "entry point, boundary, validation",
    r"all the same": "anyway",
    r"anew": "again",
    r"afresh": "from the beginning",
    r"nobody": "no one; name who",
    r"a hair": "slightly",
    r"scraps?": "fragment",
    r"gone mad": "runaway",
    r"what (is|was|it is|it was|they are) told": "the arguments, the settings",
    r"taught (thing|word)s?": "learned class",
}
"""Pattern of a retired word or phrase -> what to write."""

ALLOWED: dict[tuple[str, str], str] = {
    **{
        (path, "sentences"): "a plan in plain English is made of sentences, and the engine calls them so"
        for path in (
            "geogrounding/query/plan_words.py",
            "geogrounding/engine/jobs.py",
            "qgis_plugin/geoground_qgis/understanding.py",
            "tests/integration/test_engine.py",
            "tests/qgis/fakes.py",
            "tests/qgis/test_ask_more.py",
        )
    },
    ("tests/unit/test_words.py", "*"): "the list itself",
    ("docs/design.md", "sentence"): "the glossary names what not to write",
    ("geogrounding/models/prompts.py", "sentence"): "the wording that published checkpoints were tuned on",
    **{
        (path, "embedded"): "a prompt style, as saved runs name it"
        for path in (
            "docs/cli.md",
            "geogrounding/models/openai/model.py",
            "geogrounding/models/prompts.py",
            "geogrounding/types.py",
        )
    },
    **{
        (path, "sentence"): "an answer in English is a sentence"
        for path in (
            "CHANGELOG.md",
            "cli/ask.py",
            "docs/cli.md",
            "docs/how-to.md",
            "docs/questions.md",
            "geogrounding/asking.py",
            "geogrounding/query/answer.py",
            "geogrounding/query/doubt.py",
            "geogrounding/query/explain.py",
            "tests/unit/expression_truth.py",
        )
    },
    **{
        (path, "sentences"): "reasoning in English is made of sentences"
        for path in (
            "geogrounding/query/explain.py",
            "tests/unit/expression_truth.py",
            "tests/unit/test_expressions.py",
        )
    },
    **dict.fromkeys(
        (
            ("geogrounding/query/explain.py", "picture"),
            ("geogrounding/query/grammar_words.py", "picture"),
            ("geogrounding/query/grammar_words.py", "door"),
            ("geogrounding/query/parser.py", "picture"),
            ("geogrounding/query/read.py", "picture"),
            ("geogrounding/query/read.py", "tell"),
            ("recipes/builtin_model/questions.py", "picture"),
            ("tests/unit/expression_truth.py", "picture"),
            ("tests/unit/test_expression_reading.py", "picture"),
            ("tests/unit/test_expression_reading.py", "of the house"),
            ("tests/unit/test_expressions.py", "picture"),
        ),
        "what users write, and what was written for training",
    ),
    **{
        (path, "sentences"): "a plan in English is made of sentences; a key of the engine's answer"
        for path in (
            "qgis_plugin/geoground_qgis/ask_panel.py",
            "qgis_plugin/geoground_qgis/plan_dialog.py",
            "qgis_plugin/geoground_qgis/understanding.py",
            "tests/qgis/fakes.py",
            "tests/qgis/test_ask_more.py",
        )
    },
    ("geogrounding/datasets/readers/solutions.py", "sentence"): "prompts of published data sets",
    ("geogrounding/datasets/readers/vrsbench.py", "sentence"): "a key of VRSBench",
    ("geogrounding/datasets/readers/vrsbench.py", "tell"): "a question of VRSBench",
    ("geogrounding/evaluation/evaluate.py", "pictures"): "a key of metrics.json",
    ("geogrounding/evaluation/report.py", "figure"): "an HTML element",
    ("geogrounding/evaluation/report.py", "pictures"): "a key of metrics.json",
    ("geogrounding/training/base_model.py", "embedded"): "a prompt style",
    ("geogrounding/training/config.py", "pictures"): "a setting in training.json",
    ("geogrounding/training/rows.py", "pictures"): "a setting in training.json",
    ("geogrounding/training/runner.py", "pictures"): "a key of training.json",
    ("recipes/few_shot_study/data.py", "pictures"): "a key of results.json",
    ("recipes/few_shot_study/report.py", "pictures"): "a key of results.json",
    ("cli/eval.py", "pictures"): "a key of metrics.json",
    ("cli/train_options.py", "pictures"): "the name of an option in version 0.1, still taken",
    ("tests/integration/test_eval.py", "pictures"): "a key of metrics.json",
    ("tests/integration/test_openai_server.py", "embedded"): "a prompt style",
    ("tests/unit/test_prompt.py", "embedded"): "a prompt style",
    ("tests/unit/test_training_format.py", "embedded"): "a prompt style",
    ("tests/unit/test_training_readers_jsonl.py", "sentence"): "a prompt of a published data set",
    ("geogrounding/models/parsing/sections.py", "picture"): "read in replies of models, not written",
}
"""(file, word) -> why the word is right there."""

PATTERN = re.compile(r"(?<![\w`])(" + "|".join(RETIRED) + r")(?![\w`])", re.IGNORECASE)
"""A word in backticks is a name in code, which is checked where it is defined."""


class Use(NamedTuple):
    """One use of a retired word."""

    path: str
    line: int
    word: str


def documents() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "Makefile", ROOT / ".ci" / "run"]


def sources() -> list[Path]:
    roots = ("geogrounding", "cli", "recipes", "qgis_plugin", "examples", "benchmarks", "tests")
    return [path for root in roots for path in sorted((ROOT / root).rglob("*.py"))]


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of a document outside of its code blocks; the whole of a script."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        text = re.sub(r"^```.*?^```", lambda block: "\n" * block[0].count("\n"), text, flags=re.M | re.S)
        text = re.sub(r"\]\([^)\s]*\)", "]", text)
    yield from enumerate(text.splitlines(), start=1)


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Comments, strings and the names that a module defines, as words."""
    source = path.read_text(encoding="utf-8")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for offset, line in enumerate(node.value.splitlines()):
                yield node.lineno + offset, line
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.lineno, as_words(node.name)
        elif isinstance(node, ast.arg):
            yield node.lineno, as_words(node.arg)
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, as_words(node.id if isinstance(node, ast.Name) else node.attr)


def as_words(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", name)


def uses(path: Path) -> Iterator[Use]:
    name = path.relative_to(ROOT).as_posix()
    if (name, "*") in ALLOWED:
        return
    for line, text in texts(path) if path.suffix == ".py" else prose(path):
        for match in PATTERN.finditer(text):
            word = match[0].lower()
            if (name, word) not in ALLOWED:
                yield Use(name, line, word)


def test_retired_words_do_not_come_back() -> None:
    found = [use for path in (*documents(), *sources()) for use in uses(path)]
    listed = [f"{use.path}:{use.line}: {use.word}" for use in found]
    assert not found, "\n".join([f"retired words, see RETIRED in {__file__}:", *listed])


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("The picture that a model sees", "picture"),
        ("is told which", "told"),
        ("from the start on", "the start"),
        (as_words("PictureSize"), "picture"),
        (as_words("tell_features"), "tell"),
    ],
)
def test_the_pattern_finds(text: str, word: str) -> None:
    match = PATTERN.search(text)
    assert match is not None
    assert match[0].lower() == word


@pytest.mark.parametrize("text", ["depicture", "at the start of a run", "`picture`", "the largest house", "outdoors"])
def test_the_pattern_passes_over(text: str) -> None:
    assert PATTERN.search(text) is None
