"""The training code on tiny models: losses fall, training goes on where it stood, targets are what was drawn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Dinov2Config

from geogrounding.models.builtin import tokenizer as words
from recipes.builtin_model import language, questions
from recipes.builtin_model.corpora import CLASSES, SIDE_PX, View
from recipes.builtin_model.features import Cache, Joined
from recipes.builtin_model.regions import UNLABELLED, new_head, target_of, train_head

REGIONS = 8
TINY_VIT: dict[str, Any] = {
    "hidden_size": 384,
    "num_hidden_layers": 1,
    "num_attention_heads": 6,
    "image_size": 336,
    "patch_size": 14,
}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Models this small lose more by waiting for other threads than they gain."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return words.build_tokenizer(questions.vocabulary(), SIDE_PX)


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
    scores = (rng.random((count, REGIONS, len(CLASSES) + 1)) ** 6).astype(np.float32)
    hidden = rng.normal(size=(count, REGIONS, 64)).astype(np.float16)
    look = rng.normal(size=(count, REGIONS, 384)).astype(np.float16)
    context = np.zeros((count, 160, 4, 4), np.float16)
    return language.RegionBank(boxes_px=boxes, scores=scores, hidden=hidden, look=look, context=context)


def ask(some: language.RegionBank) -> list[list[questions.Asked]]:
    rng = np.random.default_rng(1)
    return [questions.ask_about(b, s, rng, count=3) for b, s in zip(some.boxes_px, some.scores, strict=True)]


def test_training_lowers_the_losses_and_goes_on_from_its_checkpoint(model: Any, tokenizer: Any, tmp_path: Path) -> None:
    some = bank()
    batch = language.make_batch(ask(some), some.boxes_px, tokenizer)

    def losses() -> list[float]:
        with torch.no_grad():
            return [float(loss) for loss in language.losses(model.eval(), some.seen(), batch)]

    before = losses()
    checkpoint = tmp_path / "state.pt"
    language.train_language(model, tokenizer, some, steps=8, checkpoint=checkpoint, batch=4, questions=3, rate=5e-3)
    after = losses()
    assert after[0] < before[0]
    assert after[1] < before[1]
    language.train_language(model, tokenizer, some, steps=8, checkpoint=checkpoint, batch=4, questions=3)
    assert losses() == after


def test_the_loss_of_an_answer_is_that_of_the_model_itself(model: Any, tokenizer: Any) -> None:
    """The shortcut of training, which starts at regions, gives what ``forward`` gives for the whole text."""
    some = bank(1)
    [[asked, *_]] = ask(some)
    batch = language.make_batch([[asked]], some.boxes_px, tokenizer)
    with torch.no_grad():
        telling = language.losses(model, some.seen(), batch)[1]
        read = model.read(some.seen(), batch.words, batch.count)
        image = torch.full((1, model.config.image_tokens), model.config.image_token_id)
        out = model(
            input_ids=torch.cat([image, batch.ids], 1),
            labels=torch.cat([torch.full_like(image, -100), batch.labels], 1),
            region_embeds=read.embeds,
            region_relevance=read.relevance,
            region_boxes=read.boxes_px,
        )
    assert float(out.loss) == pytest.approx(float(telling), abs=1e-5)


def test_long_answers_are_cut_before_their_end(tokenizer: Any) -> None:
    boxes = np.tile(np.array([[10, 20, 30, 40]], np.float32), (9, 1))
    many = questions.Asked(task="detect", text="ships", sought="ship", label="ship", relevance=np.ones(9, np.float32))
    said = tokenizer.decode(language.answer_ids(many, boxes, tokenizer))
    assert said.count("bbox_2d") == language.MOST_BOXES
    assert "</answer>" not in said
    few = questions.Asked(task="refer", text="a ship", sought="ship", label="ship", relevance=np.ones(9, np.float32))
    assert tokenizer.decode(language.answer_ids(few, boxes, tokenizer)).endswith("</answer></s>")


def test_varied_regions_are_still_regions() -> None:
    changed = language.vary(bank(), np.random.default_rng(3))
    assert (changed.boxes_px[..., 2:] > changed.boxes_px[..., :2]).all()
    assert ((changed.boxes_px >= 0) & (changed.boxes_px <= SIDE_PX)).all()
    assert ((changed.scores >= 0) & (changed.scores <= 1)).all()


def test_a_bank_is_read_back(tmp_path: Path) -> None:
    some = bank(2)
    language.save_bank(some, tmp_path / "bank")
    assert np.array_equal(language.load_bank(tmp_path / "bank").look, some.look)


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
    assert target.care[-1, 20, 40] == UNLABELLED  # something nobody named may stand there
    assert target.care[0, 40, 3] == 1  # but there is none in the black margin
    assert target.care[0, 13, 15] == 1  # nor where the ship is


def test_several_caches_are_one_and_views_of_withheld_classes_are_gone(tmp_path: Path) -> None:
    filled_cache(tmp_path, 2)
    folders = [tmp_path / "cache", tmp_path / "cache"]
    assert len(Joined(folders, withheld=frozenset({"ship"}))) == 0
    joined = Joined(folders, withheld=frozenset({"bridge"}))
    assert len(joined) == 4
    assert joined.features[3].shape == (576, 768)
    assert joined.pixels[3].shape == (SIDE_PX, SIDE_PX, 3)
    assert not any(record.known[CLASSES.index("bridge")] for record in joined.records())


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
        from recipes.builtin_model.inspection import find

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
