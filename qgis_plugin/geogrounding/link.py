"""The one door to the engine: the client of engine/, with the settings of the user. No Qt here."""

from __future__ import annotations


class EngineError(RuntimeError):
    """A request failed; ``str(error)`` says why, ``hint`` what to do next."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Cancelled(Exception):  # noqa: N818 - no error, but how a run may end
    """The user stopped it."""


class Link:
    """placeholder"""
