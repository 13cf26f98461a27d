"""The region head: geometry of its boxes, suppression, order."""

from __future__ import annotations

from dataclasses import fields

import torch

from geogrounding.models.builtin.regions import (
    DenseMaps,
    RegionHead,
    mean_inside,
    pairwise_iou,
    select_regions,
)


def maps(
    cells: list[tuple[int, int, int, float, tuple[float, float, float, float]]], grid: int = 8, classes: int = 2
) -> DenseMaps:
    """Maps that are silent but for (row, column, class, logit, box); class -1 is any object."""
    logits, boxes = torch.full((1, classes + 1, grid, grid), -9.0), torch.zeros(1, 4, grid, grid)
    for row, column, label, logit, box in cells:
        logits[0, label, row, column] = logit
        boxes[0, :, row, column] = torch.tensor(box)
    hidden = torch.arange(grid * grid, dtype=torch.float32).reshape(1, 1, grid, grid)
    tower = torch.arange(grid * grid // 4, dtype=torch.float32).reshape(1, 1, grid // 2, grid // 2)
    coarse = torch.zeros(1, 4, grid // 2, grid // 2)
    return DenseMaps(logits=logits, boxes_px=boxes, hidden=hidden, coarse=coarse, tower=tower)


def test_boxes_surround_their_cell() -> None:
    torch.manual_seed(0)
    head = RegionHead(feature_width=16, feature_parts=2, width=16, fine=16, classes=3, patch_px=14).eval()
    with torch.no_grad():
        out = head(torch.randn(2, 16, 16), torch.randn(2, 3, 56, 56))
    assert out.logits.shape == (2, 4, 8, 8)
    centre = (torch.arange(8) + 0.5) * 7
    assert bool((out.boxes_px[:, 0] < centre).all() and (out.boxes_px[:, 2] > centre).all())
    assert bool((out.boxes_px[:, 1] < centre[:, None]).all() and (out.boxes_px[:, 3] > centre[:, None]).all())


def test_duplicates_of_a_class_go_and_another_class_stays() -> None:
    box, near, other = (5.0, 5.0, 25.0, 25.0), (6.0, 5.0, 26.0, 25.0), (11.0, 5.0, 31.0, 25.0)
    found = select_regions(
        maps([(1, 1, 0, 2.0, box), (1, 2, 0, 1.0, near), (2, 2, 1, 0.5, other)]), side_px=56, candidates=16, keep=4
    )
    kept = found.scores[0].max(-1).values > 0.1
    assert kept.sum() == 2
    assert {int(c) for c in found.scores[0][kept].argmax(-1)} == {0, 1}
    best = found.boxes_px[0][kept][found.scores[0][kept][:, 0].argmax()]
    assert best.tolist() == list(box)


def test_regions_come_in_reading_order_and_inside_the_image() -> None:
    found = select_regions(
        maps([(6, 1, 0, 3.0, (-9, 40, 20, 60)), (1, 6, 0, 2.0, (40, 3, 70, 20)), (1, 1, 0, 1.0, (2, 3, 18, 20))]),
        side_px=56,
        candidates=16,
        keep=3,
    )
    assert found.boxes_px[0].tolist() == [[2, 3, 18, 20], [40, 3, 56, 20], [0, 40, 20, 56]]
    assert found.hidden[0, :, 0].tolist() == [9, 14, 49]


def test_a_thing_without_a_class_is_proposed() -> None:
    seen = maps([(3, 3, -1, 2.0, (10, 10, 30, 30))])
    found = select_regions(seen, side_px=56, candidates=16, keep=4, least=4)
    assert found.boxes_px[0][found.scores[0, :, -1].argmax()].tolist() == [10, 10, 30, 30]
    assert not select_regions(seen, side_px=56, candidates=16, keep=4).scores.any(), "no class is answered with it"


def test_what_an_image_shows_does_not_depend_on_its_batch() -> None:
    crowd = maps([(y, x, 0, 2.0, (x * 7.0, y * 7.0, x * 7.0 + 6, y * 7.0 + 6)) for y in range(8) for x in range(8)])
    empty = maps([(3, 3, 1, 1.0, (10, 10, 30, 30))])
    both = DenseMaps(**{f.name: torch.cat([getattr(m, f.name) for m in (crowd, empty)]) for f in fields(DenseMaps)})
    options = {"side_px": 56, "candidates": 100, "keep": 50}
    together, alone = select_regions(both, **options), select_regions(empty, **options)
    assert together.scores.shape[1] == 50, "as many as the crowded image needs, and no more than are kept"
    real = together.scores[1].amax(-1) > 0
    assert torch.equal(together.boxes_px[1][real], alone.boxes_px[0])
    assert torch.equal(together.scores[1][real], alone.scores[0])


def test_the_best_regions_stay_in_reading_order() -> None:
    found = select_regions(
        maps([(6, 1, 0, 3.0, (0, 40, 20, 56)), (1, 6, 0, 1.0, (40, 3, 56, 20)), (1, 1, 0, 2.0, (2, 3, 18, 20))]),
        side_px=56,
        candidates=16,
        keep=3,
    )
    assert found.best(2).boxes_px[0].tolist() == [[2, 3, 18, 20], [0, 40, 20, 56]]
    padded = found.best(5)
    assert padded.boxes_px.shape == (1, 5, 4)
    assert not padded.scores[0, 3:].any()


def test_the_look_of_a_region_is_the_mean_of_the_cells_it_touches() -> None:
    grid = torch.randn(2, 3, 6, 6)
    boxes = torch.tensor([[[0.0, 0, 6, 6], [1.2, 2.5, 2.9, 4.0], [5.9, 5.9, 6, 6]]]).expand(2, -1, -1)
    found = mean_inside(grid, boxes)
    assert torch.allclose(found[:, 0], grid.mean((2, 3)), atol=1e-5)
    assert torch.allclose(found[:, 1], grid[:, :, 2:4, 1:3].mean((2, 3)), atol=1e-5)
    assert torch.allclose(found[:, 2], grid[:, :, 5, 5], atol=1e-5)


def test_pairwise_iou() -> None:
    a = torch.tensor([[0.0, 0, 10, 10], [0, 0, 0, 0]])
    b = torch.tensor([[5.0, 0, 15, 10], [20, 20, 30, 30], [0, 0, 10, 10]])
    assert torch.allclose(pairwise_iou(a, b), torch.tensor([[1 / 3, 0, 1], [0, 0, 0]]))
