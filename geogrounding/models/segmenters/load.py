"""From a name to a segmenter."""

from __future__ import annotations

from geogrounding.errors import SettingsError
from geogrounding.models.segmenters.base import Segmenter


def load_segmenter(name: str = "builtin", *, device: str | None = None, dtype: str | None = None) -> Segmenter:
    """Load a segmenter.

    Args:
        name: "builtin", or a folder or hub id of a SAM, SAM 2, SAM 2.1 or SAM 3 checkpoint for transformers.
        device: "cpu", "cuda", "cuda:1", "mps"; default the fastest there is (the CPU for the built-in one).
        dtype: of a checkpoint; default what suits the device.

    Raises:
        SettingsError: the name is empty, or options do not go together.
        ModelError: the segmenter cannot be found, is no segmenter, or does not fit here.
    """
    if not name.strip():
        raise SettingsError("the segmenter has no name", hint='Try "builtin".')
    if name == "builtin":
        from geogrounding.models.segmenters.builtin import BuiltinSegmenter

        return BuiltinSegmenter(device=device)
    from geogrounding.models.segmenters.sam import SamSegmenter

    return SamSegmenter(name, device=device, dtype=dtype)
