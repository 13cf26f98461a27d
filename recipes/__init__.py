"""How the weights and the studies of the documentation were made; not installed."""
