"""Bodies of replies: errors that come under status 200, and streams of events that were not asked for."""

from __future__ import annotations

import json
from typing import Any

_ERROR_STATUS = range(400, 600)
_STATUS_OF_WORDS = (
    (("rate", "limit"), 429),
    (("quota",), 429),
    (("overload",), 503),
    (("capacity",), 503),
    (("unavailable",), 503),
    (("timeout",), 504),
    (("timed out",), 504),
    (("not exist",), 404),
    (("not found",), 404),
    (("api key",), 401),
    (("unauthorized",), 401),
    (("authentication",), 401),
)
"""Words of an error without a code, and the status that says the same."""
_WITHOUT_CODE = 502
_MAX_EVENTS = 100_000


def error_status(value: Any) -> int | None:
    """The HTTP status that an error in a body stands for; None where the body holds no error.

    An error stands at the top (OpenRouter, LiteLLM), in the only choice (OpenRouter), or is the body itself (vLLM:
    ``{"object": "error", "message": ..., "code": ...}``). One without a code counts as a bad gateway, which is tried
    again.
    """
    error = _error_in(value)
    if error is None:
        return None
    if isinstance(error, dict):
        for name in ("code", "status", "status_code", "http_status"):
            try:
                status = int(error.get(name))  # type: ignore[arg-type] # whatever is no number raises
            except (TypeError, ValueError, OverflowError):
                continue
            if status in _ERROR_STATUS:
                return status
    said = json.dumps(error, ensure_ascii=False).casefold().replace("_", " ")
    return next((status for words, status in _STATUS_OF_WORDS if all(word in said for word in words)), _WITHOUT_CODE)


def error_words(value: Any) -> str:
    """What a body says of an error, empty where it says nothing in words."""
    error = _error_in(value)
    for _ in range(4):
        if isinstance(error, str):
            return error
        if not isinstance(error, dict):
            break
        error = next((error[name] for name in ("message", "error", "detail", "msg") if error.get(name)), None)
    return ""


def _error_in(value: Any) -> Any:
    """The error of a body, None where there is none."""
    if not isinstance(value, dict):
        return None
    if value.get("error"):
        return value["error"]
    if value.get("object") == "error" or value.get("type") == "error":
        return value
    choices = value.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict) and choices[0].get("error"):
        return choices[0]["error"]
    if not choices and "data" not in value and (value.get("detail") or isinstance(value.get("message"), str)):
        return value
    return None


def joined_events(content: bytes) -> Any:
    """A stream of server-sent events as one chat completion; None where the content is no such stream.

    Some servers stream whatever the request says. The deltas of the first choice are joined. A stream that stops
    without an end counts as an error of the server, which is tried again.
    """
    chunks, ended = _chunks(content)
    joined: dict[str, str] = {}
    finish: Any = None
    for chunk in chunks:
        if error_status(chunk) is not None:
            return chunk
        choice = _first_choice(chunk) or {}
        delta = choice.get("delta") or choice.get("message") or {}
        for name, piece in delta.items() if isinstance(delta, dict) else ():
            if isinstance(piece, str) and name != "role":
                joined[name] = joined.get(name, "") + piece
        finish = choice.get("finish_reason") or finish
    if not any(_first_choice(chunk) for chunk in chunks):
        return None
    if finish is None and not ended:
        return {"error": {"code": _WITHOUT_CODE, "message": "the stream of the reply ended before the reply did"}}
    return {"choices": [{"index": 0, "message": {"content": None, **joined}, "finish_reason": finish}]}


def _chunks(content: bytes) -> tuple[list[Any], bool]:
    """The events of a stream, decoded, and whether it says that it ended; none where the content is no such stream."""
    text = content.decode(errors="replace")
    lines = [line[5:].strip() for line in text.splitlines()[:_MAX_EVENTS] if line.startswith("data:")]
    chunks: list[Any] = []
    for number, line in enumerate(lines):
        if line == "[DONE]":
            return chunks, True
        try:
            chunks.append(json.loads(line))
        except (ValueError, RecursionError):
            return (chunks, False) if number == len(lines) - 1 else ([], False)
    return chunks, False


def _first_choice(chunk: Any) -> dict[str, Any] | None:
    choices = chunk.get("choices") if isinstance(chunk, dict) else None
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None
