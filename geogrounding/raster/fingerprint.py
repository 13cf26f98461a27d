"""The identity of a raster's data, for resuming a run."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from geogrounding.errors import SceneError
from geogrounding.raster import security


def fingerprint_of(path: Path) -> str:
    """Hash of a raster and its side-cars: sizes, times of change, the head, the end and samples between.

    Raises:
        OSError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for part in [path, *security.sidecars(path), *_metadata_files(path)]:
        _digest_file(part, digest)
    return digest.hexdigest()


def fingerprint_of_scene(location: security.Location, declared: tuple[object, ...]) -> str:
    """Hash that stands for the data of a scene: of its file, or of its address and what it declares.

    Raises:
        SceneError: the file cannot be read.
    """
    if location.file is None:
        return hashlib.sha256(repr((location.identity or str(location.path), *declared)).encode()).hexdigest()
    try:
        return fingerprint_of(location.file)
    except OSError as error:
        raise SceneError(f"{location.name} cannot be read: {error.strerror}", hint="Was it moved or removed?") from None


def _metadata_files(path: Path) -> list[Path]:
    """Side-cars that change what the raster means without being rasters."""
    names = [path.name + ".aux.xml", path.stem + ".tfw", path.stem + ".hdr", path.stem + ".prj", path.stem + ".wld"]
    return [path.with_name(name) for name in names if path.with_name(name).is_file()]


def _digest_file(path: Path, digest: Any) -> None:
    """Add a file's size, time of change, and 17 samples of 16 KiB to a hash; small files are hashed whole."""
    samples, sample_bytes = 16, 16 * 1024
    info = path.stat()
    digest.update(f"{path.name.removeprefix(path.stem)} {info.st_size} {info.st_mtime_ns}\n".encode())
    with path.open("rb") as file:
        if info.st_size <= (samples + 1) * sample_bytes:
            digest.update(file.read())
            return
        for step in range(samples + 1):
            file.seek((info.st_size - sample_bytes) * step // samples)
            digest.update(file.read(sample_bytes))
