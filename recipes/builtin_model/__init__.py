"""The recipe of the built-in model: views, region head, language side, weights."""
