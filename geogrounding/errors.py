"""Every error that geogrounding raises on purpose, and the exit code the command line gives it.

    GeogroundingError                 1   anything not listed below
    ├── SettingsError (ValueError)    2   a setting is wrong or contradicts another
    ├── InputError (ValueError)       3   an input cannot be used
    │   ├── SceneError                3   a raster cannot be opened, is malformed, or is refused as unsafe
    │   │   ├── MissingCRSError       3   the raster has no coordinate system and pixel output was not asked for
    │   │   └── UnsafeSceneError      3   dimensions, block size, driver or place, refused before any pixel is read
    │   └── AreaError                 3   a bounding box or area of interest is malformed or misses the scene
    ├── ModelError (RuntimeError)     4   a model or server cannot be loaded, reached or used
    ├── OutputError (OSError)         5   a result cannot be written; an existing file is left as it was
    ├── IncompleteError               6   some chips failed; the result is written and lists them
    ├── JournalError                  7   a journal belongs to another run, is locked, or cannot be written
    └── ClusterError                  8   machines that share the work cannot be reached, differ, or were lost

Exit code 130 stands for Ctrl-C (a resumable journal is left), 0 for success. Every error carries ``hint``: what to do
next.
"""

from __future__ import annotations


class GeogroundingError(Exception):
    """Base of all errors; ``str(error)`` says what is wrong, ``error.hint`` what to do next (may be empty)."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class SettingsError(GeogroundingError, ValueError):
    """A setting is wrong or contradicts another."""

    exit_code = 2


class InputError(GeogroundingError, ValueError):
    """An input file or value cannot be used."""

    exit_code = 3


class SceneError(InputError):
    """A raster cannot be opened or read."""


class MissingCRSError(SceneError):
    """A raster has no coordinate reference system and pixel output was not asked for."""


class UnsafeSceneError(SceneError):
    """A raster is refused before any pixel is read: a decompression bomb, an untrusted VRT, a remote path."""


class AreaError(InputError):
    """A bounding box or area of interest is malformed or does not touch the scene."""


class ModelError(GeogroundingError, RuntimeError):
    """A model or model server cannot be loaded, reached or used."""

    exit_code = 4


class OutputError(GeogroundingError, OSError):
    """A result cannot be written; whatever stood under the final name is left as it was."""

    exit_code = 5


class IncompleteError(GeogroundingError):
    """The result was written, but some chips failed."""

    exit_code = 6


class JournalError(GeogroundingError):
    """A journal belongs to another run, is held by another process, or cannot be written."""

    exit_code = 7


class ClusterError(GeogroundingError):
    """The machines that were to share the work cannot be reached, do not fit, or were lost too often."""

    exit_code = 8
