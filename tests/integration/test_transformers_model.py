"""The transformers backend on small models that are saved to a folder and loaded as a user's would be."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from geogrounding.errors import ModelError, SettingsError
from geogrounding.models import load_model
from geogrounding.models.base import Model
from geogrounding.models.hf import checkpoint, generation
from geogrounding.models.hf.model import TransformersModel
from geogrounding.models.image_size import smart_resize
from tests.integration import tiny_models
from tests.integration.tiny_models import FAMILIES, RELATIVES, Family
from tests.integration.transformers_folders import CPU, QUESTIONS, copied, images_of, texts
from tests.integration.transformers_folders import folders as folders

pytestmark = pytest.mark.usefixtures("one_thread")

SCORE = (0.5 * 0.6 * 0.7 * 0.8) ** 0.25


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [(112, 112), (190, 130)])
def test_boxes_reach_chip_pixels(folders: Any, family: Family, size: tuple[int, int]) -> None:
    numbers = {"coordinates": "per-mille"} if family == "llava" else {}
    model = load_model(str(folders(family, True)), **CPU | {"max_new_tokens": 20} | numbers)
    assert isinstance(model, Model)
    [[answer]] = model.ground(images_of(size), QUESTIONS[:1])
    width, height = size
    if family == "qwen2_5_vl":
        resized = smart_resize(width, height)
        unit_x, unit_y = width / resized[0], height / resized[1]
    else:
        unit_x, unit_y = width / 1000, height / 1000
    [detection] = answer.detections
    expected = (28 * unit_x, 56 * unit_y, min(140 * unit_x, width), min(112 * unit_y, height))
    assert detection.box_chip_px == pytest.approx(expected)
    assert detection.label == "plane"
    assert answer.reasoning == "one at the left"
    assert detection.score == pytest.approx(SCORE, rel=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_of_any_size_gives_the_same_answers(folders: Any, family: Family) -> None:
    images = images_of((112, 112), (140, 84), (56, 70))
    answers = {}
    for batch_size in (1, 3, 4):
        model = TransformersModel(str(folders(family)), batch_size=batch_size, **CPU)
        answers[batch_size] = texts(model.ground(images, QUESTIONS))
    assert answers[1] == answers[3] == answers[4]
    assert texts(model.ground(images, QUESTIONS)) == answers[4], "not deterministic"
    assert len({text for row in answers[1] for text in row}) > 5, "babble should depend on image and question"


@pytest.mark.parametrize("family", FAMILIES + RELATIVES)
def test_questions_share_the_vision_tower_and_lose_nothing(
    folders: Any, family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = images_of((112, 112), (140, 84))
    # Batches of 4 of 6 questions: the second image's questions fall into both.
    model = TransformersModel(str(folders(family)), batch_size=4, **CPU)
    tower = model._model.model.vision_tower if family == "llava" else model._model.model.visual
    seen: list[int] = []
    tower.register_forward_hook(
        lambda _m, args, kwargs, _o: seen.append(len(args[0] if args else kwargs["pixel_values"])), with_kwargs=True
    )
    answers = texts(model.ground(images, QUESTIONS))
    each = sum(len(model._processing.image(image).inputs["pixel_values"]) for image in images)
    assert model.shares_images
    assert sum(seen) == each, "every image once"
    assert len(seen) == 1, "both images in one pass"
    seen.clear()
    monkeypatch.setattr(model, "_shares_images", False)
    assert texts(model.ground(images, QUESTIONS)) == answers, "shared features change the answer"
    assert sum(seen) == 3 * each


def test_other_architectures_run_through_their_own_processor(folders: Any) -> None:
    """LLaVA-NeXT cuts an image into tiles: it is not among the families whose features are shared."""
    images = images_of((112, 112), (56, 100))
    answers = {}
    for batch_size in (1, 4):
        model = TransformersModel(str(folders("llava_next")), batch_size=batch_size, **CPU)
        answers[batch_size] = texts(model.ground(images, QUESTIONS))
    assert not model.shares_images
    assert answers[1] == answers[4]
    assert len({text for row in answers[1] for text in row}) > 3
    [[answer]] = load_model(
        str(folders("llava_next", True)), coordinates="per-mille", **CPU | {"max_new_tokens": 20}
    ).ground(images[1:], QUESTIONS[:1])
    assert answer.detections[0].box_chip_px == pytest.approx((28 * 0.056, 5.6, 140 * 0.056, 11.2))
    with pytest.raises(SettingsError, match="resized-pixels"):
        load_model(str(folders("llava_next")), coordinates="resized-pixels", **CPU)


def test_library_and_package_expand_image_tokens_alike(folders: Any) -> None:
    from transformers.models.qwen2_5_vl.processing_qwen2_5_vl import Qwen2_5_VLProcessor
    from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor

    families: list[tuple[Family, Any]] = [("qwen2_5_vl", Qwen2_5_VLProcessor), ("qwen3_vl", Qwen3VLProcessor)]
    for family, library in families:
        processing: Any = TransformersModel(str(folders(family)), **CPU)._processing
        for image in images_of((112, 112), (190, 130), (31, 400)):
            prepared = processing.image(image)
            fake_self = SimpleNamespace(image_processor=processing._images, image_token="<|image_pad|>")
            inputs = {name: tensor.numpy() for name, tensor in prepared.inputs.items()}
            assert prepared.tokens == library.replace_image_token(fake_self, inputs, 0)
            factor = processing._images.patch_size * 2
            least = processing._images.size["shortest_edge"]
            expected = smart_resize(*image.shape[1::-1], factor=factor, min_pixels=least, max_pixels=1 << 20)
            assert prepared.model_size_px == expected


def test_token_spans_follow_the_text() -> None:
    """Every character of a long reply lies in the span of the token that wrote it, split characters included."""
    tokenizer = tiny_models.build_tokenizer("qwen2_5_vl")
    text = "sees é and 😀😀 at [12, 345] " * 9 + "日本 end"
    token_ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert len(token_ids) == len(text.encode())
    spans = generation.token_spans(tokenizer.decode, token_ids)
    written = [character for character in text for _ in character.encode()]
    for character, (start, stop) in zip(written, spans, strict=True):
        if character.isascii():
            assert text[start:stop] == character
    assert spans[-1][1] == len(text)


def test_token_spans_of_tokenizers_that_write_spaces_first() -> None:
    words = [f"▁{number},"[: 2 + number % 5] for number in range(1000, 1060)]

    def decode(token_ids: Sequence[int]) -> str:  # as SentencePiece does: no space before the first word
        return "".join(words[index] for index in token_ids).replace("▁", " ").removeprefix(" ")

    everything = decode(range(len(words)))
    spans = generation.token_spans(decode, range(len(words)))
    assert [everything[start:stop].strip() for start, stop in spans] == [word[1:] for word in words]


def test_pixel_budget_sets_the_tile(folders: Any) -> None:
    qwen = str(folders("qwen2_5_vl"))
    assert TransformersModel(qwen, **CPU).conventions.tile_size_px == 1008
    small = TransformersModel(qwen, max_pixels=200_000, **CPU)
    assert small.conventions.tile_size_px == 420
    assert small._processing.image(images_of((900, 300))[0]).model_size_px == smart_resize(900, 300, max_pixels=200_000)
    assert small._processing.image(images_of((420, 420))[0]).model_size_px == (420, 420), "tiles are not resampled"
    assert TransformersModel(str(folders("llava")), **CPU).conventions.tile_size_px == 56


def test_coordinates_and_style_can_be_given(folders: Any) -> None:
    folder = str(folders("qwen2_5_vl", True))
    options = CPU | {"max_new_tokens": 20}
    image = images_of((190, 130))
    for given in ({"coordinates": "per-mille"}, {"style": "qwen3"}):
        [[answer]] = TransformersModel(folder, **given, **options).ground(image, QUESTIONS[:1])  # type: ignore[arg-type]
        assert answer.detections[0].box_chip_px == pytest.approx((5.32, 7.28, 26.6, 14.56))


def test_half_precision_answers_too(folders: Any) -> None:
    model = TransformersModel(str(folders("qwen2_5_vl", True)), device="cpu", dtype="bfloat16", max_new_tokens=20)
    [[answer]] = model.ground(images_of((112, 112)), QUESTIONS[:1])
    assert answer.detections[0].score == pytest.approx(SCORE, rel=0.05)


@pytest.fixture(scope="module")
def adapter(folders: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA of the language layers with random (not zero) weights."""
    from peft import LoraConfig, get_peft_model

    folder = folders("qwen2_5_vl")
    base = checkpoint.load(folder, adapter=None, device=torch.device("cpu"), dtype=torch.float32)
    torch.manual_seed(3)
    config = LoraConfig(r=4, lora_alpha=32, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    place = tmp_path_factory.mktemp("adapter") / "lora"
    with warnings.catch_warnings():
        # peft asks transformers for an attribute that was renamed.
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
        get_peft_model(base, config).save_pretrained(str(place))
    return place


def test_an_adapter_changes_answers_and_identity(folders: Any, adapter: Path) -> None:
    folder = str(folders("qwen2_5_vl"))
    plain = TransformersModel(folder, **CPU)
    adapted = TransformersModel(folder, adapter=str(adapter), **CPU)
    images = images_of((112, 112))
    assert texts(plain.ground(images, QUESTIONS)) != texts(adapted.ground(images, QUESTIONS))
    assert adapted.name == plain.name + "+lora"
    assert adapted.fingerprint != plain.fingerprint
    assert adapted.shares_images
    assert type(adapted._model) is type(plain._model), "merged"


def test_unusable_adapters_are_refused(folders: Any, adapter: Path, tmp_path: Path) -> None:
    qwen = str(folders("qwen2_5_vl"))
    pickled = copied(adapter, tmp_path / "pickled")
    (pickled / "adapter_model.safetensors").unlink()
    (pickled / "adapter_model.bin").write_bytes(b"never opened")
    with pytest.raises(ModelError, match="run code") as caught:
        load_model(qwen, adapter=str(pickled), **CPU)
    assert "safetensors" in caught.value.hint
    lacking = copied(adapter, tmp_path / "lacking")
    tensors = load_file(lacking / "adapter_model.safetensors")
    tensors.pop(min(tensors))
    save_file(tensors, lacking / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="lacks weights"):
        load_model(qwen, adapter=str(lacking), **CPU)
    prompts = copied(adapter, tmp_path / "prompts")
    tuning = {"peft_type": "PROMPT_TUNING", "task_type": "CAUSAL_LM", "num_virtual_tokens": 2, "inference_mode": True}
    (prompts / "adapter_config.json").write_text(json.dumps(tuning))
    save_file({"prompt_embeddings": torch.zeros(2, 64)}, prompts / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="cannot be merged"):
        load_model(qwen, adapter=str(prompts), **CPU)
    elsewhere = copied(adapter, tmp_path / "elsewhere")
    tensors = {k.replace("q_proj", "w_pack"): t for k, t in load_file(elsewhere / "adapter_model.safetensors").items()}
    save_file(tensors, elsewhere / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="does not fit the model"):
        load_model(qwen, adapter=str(elsewhere), **CPU)
