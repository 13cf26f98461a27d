"""Labelled pictures of every usual format as one kind of sample, few of them on purpose, and chips cut from a GIS layer."""

from geogrounding.training.data.fewshot import choose_shots
from geogrounding.training.data.layer import cut_training_set
from geogrounding.training.data.reading import Format, detect_format, read_samples
from geogrounding.training.data.sample import Problem, Sample, Samples, Task

__all__ = [
    "Format",
    "Problem",
    "Sample",
    "Samples",
    "Task",
    "choose_shots",
    "cut_training_set",
    "detect_format",
    "read_samples",
]
