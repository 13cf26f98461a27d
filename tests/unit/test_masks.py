"""Masks on their way: what was packed comes back, and what does not fit is refused."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geogrounding.errors import InputError
from geogrounding.geometry.masks import pack_mask, unpack_mask
from geogrounding.types import Mask


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(0, 9), st.integers(0, 9))
def test_what_was_packed_comes_back_in_its_place(seed: int, left: int, top: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.random(tuple(rng.integers(1, 40, 2))) < rng.random() ** 3
    mask = pack_mask(pixels, (left, top))
    if not pixels.any():
        assert mask is None
        return
    assert mask is not None
    x0, y0, x1, y1 = mask.window_chip_px
    again = np.zeros((pixels.shape[0] + top, pixels.shape[1] + left), np.bool_)
    again[y0:y1, x0:x1] = unpack_mask(mask)
    assert np.array_equal(again[top:, left:], pixels)
    edges = unpack_mask(mask)
    assert all(edge.any() for edge in (edges[0], edges[-1], edges[:, 0], edges[:, -1]))


@pytest.mark.parametrize(
    "mask",
    [
        Mask(window_chip_px=(0, 0, 8, 2), packed=zlib.compress(b"\xff")),
        Mask(window_chip_px=(0, 0, 8, 1), packed=zlib.compress(b"\xff\xff")),
        Mask(window_chip_px=(0, 0, 8, 1), packed=b"no zlib"),
        Mask(window_chip_px=(3, 0, 3, 1), packed=zlib.compress(b"")),
    ],
)
def test_bytes_that_do_not_fit_their_window_are_refused(mask: Mask) -> None:
    with pytest.raises(InputError, match="mask"):
        unpack_mask(mask)


def test_a_mask_of_another_shape_is_refused() -> None:
    with pytest.raises(InputError, match="height, width"):
        pack_mask(np.zeros(4, np.bool_))
