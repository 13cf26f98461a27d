"""How good a model is, asked the way ``geoground run`` asks it: figures, intervals, and a report one can look at."""
