"""A few samples of each class, chosen so that experiments can be compared."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable

from geogrounding.datasets.sample import Sample
from geogrounding.errors import SettingsError


def choose_shots(samples: Iterable[Sample], shots: int, *, seed: int, negatives: int = 0) -> tuple[Sample, ...]:
    """Choose ``shots`` samples with a target of each class (``Sample.category``), by seed.

    Choices are nested: with the same seed, the choice for 1 shot is the beginning of that for 5 shots, and so on. They
    depend on the content of the samples, not on their order, ids or folder; removing samples that were not chosen changes
    nothing. Of a class with fewer samples all are taken.

    Args:
        samples: to choose from.
        shots: for each class, at least one.
        seed: any whole number.
        negatives: samples without a target to add for each class that has shots.

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
        # After all shots, whatever their number, so that the choices stay nested.
        chosen += [(10**9 + rank, category, sample) for rank, sample in enumerate(absent)]
    return tuple(sample for _, _, sample in sorted(chosen, key=lambda item: item[:2]))


def _place(sample: Sample, seed: int) -> tuple[bytes, str]:
    """Sort key of a sample within its class."""
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
