"""Where the result of a command goes: a file, an object of a store, a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from geogrounding.errors import SettingsError
from geogrounding.messages import quote, without_secrets
from geogrounding.sources.names import stem_of

from .param_types import FORMATS, STORES


def default_output(scene: str, queries: Sequence[str]) -> Path:
    """``SCENE_QUERY`` in the current folder, without an ending: letters and digits of the scene's name and a query."""
    name = stem_of(scene)
    words = re.sub(r"[^\w-]+", "_", queries[0]).strip("_")[:40].rstrip("_") or "found"
    more = f"_and_{len(queries) - 1}_more" if len(queries) > 1 else ""
    return Path(f"{name}_{words}{more}")


def shown(output: Path | str) -> str:
    """An output for people and programs: an address without its password."""
    if isinstance(output, Path):
        return str(output)
    if output.lower().startswith(STORES):
        return without_secrets(output)
    from geogrounding.io.database import Table

    return Table.parse(output).shown


def output_path(path: Path | str, of: str | None) -> Path | str:
    """The output with the ending of its format: ``-f`` adds a missing ending and must not contradict a present one.

    Without either it is a GeoPackage. The address of a table stays as it is.

    Raises:
        SettingsError: the format is not known, or the output is no file.
    """
    if isinstance(path, str):
        return _address(path, of)
    device = path.parent == Path("/dev") or (path.exists() and not path.is_file())
    if str(path) == "-" or device:
        raise SettingsError(
            f"{quote(str(path))} is no file, and a layer is one", hint="Give a name such as found.gpkg."
        )
    path = path.with_name(path.name.rstrip(".") or path.name)
    ending = path.suffix.lower()
    known = ", ".join(FORMATS.values())
    if of is None:
        if not ending:
            return path.with_name(path.name + FORMATS["gpkg"])
        if ending not in FORMATS.values():
            raise SettingsError(
                f"the ending {ending!r} does not say a vector format", hint=f"Endings: {known}. Or give -f FORMAT."
            )
        return path
    if ending == FORMATS[of]:
        return path
    if ending in FORMATS.values():
        raise SettingsError(f"-f {of} contradicts the ending {ending!r} of the output", hint=f"Endings: {known}.")
    return path.with_name(path.name + FORMATS[of])


def _address(address: str, of: str | None) -> str:
    if not address.lower().startswith(STORES):
        if of is not None:
            raise SettingsError("-f is for files, and the output is a table", hint="Leave out -f.")
        return address
    folder, _, name = address.rpartition("/")
    return f"{folder}/{output_path(Path(name), of)}" if name else address
