"""Evaluate a model through the pipeline of ``geoground run``: metrics, intervals, and a report.

predict    samples -> images -> the pipeline -> boxes in pixels of the image
matching   boxes against boxes, average precision
metrics    refer and segment; detection: average precision, precision, recall
bootstrap  intervals over images
report     a folder with report.html, metrics.json and answers.jsonl
"""

from geogrounding.evaluation.evaluate import Evaluation, evaluate

__all__ = ["Evaluation", "evaluate"]
