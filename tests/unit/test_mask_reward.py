"""The mask reward: what is drawn, how often, and what it is worth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from PIL import Image

from geogrounding.datasets import Sample
from geogrounding.errors import SettingsError
from geogrounding.geometry.masks import pack_mask
from geogrounding.models.segmenters.load import load_segmenter
from geogrounding.training.chat_format import make_format
from geogrounding.training.config import GRPOSettings, make_settings
from geogrounding.training.image_refs import ImageRef
from geogrounding.training.mask_reward import MaskReward
from geogrounding.training.probe import reward_functions
from geogrounding.types import Mask

SIZE = (120, 80)
L_SHAPE = shapely.Polygon([(20, 10), (60, 10), (60, 30), (40, 30), (40, 60), (20, 60)])
BOX = (20, 10, 60, 60)


class Bright:
    """Draws what is bright in the whole image, whatever the box; counts its calls."""

    name = fingerprint = "bright"

    def __init__(self) -> None:
        self.calls: list[tuple[int, list[Any]]] = []

    def segment(
        self, image: NDArray[np.uint8], boxes_px: NDArray[np.float64], keypoints_px: Sequence[Any]
    ) -> list[Mask | None]:
        self.calls.append((len(boxes_px), list(keypoints_px)))
        return [pack_mask(image[..., 0] > 128)] * len(boxes_px)

    def close(self) -> None:
        pass


def sample(folder: Path, name: str = "a.png", **more: Any) -> Sample:
    pixels = np.full((SIZE[1], SIZE[0], 3), 30, np.uint8)
    pixels[10:30, 20:60] = pixels[30:60, 20:40] = 220
    pixels[70:76, 90:110] = 220  # bright as well, outside of every box
    Image.fromarray(pixels).save(folder / name)
    given: dict[str, Any] = {"boxes_px": np.array([BOX], np.float64), "polygons_px": (L_SHAPE,), "labels": ("roof",)}
    given["task"] = "segment"
    return Sample(id=name, image=folder / name, size_px=SIZE, expression="roof", origin=name, **(given | more))


def reply(*boxes: Sequence[float], points: Any = None) -> str:
    entries = [{"bbox_2d": list(box), **(points or {}), "label": "roof"} for box in boxes]
    return f"<think>I look.</think><answer>{json.dumps(entries) if entries else 'None'}</answer>"


def columns_of(samples: Sequence[Sample], model_size_px: tuple[int, int] | None = None) -> dict[str, list[Any]]:
    form = make_format(style="geo-r1", coordinates=None, reasoning=True)
    rows = [form.reward_columns(one, form.frame(one, model_size_px or one.size_px)) for one in samples]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return {**columns, "shown": [ImageRef(sample=one) for one in samples]}


def test_masks_are_clipped_to_their_boxes_and_counted_in_pixels(tmp_path: Path) -> None:
    one = sample(tmp_path)
    texts = [
        reply(BOX),
        reply((20, 10, 60, 30)),
        reply((0, 0, 10, 10)),
        reply(),
        "nothing",
        reply(BOX, (90, 70, 110, 76)),
    ]
    found = MaskReward(Bright())(texts, **columns_of([one] * len(texts)))
    whole = 40 * 20 + 20 * 30
    assert found == pytest.approx([1.0, 800 / whole, 0.0, 0.0, 0.0, whole / (whole + 120)])


def test_numbers_are_those_of_the_answers(tmp_path: Path) -> None:
    one = sample(tmp_path)
    columns = columns_of([one], (240, 320))
    assert columns["scale"] == [[2.0, 4.0]]
    assert MaskReward(Bright())([reply((40, 40, 120, 240))], **columns) == pytest.approx([1.0])


def test_a_group_is_segmented_in_one_call_and_equal_boxes_once(tmp_path: Path) -> None:
    first, other = sample(tmp_path), sample(tmp_path, "b.png")
    points = {"keypoint1": [25, 15], "keypoint2": [30, 50]}
    texts = [reply(BOX), reply(BOX), reply((20, 10, 60, 30), points=points), reply(), reply(BOX)]
    segmenter = Bright()
    together = MaskReward(segmenter)(texts, **columns_of([first] * 4 + [other]))
    assert [count for count, _ in segmenter.calls] == [2, 1]
    assert segmenter.calls[0][1] == [(), ((25.0, 15.0), (30.0, 50.0))]
    alone = [
        MaskReward(Bright())([text], **columns_of([one]))[0]
        for text, one in zip(texts, [first] * 4 + [other], strict=True)
    ]
    assert together == alone


def test_none_is_right_where_there_is_nothing(tmp_path: Path) -> None:
    empty = sample(tmp_path, boxes_px=np.empty((0, 4)), polygons_px=(), labels=())
    texts = [reply(), reply(BOX), "blah blah"]
    assert MaskReward(Bright())(texts, **columns_of([empty] * 3)) == [1.0, 0.0, 0.0]


def test_the_built_in_segmenter_earns_more_than_boxes(tmp_path: Path) -> None:
    one = sample(tmp_path)
    (drawn,) = MaskReward(load_segmenter())([reply(BOX)], **columns_of([one]))
    assert drawn > L_SHAPE.area / (40 * 50) + 0.05


def test_target_answers_earn_everything(tmp_path: Path) -> None:
    one = sample(tmp_path)
    form = make_format(style="geo-r1", coordinates=None, reasoning=True)
    text = form.completion(one, form.frame(one, SIZE))
    entry = json.loads(text.partition("```json")[2].partition("```")[0])[0]
    assert list(entry) == ["bbox_2d", "keypoint1", "keypoint2", "label"]
    assert all(L_SHAPE.contains(shapely.Point(entry[name])) for name in ("keypoint1", "keypoint2"))
    assert entry["keypoint1"] != entry["keypoint2"]
    segmenter = Bright()
    assert MaskReward(segmenter)([text], **columns_of([one])) == [1.0]
    assert segmenter.calls == [(1, [tuple(tuple(map(float, entry[n])) for n in ("keypoint1", "keypoint2"))])]


def test_a_run_takes_the_segmenter_of_its_settings(tmp_path: Path) -> None:
    settings = make_settings(GRPOSettings, {"data": "x", "segmenter": "builtin"}).completed(builtin=False)
    one, other = sample(tmp_path), sample(tmp_path, "b.png", task="detect", polygons_px=())
    form, mask = reward_functions(settings, {"segment"}, tagged=True)
    assert (form.__name__, mask.__name__) == ("format_reward", "mask_reward")
    (mixed,) = reward_functions(settings, {"segment", "detect"}, tagged=False)
    columns = columns_of([one, other])
    drawn, boxed = mixed([reply(BOX)] * 2, **columns)
    assert drawn == mask([reply(BOX)], **columns_of([one]))[0]
    assert boxed == 1.0
    with pytest.raises(SettingsError, match="task segment"):
        reward_functions(settings, {"detect"}, tagged=True)
    with pytest.raises(SettingsError, match="column shown"):
        MaskReward(Bright())([reply(BOX)], boxes_px=[[BOX]])
