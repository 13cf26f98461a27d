"""What may come next in an answer of the built-in model: probabilities sum to one and say what the regions say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import Dinov2Config

from geogrounding.models.builtin import register  # noqa: F401  (registers the model)
from geogrounding.models.builtin import tokenizer as words
from geogrounding.models.builtin.generation import think
from geogrounding.models.builtin.processing import GeogroundImageProcessor, GeogroundProcessor
from geogrounding.models.builtin.question_encoder import Read
from recipes.builtin_model.language import new_model

pytestmark = pytest.mark.usefixtures("one_thread")

SIDE_PX, REGIONS = 336, 6
BOXES = torch.tensor(
    [[[10.0, 10, 40, 40], [150, 20, 190, 60], [10, 10, 60, 90], [200, 200, 300, 300], [20, 250, 60, 300], [5, 5, 9, 9]]]
)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return words.build_tokenizer(["detect", "refer", "ship", "the", "leftmost", "near", "harbor", "that"], SIDE_PX)


@pytest.fixture(scope="module")
def model(tokenizer: Any) -> Any:
    torch.manual_seed(0)
    vit = Dinov2Config(hidden_size=384, num_hidden_layers=11, num_attention_heads=6, mlp_ratio=1, image_size=336)
    made = new_model(tokenizer, width=64, layers=1, vision_config=vit, regions=REGIONS).eval()
    with torch.no_grad():
        made.grammar.query.weight.normal_(0, 0.2)
        made.grammar.end.weight.normal_(0, 0.2)
    return made


@pytest.fixture(scope="module")
def processor(model: Any, tokenizer: Any) -> Any:
    return GeogroundProcessor(GeogroundImageProcessor(SIDE_PX), tokenizer, image_tokens=model.config.image_tokens)


def read(relevance: list[float], model: Any) -> Read:
    torch.manual_seed(1)
    embeds = torch.randn(1, model.config.image_tokens, 64)
    return Read(embeds=embeds, relevance=torch.tensor([relevance]), boxes_px=BOXES)


def next_tokens(model: Any, tokenizer: Any, text: str, what: Read) -> torch.Tensor:
    """(T, V) probabilities after each token of a question with its answer."""
    image = torch.full((1, model.config.image_tokens), model.config.image_token_id)
    ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
    with torch.no_grad():
        out = model(
            input_ids=torch.cat([image, ids], 1),
            region_embeds=what.embeds,
            region_relevance=what.relevance,
            region_boxes=what.boxes_px,
        )
    probabilities: torch.Tensor = out.logits[0, -ids.shape[1] :].exp()
    return probabilities


ANSWER = "detect: ship<s>" + words.answer_text("ship", "ship", [(10, 10, 40, 40), (150, 20, 190, 60)], side_px=SIDE_PX)


@settings(max_examples=20, deadline=None)
@given(relevance=st.lists(st.floats(-8, 8), min_size=REGIONS, max_size=REGIONS))
def test_probabilities_sum_to_one_everywhere(model: Any, tokenizer: Any, relevance: list[float]) -> None:
    total = next_tokens(model, tokenizer, ANSWER, read(relevance, model)).sum(-1)
    assert torch.allclose(total, torch.ones_like(total), atol=1e-3)


def test_numbers_point_at_the_region_that_is_meant_and_never_at_one_named(model: Any, tokenizer: Any) -> None:
    what = read([9.0, 8.0, -9.0, -9.0, -9.0, -9.0], model)
    ids = tokenizer(ANSWER, add_special_tokens=False)["input_ids"]
    likely = next_tokens(model, tokenizer, ANSWER, what).argmax(-1).tolist()
    first = model.config.number_token_ids[0]
    numbers = [n for n, token in enumerate(ids) if first <= token < first + 3 * (SIDE_PX + 1)]
    assert len(numbers) == 8
    for n in numbers[1:4] + numbers[5:]:  # the first of each box is drawn among places and regions
        assert likely[n - 1] == ids[n]
    second = next_tokens(model, tokenizer, ANSWER, what)[numbers[4] - 1]
    assert int(second.argmax()) == ids[numbers[4]]  # the other region, although the first is surer
    assert float(second[ids[numbers[0]]]) < 1e-3


def test_the_place_is_that_of_the_regions(model: Any, tokenizer: Any) -> None:
    what = read([-9.0, -9.0, -9.0, 9.0, -9.0, -9.0], model)
    after = next_tokens(model, tokenizer, "detect: ship<s><think>I look for ship. I see", what)[-1]
    assert tokenizer.convert_ids_to_tokens(int(after.argmax())) == words.place_token("lower right")
    nothing = read([-9.0] * REGIONS, model)
    after = next_tokens(model, tokenizer, "detect: ship<s><think>I look for ship. I see", nothing)[-1]
    assert int(after.argmax()) == model.config.none_token_id


def test_what_is_generated_has_the_probability_that_forward_gives(model: Any, processor: Any) -> None:
    rng = np.random.default_rng(0)
    images = [
        rng.integers(0, 255, (200, 300, 3), dtype=np.uint8),
        rng.integers(0, 255, (336, 336, 3), dtype=np.uint8),
    ]
    inputs = processor(
        images=images,
        text=["<image>detect: the ship<s>", "<image>refer: leftmost ship near harbor<s>"],
        return_tensors="pt",
    )
    torch.manual_seed(0)
    out = model.generate(
        **inputs, do_sample=True, top_k=0, max_new_tokens=60, return_dict_in_generate=True, output_logits=True
    )
    start = inputs["input_ids"].shape[1]
    said = out.sequences[:, start:]
    ended = torch.cumsum(said == model.config.eos_token_id, 1) - (said == model.config.eos_token_id).long() > 0
    mask = torch.cat([inputs["attention_mask"], (~ended).long()], 1)
    with torch.no_grad():
        full = model(input_ids=out.sequences, attention_mask=mask, pixel_values=inputs["pixel_values"])
    again = full.logits[:, start - 1 : -1].log_softmax(-1).gather(-1, said[..., None])[..., 0]
    drawn = torch.stack(out.logits, 1).log_softmax(-1).gather(-1, said[..., None])[..., 0]
    assert torch.allclose(again[~ended], drawn[~ended], atol=1e-3)


def test_thinking_gives_what_greedy_generation_gives(model: Any, processor: Any) -> None:
    """Whatever an untrained model says, both ways of decoding say the same words."""
    image = np.random.default_rng(1).integers(0, 255, (336, 336, 3), dtype=np.uint8)
    inputs = processor(images=[image], text=["<image>detect: the ship<s>"], return_tensors="pt")
    with torch.no_grad():
        state = model.read(model.encode_images(inputs["pixel_values"]), *model.question_words(inputs["input_ids"]))
        prompt = processor.tokenizer("detect: the ship<s>", add_special_tokens=False)["input_ids"]
        thought = think(model, state, prompt, most=8)
        greedy = model.generate(**inputs, do_sample=False, max_new_tokens=8)[0, inputs["input_ids"].shape[1] :].tolist()
    assert thought.tokens[0][: len(greedy)] == greedy[: len(thought.tokens[0])]


def test_the_question_is_what_stands_between_image_and_start(model: Any, processor: Any) -> None:
    inputs = processor(
        images=[np.zeros((9, 9, 3), np.uint8)] * 2,
        text=["<image>detect: ship<s><think>I look for harbor", "<image>refer: the leftmost ship<s>"],
        return_tensors="pt",
    )
    ids, count = model.question_words(inputs["input_ids"])
    assert processor.tokenizer.decode(ids[0][count[0]]).split() == ["detect", ":", "ship"]
    assert processor.tokenizer.decode(ids[1][count[1]]).split() == ["refer", ":", "the", "leftmost", "ship"]


def test_a_question_of_the_processor_is_answered_in_its_own_words(processor: Any) -> None:
    text = processor.completion("Ship!", [(10.2, 10, 40, 40), (1, 2, 3, 4)], task="refer", sought="the leftmost ship")
    assert text.startswith("<think>I look for the leftmost ship. I see the best match in the upper left.</think>")
    assert text.count("bbox_2d") == 1
    assert '"label": "ship"' in text
    assert processor.completion("ship", []).endswith("<answer>None</answer>")


@pytest.mark.parametrize("wrong", ["image", "tokens", "ids"])
def test_what_does_not_go_together_is_refused(model: Any, processor: Any, wrong: str) -> None:
    inputs = dict(
        processor(images=[np.zeros((9, 9, 3), np.uint8)], text=["<image>detect: ship<s>"], return_tensors="pt")
    )
    if wrong == "image":
        del inputs["pixel_values"]
    elif wrong == "tokens":
        inputs["input_ids"] = inputs["input_ids"][:, 3:]
        inputs["attention_mask"] = inputs["attention_mask"][:, 3:]
    else:
        del inputs["input_ids"]
    with pytest.raises(ValueError, match={"image": "image", "tokens": "<image>", "ids": "input_ids"}[wrong]):
        model(**inputs)
