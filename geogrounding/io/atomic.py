"""Files that appear under their final name only when they are complete.

A new file grows in a folder of its own, ``.NAME-DIGEST.partial-HOST-PID``, beside its final place (so that the last
step is a rename within one file system), is flushed to disk, and is then renamed. Cut off at any moment, the final name
holds the old file, the new one, or nothing. A folder left by a killed process is removed by the next writer of the same
name on the same machine.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from geogrounding.errors import OutputError


@contextmanager
def partial_folder(target: Path) -> Iterator[Path]:
    """A folder beside ``target`` for files on their way; it and what is left in it are removed at the end.

    Raises:
        OutputError: the folder cannot be made.
    """
    host = re.sub(r"[^A-Za-z0-9.]", "_", socket.gethostname())[:60]
    # Short, whatever the length of the name, and of its own for each name.
    name = f"{target.name[:20]}-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:8]}"
    prefix = f".{name}.partial-{host}-"
    _remove_abandoned(target.parent, prefix)
    folder = target.parent / f"{prefix}{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        raise OutputError(
            f"cannot write in {target.parent}: {error.strerror or error}",
            hint="check that the folder exists, is writable and has room",
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def flush(path: Path) -> None:
    """Make sure that the bytes of a file (or the entries of a folder) are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(moves: list[tuple[Path, Path]]) -> None:
    """Put finished files (new, target) in place, in order; on an error every target is as it was before.

    The new files must lie in a ``partial_folder``, on the file system of their targets.

    Raises:
        OSError: a file could not be flushed or renamed.
    """
    for new, _ in moves:
        flush(new)
    kept: list[tuple[Path, Path | None]] = []
    try:
        for new, target in moves:
            backup = None
            if target.exists():
                backup = new.with_name(f"before-{len(kept)}")
                _keep(target, backup)
            kept.append((target, backup))
            os.replace(new, target)  # noqa: PTH105 - the one call that tests make fail
        for folder in {target.parent for _, target in moves}:
            flush(folder)
    except BaseException:
        for target, backup in reversed(kept):
            if backup is not None:
                os.rename(backup, target)  # noqa: PTH104
            else:
                target.unlink(missing_ok=True)
        raise


def _keep(target: Path, backup: Path) -> None:
    """A second name for a file, so that it survives being replaced; a copy where the file system has no links."""
    try:
        os.link(target, backup)
    except OSError:
        shutil.copy2(target, backup)


def _remove_abandoned(parent: Path, prefix: str) -> None:
    """Remove folders of writers on this machine that no longer run."""
    for leftover in parent.glob(f"{glob_escaped(prefix)}*"):
        number = leftover.name[len(prefix) :]
        if number.isdigit() and not _is_running(int(number)):
            shutil.rmtree(leftover, ignore_errors=True)


def glob_escaped(text: str) -> str:
    """``text`` with the characters that mean something in a glob pattern taken literally."""
    return re.sub(r"([*?[])", r"[\1]", text)


def _is_running(process: int) -> bool:
    if process == os.getpid():
        return False  # one process writes one layer at a time: this is from an earlier process of the same number
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
