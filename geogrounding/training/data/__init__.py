"""Labelled pictures of every usual format as one kind of sample, few of them on purpose, and chips cut from a GIS layer."""

from geogrounding.training.data.reading import Format, detect_format, read_samples
from geogrounding.training.data.sample import Problem, Sample, Samples, Task

__all__ = ["Format", "Problem", "Sample", "Samples", "Task", "detect_format", "read_samples"]
