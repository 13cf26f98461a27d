"""The recipe of the embedded model: views, region head, language side, weights."""
