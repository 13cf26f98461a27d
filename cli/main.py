"""Entry point of ``geoground``."""

from __future__ import annotations

import click


@click.group()
def main() -> None:
    """Ask a picture of the Earth a question, get georeferenced polygons."""
