"""A chat completion taken apart: the text, the reasoning beside it, token probabilities, and whether it was cut.

Servers differ in where they put an answer. A reasoning parser may file all of it under ``reasoning_content`` (vLLM,
SGLang, DeepSeek) or ``reasoning`` (OpenRouter, recent vLLM) and leave ``content`` null; a router may answer 200 with
an error in the body, of the whole reply or of its only choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from geogrounding.messages import shorten
from geogrounding.models.openai.client import RequestError
from geogrounding.models.parsing.problems import Limit

REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
_CUT = frozenset({"length", "max_tokens", "max_output_tokens"})
_FAILED = frozenset({"error", "abort", "aborted", "cancelled", "canceled"})
_WITHHELD = frozenset({"content_filter", "safety", "refusal"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a server answered."""

    text: str
    """What is parsed for boxes."""
    reasoning: str = ""
    """What the server filed apart as reasoning; empty where that is the text itself."""
    tokens: Sequence[str] | Sequence[bytes] | None = None
    logprobs: list[float | None] | None = None
    truncated: bool = False
    """Whether the reply was cut at the token limit."""
    tokens_used: int | None = None
    """Tokens that the server says it wrote."""
    from_field: str = ""
    """Name of the field of the reasoning where the text was taken from it, because ``content`` was empty."""


def read_reply(reply: Any, *, max_tokens: int) -> Reply:
    """Take a chat completion apart.

    Args:
        reply: decoded JSON.
        max_tokens: the limit that was asked for, for the message.

    Raises:
        RequestError: it is not a chat completion, or holds no text; the message has the server's own words where it
            has any.
    """
    try:
        choice = reply["choices"][0]
        message = choice["message"]
        content = _text_of(message.get("content"))
        reasons = {name: _text_of(message.get(name)) for name in REASONING_FIELDS}
    except (TypeError, KeyError, IndexError, AttributeError):
        raise RequestError("broken", "the server's reply is not a chat completion") from None
    finish = str(choice.get("finish_reason") or "").casefold()
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal.strip() and not content:
        raise RequestError("broken", f"the model refused to answer: {shorten(' '.join(refusal.split()), 200)}")
    if finish in _WITHHELD:
        raise RequestError("broken", "the server withheld the answer (content filter)")
    if finish in _FAILED:
        raise RequestError("broken", "the server broke the reply off" + _said(choice, finish))
    field, reasoning = next(((name, text) for name, text in reasons.items() if text and text.strip()), ("", ""))
    truncated = finish in _CUT
    used = _tokens_used(reply)
    limit = Limit.found(max_tokens, used)
    if content is not None and content.strip():
        tokens, logprobs = _read_logprobs(choice.get("logprobs"))
        return Reply(
            text=content,
            reasoning=reasoning or "",
            tokens=tokens,
            logprobs=logprobs,
            truncated=truncated,
            tokens_used=used,
        )
    if reasoning and truncated:
        raise RequestError(
            "broken",
            f"the reasoning used all {used or max_tokens} tokens and left none for the answer (finish_reason {finish});"
            f" {limit.remedy}, or choose a --prompt-style that ends in -direct",
        )
    if reasoning:
        return Reply(text=reasoning, from_field=field)
    if content is None:
        raise RequestError("broken", "the server's reply holds no text" + _said(choice, finish))
    if truncated:
        raise RequestError("broken", f"the reply is empty and was cut {limit.at}; {limit.remedy}")
    return Reply(text=content)


def _text_of(content: Any) -> str | None:
    """Text of a field that may be a text, a list of parts, or null; None where it is none of them."""
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, dict)]
        return "".join(part["text"] for part in parts if isinstance(part.get("text"), str))
    return content if isinstance(content, str) else None


def _tokens_used(reply: Any) -> int | None:
    """How many tokens the server says that it wrote."""
    usage = reply.get("usage")
    used = usage.get("completion_tokens") if isinstance(usage, dict) else None
    return used if isinstance(used, int) and not isinstance(used, bool) and used > 0 else None


def _said(choice: Any, finish: str) -> str:
    """What else the choice says, for the message."""
    native = choice.get("native_finish_reason")
    reason = native if isinstance(native, str) and native else finish
    return f" (finish_reason {shorten(reason, 60)})" if reason else ""


def _read_logprobs(logprobs: Any) -> tuple[Sequence[str] | Sequence[bytes] | None, list[float | None] | None]:
    entries = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        return None, None
    numbers = [_float(entry.get("logprob")) for entry in entries]
    try:
        if all(isinstance(entry["bytes"], list) for entry in entries):
            return [bytes(entry["bytes"]) for entry in entries], numbers
    except (KeyError, TypeError, ValueError):
        pass  # bytes are optional in the protocol; the texts of the tokens do nearly as well
    return [str(entry.get("token", "")) for entry in entries], numbers


def _float(value: Any) -> float | None:
    try:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    except OverflowError:
        return None
