"""Results in a table of PostGIS, and a question to the database. Needs geogrounding[postgis].

export PGPASSWORD=...
python examples/to_postgis.py "postgresql://me@db.example/gis?table=public.trees"                the example scene
python examples/to_postgis.py "postgresql://me@db.example/gis?table=public.ships" SCENE ... --query ship
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import psycopg
import psycopg.sql

import geogrounding as gg
from geogrounding.io.database import Table

EXAMPLE = Path(__file__).parent / "data" / "OSBS_029.tif"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("scenes", nargs="*", default=[str(EXAMPLE)])
    parser.add_argument("--query", default="tree")
    parser.add_argument("--model", default="builtin")
    options = parser.parse_args()

    for scene in options.scenes:
        # Each scene is one transaction; with resume, a scene that is there already is not added twice.
        report = gg.run(scene, options.address, options.query, model=options.model, append=True, resume=True)
        print(f"{scene}: {report.features} found")

    table = Table.parse(options.address)
    connection: dict[str, Any] = dict(table.connection)
    with psycopg.connect(**connection) as database:
        statement = psycopg.sql.SQL("SELECT source, count(*), sum(area_m2) FROM {} GROUP BY source ORDER BY source")
        for source, number, area_m2 in database.execute(
            statement.format(psycopg.sql.Identifier(table.schema, table.name))
        ):
            print(f"in the table from {source}: {number}, {area_m2:.0f} m2")


if __name__ == "__main__":
    main()
