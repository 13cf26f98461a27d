"""From the text of a model to boxes."""
