"""The record of finished chips: what lets a run be cut off at any moment and go on.

A journal is a text file beside the output. Its first line names the run (scene, settings, model); every other line
holds one finished batch of chips and is on disk before the next batch starts. A line is ``CRC32 JSON``: a torn or
damaged line ends the journal there, and what stood behind it is computed again. Batches are written in the order of the
chips, so what is finished is always a beginning of the whole, and going on forms the same batches as an undisturbed
run: same bytes out.

The journal is also where reasoning and detections wait until the layer is written, so that memory does not grow with
them.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self

from filelock import FileLock, Timeout

from geogrounding.errors import JournalError
from geogrounding.types import Answer, Detection, Drop, Mask

FORMAT = 1
CACHED_LINES = 16
"""Parsed batches kept while features are written; features come in raster order, so few are in use at a time."""

State = Literal["answered", "empty", "passed over", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipRecord:
    """What became of one chip."""

    index: int
    answers: tuple[Answer, ...] = ()
    """One per question; none for a chip without valid pixels. Of a failed chip, the answers that were given."""
    error: str | None = None
    """Why the chip, or one question about it, failed; None when nothing did."""
    passed_over: bool = False
    """It was not looked at, since a coarser level shows nothing there: see ``coarse_to_fine``."""

    @property
    def state(self) -> State:
        """``empty`` is a chip without valid pixels, which no model was asked about."""
        if self.error is not None:
            return "failed"
        if self.passed_over:
            return "passed over"
        return "answered" if self.answers else "empty"


class Journal:
    """Append-only record of chips, open for one run. Use it as a context manager."""

    def __init__(self, path: Path, key: Mapping[str, str], *, resume: bool = False, overwrite: bool = False) -> None:
        """Open or create a journal.

        Args:
            path: the file; its folder must exist.
            key: what the run depends on, as name -> digest; a journal with another key is refused.
            resume: go on where an existing journal ends; with none, start from the beginning.
            overwrite: delete an existing journal.

        Raises:
            JournalError: it exists and neither ``resume`` nor ``overwrite`` is set, belongs to another run, is in use
                by another process, or cannot be written.
        """
        self.path = path
        if not path.parent.is_dir():  # the lock would create it
            raise JournalError(f"cannot write {path}: no such folder")
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        try:
            self._lock.acquire(blocking=False)
        except Timeout as error:
            raise JournalError(
                f"another run is writing {path.name}", hint="Wait for it, or give another output name."
            ) from error
        except OSError as error:
            raise JournalError(f"cannot create a journal beside the output: {error.strerror}") from error
        self._offsets = array("q")  # place of each chip's line in the file, by chip index
        self._failed: set[int] = set()
        self._read_line = lru_cache(CACHED_LINES)(self._read_line_at)
        try:
            existed = path.exists() and path.stat().st_size > 0
            if existed and not (resume or overwrite):
                raise JournalError(
                    f"an interrupted run left {path.name}",
                    hint="Add --resume to go on where it stopped, or --overwrite to start again.",
                )
            self._file: BinaryIO = path.open("r+b" if existed and resume else "w+b")
        except OSError as error:
            self._release()
            raise JournalError(f"cannot open {path}: {error.strerror}") from error
        except JournalError:
            self._release()
            raise
        try:
            if not (existed and resume and self._replay(key)):
                self._file.seek(0)
                self._file.truncate()
                self._write({"journal": FORMAT, "key": dict(key)})
        except BaseException:
            self.close()
            raise

    @property
    def next_chip(self) -> int:
        """Index of the first chip that no record speaks of."""
        return len(self._offsets)

    @property
    def failed(self) -> list[int]:
        """Indexes of the chips that failed, in order."""
        return sorted(self._failed)

    def append(self, records: Sequence[ChipRecord]) -> None:
        """Put a batch on disk; when this returns, a power cut does not lose it.

        The chips must follow the last one recorded without a gap, or be failed ones tried again.

        Raises:
            JournalError: the disk is full or gone.
        """
        offset = self._write([_pack(r) for r in records])
        for record in records:
            self._note(record.index, record.error is not None, offset)

    def __getitem__(self, chip_index: int) -> ChipRecord:
        """The latest record of a chip."""
        return _unpack(self._read_line(self._offsets[chip_index])[chip_index])

    def values(self) -> Iterator[ChipRecord]:
        """The latest record of every chip, in the order of chips."""
        return (self[i] for i in range(len(self._offsets)))

    def close(self) -> None:
        """Close the file and let go of the lock; the journal stays for ``resume``."""
        self._file.close()
        self._release()

    def remove(self) -> None:
        """Close and delete: the run is complete and written."""
        self._file.close()
        self.path.unlink(missing_ok=True)
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _release(self) -> None:
        self._lock.release()
        with contextlib.suppress(OSError):
            Path(self._lock.lock_file).unlink(missing_ok=True)

    def _note(self, index: int, failed: bool, offset: int) -> None:
        if index == len(self._offsets):
            self._offsets.append(offset)
        elif index in self._failed:
            self._offsets[index] = offset
        else:
            raise JournalError(f"chip {index} is out of order in {self.path.name}")
        (self._failed.add if failed else self._failed.discard)(index)

    def _write(self, value: Any) -> int:
        """Append one line and force it to disk; return where it starts. A half-written line is cut off again."""
        body = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")
        start = self._file.seek(0, os.SEEK_END)
        try:
            self._file.write(b"%08x " % zlib.crc32(body) + body + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(start)
            raise JournalError(
                f"cannot write {self.path.name}: {error.strerror}", hint="Free some space, then use --resume."
            ) from error
        return start

    def _read_line_at(self, offset: int) -> dict[int, dict[str, Any]]:
        """The records of a line by chip: a line may hold thousands."""
        self._file.seek(offset)
        records = _check(self._file.readline())
        if not isinstance(records, list):
            raise JournalError(f"{self.path.name} was changed while it was in use")
        return {item["chip"]: item for item in records}

    def _replay(self, key: Mapping[str, str]) -> bool:
        """Take up an existing journal; False when not even its first line is whole. Raises when it is another run's."""
        self._file.seek(0)
        header = _check(self._file.readline())
        if not isinstance(header, dict) or header.get("journal") != FORMAT:
            return False
        differing = sorted(k for k in {*key, *header["key"]} if key.get(k) != header["key"].get(k))
        if differing:
            raise JournalError(
                f"{self.path.name} belongs to another run: {', '.join(differing)} changed",
                hint="Give the same command to the same version as before, or --overwrite to start again.",
            )
        end = self._file.tell()
        for line in iter(self._file.readline, b""):
            records = _check(line)
            if not isinstance(records, list):
                break
            for item in records:
                self._note(item["chip"], "error" in item, end)
            end = self._file.tell()
        self._file.truncate(end)
        return True


