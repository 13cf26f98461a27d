"""How the weights of the built-in segmenter were made; not installed."""
