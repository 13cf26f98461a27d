"""The algorithms of the Processing toolbox."""
