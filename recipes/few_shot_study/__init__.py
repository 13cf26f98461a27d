"""Few labels of new classes: the study of docs/experiments.md."""
