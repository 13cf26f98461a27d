"""The training code on tiny models: losses fall, training goes on where it stood, targets are what was drawn."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Dinov2Config

from geogrounding.models.builtin import tokenizer as words
from recipes.builtin_model import language, questions
from recipes.builtin_model.corpora import CLASSES, SIDE_PX
from recipes.builtin_model.teach import untaught

pytestmark = pytest.mark.usefixtures("one_thread")

REGIONS = 8
CPU = torch.device("cpu")
TINY_VIT: dict[str, Any] = {
    "hidden_size": 384,
    "num_hidden_layers": 1,
    "num_attention_heads": 6,
    "image_size": 336,
    "patch_size": 14,
}


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
            return [float(loss) for loss in language.losses(model.eval(), some.seen(CPU), batch)]

    before = losses()
    checkpoint = tmp_path / "state.pt"
    language.train_language(model, tokenizer, some, steps=8, checkpoint=checkpoint, batch=4, questions=3, rate=5e-3)
    after = losses()
    assert after[0] < before[0]
    assert after[1] < before[1]
    language.train_language(model, tokenizer, some, steps=8, checkpoint=checkpoint, batch=4, questions=3)
    assert losses() == after


def test_all_that_a_step_needs_goes_to_the_device(tokenizer: Any) -> None:
    some, away = bank(), torch.device("meta")
    seen, batch = some.seen(away), language.make_batch(ask(some), some.boxes_px, tokenizer).to(away)
    tensors = [seen.context, *vars_of(seen.regions), *vars_of(batch)]
    assert {tensor.device.type for tensor in tensors} == {"meta"}


def vars_of(made: Any) -> list[torch.Tensor]:
    return [getattr(made, field.name) for field in fields(made)]


def test_an_untaught_model_sees_the_same_and_reads_nothing(model: Any) -> None:
    new = untaught(model)
    for part in ("vision_tower", "region_head"):
        old = getattr(model, part).state_dict()
        assert all(torch.equal(value, old[name]) for name, value in getattr(new, part).state_dict().items())
    assert not torch.equal(new.language_model.embed_tokens.weight, model.language_model.embed_tokens.weight)


def test_the_loss_of_an_answer_is_that_of_the_model_itself(model: Any, tokenizer: Any) -> None:
    """The shortcut of training, which starts at regions, gives what ``forward`` gives for the whole text."""
    some = bank(1)
    [[asked, *_]] = ask(some)
    batch = language.make_batch([[asked]], some.boxes_px, tokenizer)
    with torch.no_grad():
        answering = language.losses(model, some.seen(CPU), batch)[1]
        read = model.read(some.seen(CPU), batch.words, batch.count)
        image = torch.full((1, model.config.image_tokens), model.config.image_token_id)
        out = model(
            input_ids=torch.cat([image, batch.ids], 1),
            labels=torch.cat([torch.full_like(image, -100), batch.labels], 1),
            region_embeds=read.embeds,
            region_relevance=read.relevance,
            region_boxes=read.boxes_px,
        )
    assert float(out.loss) == pytest.approx(float(answering), abs=1e-5)


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
