"""Views and the frozen tower's features of them, kept on disk so that training never runs the tower again.

A cache is a folder: ``features.f16`` (N, 576, 768), ``pixels.u8`` (N, 336, 336, 3) as raw memory maps, ``views.jsonl`` with
one line a finished view. It can be cut off at any time and goes on where it stood.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recipes.builtin_model.corpora import CLASSES, SIDE_PX, View

if TYPE_CHECKING:
    import torch

CELLS = 24 * 24
CHANNELS = 768


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Labels of one cached view; arrays as in ``images.View``."""

    boxes_view_px: NDArray[np.float32]
    labels: NDArray[np.int64]
    visible: NDArray[np.float32]
    known: NDArray[np.bool_]
    content_px: tuple[int, int]
    source: str
    image: int
    """Index of the image in its split."""


def tower_features(tower: Any, pixels: NDArray[np.uint8]) -> torch.Tensor:
    """(B, 576, 768) hidden states of layers 9 and 11 of (B, 336, 336, 3) images, in the tower's type."""
    import torch

    from geogrounding.models.builtin.processing import normalise

    dtype = next(tower.parameters()).dtype
    with torch.inference_mode():
        hidden = tower(normalise(pixels).to(dtype), output_hidden_states=True).hidden_states
    return torch.cat([hidden[9][:, 1:], hidden[11][:, 1:]], -1)


def record_line(view: View, image: int) -> str:
    """One line of ``views.jsonl``."""
    return json.dumps(
        {
            "boxes": np.round(view.boxes_view_px, 2).tolist(),
            "labels": view.labels.tolist(),
            "visible": np.round(view.visible, 3).tolist(),
            "known": view.known.astype(int).tolist(),
            "content": view.content_px,
            "source": view.source,
            "picture": image,
        }
    )


class Cache:
    """A folder of cached views."""

    def __init__(self, folder: Path, *, views: int | None = None) -> None:
        """Open a cache, or make one for ``views`` views."""
        self.folder = folder
        if views is not None and not (folder / "features.f16").exists():
            folder.mkdir(parents=True, exist_ok=True)
            for name, size in (("features.f16", CELLS * CHANNELS * 2), ("pixels.u8", SIDE_PX * SIDE_PX * 3)):
                with open(folder / name, "wb") as file:
                    file.truncate(views * size)
        total = (folder / "pixels.u8").stat().st_size // (SIDE_PX * SIDE_PX * 3)
        self.features = np.memmap(folder / "features.f16", np.float16, "r+", shape=(total, CELLS, CHANNELS))
        self.pixels = np.memmap(folder / "pixels.u8", np.uint8, "r+", shape=(total, SIDE_PX, SIDE_PX, 3))

    def __len__(self) -> int:
        """Finished views."""
        file = self.folder / "views.jsonl"
        if not file.exists():
            return 0
        with file.open() as lines:
            return sum(1 for _ in lines)

    def records(self) -> list[Record]:
        """Labels of the finished views."""
        out = []
        with (self.folder / "views.jsonl").open() as file:
            for line in file:
                item = json.loads(line)
                out.append(
                    Record(
                        boxes_view_px=np.array(item["boxes"], dtype=np.float32).reshape(-1, 4),
                        labels=np.array(item["labels"], dtype=np.int64),
                        visible=np.array(item["visible"], dtype=np.float32),
                        known=np.array(item["known"], dtype=bool),
                        content_px=(item["content"][0], item["content"][1]),
                        source=item["source"],
                        image=item["picture"],
                    )
                )
        return out

    def fill(self, tower: Any, views: Iterable[tuple[View, int]], *, batch: int = 16) -> None:
        """Append views (with the index of their image) after the finished ones."""
        held: list[tuple[View, int]] = []
        at = len(self)

        def flush() -> None:
            nonlocal at
            if not held:
                return
            pixels = np.stack([view.pixels for view, _ in held])
            self.pixels[at : at + len(held)] = pixels
            self.features[at : at + len(held)] = tower_features(tower, pixels).half().numpy()
            with (self.folder / "views.jsonl").open("a") as file:
                file.write("".join(record_line(view, index) + "\n" for view, index in held))
            at += len(held)
            held.clear()

        for item in views:
            held.append(item)
            if len(held) == batch:
                flush()
        flush()


class Joined:
    """Finished views of several caches, as one; what is added later is not seen."""

    def __init__(self, folders: Iterable[Path], *, withheld: frozenset[str] = frozenset()) -> None:
        """Open the caches; views that show a class of ``withheld`` are left out, and it counts as labelled nowhere."""
        gone = [CLASSES.index(name) for name in sorted(withheld)]
        features: list[tuple[NDArray[Any], int]] = []
        pixels: list[tuple[NDArray[Any], int]] = []
        self._records: list[Record] = []
        for folder in folders:
            part = Cache(folder)
            records = part.records()[: len(part)]
            kept = [n for n, record in enumerate(records) if not np.isin(record.labels, gone).any()]
            features += [(part.features, n) for n in kept]
            pixels += [(part.pixels, n) for n in kept]
            self._records += [_without(records[n], gone) for n in kept]
        self.features, self.pixels = _Rows(features), _Rows(pixels)

    def __len__(self) -> int:
        """Finished views."""
        return len(self._records)

    def records(self) -> list[Record]:
        """Labels of the views."""
        return self._records


def _without(record: Record, gone: list[int]) -> Record:
    """A record in which some classes count as not labelled."""
    known = record.known.copy()
    known[gone] = False
    return replace(record, known=known)


class _Rows:
    """Rows of several arrays, numbered through."""

    def __init__(self, rows: list[tuple[NDArray[Any], int]]) -> None:
        self._rows = rows

    def __getitem__(self, number: int) -> NDArray[Any]:
        array, row = self._rows[number]
        found: NDArray[Any] = array[row]
        return found