def _check(line: bytes) -> Any:
    """The value of a line, or None when it is torn or damaged."""
    if not line.endswith(b"\n") or line[8:9] != b" " or b"%08x" % zlib.crc32(line[9:-1]) != line[:8]:
        return None
    return json.loads(line[9:-1])


def _pack(record: ChipRecord) -> dict[str, Any]:
    """A record as JSON values. Floats are written with all their digits, so reading gives the same numbers."""
    answers = [
        {
            "reasoning": a.reasoning,
            "found": [_pack_detection(d) for d in a.detections],
            "dropped": [[d.reason, d.text] for d in a.dropped],
        }
        for a in record.answers
    ]
    packed: dict[str, Any] = {"chip": record.index, "answers": answers}
    if record.error is not None:
        packed["error"] = record.error
    if record.passed_over:
        packed["passed_over"] = True
    return packed


def _unpack(item: dict[str, Any]) -> ChipRecord:
    answers = tuple(
        Answer(
            reasoning=a["reasoning"],
            detections=tuple(_unpack_detection(found) for found in a["found"]),
            dropped=tuple(Drop(reason=reason, text=text) for reason, text in a["dropped"]),
        )
        for a in item["answers"]
    )
    return ChipRecord(
        index=item["chip"], answers=answers, error=item.get("error"), passed_over=item.get("passed_over", False)
    )


def _pack_detection(detection: Detection) -> list[Any]:
    """Numbers of a model may be NumPy's, which JSON does not know."""
    packed: list[Any] = [
        *map(float, detection.box_chip_px),
        None if detection.score is None else float(detection.score),
        detection.label,
        [[float(x), float(y)] for x, y in detection.keypoints_chip_px],
    ]
    if detection.mask is not None:
        packed.append([*detection.mask.window_chip_px, base64.b64encode(detection.mask.packed).decode("ascii")])
    return packed


def _unpack_detection(found: list[Any]) -> Detection:
    x0, y0, x1, y1, score, label, keypoints, *rest = found
    mask = None
    if rest:
        *window, packed = rest[0]
        mask = Mask(window_chip_px=tuple(window), packed=base64.b64decode(packed))
    return Detection(
        box_chip_px=(x0, y0, x1, y1),
        score=score,
        label=label,
        keypoints_chip_px=tuple((x, y) for x, y in keypoints),
        mask=mask,
    )
