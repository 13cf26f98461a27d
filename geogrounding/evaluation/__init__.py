"""How good a model is, asked the way ``geoground run`` asks it: figures, intervals, and a report one can look at.

asking     samples -> pictures -> the pipeline -> boxes in pixels of the picture
matching   boxes against boxes, average precision
metrics    refer and segment; detection: average precision, precision, recall
bootstrap  intervals over pictures
report     a folder with report.html, metrics.json and answers.jsonl
"""

from geogrounding.evaluation.evaluate import Evaluation, evaluate

__all__ = ["Evaluation", "evaluate"]
