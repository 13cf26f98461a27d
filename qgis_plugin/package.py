"""Builds the zip of the plugin: python qgis_plugin/package.py [FOLDER].

The same files give the same bytes. What plugins.qgis.org would refuse is refused here: missing metadata, a version that
is not the library's, something that is no part of a plugin, a zip that is too large.
"""

from __future__ import annotations

import configparser
import re
import sys
import zipfile
from pathlib import Path

PLUGIN = Path(__file__).resolve().parent / "geoground_qgis"
ROOT = PLUGIN.parent.parent
MAX_BYTES = 1_000_000
ENDINGS = {".py", ".txt", ".svg", ".qml", ".qm", ".ts"}
REQUIRED = (
    "name",
    "qgisMinimumVersion",
    "qgisMaximumVersion",
    "description",
    "about",
    "version",
    "author",
    "email",
    "repository",
    "tracker",
    "homepage",
    "icon",
    "tags",
    "category",
    "hasProcessingProvider",
)
STAMP = (2026, 1, 1, 0, 0, 0)
"""Time of every file in the zip, so that the same plugin is the same zip."""


def build(folder: Path) -> Path:
    """Write ``geogrounding-VERSION.zip`` and return its path.

    Raises:
        SystemExit: the plugin is not fit to be published; the text says why.
    """
    general = metadata()
    files = sorted(path for path in PLUGIN.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    strange = [str(path.relative_to(PLUGIN)) for path in files if path.suffix not in ENDINGS]
    if strange:
        raise SystemExit(f"no part of a plugin: {', '.join(strange)}")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"geogrounding-{general['version']}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        extra = [("LICENSE", ROOT / "LICENSE"), ("manual.md", ROOT / "docs" / "qgis.md")]
        extra.append(("demo.tif", ROOT / "examples" / "data" / "OSBS_029.tif"))
        for name, path in [*extra, *((str(p.relative_to(PLUGIN)), p) for p in files)]:
            entry = zipfile.ZipInfo(f"geoground_qgis/{name}", STAMP)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    if target.stat().st_size > MAX_BYTES:
        raise SystemExit(f"{target.name} has {target.stat().st_size:,} bytes; at most {MAX_BYTES:,} are allowed")
    return target


def metadata() -> dict[str, str]:
    """The section ``general`` of metadata.txt, checked.

    Raises:
        SystemExit: an entry is missing or wrong.
    """
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(PLUGIN / "metadata.txt", encoding="utf-8")
    general = dict(parser["general"])
    missing = [name for name in REQUIRED if not general.get(name, "").strip()]
    if missing:
        raise SystemExit(f"metadata.txt lacks {', '.join(missing)}")
    library = re.search(r'^__version__ = "(.+)"$', (ROOT / "geogrounding" / "_version.py").read_text(), re.MULTILINE)
    if library is None or library.group(1) != general["version"]:
        raise SystemExit(f"metadata.txt says {general['version']}, the library {library and library.group(1)}")
    return general


if __name__ == "__main__":
    made = build(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist")
    sys.stdout.write(f"{made} ({made.stat().st_size:,} bytes)\n")
