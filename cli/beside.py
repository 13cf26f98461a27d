"""Files that a run writes beside its result."""

from __future__ import annotations

from pathlib import Path

from geogrounding.errors import OutputError, SettingsError


def check_beside(path: Path, what: str, ending: str, *, overwrite: bool) -> None:
    """Refuse a file beside the result that could not be written, before the work and not after it.

    Args:
        path: of the file.
        what: its option without the dashes, ``preview`` or ``masks``.
        ending: what its name must end in, so that no file of another kind is replaced.
        overwrite: it may be replaced.

    Raises:
        SettingsError: its name ends otherwise.
        OutputError: its folder is missing, or it exists.
    """
    if path.suffix.lower() != ending:
        raise SettingsError(f"the {what} {path.name!r} is no {ending}", hint=f"Give --{what} NAME{ending}.")
    if not path.parent.is_dir():
        raise OutputError(f"the folder of the {what} is missing: {path.parent}", hint="Make it first.")
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists", hint="Give --overwrite, or another name.")
