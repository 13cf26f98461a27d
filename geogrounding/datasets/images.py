"""Read the images of a data set as RGB, after checking their paths and sizes.

Label files are untrusted input: a name must not lead out of the folder of images ("../", an absolute path, a link), and a
small file must not unpack to gigabytes.
"""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path, PureWindowsPath
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from geogrounding.errors import InputError, SceneError, UnsafeSceneError
from geogrounding.messages import quote
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import Stretch, compute_stretch

MAX_IMAGE_PIXELS = 80_000_000
"""Pixels of one image: 8,900 x 8,900. No model takes a larger one at once, and 200 KB of PNG can declare it. Below
the 89 million from which Pillow itself warns."""
IMAGE_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
"""Read by Pillow; everything else goes through ``Scene``."""

_EIGHT_BIT_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"})
_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM")


class MalformedError(Exception):
    """A record cannot be used; the message is the reason. Readers turn it into a ``Problem``."""


class ImageFolder:
    r"""The folder that the images of a data set are in.

    Labels may name an image by a path of the machine that they were made on (``C:\data\p1.png``,
    ``..\..\media\upload\4\p1.png``, ``/data/upload/p1.png``): where there is no such file, the longest end of
    the path that is a file in the folder is taken, as long as no other image of the labels ends alike.

    Args:
        root: the folder; nothing outside of it is opened.
        subfolders: where else inside the folder a name is looked for.

    Raises:
        InputError: there is no such folder.
    """

    def __init__(self, root: Path, subfolders: tuple[str, ...] = ()) -> None:
        try:
            self.root = root.resolve(strict=True)
        except (OSError, RuntimeError, ValueError):
            raise InputError(f"there is no folder {root}", hint="Name the folder of images with --images.") from None
        if not self.root.is_dir():
            raise InputError(f"{root} is not a folder", hint="Name the folder of images with --images.")
        self._folders = (self.root, *(self.root / name for name in subfolders))
        self._known: dict[str, tuple[Path, tuple[int, int]] | MalformedError] = {}
        self._shortened: dict[Path, str] = {}
        """Files that were found by the end of a name, and that name."""
        self._ends: Counter[tuple[str, ...]] = Counter()

    def expect(self, names: Iterable[object]) -> None:
        """Note all names of a label file, so that an end that two of them share is not taken for either."""
        for name in {name for name in names if isinstance(name, str)}:
            parts = _parts(name)
            self._ends.update(parts[first:] for first in range(len(parts)))

    def find(self, name: object) -> tuple[Path, tuple[int, int]]:
        """The file of an image and its (width, height), looked up once for each name.

        Raises:
            MalformedError: the name leads outside the folder, or there is no usable image.
        """
        if not isinstance(name, str) or not name.strip() or "\0" in name:
            raise MalformedError("the name of the image is missing or not a text")
        known = self._known.get(name)
        if known is None:
            try:
                path = self.locate(name)
                known = (path, image_size(path))
            except MalformedError as error:
                known = error
            except SceneError as error:
                known = MalformedError(str(error))
            self._known[name] = known
        if isinstance(known, MalformedError):
            raise known
        return known

    def locate(self, name: str) -> Path:
        """The file of this name, links resolved, inside the folder.

        Raises:
            MalformedError: there is none, it lies elsewhere, or another name led to the same file.
        """
        name = name.removeprefix("file://")
        if "://" in name:
            raise MalformedError(f"the image {quote(name)} is an address; images are read from files only")
        outside = False
        for form in dict.fromkeys((name, unquote(name), unquote(name).replace("\\", "/"))):
            path = self._existing(form)
            outside = outside or path is not None
            if path is not None and path.is_relative_to(self.root):
                return path
        parts = _parts(name)
        for first in range(len(parts)):
            path = self._existing("/".join(parts[first:]))
            if path is None or not path.is_relative_to(self.root) or not path.is_file():
                continue
            other = self._shortened.setdefault(path, name)
            if self._ends[parts[first:]] > 1 or other != name:
                raise MalformedError(f"the image {quote(name)} is not in {self.root}, and another one ends alike")
            return path
        if outside:
            raise MalformedError(f"the image {quote(name)} lies outside the folder {self.root}")
        raise MalformedError(f"the image {quote(name)} is not in {self.root}")

    def _existing(self, name: str) -> Path | None:
        """The path of a name in the first folder that has it, links resolved."""
        for folder in self._folders:
            try:
                return (folder / name).resolve(strict=True)
            except (OSError, RuntimeError, ValueError):
                continue
        return None


def _parts(name: str) -> tuple[str, ...]:
    """The parts of a path of any system, without drive, root and dots."""
    path = PureWindowsPath(unquote(name))
    return tuple(part for part in path.parts if part not in (path.anchor, "..", "."))


def image_size(path: Path) -> tuple[int, int]:
    """(width, height) of an image in pixels; only the header is read where Pillow reads the format.

    Raises:
        SceneError: it is missing or not an image.
        UnsafeSceneError: it is a link or too large.
    """
    if not _check_file(path):
        with Scene.open(path, pixel_coordinates=True) as scene:
            return scene.width, scene.height
    with _open(path) as image:
        return image.size


