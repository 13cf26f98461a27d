"""What is checked before GDAL may open a raster: where it lies, what it is, and what it makes GDAL allocate or open.

- Local files must be regular files. The first bytes choose the one driver that may open them; a name counts for
nothing.
- A VRT makes GDAL open whatever it names, so it is read only from folders that the user trusts (links resolved). Any
other
  text or XML that GDAL would follow somewhere (WMS, WMTS, GTI, STACIT, ...) is refused everywhere.
- Remote paths (http, https, s3, gs, az and GDAL's /vsicurl/, /vsis3/, ...) need ``allow_remote``. All other /vsi
paths are
  refused, archives and /vsimem/ too: an archive is easily unpacked, and a chain such as /vsizip//vsicurl/ is not seen
  through.
- Unless remote input is allowed, GDAL's HTTP layer is closed for every call (see ``gdal_options``).
- Side-cars that GDAL opens by itself (.ovr, .msk) must be TIFFs within the same limits, and no file may name its
overviews
  elsewhere (the OVERVIEW_FILE item, which GDAL opens with any driver).
- Dimensions, band counts and decoded block sizes beyond the limits below are refused before any pixel is read.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from geogrounding.errors import SceneError, UnsafeSceneError
from geogrounding.messages import shorten, without_secrets
from geogrounding.raster.raw import check_size, find_header
from geogrounding.raster.tiff import is_tiff, read_directories

MAX_PIXELS = 250_000_000_000
"""Pixels of a raster (all bands counted once): 500,000 x 500,000, a country at 0.3 m. A 720 KB TIFF can declare
10^12."""
MAX_SIDE_PX = 8_000_000
"""Width or height; GDAL itself stops at 2^31."""
MAX_BANDS = 2_000
"""Hyperspectral sensors have some 400 bands; GDAL keeps a kilobyte and a cache for each of up to 65,535."""
MAX_BLOCK_BYTES = 256 * 2**20
"""Decoded bytes of one block, the least that GDAL can read. Usual blocks are under 4 MiB; a 271 KB file can hold one of
268 MB. A legal small file with one strip passes: 8,000 x 8,000 in three 8-bit bands is 192 MB."""
MAX_BLOCKS = 2**24
"""Blocks of a TIFF: libtiff keeps 16 bytes for each, 256 MiB at this limit. 250 gigapixels in 256 px tiles are 3.8
million."""
MAX_WHOLE_IMAGE_BYTES = 512 * 2**20
"""Decoded bytes of a PNG, JPEG, WebP or BMP: these cannot be read in part, and are decoded once into memory."""
MAX_VRT_BYTES = 16 * 2**20
"""Length of a VRT file; one with 10,000 sources is about 5 MB."""
HEAD_BYTES = 1024

WHOLE_IMAGE_DRIVERS = frozenset({"PNG", "JPEG", "WEBP", "BMP"})
"""Formats that have no random access: decoded once, whole."""
REMOTE_DRIVERS = ["GTiff", "JP2OpenJPEG", "PNG", "JPEG", "WEBP", "BMP"]
"""What may lie behind a remote path; nothing that can name further files."""

_REMOTE_SCHEMES = {
    "http": "/vsicurl/http://",
    "https": "/vsicurl/https://",
    "s3": "/vsis3/",
    "gs": "/vsigs/",
    "az": "/vsiaz/",
}
"""Schemes and what GDAL calls them. Its own drivers take credentials from the environment; rasterio's sessions, which
it would make for some of these schemes, are not used."""
_SIGNATURE = re.compile(
    r"(?i)^(x-(amz|goog|oss)-.*|awsaccesskeyid|signature|expires|policy|key-pair-id|googleaccessid|token|access_token|"
    r"apikey|api_key|key|sig|se|sp|sv|sr|st|spr|srt|ss|sip|sks?|skoid|sktid|skt|ske|skv|saoid|suoid|scid)$"
)
"""Parameters of a URL that say who may read, not what is read."""
_REMOTE_VSI = ("/vsicurl/", "/vsis3/", "/vsigs/", "/vsiaz/", "/vsiadls/", "/vsioss/", "/vsiswift/")
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JP2OpenJPEG"),
    (b"\xff\x4f\xff\x51", "JP2OpenJPEG"),
    (b"BM", "BMP"),
    (b"EHFA_HEADER_TAG", "HFA"),
    (b"NITF", "NITF"),
    (b"NSIF", "NITF"),
)
BMP_HEADER_SIZES = (12, 16, 40, 52, 56, 64, 108, 124)
_FOLLOWS_ELSEWHERE = re.compile(rb"/vsi[a-z0-9_]+[/?]|\b(?:https?|ftp|s3|gs)://|<GDAL_WMS|<WCS_GDAL", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A checked place of a raster: what to hand to ``rasterio.open``."""

    path: Path | str
    """An absolute path with links resolved, a remote path, or the text of a VRT that was made here (sources/)."""
    drivers: list[str]
    """The only drivers that may open it."""
    remote: bool
    name: str
    """File name without folder."""
    source: str = ""
    """What the user named."""
    band_names: tuple[str, ...] = ()
    """What a catalogue calls the bands, in order; instead of the names in the file."""
    identity: str | None = None
    """What stands for the data in the key of a run; None is the file itself, or its address."""
    notices: tuple[str, ...] = ()
    """What a user should know about where it comes from."""

    @property
    def file(self) -> Path | None:
        """The local file; None for what is remote, or made of several files."""
        return self.path if isinstance(self.path, Path) else None


