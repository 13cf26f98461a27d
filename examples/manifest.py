"""A manifest of every raster below a folder, with a query of its own for each, and a batch over it.

python examples/manifest.py                               the example scene, the built-in model
python examples/manifest.py ARCHIVE --query ship --output found --executor ray
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

EXAMPLES = Path(__file__).parent / "data"


def write_manifest(folder: Path, query: str, manifest: Path) -> int:
    """One row a raster. Layers are named after folder and file, since archives repeat file names."""
    rasters = sorted(path for path in folder.rglob("*.tif") if path.is_file())
    with manifest.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "name", "query"])
        for raster in rasters:
            name = "_".join(raster.relative_to(folder).with_suffix("").parts)
            writer.writerow([raster.absolute(), name, query])
    return len(rasters)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("archive", nargs="?", type=Path, default=EXAMPLES)
    parser.add_argument("--query", default="tree")
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--executor", default="local")
    parser.add_argument("--output", type=Path, help="where layers stay; without it they are thrown away")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as passing:
        output = options.output or Path(passing) / "found"
        manifest = Path(passing) / "scenes.csv"
        print(f"{write_manifest(options.archive, options.query, manifest)} scenes listed")
        batch = [sys.executable, "-m", "geogrounding_cli.main", "batch", "--manifest", str(manifest), "-o", str(output)]
        batch += ["--model", options.model, "--executor", options.executor, "--resume", "--format", "gpkg"]
        code = subprocess.run([*batch, "--dry-run"], check=False).returncode
        if code == 0:
            code = subprocess.run(batch, check=False).returncode
        if (output / "summary.csv").exists():
            print((output / "summary.csv").read_text(encoding="utf-8"))
    raise SystemExit(code)  # 6: some scenes failed; the table has the reasons


if __name__ == "__main__":
    main()
