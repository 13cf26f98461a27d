"""The rule ``auto``, case by case, and the classic methods."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geogrounding.errors import SettingsError
from geogrounding.vector.candidates import Merged
from geogrounding.vector.merge import METHODS, Method, merge
from tests.unit.chips_and_boxes import NAN, Seen, candidates, f1, on_all_chips, row_of_chips, scattered, simulated

Box = tuple[float, float, float, float]


def boxes_of(merged: Merged) -> list[Box]:
    return [tuple(round(value, 6) for value in box) for box in merged.boxes_scene_px.tolist()]


def auto(seen: list[Seen]) -> list[Box]:
    return boxes_of(merge(candidates(seen)))


# -- duplicates ----------------------------------------------------------------------------------------------------


def test_an_object_seen_whole_twice_is_one_with_the_better_score() -> None:
    left, right = row_of_chips(2)
    merged = merge(candidates([Seen(left, (280, 100, 328, 150), 0.5), Seen(right, (282, 101, 330, 152), 0.7)]))
    assert boxes_of(merged) == [(282, 101, 330, 152)]
    assert merged.scores.tolist() == [0.7]
    assert merged.representative.tolist() == [1]
    assert merged.sizes.tolist() == [2]


def test_neighbours_in_the_overlap_stay_two() -> None:
    chips = row_of_chips(2)
    row: list[Box] = [(285, 100, 325, 120), (285, 121, 325, 141), (285, 142, 325, 162)]
    assert auto(on_all_chips(chips, row)) == row


def test_boxes_of_one_chip_are_two_objects_unless_nearly_identical() -> None:
    (chip,) = row_of_chips(1)
    half_covered: list[Seen] = [Seen(chip, (100, 100, 200, 200), 0.9), Seen(chip, (130, 100, 230, 200), 0.8)]
    assert len(auto(half_covered)) == 2
    assert len(auto([Seen(chip, (100, 100, 200, 200), 0.9), Seen(chip, (102, 100, 202, 200), 0.8)])) == 1


def test_a_crowd_of_overlapping_boxes_pairs_one_to_one_across_chips() -> None:
    left, right = row_of_chips(2)
    first: list[Box] = [(280, 100, 320, 140), (292, 100, 332, 140)]  # IoU of 0.54 with each other
    second: list[Box] = [(281, 100, 321, 140), (291, 100, 331, 140)]
    seen = [Seen(left, box, 0.9 - 0.1 * n) for n, box in enumerate(first)]
    seen += [Seen(right, box, 0.6) for box in second]
    assert auto(seen) == first


def test_the_finer_level_gives_the_box_and_the_better_score_is_kept() -> None:
    (fine,) = row_of_chips(1)
    (coarse,) = row_of_chips(1, scale=2.0, first=1)
    merged = merge(candidates([Seen(coarse, (96, 100, 204, 208), 0.9), Seen(fine, (100, 100, 200, 200), 0.6)]))
    assert boxes_of(merged) == [(100, 100, 200, 200)]
    assert merged.scores.tolist() == [0.9]
    assert merged.representative.tolist() == [0]


def test_a_tiny_object_off_by_two_coarse_pixels_is_one() -> None:
    (fine,) = row_of_chips(1)
    (coarse,) = row_of_chips(1, scale=2.0, first=1)
    assert auto([Seen(fine, (100, 100, 120, 108)), Seen(coarse, (100, 104, 120, 112))]) == [(100, 100, 120, 108)]


# -- parts ---------------------------------------------------------------------------------------------------------


def test_an_object_larger_than_the_overlap_is_joined() -> None:
    chips = row_of_chips(2)
    merged = merge(candidates(on_all_chips(chips, [(200, 100, 400, 150)])))
    assert boxes_of(merged) == [(200, 100, 400, 150)]
    assert merged.sizes.tolist() == [2]


@pytest.mark.parametrize("overlap", [0, 8, 32, 64, 128])
def test_chains_over_many_chips_and_around_corners(overlap: int) -> None:
    chips = row_of_chips(4, 3, overlap=overlap)
    large: Box = (150, 170, 900, 620)
    assert auto(on_all_chips(chips, [large])) == [large]


def test_a_corner_of_four_chips() -> None:
    chips = row_of_chips(2, 2)
    assert auto(on_all_chips(chips, [(200, 210, 400, 380)])) == [(200, 210, 400, 380)]


def test_parallel_objects_across_a_border_keep_apart() -> None:
    chips = row_of_chips(2)
    ships: list[Box] = [(150, 20 + 34 * n, 420, 50 + 34 * n) for n in range(8)]
    assert auto(on_all_chips(chips, ships)) == ships


def test_parts_whose_edges_are_a_few_pixels_off_are_joined() -> None:
    left, right = row_of_chips(2)
    seen = [Seen(left, (200, 98, 333.5, 151)), Seen(right, (274.5, 103, 400, 148))]
    assert auto(seen) == [(200, 98, 400, 151)]


def test_a_slanting_object_is_joined_though_its_parts_differ_in_height() -> None:
    left, right = row_of_chips(2)
    # A ship that runs from (100, 10) to (480, 310): each chip sees a box of its own part.
    seen = [Seen(left, (100, 10, 336, 200)), Seen(right, (272, 140, 480, 310))]
    assert auto(seen) == [(100, 10, 480, 310)]


def test_a_part_inside_a_whole_box_is_dropped() -> None:
    left, right = row_of_chips(2)
    whole, part = Seen(left, (240, 100, 300, 150), 0.4), Seen(right, (272, 103, 299, 147), 0.9)
    merged = merge(candidates([whole, part]))
    assert boxes_of(merged) == [(240, 100, 300, 150)]
    assert merged.scores.tolist() == [0.9]
    assert merged.representative.tolist() == [1]


def test_two_wing_tips_inside_a_whole_aircraft_are_dropped() -> None:
    left, right = row_of_chips(2)
    seen = [Seen(left, (220, 100, 300, 180)), Seen(right, (272, 100, 285, 115)), Seen(right, (272, 165, 285, 180))]
    assert auto(seen) == [(220, 100, 300, 180)]


def test_an_object_that_touches_the_border_but_is_whole_elsewhere() -> None:
    left, right = row_of_chips(2)
    assert auto([Seen(left, (300, 100, 336, 150), 0.9), Seen(right, (300, 100, 337, 150), 0.5)]) == [
        (300, 100, 337, 150)
    ]


def test_a_part_of_another_object_at_the_same_border_stays() -> None:
    left, right = row_of_chips(2)
    seen = [Seen(left, (240, 100, 300, 150)), Seen(right, (272, 160, 290, 200))]
    assert len(auto(seen)) == 2


def test_parts_of_a_fine_level_inside_a_coarse_whole_are_dropped() -> None:
    fine = row_of_chips(3, 3)
    (coarse,) = row_of_chips(1, scale=4.0, first=9)
    large: Box = (100, 120, 700, 640)
    assert auto([*on_all_chips(fine, [large]), Seen(coarse, large, 0.3)]) == [large]


def test_small_whole_boxes_inside_a_large_one_are_kept() -> None:
    fine = row_of_chips(3, 3)
    (coarse,) = row_of_chips(1, scale=4.0, first=9)
    cars: list[Box] = [(110 + 30 * n, 150, 130 + 30 * n, 160) for n in range(5)]
    assert len(auto([*on_all_chips(fine, cars), Seen(coarse, (100, 140, 260, 170))])) == 6


def test_a_joined_object_and_its_coarse_whole_are_one() -> None:
    left, right = row_of_chips(2)
    (coarse,) = row_of_chips(1, scale=2.0, first=2)
    # The coarse box is too small for its parts to lie inside.
    seen = [*on_all_chips([left, right], [(150, 100, 450, 200)]), Seen(coarse, (190, 112, 410, 188), 0.9)]
    assert len(auto(seen)) == 1


def test_the_last_chip_shifted_inward_overlaps_more() -> None:
    left, right = row_of_chips(2, overlap=250)
    box: Box = (60, 100, 400, 160)
    assert auto(on_all_chips([left, right], [box])) == [box]


# -- groups, scores, order ----------------------------------------------------------------------------------------


def test_groups_are_never_compared() -> None:
    left, right = row_of_chips(2)
    box: Box = (280, 100, 328, 150)
    for method in METHODS:
        assert len(merge(candidates([Seen(left, box, group=0), Seen(right, box, group=1)]), method=method)) == 2


def test_a_known_score_is_preferred_to_an_unknown_one() -> None:
    left, right = row_of_chips(2)
    merged = merge(candidates([Seen(left, (280, 100, 328, 150), NAN), Seen(right, (282, 101, 330, 152), 0.1)]))
    assert boxes_of(merged) == [(282, 101, 330, 152)]
    assert merged.scores.tolist() == [0.1]


def test_unknown_scores_are_equal_and_the_box_farther_from_the_border_stays() -> None:
    left, right = row_of_chips(2)
    merged = merge(candidates([Seen(left, (280, 100, 320, 150), NAN), Seen(right, (281, 101, 321, 151), NAN)]))
    assert boxes_of(merged) == [(280, 100, 320, 150)]  # 16 px of room on the left chip, 9 on the right one
    assert math.isnan(merged.scores[0])


def test_results_run_from_top_to_bottom() -> None:
    (chip,) = row_of_chips(1)
    boxes: list[Box] = [(10, 200, 30, 220), (200, 10, 220, 30), (10, 10, 30, 30)]
    assert auto([Seen(chip, box) for box in boxes]) == [(10, 10, 30, 30), (200, 10, 220, 30), (10, 200, 30, 220)]


@pytest.mark.parametrize("method", METHODS)
def test_nothing_in_nothing_out(method: Method) -> None:
    merged = merge(candidates([]), method=method)
    assert merged.boxes_scene_px.shape == (0, 4)
    assert len(merged) == 0


@pytest.mark.parametrize("method", METHODS)
def test_boxes_without_area_are_no_trouble(method: Method) -> None:
    (chip,) = row_of_chips(1)
    seen = [Seen(chip, (10, 10, 10, 10)), Seen(chip, (10, 10, 10, 10)), Seen(chip, (10, 10, 40, 10))]
    assert 1 <= len(merge(candidates(seen), method=method)) <= 3


# -- classic methods ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("none", [(100, 100, 200, 200), (130, 100, 230, 200), (160, 100, 260, 200)]),
        ("nms", [(100, 100, 200, 200), (160, 100, 260, 200)]),
        ("nmm", [(100, 100, 230, 200), (160, 100, 260, 200)]),
        ("union", [(100, 100, 260, 200)]),
    ],
)
def test_classic_methods(method: Method, expected: list[Box]) -> None:
    (chip,) = row_of_chips(1)
    seen = [
        Seen(chip, (100, 100, 200, 200), 0.9),
        Seen(chip, (130, 100, 230, 200), 0.8),
        Seen(chip, (160, 100, 260, 200), 0.7),
    ]
    assert boxes_of(merge(candidates(seen), method=method)) == expected


def test_ios_finds_small_in_large() -> None:
    (chip,) = row_of_chips(1)
    seen = [Seen(chip, (100, 100, 200, 200), 0.9), Seen(chip, (110, 110, 130, 130), 0.8)]
    assert len(merge(candidates(seen), method="nms", metric="iou")) == 2
    assert len(merge(candidates(seen), method="nms", metric="ios")) == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"method": "soft"}, "merge method"),
        ({"metric": "giou"}, "match metric"),
        ({"threshold": 0.0}, "threshold"),
        ({"threshold": 1.1}, "threshold"),
        ({"threshold": NAN}, "threshold"),
    ],
)
def test_wrong_settings(settings: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as raised:
        merge(candidates([]), **settings)  # type: ignore[arg-type]
    assert raised.value.hint


# -- quality ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lengths", "levels"), [((15, 25), 1), ((15, 25), 2), ((30, 450), 1), ((30, 450), 2)])
def test_auto_beats_the_classic_methods_on_simulated_scenes(lengths: tuple[float, float], levels: int) -> None:
    random = np.random.default_rng(3)
    shapes = scattered(random, 1424, 220 if lengths[1] < 100 else 60, lengths)
    chips = row_of_chips(5, 5)
    if levels == 2:
        chips += row_of_chips(3, 3, overlap=112, scale=2.0, first=25)
    found = candidates(simulated(random, shapes, chips))
    ours = f1(merge(found), shapes)
    assert ours >= 0.93
    for method in METHODS:
        if method != "auto":
            assert ours >= max(f1(merge(found, method=method, metric=metric), shapes) for metric in ("iou", "ios"))


# -- levels that suit the size -------------------------------------------------------------------------------------


def test_each_size_is_taken_from_the_levels_that_show_it_well() -> None:
    sides = {  # side of a square in scene pixels: levels (0.5, 1, 2) at which it measures 24 to 120 chip pixels
        4.0: {0.5},  # small even on the finest, which has the last word on what is small
        20.0: {0.5},
        30.0: {0.5, 1.0},
        59.0: {0.5, 1.0, 2.0},
        70.0: {1.0, 2.0},
        130.0: {2.0},
        900.0: {2.0},  # and the coarsest on what is large
    }
    seen, expected = [], []
    for scale in (0.5, 1.0, 2.0):
        (chip,) = row_of_chips(1, scale=scale)
        for side, levels in sides.items():
            seen.append(Seen(chip, (0.0, 0.0, side, side)))
            expected.append(scale in levels)
    found = candidates(seen)
    assert found.of_suited_level((24.0, 120.0), (0.5, 1.0, 2.0)).tolist() == expected
    assert found.of_suited_level((24.0, 120.0), (2.004, 0.498, 1.0)).tolist() == expected
    assert found.of_suited_level(None, (0.5, 1.0, 2.0)).all()
    assert found.of_suited_level((24.0, 120.0), (1.0,)).all()


# -- nested objects ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inner", "score", "left"),
    [
        ((110, 110, 140, 140), 0.5, 1),
        ((110, 110, 140, 140), 0.6, 1),  # not much better than the roof around it
        ((110, 110, 140, 140), 0.9, 2),  # sure of itself: the larger one is doubtful
        ((190, 110, 220, 140), 0.5, 2),  # a third of it lies inside
        ((110, 110, 140, 140), NAN, 2),
    ],
)
def test_a_part_taken_for_a_whole_goes_to_the_larger_one(inner: Box, score: float, left: int) -> None:
    (chip,) = row_of_chips(1)
    outer: Box = (100, 100, 200, 200)
    seen = candidates([Seen(chip, outer, 0.5), Seen(chip, inner, score)])
    assert len(merge(seen)) == 2
    merged = merge(seen, nested=False)
    assert len(merged) == left
    assert outer in boxes_of(merged)
    if left == 1:
        assert merged.results.tolist() == [0, 0]
        assert merged.sizes.tolist() == [2]


def test_parts_of_parts_go_to_the_largest_and_other_groups_stay() -> None:
    (chip,) = row_of_chips(1)
    boxes: list[Box] = [(100, 100, 300, 300), (110, 110, 200, 200), (120, 120, 150, 150)]
    seen = [Seen(chip, box, 0.5) for box in boxes] + [Seen(chip, boxes[2], 0.5, group=1)]
    assert boxes_of(merge(candidates(seen), nested=False)) == [boxes[0], boxes[2]]
