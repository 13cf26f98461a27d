"""Labelled images of every usual format as one kind of sample, few of them on purpose, and chips cut from a GIS layer."""

from geogrounding.datasets.cut import CutOptions, cut_training_set
from geogrounding.datasets.few_shot import choose_shots
from geogrounding.datasets.read import detect_format, read_samples
from geogrounding.datasets.sample import Problem, Sample, Samples
from geogrounding.types import DataFormat, Task

__all__ = [
    "CutOptions",
    "DataFormat",
    "Problem",
    "Sample",
    "Samples",
    "Task",
    "choose_shots",
    "cut_training_set",
    "detect_format",
    "read_samples",
]
