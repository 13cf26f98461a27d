"""Shortening of foreign texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from geogrounding.messages import first_line, quote, shorten


@given(st.text(max_size=400), st.integers(3, 200))
def test_what_is_shortened_is_never_longer_and_keeps_its_beginning(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    assert short == text or (short.endswith("...") and text.startswith(short[:-3]) and len(text) > limit)


def test_a_quoted_text_holds_no_control_characters() -> None:
    assert quote("a\x1b[2Jb\n") == "'a\\x1b[2Jb\\n'"
    assert quote(["x" * 300], 40).endswith("...")
    assert len(quote("x" * 300, 40)) == 42  # the quotation marks stand around the shortened text


def test_the_first_line_of_an_error_or_its_type() -> None:
    assert first_line(ValueError("one\ntwo")) == "one"
    assert first_line(KeyboardInterrupt()) == "KeyboardInterrupt"
    assert len(first_line(ValueError("x" * 999))) == 300