def locate(
    source: str | os.PathLike[str] | Location, *, allow_remote: bool, trusted_folders: Iterable[str | os.PathLike[str]]
) -> Location:
    """Decide whether and how a source may be opened; reads at most the head of a file (all of a VRT).

    Raises:
        SceneError: the file does not exist, is no regular file, or is no raster of a known format.
        UnsafeSceneError: the place, the format or the declared dimensions are refused.
    """
    if isinstance(source, Location):
        return source
    text = os.fsdecode(source)
    if "\0" in text or not text.strip():
        raise SceneError(
            "the path of the raster is empty or holds a NUL character", hint="Give the path of a raster file."
        )
    remote = _remote_path(text)
    if remote is not None:
        if not allow_remote:
            raise UnsafeSceneError(
                f"{shorten(without_secrets(text))} is a remote or virtual path",
                hint="Remote rasters are read only when asked for, by --allow-remote (allow_remote=True).",
            )
        name = urlsplit(text).path.rstrip("/").rsplit("/", 1)[-1] or text
        return Location(
            path=remote,
            drivers=list(REMOTE_DRIVERS),
            remote=True,
            name=name,
            source=text,
            identity=without_signature(text),
        )
    return _locate_local(Path(text), allow_remote=allow_remote, trusted_folders=trusted_folders)


def gdal_path(address: str) -> str:
    """GDAL's path for an address such as ``s3://bucket/key``; the scheme must be one that is read."""
    scheme, _, rest = address.partition("://")
    return _REMOTE_SCHEMES[scheme.lower()] + rest


def without_signature(address: str) -> str:
    """An address without the parts that change each time it is signed, and without user and password."""
    parts = urlsplit(address)
    kept = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if not _SIGNATURE.match(key)]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, urlencode(kept), ""))


def gdal_options(*, remote: bool) -> dict[str, str | bool | int]:
    """Options for the ``rasterio.Env`` around every call to GDAL (they hold per thread)."""
    options: dict[str, str | bool | int] = {
        "GDAL_VRT_ENABLE_PYTHON": "NO",
        "GDAL_VRT_ENABLE_RAWRASTERBAND": "NO",
        "GTIFF_IGNORE_READ_ERRORS": "NO",
        "GDAL_PAM_ENABLED": "YES",
        "GDAL_JPEG_TO_RGB": "YES",
        "OSR_USE_NON_DEPRECATED": "NO",  # see _gdal.py
        # A JPEG whose rest is missing must be an error, not a grey half.
        "GDAL_ERROR_ON_LIBJPEG_WARNING": "YES",
    }
    if remote:
        options["GDAL_DISABLE_READDIR_ON_OPEN"] = "EMPTY_DIR"
        options["GDAL_INGESTED_BYTES_AT_OPEN"] = "32768"  # the header of a COG, in one request
        options["GDAL_HTTP_MULTIPLEX"] = "YES"
        options["GDAL_HTTP_TIMEOUT"] = "60"
        options["GDAL_HTTP_CONNECTTIMEOUT"] = "20"
        options["GDAL_HTTP_MAX_RETRY"] = "3"
        options["GDAL_HTTP_RETRY_DELAY"] = "1"
        options |= _s3_options(os.environ)
    else:
        # No URL ends like this, so /vsicurl/ and its kin, wherever a file names them, open nothing.
        options["CPL_VSIL_CURL_ALLOWED_EXTENSIONS"] = "{closed}"
    return options


