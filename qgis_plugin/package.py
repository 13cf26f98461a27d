"""Builds the zip of the plugin: python qgis_plugin/package.py [--upload] [FOLDER].

The same files give the same bytes. What plugins.qgis.org would refuse is refused here: missing metadata, a version that
is not the library's, something that is no part of a plugin, a zip that is too large. With ``--upload`` also addresses
that lead nowhere: the site asks each of them.
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
ENDINGS = {".py", ".txt", ".svg", ".qml", ".qm"}
SOURCES = {".ts"}
"""Of translations: QGIS loads what is made of them."""
ADDRESSES = ("homepage", "repository", "tracker", "screenshot", "email")
RESERVED = re.compile(r"\.(example|invalid|test|localhost)\b|\bexample\.(com|net|org)\b", re.IGNORECASE)
"""Names that no one can own (RFC 2606)."""
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
    "screenshot",
    "icon",
    "tags",
    "category",
    "hasProcessingProvider",
)
STAMP = (2026, 1, 1, 0, 0, 0)
"""Time of every file in the zip, so that the same plugin is the same zip."""


def build(folder: Path, *, upload: bool = False) -> Path:
    """Write ``geogrounding-VERSION.zip`` and return its path; for ``upload`` its addresses must be real ones.

    Raises:
        SystemExit: the plugin is not fit to be published; the text says why.
    """
    general = metadata()
    nowhere = [name for name in ADDRESSES if RESERVED.search(general[name])]
    if upload and nowhere:
        raise SystemExit(
            f"metadata.txt has placeholder addresses: {', '.join(nowhere)}; plugins.qgis.org asks each of them"
        )
    every = sorted(path for path in PLUGIN.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    files = [path for path in every if path.suffix not in SOURCES]
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
    arguments = [argument for argument in sys.argv[1:] if argument != "--upload"]
    made = build(Path(arguments[0]) if arguments else ROOT / "dist", upload="--upload" in sys.argv[1:])
    sys.stdout.write(f"{made} ({made.stat().st_size:,} bytes)\n")
