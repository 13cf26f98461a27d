"""Cut edges of masks: where they lie, and that parts are joined by them."""

from __future__ import annotations

import numpy as np
import pytest

from geogrounding.geometry.masks import pack_mask
from geogrounding.raster.grid import ChipGrid
from geogrounding.raster.tiling import Tiling
from geogrounding.vector.candidates import Candidates
from geogrounding.vector.merge import merge
from geogrounding.vector.spans import cut_spans

LEFT, RIGHT = ChipGrid(200, 100, tiling=Tiling(tile_size_px=100, overlap_px=0))


def test_a_span_is_where_the_mask_meets_the_border() -> None:
    pixels = np.zeros((100, 100), np.bool_)
    for column in range(60, 100):  # a slanting bar, 10 high, that leaves at the right
        pixels[column - 40 : column - 30, column] = True
    spans = cut_spans(LEFT, pack_mask(pixels), np.array([False, False, True, False]))
    assert spans[2].tolist() == [59.0, 69.0]
    assert np.isnan(spans[[0, 1, 3]]).all()
    other = cut_spans(RIGHT, pack_mask(pixels.T), np.array([False, False, False, True]))
    assert other[3].tolist() == [159.0, 169.0]
    assert np.isnan(cut_spans(LEFT, pack_mask(pixels[:, :90]), np.array([False, False, True, False]))).all()
    assert np.isnan(cut_spans(LEFT, None, np.array([True] * 4))).all()


@pytest.mark.parametrize(
    ("right_span", "objects"),
    [((52.0, 68.0), 1), ((72.0, 90.0), 2), (None, 1)],
    ids=["the same edge", "another edge of the same extent", "no mask"],
)
def test_parts_are_joined_by_the_edge_that_they_share(right_span: tuple[float, float] | None, objects: int) -> None:
    spans = np.full((2, 4, 2), np.nan)
    spans[0, 2] = (50.0, 70.0)
    if right_span is not None:
        spans[1, 0] = right_span
    found = Candidates(
        boxes_scene_px=np.array([[40.0, 20.0, 100.0, 90.0], [100.0, 20.0, 170.0, 92.0]]),
        scores=np.array([0.9, 0.8]),
        groups=np.zeros(2, np.int64),
        cut=np.array([[False, False, True, False], [True, False, False, False]]),
        chips=np.array([0, 1]),
        chip_windows_scene_px=np.array([LEFT.window_scene_px, RIGHT.window_scene_px], np.float64),
        scales=np.ones(2),
        spans=spans,
    )
    assert len(merge(found, method="auto", metric="iou", threshold=0.5)) == objects