def _s3_options(environ: Mapping[str, str]) -> dict[str, str]:
    """What GDAL calls the variables of a store that speaks S3 but is not Amazon's, where only others name it."""
    address = next(
        (environ[n] for n in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT") if environ.get(n)), ""
    )
    scheme, _, host = address.rpartition("://")
    if not host or "AWS_S3_ENDPOINT" in environ:
        return {}
    return {
        "AWS_S3_ENDPOINT": host.rstrip("/"),
        "AWS_HTTPS": "NO" if scheme.lower() == "http" else "YES",
        "AWS_VIRTUAL_HOSTING": environ.get("AWS_VIRTUAL_HOSTING", "FALSE"),
    }


def check_dimensions(*, width: int, height: int, bands: int, what: str = "the raster") -> None:
    """Refuse absurd dimensions.

    Raises:
        UnsafeSceneError: a side, the number of pixels or the number of bands is beyond its limit.
    """
    if width <= 0 or height <= 0:
        raise SceneError(f"{what} has no pixels ({width} x {height})")
    if max(width, height) > MAX_SIDE_PX or width * height > MAX_PIXELS:
        raise UnsafeSceneError(
            f"{what} declares {width:,} x {height:,} pixels, more than the {MAX_PIXELS:,} that are read",
            hint="If the raster is real, cut it into parts.",
        )
    if bands > MAX_BANDS:
        raise UnsafeSceneError(
            f"{what} declares {bands:,} bands, more than the {MAX_BANDS:,} that are read",
            hint="Extract the bands you need.",
        )


def check_block(block_bytes: int, *, whole_image: bool = False, what: str = "the raster") -> None:
    """Refuse blocks (or whole images) whose decoded size is beyond the limit.

    Raises:
        UnsafeSceneError: they are.
    """
    limit = MAX_WHOLE_IMAGE_BYTES if whole_image else MAX_BLOCK_BYTES
    if block_bytes > limit:
        unit = "image, which this format decodes whole," if whole_image else "block"
        raise UnsafeSceneError(
            f"one {unit} of {what} decodes to {block_bytes / 2**20:,.0f} MiB; at most {limit / 2**20:.0f} MiB are read",
            hint="Rewrite it in tiles: gdal_translate -co TILED=YES -co COMPRESS=DEFLATE in out.tif",
        )


def sidecars(path: Path) -> list[Path]:
    """Existing files that GDAL would open as rasters beside this one, by its rules for external overviews and masks."""
    found = []
    for suffix in (".ovr", ".msk", ".msk.ovr", ".ovr.msk", ".ovr.ovr", ".OVR", ".MSK"):
        candidate = path.with_name(path.name + suffix)
        if candidate.exists() or candidate.is_symlink():
            found.append(candidate)
    return found


def _locate_local(path: Path, *, allow_remote: bool, trusted_folders: Iterable[str | os.PathLike[str]]) -> Location:
    try:
        resolved = path.expanduser().resolve(strict=True)
        mode = resolved.stat().st_mode
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it cannot be resolved"
        raise SceneError(f"{shorten(path)} cannot be opened: {reason}", hint="Check the path.") from None
    if not stat.S_ISREG(mode):
        raise SceneError(f"{shorten(path)} is not a regular file", hint="Give one raster file, not a folder or device.")
    if str(resolved).startswith("/vsi"):
        raise UnsafeSceneError(f"{shorten(path)} would be taken for one of GDAL's virtual paths", hint="Move the file.")
    head = _read_head(resolved)
    driver = _sniff(head, resolved)
    if driver == "VRT":
        _check_vrt(resolved, allow_remote=allow_remote, trusted_folders=trusted_folders)
    elif driver == "GTiff":
        _check_tiff(resolved, what=f"{path.name}")
    elif driver == "PNG":
        _check_png(resolved)
    for sidecar in sidecars(resolved):
        try:
            regular = sidecar.is_file()
            tiff = regular and is_tiff(_read_head(sidecar.resolve(strict=True)))
        except (OSError, RuntimeError):
            tiff = False
        if not tiff:
            raise UnsafeSceneError(f"{sidecar.name} beside the raster is not a TIFF", hint=f"Remove {sidecar.name}.")
        _check_tiff(sidecar, what=sidecar.name)
    return Location(path=resolved, drivers=[driver], remote=False, name=path.name, source=str(path))


def _read_head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise SceneError(
            f"{path.name} cannot be read: {error.strerror}", hint="Check the permissions of the file."
        ) from None


def _sniff(head: bytes, path: Path) -> str:
    """The one driver for a file: by a header that fits its size, then by its first bytes; "VRT" for any VRT."""
    header = find_header(path)
    if header is not None and header.size_bytes == path.stat().st_size:
        return header.driver  # whatever the first pixels look like
    if is_tiff(head):
        return "GTiff"
    for magic, driver in _MAGIC:
        if head.startswith(magic) and (driver != "BMP" or _is_bmp(head)):
            return driver
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"<VRTDataset" in head:
        return "VRT"
    if text.startswith((b"<", b"{")) or b"<GDAL_WMS" in head:
        raise UnsafeSceneError(
            f"{path.name} is a text file that points at other data, not a raster",
            hint="Give the raster itself, or write it to a GeoTIFF first: gdal_translate in out.tif",
        )
    if header is not None:
        check_size(header, path)
    if path.suffix.lower() == ".hdr":
        raise SceneError(f"{path.name} is a header", hint="Name the file of pixels beside it.")
    raise SceneError(
        f"{path.name} is not a raster in a format that is read here",
        hint="Read are GeoTIFF, COG, JPEG 2000, Imagine, ENVI, EHdr (BIL, BIP, BSQ, FLT), NITF, PNG, JPEG, WebP, BMP. "
        "Or convert: gdal_translate in out.tif",
    )


def _is_bmp(head: bytes) -> bool:
    """Whether a head is that of a BMP: two letters alone are often the first pixels of something else."""
    return len(head) >= 18 and head[6:10] == b"\0\0\0\0" and int.from_bytes(head[14:18], "little") in BMP_HEADER_SIZES


def _check_png(path: Path) -> None:
    """Refuse a PNG that ends before its last chunk: GDAL reads the missing rows as noise, without an error."""
    size = path.stat().st_size
    with path.open("rb") as file:
        at = 8
        while at + 12 <= size:
            file.seek(at)
            head = file.read(8)
            if head[4:] == b"IEND":
                return
            at += 12 + int.from_bytes(head[:4], "big")
    raise SceneError(f"{path.name} is cut off: its last chunk is missing", hint="Copy it again.")


def _check_vrt(path: Path, *, allow_remote: bool, trusted_folders: Iterable[str | os.PathLike[str]]) -> None:
    for folder in trusted_folders:
        try:
            if path.is_relative_to(Path(folder).expanduser().resolve(strict=True)):
                break
        except OSError:
            continue
    else:
        raise UnsafeSceneError(
            f"{path.name} is a VRT, which can make GDAL open any file or address",
            hint="If you trust it, name its folder: --trusted-folder FOLDER (trusted_folders=[...]); or convert it.",
        )
    if path.stat().st_size > MAX_VRT_BYTES:
        raise UnsafeSceneError(f"{path.name} is longer than {MAX_VRT_BYTES:,} bytes", hint="Build a smaller VRT.")
    if not allow_remote and _FOLLOWS_ELSEWHERE.search(path.read_bytes()):
        raise UnsafeSceneError(
            f"{path.name} names remote or virtual sources", hint="Remote sources are read only with --allow-remote."
        )


def _check_tiff(path: Path, *, what: str) -> None:
    with path.open("rb") as file:
        for directory in read_directories(file):
            check_dimensions(width=directory.width, height=directory.height, bands=directory.samples, what=what)
            if not directory.chopped:
                check_block(directory.block_bytes, what=what)
                if directory.block_count > MAX_BLOCKS:
                    raise UnsafeSceneError(
                        f"{what} declares {directory.block_count:,} blocks, more than the {MAX_BLOCKS:,} that are read",
                        hint="Rewrite it in larger tiles: gdal_translate -co TILED=YES in out.tif",
                    )


def _remote_path(text: str) -> str | None:
    """GDAL's path for a remote source, None for a local path.

    Raises:
        UnsafeSceneError: a virtual path that is never read, or a scheme that is not known.
    """
    lowered = text.strip().lower()
    if lowered.startswith(("/vsi", "\\vsi")):
        inside = lowered[4:]
        if lowered.startswith(_REMOTE_VSI) and "/vsi" not in inside:
            return text.strip()
        raise UnsafeSceneError(
            f"{shorten(without_secrets(text))} is one of GDAL's virtual paths, which are not read",
            hint="Unpack or copy the raster to a file.",
        )
    scheme, separator, _ = text.strip().partition("://")
    if not separator:
        return None
    if scheme.lower() in _REMOTE_SCHEMES and "/vsi" not in lowered:
        return gdal_path(text.strip())
    raise UnsafeSceneError(
        f"{shorten(without_secrets(text))} has a scheme that is not read",
        hint="Use a file path, http(s), s3, gs or az.",
    )
