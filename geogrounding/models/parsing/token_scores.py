"""Scores of boxes from the probabilities of the tokens that spell them.

The score of a box is the geometric mean of the probabilities of the tokens that hold at least one character of its
numbers: exp(mean(log p)). Brackets, commas, keys and labels are left out: the model is nearly certain of them whatever
it thinks of the place. The mean makes boxes comparable whether a number is one token or five. It is a measure of how
sure the model was of what it wrote, not a calibrated probability that the box is right.
"""

from __future__ import annotations

import codecs
import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import cast

Span = tuple[int, int]
"""(start, stop) in characters of a text, half-open."""

Tokens = Sequence[str] | Sequence[bytes] | Sequence[Span]
"""The tokens of a reply in order: their texts, their UTF-8 bytes, or their character offsets in the reply."""

_ALIGNMENT_WINDOW = 32
"""How many characters of the text may be skipped to find a token whose neighbours do not spell the text exactly."""


def score_spans(
    tokens: Tokens, logprobs: Sequence[float | None], spans: Sequence[Sequence[Span]], *, text: str | None = None
) -> list[float | None]:
    """Score each box by the tokens that spell its numbers.

    Args:
        tokens: texts, UTF-8 bytes (a character may be spread over tokens) or character offsets of the tokens.
        logprobs: natural logarithm of each token's probability, one per token.
        spans: for each box the (start, stop) of its numbers, in characters of the reply.
        text: the reply. Where the joined tokens are not exactly the reply (a special token left out, white space
            stripped, a tokenizer that hides a leading space) the tokens are looked up in it one after the other.

    Returns:
        One score in [0, 1] per box; None where a number has no token, or a token has no usable log-probability, or
        ``tokens`` and ``logprobs`` differ in length. A token that reaches over several numbers counts once.
    """
    if len(tokens) != len(logprobs):
        return [None] * len(spans)
    offsets = token_offsets(tokens, text)
    # A running maximum keeps the list sorted where offsets stand still or go back, so that bisect is right.
    stops = list(accumulate((stop for _, stop in offsets), max))
    return [_score(numbers, offsets, stops, logprobs) for numbers in spans]


def _score(
    numbers: Sequence[Span], offsets: Sequence[Span], stops: Sequence[int], logprobs: Sequence[float | None]
) -> float | None:
    used: set[int] = set()
    for start, stop in numbers:
        found = False
        for index in range(bisect_left(stops, start + 1), len(offsets)):
            token_start, token_stop = offsets[index]
            if token_start >= stop:
                break
            if token_start < token_stop and token_stop > start:
                used.add(index)
                found = True
        if not found:
            return None
    if not used:
        return None
    total = 0.0
    for index in used:
        logprob = logprobs[index]
        if logprob is None or isinstance(logprob, bool) or math.isnan(logprob):
            return None
        total += min(0.0, logprob)  # rounding may leave slightly more than certainty
    return math.exp(total / len(used))


def token_offsets(tokens: Tokens, text: str | None = None) -> list[Span]:
    """Where each token stands in the reply, in characters; a token that is not part of it gets an empty span.

    A character whose bytes are spread over several tokens belongs to the one that completes it.
    """
    if not tokens:
        return []
    if isinstance(tokens[0], tuple | list):
        return [(int(start), int(stop)) for start, stop in cast("Sequence[Span]", tokens)]
    if isinstance(tokens[0], bytes):
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        pieces = [decoder.decode(token) for token in cast("Sequence[bytes]", tokens)]
    else:
        pieces = list(cast("Sequence[str]", tokens))
    joined = "".join(pieces)
    shift = 0 if text is None else joined.find(text)
    if shift < 0:
        return _look_up(pieces, text or "")
    offsets, position = [], -shift
    for piece in pieces:
        offsets.append((max(0, position), max(0, position + len(piece))))
        position += len(piece)
    return offsets


def _look_up(pieces: Sequence[str], text: str) -> list[Span]:
    offsets, position = [], 0
    for piece in pieces:
        for candidate in (piece, piece.strip()):
            start = text.find(candidate, position, position + len(candidate) + _ALIGNMENT_WINDOW) if candidate else -1
            if start >= 0:
                position = start + len(candidate)
                offsets.append((start, position))
                break
        else:
            offsets.append((position, position))
    return offsets