def read_image(
    path: Path, window_px: tuple[int, int, int, int] | None = None, size_px: tuple[int, int] | None = None
) -> NDArray[np.uint8]:
    """An image, or a window (x0, y0, x1, y1) of it, as (height, width, 3) RGB.

    Rasters and images of more than 8 bits are brought to 8 bits by the stretch of the whole file.

    Args:
        path: of the file.
        window_px: inside the file; None is all of it.
        size_px: (width, height) that the result must have; None is not checked.

    Raises:
        SceneError: it is missing, damaged, or has another size.
        UnsafeSceneError: it is a link or too large.
    """
    pixels = None
    if _check_file(path):
        with _open(path) as image:
            if image.mode in _EIGHT_BIT_MODES:
                pixels = _rgb(image, path, window_px)
    if pixels is None:
        pixels = _read_scene(path, window_px)
    if size_px is not None and (pixels.shape[1], pixels.shape[0]) != size_px:
        raise SceneError(
            f"{path.name} has {pixels.shape[1]} x {pixels.shape[0]} pixels, not {size_px[0]} x {size_px[1]} as before",
            hint="Was the image changed after the labels were read?",
        )
    return pixels


def _check_file(path: Path) -> bool:
    """Whether Pillow reads this file; False where it is for ``Scene`` to decide."""
    try:
        mode = path.lstat().st_mode
        head = b""
        if stat.S_ISREG(mode):
            with path.open("rb") as file:
                head = file.read(12)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name cannot be used"
        raise SceneError(f"the image {quote(path.name)} cannot be read: {reason}", hint="Check its path.") from None
    if stat.S_ISLNK(mode):
        raise UnsafeSceneError(f"{quote(path.name)} is a link", hint="Name the image itself.")
    if not stat.S_ISREG(mode):
        raise SceneError(f"{quote(path.name)} is not a regular file", hint="Images are read from files only.")
    return head.startswith(_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def _open(path: Path) -> Image.Image:
    """Open an image and check its size; pixels are not decoded yet."""
    try:
        image = Image.open(path, formats=IMAGE_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _bomb(path) from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, KeyError, OverflowError):
        raise SceneError(f"{quote(path.name)} is damaged: its header cannot be read", hint="Get it again.") from None
    if image.width * image.height > MAX_IMAGE_PIXELS:
        image.close()
        raise _bomb(path)
    return image


def _bomb(path: Path) -> UnsafeSceneError:
    return UnsafeSceneError(
        f"{quote(path.name)} declares more than {MAX_IMAGE_PIXELS:,} pixels",
        hint="Cut large scenes into chips first: geoground train sft --scene ... --labels ...",
    )


def _rgb(image: Image.Image, path: Path, window_px: tuple[int, int, int, int] | None) -> NDArray[np.uint8]:
    if window_px is not None:
        _check_window(window_px, image.size, path)
    try:
        image.load()
        part = image if window_px is None else image.crop(window_px)
        if part.mode in ("P", "PA") and "transparency" in part.info:
            part = part.convert("RGBA")
        return np.array(part.convert("RGB"))
    except (OSError, ValueError, SyntaxError, KeyError, IndexError, OverflowError) as error:
        reason = quote(str(error)) or type(error).__name__
        raise SceneError(f"{quote(path.name)} is damaged: {reason}", hint="Get the image again.") from None


def _read_scene(path: Path, window_px: tuple[int, int, int, int] | None) -> NDArray[np.uint8]:
    with Scene.open(path, pixel_coordinates=True) as scene:
        x0, y0, x1, y1 = window_px or (0, 0, scene.width, scene.height)
        _check_window((x0, y0, x1, y1), (scene.width, scene.height), path)
        if (x1 - x0) * (y1 - y0) > MAX_IMAGE_PIXELS:
            raise _bomb(path)
        raw, valid = scene.read_raw((x0, y0, x1, y1))
        quick = scene.dtype == "uint8" and len(scene.bands) >= 3  # such values pass unchanged: nothing to sample
        stretch = compute_stretch(scene) if quick else _stretch(path, path.stat().st_mtime_ns)
        return stretch.apply(raw, valid)


@lru_cache(maxsize=64)
def _stretch(path: Path, changed_ns: int) -> Stretch:
    """The stretch of a file; ``changed_ns`` is part of the cache key."""
    with Scene.open(path, pixel_coordinates=True) as scene:
        return compute_stretch(scene)


def _check_window(window_px: tuple[int, int, int, int], size_px: tuple[int, int], path: Path) -> None:
    x0, y0, x1, y1 = window_px
    if not (0 <= x0 < x1 <= size_px[0] and 0 <= y0 < y1 <= size_px[1]):
        raise SceneError(f"the window {window_px} lies outside {quote(path.name)}, {size_px[0]} x {size_px[1]} pixels")
