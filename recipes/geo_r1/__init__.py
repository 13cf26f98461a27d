"""The experiments of the Geo-R1 paper (arXiv 2509.21976) as configurations of ``geoground train``."""
