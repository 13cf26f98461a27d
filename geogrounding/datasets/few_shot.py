"""A few samples of each class, chosen so that experiments can be compared."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable

from geogrounding.datasets.sample import Sample
from geogrounding.errors import SettingsError


def choose_shots(samples: Iterable[Sample], shots: int, *, seed: int, negatives: int = 0) -> tuple[Sample, ...]:
    """So many samples with a target of each class (``Sample.category``), by seed.

    Choices are nested: with the same seed, what is chosen for 1 shot is the beginning of what is chosen for 5, and that of
    what is chosen for 10. They depend on what the samples are and not on their order, their ids, or the folder they are in;
    taking away samples that were not chosen changes nothing. A class with fewer samples gives all it has.

    Args:
        samples: to choose from.
        shots: for each class, at least one.
        seed: any whole number.
        negatives: so many samples without a target are added for each class that has shots.

    Returns:
        The first of each class in alphabetical order of classes, then the second of each, and so on.

    Raises:
        SettingsError: the numbers are out of range.
    """
    if shots < 1:
        raise SettingsError(f"at least one shot is needed, not {shots}")
    if negatives < 0:
        raise SettingsError(f"the number of negatives must not be below 0, but it is {negatives}")
    with_target: dict[str, list[Sample]] = defaultdict(list)
    without: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        (with_target if len(sample.boxes_px) else without)[sample.category].append(sample)
    chosen: list[tuple[int, str, Sample]] = []
    for category, found in with_target.items():
        shown = sorted(found, key=lambda sample: _place(sample, seed))[:shots]
        absent = sorted(without[category], key=lambda sample: _place(sample, seed))[:negatives]
        chosen += [(rank, category, sample) for rank, sample in enumerate(shown)]
        # Behind all shots, whatever their number, so that the shots stay a beginning of the whole.
        chosen += [(10**9 + rank, category, sample) for rank, sample in enumerate(absent)]
    return tuple(sample for _, _, sample in sorted(chosen, key=lambda item: item[:2]))


def _place(sample: Sample, seed: int) -> tuple[bytes, str]:
    """Where a sample stands in the order of its class."""
    content = repr(
        (
            seed,
            sample.image.name,
            sample.window_px,
            sample.task,
            sample.expression,
            sample.labels,
            sample.boxes_px.round(3).tolist(),
        )
    )
    return hashlib.sha256(content.encode()).digest(), sample.id
