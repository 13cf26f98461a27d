"""What can go wrong with a request."""

from __future__ import annotations


class EngineError(RuntimeError):
    """A request failed: ``str(error)`` says why, ``hint`` what to do next (may be empty).

    ``code`` is one of docs/engine.md, or one of the client's own: ``no-engine`` (it cannot be started),
    ``engine-died``, ``engine-silent``, ``protocol``, ``timeout``, ``closed``.
    """

    def __init__(self, message: str, hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code


class Cancelled(EngineError):  # noqa: N818 - the user wanted it, so it is no error
    """The user stopped it."""

    def __init__(self) -> None:
        super().__init__("cancelled", code="cancelled")
