"""Open-vocabulary detectors: models that take names of objects and return boxes with scores of their own."""
