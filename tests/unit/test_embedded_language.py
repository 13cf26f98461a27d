"""The training code on tiny models: losses fall, answers are cut as they should be, packing hides other questions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Dinov2Config

from geogrounding.grounding.models.builtin import vocabulary as words
from geogrounding.training.embedded import language, questions
from geogrounding.training.embedded.features import Cache
from geogrounding.training.embedded.pictures import CLASSES, SIDE_PX, View
from geogrounding.training.embedded.regions import new_head, target_of, train_head

REGIONS = 8
TINY_VIT = {"hidden_size": 384, "num_hidden_layers": 1, "num_attention_heads": 6, "image_size": 336, "patch_size": 14}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Models this small lose more by waiting for other threads than they gain."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return words.build_tokenizer(questions.vocabulary(), CLASSES, SIDE_PX)


@pytest.fixture(scope="module")
def model(tokenizer: Any) -> Any:
    torch.manual_seed(0)
    return language.new_model(
        tokenizer, width=64, layers=1, vision_config=Dinov2Config(**TINY_VIT), regions=REGIONS
    ).eval()


def bank(count: int = 8) -> language.RegionBank:
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 200, (count, REGIONS, 2))
    boxes = np.concatenate([low, low + rng.uniform(10, 120, low.shape)], -1).astype(np.float32)
    for n in range(count):
        boxes[n] = boxes[n][np.lexsort((boxes[n][:, 0], np.floor(boxes[n][:, 1])))]
    scores = (rng.random((count, REGIONS, len(CLASSES))) ** 6).astype(np.float32)
    hidden = rng.normal(size=(count, REGIONS, 64)).astype(np.float16)
    return language.RegionBank(
        boxes_px=boxes, scores=scores, hidden=hidden, context=np.zeros((count, 160, 4, 4), np.float16)
    )


def test_training_lowers_the_loss_and_goes_on_from_its_checkpoint(model: Any, tokenizer: Any, tmp_path: Path) -> None:
    some = bank()
    samples = language.draw_samples(some, tokenizer, np.random.default_rng(1), questions=2, most=50)
    packed = language.pack(samples, prefix=model.config.image_tokens, pad=tokenizer.pad_token_id)

    def loss() -> float:
        with torch.no_grad():
            return float(language.packed_loss(model.eval(), *language.to_regions(some), packed)[0])

    before = loss()
    checkpoint = tmp_path / "state.pt"
    language.train_language(model, tokenizer, some, steps=4, checkpoint=checkpoint, batch=4, questions=2, rate=1e-2)
    after = loss()
    assert after < before
    language.train_language(model, tokenizer, some, steps=4, checkpoint=checkpoint, batch=4, questions=2)
    assert loss() == after


def test_packed_questions_do_not_see_each_other(model: Any, tokenizer: Any) -> None:
    some = bank(1)
    rng = np.random.default_rng(2)
    first = language.draw_samples(some, tokenizer, rng, questions=1, most=50)[0]
    second = language.draw_samples(some, tokenizer, rng, questions=1, most=50)[0]

    def likelihoods(view: list[Any]) -> torch.Tensor:
        packed = language.pack([view], prefix=model.config.image_tokens, pad=tokenizer.pad_token_id)
        with torch.no_grad():
            state = model.read_regions(*language.to_regions(some))
            embeds = torch.cat([state.embeds, model.language_model.embed_tokens(packed.ids)], 1)
            mask = torch.zeros(packed.mask.shape).masked_fill(~packed.mask, torch.finfo(torch.float32).min)
            out = model.language_model(inputs_embeds=embeds, attention_mask=mask, position_ids=packed.positions)
        hidden: torch.Tensor = out.last_hidden_state[0, state.embeds.shape[1] :]
        return hidden

    alone, behind = likelihoods(second), likelihoods([*first, *second])
    assert torch.allclose(alone, behind[-len(alone) :], atol=1e-5)


def test_an_answer_points_at_its_boxes(tokenizer: Any) -> None:
    boxes = np.array([[10.4, 20.6, 30.2, 40.9], [100, 110, 120, 130]])
    asked = questions.Asked(task="detect", text="ships", label=1)
    tokens, pointed = language.answer_tokens(asked, np.array([0, 1]), boxes)
    assert len(tokens) == len(pointed)
    text = tokenizer.decode(tokenizer.convert_tokens_to_ids(tokens[:-1]))
    assert "I look for ship. I see two, the first in the upper left." in text
    assert (
        '[{"bbox_2d": [10, 21, 30, 41], "label": "ship"}, {"bbox_2d": [100, 110, 120, 130], "label": "ship"}]' in text
    )
    assert [k for t, k in zip(tokens, pointed, strict=True) if "bbox_2d" in t] == [0, 1]
    nothing, _ = language.answer_tokens(asked, np.zeros(0, np.int64), boxes)
    assert nothing == [words.LOOK, words.class_token("ship"), words.NONE, words.END]


def test_varied_regions_stay_in_reading_order() -> None:
    changed = language.vary(bank(), np.random.default_rng(3))
    for boxes in changed.boxes_px:
        keys = np.floor(boxes[:, 1]) * 10_000 + boxes[:, 0]
        assert (np.diff(keys) >= 0).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert ((changed.scores >= 0) & (changed.scores <= 1)).all()


def view_with_a_ship() -> View:
    return View(
        pixels=np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8),
        content_px=(SIDE_PX, 210),
        boxes_view_px=np.array([[70.0, 70, 140, 112], [0, 0, 6, 90]]),
        labels=np.array([1, 1]),
        visible=np.array([1.0, 0.3]),
        known=np.array([name == "ship" for name in CLASSES]),
        source="test",
    )


def test_region_targets_leave_out_what_is_cut_and_what_is_not_labelled(tmp_path: Path) -> None:
    cache = filled_cache(tmp_path, 1)
    target = target_of(cache.records()[0])
    assert target.label[13, 15] == 1
    assert target.box_px[13, 15].tolist() == [70, 70, 140, 112]
    assert target.label[5, 0] == -1
    assert (target.care[:, 5, 0] == 0).all()  # an object mostly outside: neither found nor absent
    assert target.care[1, 20, 40] == 1
    assert target.care[0, 20, 40] == 0
    assert target.care[0, 40, 3] == 1  # but there is none in the black margin
    assert target.care[0, 13, 15] == 1  # nor where the ship is


def filled_cache(folder: Path, count: int) -> Cache:
    from transformers import Dinov2Model

    torch.manual_seed(0)
    config = Dinov2Config(**(TINY_VIT | {"hidden_size": 384, "num_hidden_layers": 11, "mlp_ratio": 1}))
    cache = Cache(folder / "cache", views=count)
    cache.fill(Dinov2Model(config).eval(), ((view_with_a_ship(), n) for n in range(count)), batch=2)
    return cache


def test_the_region_head_learns_and_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    cache = filled_cache(tmp_path, 2)
    torch.manual_seed(0)
    seen: list[float] = []

    def report(step: int, head: Any) -> None:
        from geogrounding.training.embedded.inspection import find

        _boxes, scores = find(head, cache, [0])[0]
        seen.append(float(scores[:, 1].max()))

    head = new_head(16, 16)
    train_head(
        head, cache, lambda r: True, steps=12, checkpoint=tmp_path / "h.pt", batch=2, rate=1e-2, report=report, every=6
    )
    assert seen[-1] > seen[0]
    again = train_head(new_head(16, 16), cache, lambda r: True, steps=12, checkpoint=tmp_path / "h.pt", batch=2)
    for mine, theirs in zip(again.parameters(), torch.load(tmp_path / "h.pt")["average"].values(), strict=True):
        assert torch.equal(mine, theirs)
