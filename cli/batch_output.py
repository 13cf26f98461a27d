"""Where the results of a batch go: layers in a folder or object store, or a table that every scene is added to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from geogrounding.errors import OutputError, SettingsError

from . import outputs
from .param_types import FORMATS, STORES

if TYPE_CHECKING:
    from geogrounding.settings import RunSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """How layers are written; the same options as of ``geoground run``."""

    resume: bool
    overwrite: bool
    append: bool
    layer: str | None
    dst_crs: str | None
    creation_options: dict[str, str] = field(default_factory=dict)
    stac: Path | None = None
    """A catalogue that describes each result."""

    def describe_all(self) -> None:
        """Write the catalogue, where one is asked for."""
        if self.stac is not None:
            from geogrounding.io.stac import write_catalogue

            write_catalogue(self.stac)

    def options(self) -> dict[str, Any]:
        """As ``pipeline.run`` takes them."""
        return {
            "resume": self.resume,
            "overwrite": self.overwrite,
            "append": self.append,
            "layer": self.layer,
            "dst_crs": self.dst_crs,
            "creation_options": self.creation_options,
            "stac": self.stac,
        }


class BatchOutput(Protocol):
    """A place for the results of many scenes."""

    @property
    def table(self) -> Path:
        """Of the batch: one line a scene."""
        ...

    @property
    def writing(self) -> Writing:
        """How each scene is written there."""
        ...

    def prepare(self, *, dry: bool = False) -> None:
        """Check, and unless ``dry`` make, what all scenes share; before the model is loaded.

        Raises:
            OutputError: nothing can be written there.
        """
        ...

    def of(self, name: str) -> Path | str:
        """The output of a scene."""
        ...

    def cell(self, name: str) -> str:
        """The output of a scene as the table of the batch has it."""
        ...

    def holds(self, name: str, settings: RunSettings, fingerprint: str) -> bool:
        """Whether the result of an earlier batch is still there, for a scene that was done with the same key."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFolder:
    """A layer a scene, in a folder."""

    folder: Path
    ending: str
    writing: Writing

    @property
    def table(self) -> Path:
        """In the folder."""
        return self.folder / "summary.csv"

    def prepare(self, *, dry: bool = False) -> None:
        """Make the folder."""
        if dry:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the folder {self.folder}: {error.strerror}") from error

    def of(self, name: str) -> Path:
        """The file."""
        return self.folder / (name + self.ending)

    def cell(self, name: str) -> str:
        """Its name in the folder."""
        return name + self.ending

    def holds(self, name: str, settings: RunSettings, fingerprint: str) -> bool:
        """Whether the file is there."""
        return self.of(name).exists()


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTable:
    """One table of PostGIS, to which each scene adds its rows in a transaction of its own."""

    address: str
    writing: Writing
    may_exist: bool
    """Whether a table that is there already is added to."""
    _there: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    """Fingerprints and queries of the runs that the table held beforehand."""

    @property
    def table(self) -> Path:
        """In the current folder, named after the table."""
        from geogrounding.io.database import Table

        return Path(f"{Table.parse(self.address).name}.summary.csv")

    def prepare(self, *, dry: bool = False) -> None:
        """Check that the table can be added to: new, or named with --append or --resume."""
        from geogrounding.io.database import Table
        from geogrounding.io.postgis import check_shared

        self._there.update(check_shared(Table.parse(self.address, append=self.may_exist, dst_crs=self.writing.dst_crs)))

    def of(self, name: str) -> str:
        """The same table for every scene."""
        return self.address

    def cell(self, name: str) -> str:
        """The address without a password."""
        return outputs.shown(self.address)

    def holds(self, name: str, settings: RunSettings, fingerprint: str) -> bool:
        """Whether the table has such a run."""
        return (fingerprint, settings.expressions) in self._there


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFolder:
    """A layer a scene, in a folder of an object store; the table of the batch stands in the current folder."""

    address: str
    """``s3://bucket/folder``, without a slash at the end."""
    ending: str
    writing: Writing

    @property
    def table(self) -> Path:
        """In the current folder, named after the last folder of the address."""
        return Path(f"{self.address.rpartition('/')[2]}.summary.csv")

    def prepare(self, *, dry: bool = False) -> None:
        """Check that the store takes something."""
        from geogrounding.io.objects import ObjectPlace

        if not dry:
            ObjectPlace.parse(self.of("summary")).check()

    def of(self, name: str) -> str:
        """The address of the object."""
        return f"{self.address}/{name}{self.ending}"

    def cell(self, name: str) -> str:
        """The same."""
        return self.of(name)

    def holds(self, name: str, settings: RunSettings, fingerprint: str) -> bool:
        """Whether the object is there."""
        from geogrounding.io.objects import ObjectPlace

        return ObjectPlace.parse(self.of(name)).exists()


def make_output(output: Path | str, of: str | None, writing: Writing, *, previews: bool) -> BatchOutput:
    """The output of a batch.

    Raises:
        SettingsError: options do not fit it.
    """
    if isinstance(output, Path):
        return LayerFolder(folder=output, ending=FORMATS[of or "geojson"], writing=writing)
    if output.lower().startswith(STORES):
        if previews or writing.append:
            raise SettingsError("--previews and --append are for files", hint="Leave it out, or give -o FOLDER.")
        return ObjectFolder(address=output.rstrip("/"), ending=FORMATS[of or "geojson"], writing=writing)
    _refuse(
        {"-f": of is not None, "--previews": previews, "--layer": writing.layer is not None}
        | {"--co": bool(writing.creation_options), "--stac-output": writing.stac is not None}
    )
    if writing.overwrite:
        raise SettingsError(
            "a batch adds to a table scene by scene and does not replace it",
            hint="Drop the table first, or give --append.",
        )
    return SharedTable(
        address=output, writing=replace(writing, append=True), may_exist=writing.append or writing.resume
    )


def _refuse(given: Mapping[str, bool]) -> None:
    names = [name for name, present in given.items() if present]
    if names:
        raise SettingsError(
            f"{', '.join(names)}: for files, and the output is a table", hint="Leave it out, or give -o FOLDER."
        )
