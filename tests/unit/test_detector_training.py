"""What the region head is taught by a view: which cells count, and for which classes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from geogrounding.models.builtin.regions import DenseMaps
from recipes.builtin_model.corpora import CLASSES, OTHER, LabelledImage, View
from recipes.builtin_model.detector import FINE, IS, IS_NOT, Target, detection_loss, target_of
from recipes.builtin_model.sets import SETS, LabelledSet, read_part, set_of
from recipes.builtin_model.views import SIZES_PX, Views, chances, draw

SHIP, TREE, HOUSE, BRIDGE, PANEL = (CLASSES.index(n) for n in ("ship", "tree", "building", "bridge", "solar panel"))
OVERPASS = CLASSES.index("overpass")


def view(boxes: list[list[float]], labels: list[int], known: set[str], visible: list[float] | None = None) -> View:
    return View(
        pixels=np.zeros((336, 336, 3), np.uint8),
        content_px=(336, 336),
        boxes_view_px=np.array(boxes, np.float64).reshape(-1, 4),
        labels=np.array(labels, np.int64),
        visible=np.array(visible or [1.0] * len(labels)),
        known=np.array([name in known for name in CLASSES]),
        source="estonia-ortho",
    )


def target(*args: object, faint: dict[str, float] | None = None) -> Target:
    item = LabelledSet(folder="x", share=1, scales=(1, 1), known=frozenset(), faint=faint or {})
    return target_of(view(*args), item)  # type: ignore[arg-type]


BOX = [140.0, 140.0, 196.0, 196.0]
MIDDLE = (24, 24)


def test_a_class_that_a_set_does_not_label_counts_neither_way() -> None:
    made = target([BOX], [HOUSE], {"building"})
    assert made.care[TREE, 2, 2] == 0
    assert made.care[HOUSE, 2, 2] == 1


def test_a_label_is_a_negative_of_every_other_class() -> None:
    made = target([BOX], [HOUSE], {"building"})
    assert made.label[MIDDLE] == HOUSE
    assert made.care[TREE][MIDDLE] == made.care[SHIP][MIDDLE] == 1


def test_what_may_stand_in_each_other_says_nothing_of_the_other() -> None:
    assert target([BOX], [HOUSE], {"building"}).care[PANEL][MIDDLE] == 0
    assert target([BOX], [PANEL], {"solar panel"}).care[HOUSE][MIDDLE] == 0


def test_an_overpass_is_a_bridge_and_a_bridge_need_not_be_one() -> None:
    assert IS[OVERPASS, BRIDGE]
    assert IS[OVERPASS, OVERPASS]
    assert not IS[BRIDGE, OVERPASS]
    assert not IS_NOT[BRIDGE, OVERPASS]
    assert not (IS & IS_NOT).any()
    assert IS[:, -1].all(), "everything is an object"


@pytest.mark.parametrize(
    ("label", "visible", "box"), [(OTHER, 1.0, BOX), (SHIP, 0.3, BOX), (SHIP, 1.0, [9, 9, 12, 40])]
)
def test_what_cannot_be_judged_is_left_out(label: int, visible: float, box: list[float]) -> None:
    made = target([box], [label], set(CLASSES), [visible])
    row, column = int((box[1] + box[3]) / 14), int((box[0] + box[2]) / 14)
    assert (made.label == -1).all()
    assert (made.care[:, row, column] == 0).all()
    assert made.care[SHIP, 47, 47] == 1


def test_negatives_of_a_class_that_is_not_labelled_everywhere_are_faint() -> None:
    made = target([BOX], [TREE], {"tree"}, faint={"tree": 0.25})
    assert made.care[TREE, 0, 0] == 0.25
    assert made.care[TREE][MIDDLE] == 1


def maps(logit: float, boxes: torch.Tensor) -> DenseMaps:
    logits = torch.full((len(boxes), len(CLASSES) + 1, FINE, FINE), logit, requires_grad=True)
    none = torch.zeros(0)
    return DenseMaps(logits=logits, boxes_px=boxes, hidden=none, coarse=none, tower=none)


def loss_and_gradient(made: Target) -> tuple[float, torch.Tensor]:
    said = maps(0.5, torch.from_numpy(made.box_px).permute(2, 0, 1)[None].clone())
    parts = (torch.from_numpy(np.asarray(x))[None] for x in (made.label, made.box_px, made.weight, made.care))
    loss = detection_loss(said, *parts)
    (gradient,) = torch.autograd.grad(loss, said.logits)
    return loss.item(), gradient[0]


def test_the_loss_moves_what_counts_and_nothing_else() -> None:
    _, gradient = loss_and_gradient(target([BOX], [OVERPASS], {"overpass"}))
    assert gradient[OVERPASS][MIDDLE] < 0
    assert gradient[BRIDGE][MIDDLE] < 0
    assert gradient[TREE][MIDDLE] > 0
    assert gradient[OVERPASS, 2, 2] > 0
    assert gradient[TREE, 2, 2] == gradient[BRIDGE, 2, 2] == 0


def test_a_crowded_view_weighs_less_than_its_number_of_objects() -> None:
    many = [[10.0 + 40 * (n % 8), 10.0 + 40 * (n // 8), 30.0 + 40 * (n % 8), 30.0 + 40 * (n // 8)] for n in range(64)]
    crowd, single = target(many, [SHIP] * 64, {"ship"}), target([many[0]], [SHIP], {"ship"})
    both = [
        torch.from_numpy(np.stack([getattr(t, n) for t in (crowd, single)]))
        for n in ("label", "box_px", "weight", "care")
    ]
    said = maps(0.0, both[1].permute(0, 3, 1, 2).clone())
    (gradient,) = torch.autograd.grad(detection_loss(said, *both), said.logits)
    pull = -gradient[:, SHIP].clamp(max=0).sum((1, 2))
    assert 2 < pull[0] / pull[1] < 16, "the root of the number, not the number"


@pytest.fixture
def images(tmp_path: Path) -> list[LabelledImage]:
    """Ten images of one set, of which one is crowded and one shows a rare class."""
    rng, out = np.random.default_rng(0), []
    for n in range(10):
        path = tmp_path / f"{n}.png"
        Image.fromarray(rng.integers(0, 255, (500, 500, 3), np.uint8)).save(path)
        count = 90 if n == 3 else 2
        corner = rng.uniform(0, 460, (count, 2))
        out.append(
            LabelledImage(
                source="estonia-ortho",
                path=path,
                window_px=None,
                boxes_px=np.concatenate([corner, corner + 24], 1),
                labels=np.full(count, SHIP if n == 7 else HOUSE),
                known=frozenset({"building", "ship"}),
            )
        )
    return out


def test_rare_classes_and_crowds_are_drawn_more_often(images: list[LabelledImage]) -> None:
    chance = chances(images)
    assert chance.sum() == pytest.approx(1)
    assert chance[7] > 2 * chance[0]
    assert chance[3] > 1.3 * chance[0]


def test_a_view_that_is_led_to_an_object_shows_it_at_a_size_that_can_be_learned(images: list[LabelledImage]) -> None:
    shown = 0
    for seed in range(60):
        made = draw(images[7], images[7].pixels(), np.random.default_rng(seed))
        sizes = np.sqrt(np.prod(made.boxes_view_px[:, 2:] - made.boxes_view_px[:, :2], axis=1))[made.visible > 0.95]
        shown += bool(((sizes > SIZES_PX[0] * 0.9) & (sizes < SIZES_PX[1] * 1.1)).any())
    assert shown > 30


def test_views_go_on_where_they_stopped(images: list[LabelledImage]) -> None:
    whole = iter(Views(images, seed=3, batch=2))
    first, second = next(whole), next(whole)
    again = next(iter(Views(images, seed=3, batch=2, start=2)))
    assert all(torch.equal(a, b) for a, b in zip(second, again, strict=True))
    assert not torch.equal(first[0], second[0])


def test_every_set_knows_only_classes_of_the_model() -> None:
    for item in SETS:
        assert item.known <= set(CLASSES), item.folder
        assert set(item.faint) <= item.known
        assert set_of(item.folder) is item
        assert item.scales[0] < item.scales[1]


def test_images_that_show_a_withheld_class_are_gone_and_it_is_known_nowhere(tmp_path: Path) -> None:
    folder = tmp_path / "simd"
    (folder / "images").mkdir(parents=True)
    coco = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 9, "height": 9} for n in range(40)],
        "annotations": [{"image_id": n, "category_id": 1 + n % 3, "bbox": [1, 2, 3, 4]} for n in range(40) if n % 4],
        "categories": [{"id": 1, "name": "ship"}, {"id": 2, "name": "vehicle"}, {"id": 3, "name": "helicopter"}],
    }
    (folder / "train.json").write_text(json.dumps(coco))
    all_of_them = [*read_part(tmp_path, "train"), *read_part(tmp_path, "dev")]
    assert len(all_of_them) == 40
    assert any(OTHER in labelled.labels for labelled in all_of_them)
    kept = [p for part in ("train", "dev") for p in read_part(tmp_path, part, without=frozenset({"ship"}))]
    assert len(kept) == sum(SHIP not in labelled.labels for labelled in all_of_them) < 40
    assert not any("ship" in labelled.known for labelled in kept)
    assert all("vehicle" in labelled.known for labelled in kept)
