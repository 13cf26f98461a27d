"""Where the features of a run go: a file, an object of a store, or a table of a database."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pyproj import CRS

from geogrounding.errors import OutputError
from geogrounding.geometry.operation import Bounds
from geogrounding.io.converted import check_converted, check_converted_place, is_converted, write_converted_layer
from geogrounding.io.database import Table, is_database
from geogrounding.io.destination import Destination, check_place, sidecar_path
from geogrounding.io.objects import ObjectPlace, is_object, require_obstore
from geogrounding.io.stac import Described, check_catalogue, write_item
from geogrounding.io.write_layer import check_layer, write_layer
from geogrounding.messages import without_secrets
from geogrounding.sources.names import stem_of
from geogrounding.vector.feature import Feature


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkResult:
    """What a run gives to a sink."""

    features: Iterable[Feature]
    """Read once, in order."""
    crs: CRS | None
    """Of the scene; None for pixel coordinates."""
    extent: Bounds
    """Of the scene, in its CRS."""
    metadata: Mapping[str, Any]
    """The description of the run."""
    source: str = ""
    """Of the scene, as the user named it."""
    measures: Sequence[str] = ()
    """Names in ``Feature.measures`` that get columns of their own."""
    points: bool = False
    """Geometries are points."""
    empty: Sequence[str] = ()
    """Columns without any value, which text formats leave out."""


class Sink(Protocol):
    """A place that takes all features of a run, or none."""

    @property
    def shown(self) -> str:
        """Its name for people, without secrets."""
        ...

    @property
    def empty_notice(self) -> str | None:
        """What a user should know when nothing was found."""
        ...

    def journal(self, source: str) -> Path:
        """Where the journal of a run over a raster stands."""
        ...

    def check(self, crs: CRS | None, extent: Bounds) -> tuple[str, ...]:
        """Check before the first chip that it can be written; return what the user should know.

        Args:
            crs: of the scene; None for pixel coordinates.
            extent: of the scene, in its CRS.

        Raises:
            OutputError: it cannot.
        """
        ...

    def write(self, result: SinkResult) -> int:
        """Write all features and the description of the run; return how many were written.

        Raises:
            OutputError: it cannot be done; what stood there is as it was.
        """
        ...


@dataclass(frozen=True, slots=True)
class FileSink:
    """A layer in a file, with its description beside it."""

    destination: Destination

    @property
    def shown(self) -> str:
        """The path."""
        return str(self.destination.path)

    @property
    def empty_notice(self) -> str | None:
        """An empty text sequence has no bytes."""
        name = self.destination.path.name
        if not name.lower().endswith(".geojsonl"):
            return None
        return f"{name} is empty, and GDAL and QGIS do not open an empty text sequence"

    def journal(self, source: str) -> Path:
        """Beside the layer."""
        return self.destination.path.with_name(self.destination.path.name + ".journal")

    def check(self, crs: CRS | None, extent: Bounds) -> tuple[str, ...]:
        """See ``Sink``."""
        if is_converted(self.destination.path):
            return check_converted(self.destination, crs=crs, extent=extent)
        return check_layer(self.destination, crs=crs, extent=extent, pixel_coordinates=crs is None)

    def write(self, result: SinkResult) -> int:
        """See ``Sink``."""
        if is_converted(self.destination.path):
            return write_converted_layer(
                self.destination,
                result.features,
                crs=result.crs,
                metadata=result.metadata,
                extent=result.extent,
                measures=result.measures,
                points=result.points,
            )
        return write_layer(
            self.destination.path,
            result.features,
            crs=result.crs,
            dst_crs=self.destination.dst_crs,
            metadata=result.metadata,
            creation_options=self.destination.options,
            overwrite=self.destination.overwrite,
            append=self.destination.append,
            layer=self.destination.layer,
            extent=result.extent,
            pixel_coordinates=result.crs is None,
            measures=result.measures,
            points=result.points,
            empty=result.empty,
        )


@dataclass(frozen=True, slots=True)
class TableSink:
    """A table of PostGIS."""

    table: Table

    @property
    def shown(self) -> str:
        """The address without a password."""
        return self.table.shown

    @property
    def empty_notice(self) -> str | None:
        """An empty table is a table."""
        return None

    def journal(self, source: str) -> Path:
        """In the current folder, named after raster and table."""
        return journal_name(source, self.table.name, self.table.shown)

    def check(self, crs: CRS | None, extent: Bounds) -> tuple[str, ...]:
        """See ``Sink``."""
        from geogrounding.io.postgis import check_table

        return check_table(self.table, crs=crs, extent=extent, pixel_coordinates=crs is None)

    def write(self, result: SinkResult) -> int:
        """See ``Sink``."""
        from geogrounding.io.postgis import write_table

        return write_table(
            self.table,
            result.features,
            crs=result.crs,
            metadata=result.metadata,
            extent=result.extent,
            pixel_coordinates=result.crs is None,
            measures=result.measures,
        )


@dataclass(frozen=True, slots=True)
class ObjectSink:
    """A layer in an object store: a file that is uploaded when it is complete."""

    local: FileSink
    place: ObjectPlace
    replace: bool
    """Whether an existing object may be replaced."""

    @property
    def shown(self) -> str:
        """The address."""
        return self.place.url

    @property
    def empty_notice(self) -> str | None:
        """As of the file."""
        return self.local.empty_notice

    def journal(self, source: str) -> Path:
        """In the current folder, named after raster and object."""
        return journal_name(source, self.place.name, self.place.url)

    def check(self, crs: CRS | None, extent: Bounds) -> tuple[str, ...]:
        """See ``Sink``; also that the store takes something."""
        notices = self.local.check(crs, extent)
        if not self.replace and self.place.exists():
            raise OutputError(f"{self.place.url} exists", hint="Give --overwrite, or another name.")
        self.place.check()
        return notices

    def write(self, result: SinkResult) -> int:
        """See ``Sink``; where the upload fails, the local files stay."""
        count = self.local.write(result)
        layer = self.local.destination.path
        description = sidecar_path(layer)
        self.place.upload([(description, ".run.json"), (layer, "")])
        for path in (description, layer):
            path.unlink()
        with contextlib.suppress(OSError):  # something else is in it
            layer.parent.rmdir()
        return count


@dataclass(frozen=True, slots=True)
class CataloguedSink:
    """A place whose results are also described as STAC items beside a catalogue."""

    inner: Sink
    catalogue: Path
    layer: str
    """Path or address of the layer."""

    @property
    def shown(self) -> str:
        """As of the place."""
        return self.inner.shown

    @property
    def empty_notice(self) -> str | None:
        """As of the place."""
        return self.inner.empty_notice

    def journal(self, source: str) -> Path:
        """As of the place."""
        return self.inner.journal(source)

    def check(self, crs: CRS | None, extent: Bounds) -> tuple[str, ...]:
        """See ``Sink``; also that the catalogue can be written."""
        check_catalogue(self.catalogue)
        return self.inner.check(crs, extent)

    def write(self, result: SinkResult) -> int:
        """See ``Sink``; the item is written after the layer."""
        count = self.inner.write(result)
        described = Described(
            name=stem_of(self.layer),
            layer=self.layer,
            source=result.source,
            crs=result.crs,
            extent=result.extent,
            metadata=result.metadata,
            features=count,
        )
        write_item(self.catalogue, described)
        return count


def journal_name(source: str, name: str, address: str) -> Path:
    """A journal in the current folder: of a raster, and of a result that is no file."""
    raster = without_secrets(source)
    scene = re.sub(r"[^\w.-]+", "_", Path(raster).name)[:60]
    digest = hashlib.sha256(f"{raster} {address}".encode()).hexdigest()[:8]
    result = re.sub(r"[^\w.-]+", "_", name)[:60]
    return Path(f"{scene}.{result}.{digest}.journal")


def open_catalogued(output: str | Path, stac: Path | None, **options: Any) -> Sink:
    """The sink of an output, see ``open_sink``, whose results a STAC catalogue describes where one is given.

    Raises:
        OutputError: as of ``open_sink``; or a table of a database is to be described, which is no asset.
    """
    if stac is None:
        return open_sink(output, **options)
    if is_database(output):
        raise OutputError("--stac-output describes files and objects, not tables", hint="Leave it out.")
    check_catalogue(stac)
    return CataloguedSink(open_sink(output, **options), stac, str(output))


def open_sink(
    output: str | Path,
    *,
    overwrite: bool = False,
    append: bool = False,
    resume: bool = False,
    layer: str | None = None,
    dst_crs: str | None = None,
    creation_options: Mapping[str, str] | None = None,
) -> Sink:
    """The sink of an output, checked as far as can be said without a scene.

    Args:
        output: a path whose ending says the format, or the address of a table.
        overwrite: replace what is there.
        append: add to what is there.
        resume: the run may have been written already.
        layer: name of the layer in a GeoPackage.
        dst_crs: CRS of the layer.
        creation_options: of GDAL, for files.

    Raises:
        OutputError: it cannot be written, or options do not fit it.
    """
    if is_database(output):
        if layer is not None or creation_options:
            raise OutputError("--layer and --co are for files", hint="The table is named in the address: ?table=NAME.")
        if append and overwrite:
            raise OutputError("a table cannot be both replaced and added to", hint="give --overwrite or --append")
        return TableSink(Table.parse(str(output), overwrite=overwrite, append=append, resume=resume, dst_crs=dst_crs))
    place = ObjectPlace.parse(str(output)) if is_object(output) else None
    if place is not None:
        require_obstore()
        if append:
            raise OutputError("--append is for files and tables", hint="Objects of a store are written whole.")
        place.folder.mkdir(exist_ok=True)
    destination = Destination(
        path=Path(output) if place is None else place.folder / place.name,
        overwrite=overwrite or (resume and not append),
        append=append,
        layer=layer,
        dst_crs=dst_crs,
        options={name.upper(): str(value) for name, value in (creation_options or {}).items()},
    )
    try:
        if place is not None and destination.path.suffix.lower() == ".shp":
            raise OutputError("a Shapefile is several files, and an object one", hint="Write .gpkg.")
        check_converted_place(destination) if is_converted(destination.path) else check_place(destination)
    except OutputError:
        if place is not None:
            with contextlib.suppress(OSError):
                place.folder.rmdir()
        raise
    if place is not None:
        return ObjectSink(FileSink(destination), place, overwrite or resume)
    return FileSink(destination)
