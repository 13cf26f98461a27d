"""The command line ``geoground``; installed as the package ``geogrounding_cli``."""
