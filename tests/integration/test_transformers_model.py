"""The transformers backend on small models that are saved to a folder and loaded as a user's would be."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from geogrounding.errors import ModelError, SettingsError
from geogrounding.models import load_model
from geogrounding.models.base import Model
from geogrounding.models.hf import checkpoint, generation
from geogrounding.models.hf.model import TransformersModel
from geogrounding.models.hf.processing import Pixels
from geogrounding.models.image_size import smart_resize
from geogrounding.types import Answer, Question
from tests.integration import tiny_models
from tests.integration.tiny_models import FAMILIES, RELATIVES, Family

QUESTIONS = [Question(expression=text) for text in ("plane", "the red ship at the quay", "storage tank")]
SAYING = [
    "<think>",
    "one at the left",
    "</think><answer>",
    '[{"bbox_2d": [',
    "28, ",
    "56, ",
    "140,",
    " 112",
    '], "label": "',
    "plane",
    '"}]',
]
SURE = [0.9, 0.8, 0.9, 0.9, 0.5, 0.6, 0.7, 0.8, 0.9, 0.9, 0.9, 0.9]
SCORE = (0.5 * 0.6 * 0.7 * 0.8) ** 0.25
CPU: dict[str, Any] = {"device": "cpu", "dtype": "float32", "max_new_tokens": 10}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny layers are slower on several threads, and other tests run beside these."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Family, bool], Path]:
    """``folders(family, rigged)`` -> a model folder, built once."""
    built: dict[tuple[Family, bool], Path] = {}

    def folder(family: Family, rigged: bool = False) -> Path:
        if (family, rigged) not in built:
            place = tmp_path_factory.mktemp("models") / f"{family}-{'rigged' if rigged else 'random'}"
            saying = {"say": SAYING, "probabilities": SURE} if rigged else {}
            built[family, rigged] = tiny_models.save_tiny(place, family, **saying)  # type: ignore[arg-type]
        return built[family, rigged]

    return folder


def pictures(*sizes: tuple[int, int]) -> list[Pixels]:
    """Noise of (width, height) pixels."""
    random = np.random.default_rng(7)
    return [random.integers(0, 256, (height, width, 3), dtype=np.uint8) for width, height in sizes]


def texts(answers: list[list[Answer]]) -> list[list[str]]:
    assert all(answer.error is None or "token limit" in answer.error for row in answers for answer in row)
    return [[answer.raw_text for answer in row] for row in answers]


def copied(folder: Path, place: Path) -> Path:
    place.mkdir()
    for path in folder.iterdir():
        (place / path.name).write_bytes(path.read_bytes())
    return place


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [(112, 112), (190, 130)])
def test_boxes_reach_chip_pixels(folders: Any, family: Family, size: tuple[int, int]) -> None:
    numbers = {"coordinates": "per-mille"} if family == "llava" else {}
    model = load_model(str(folders(family, True)), **CPU | {"max_new_tokens": 20} | numbers)
    assert isinstance(model, Model)
    [[answer]] = model.ground(pictures(size), QUESTIONS[:1])
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
    images = pictures((112, 112), (140, 84), (56, 70))
    answers = {}
    for batch_size in (1, 3, 4):
        model = TransformersModel(str(folders(family)), batch_size=batch_size, **CPU)
        answers[batch_size] = texts(model.ground(images, QUESTIONS))
    assert answers[1] == answers[3] == answers[4]
    assert texts(model.ground(images, QUESTIONS)) == answers[4], "not deterministic"
    assert len({text for row in answers[1] for text in row}) > 5, "babble should depend on picture and question"


@pytest.mark.parametrize("family", FAMILIES + RELATIVES)
def test_questions_share_the_vision_tower_and_lose_nothing(
    folders: Any, family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = pictures((112, 112), (140, 84))
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
    assert sum(seen) == each, "every picture once"
    assert len(seen) == 1, "both pictures in one pass"
    seen.clear()
    monkeypatch.setattr(model, "_shares_images", False)
    assert texts(model.ground(images, QUESTIONS)) == answers, "shared features change the answer"
    assert sum(seen) == 3 * each


def test_other_architectures_run_through_their_own_processor(folders: Any) -> None:
    """LLaVA-NeXT cuts an image into tiles: it is not among the families whose features are shared."""
    images = pictures((112, 112), (56, 100))
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
        for image in pictures((112, 112), (190, 130), (31, 400)):
            picture = processing.image(image)
            fake_self = SimpleNamespace(image_processor=processing._images, image_token="<|image_pad|>")
            inputs = {name: tensor.numpy() for name, tensor in picture.inputs.items()}
            assert picture.tokens == library.replace_image_token(fake_self, inputs, 0)
            factor = processing._images.patch_size * 2
            least = processing._images.size["shortest_edge"]
            expected = smart_resize(*image.shape[1::-1], factor=factor, min_pixels=least, max_pixels=1 << 20)
            assert picture.model_size_px == expected


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
    assert small._processing.image(pictures((900, 300))[0]).model_size_px == smart_resize(900, 300, max_pixels=200_000)
    assert small._processing.image(pictures((420, 420))[0]).model_size_px == (420, 420), "tiles are not resampled"
    assert TransformersModel(str(folders("llava")), **CPU).conventions.tile_size_px == 56


def test_coordinates_and_style_can_be_told(folders: Any) -> None:
    folder = str(folders("qwen2_5_vl", True))
    options = CPU | {"max_new_tokens": 20}
    image = pictures((190, 130))
    for told in ({"coordinates": "per-mille"}, {"style": "qwen3"}):
        [[answer]] = TransformersModel(folder, **told, **options).ground(image, QUESTIONS[:1])  # type: ignore[arg-type]
        assert answer.detections[0].box_chip_px == pytest.approx((5.32, 7.28, 26.6, 14.56))


def test_half_precision_answers_too(folders: Any) -> None:
    model = TransformersModel(str(folders("qwen2_5_vl", True)), device="cpu", dtype="bfloat16", max_new_tokens=20)
    [[answer]] = model.ground(pictures((112, 112)), QUESTIONS[:1])
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
    images = pictures((112, 112))
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


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("MPS backend out of memory"),
    MemoryError(),
]


@pytest.mark.parametrize("failure", OUT_OF_MEMORY, ids=lambda failure: type(failure).__name__)
def test_batches_shrink_when_memory_runs_out(folders: Any, failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    model = TransformersModel(str(folders("llava")), batch_size=7, **CPU)
    images = pictures((56, 56), (70, 56), (84, 84))
    expected = texts(model.ground(images, QUESTIONS))
    tried = limit_memory(monkeypatch, failure, lambda inputs: len(inputs["input_ids"]) > 2)
    assert texts(model.ground(images, QUESTIONS)) == expected
    assert tried == [7, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    assert model.batch_size == 1, "remembered"


def test_a_picture_too_large_fails_alone(folders: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = TransformersModel(str(folders("qwen2_5_vl")), batch_size=4, **CPU)
    images = pictures((56, 56), (280, 280), (84, 84))
    one_by_one = [model.ground([image], QUESTIONS[:1])[0][0] for image in images]
    failure = torch.OutOfMemoryError("CUDA out of memory")
    limit_memory(
        monkeypatch, failure, lambda inputs: inputs["input_ids"].shape[1] > 500 or len(inputs["input_ids"]) > 3
    )
    [[first], [second], [third]] = model.ground(images, QUESTIONS[:1])
    assert [first, third] == [one_by_one[0], one_by_one[2]]
    assert second.error is not None
    assert "280 x 280" in second.error
    assert "smaller tiles" in second.error
    assert not second.detections


def limit_memory(
    monkeypatch: pytest.MonkeyPatch, failure: Exception, too_much: Callable[[dict[str, torch.Tensor]], bool]
) -> list[int]:
    """Let decoding fail where ``too_much`` says so; returns the list of batch sizes tried."""
    real, tried = generation.generate, []

    def limited(model: Any, inputs: Any, **options: Any) -> list[generation.Reply]:
        tried.append(len(inputs["input_ids"]))
        if too_much(inputs):
            raise failure
        return real(model, inputs, **options)

    monkeypatch.setattr(generation, "generate", limited)
    return tried


def test_other_failures_end_the_run(folders: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = TransformersModel(str(folders("llava")), **CPU)
    limit_memory(monkeypatch, RuntimeError("CUDA error: device-side assert triggered"), lambda _: True)
    with pytest.raises(ModelError, match="device-side assert"):
        model.ground(pictures((56, 56)), QUESTIONS)


def test_numbers_that_are_not_finite_are_no_answer(folders: Any) -> None:
    model = TransformersModel(str(folders("llava")), **CPU)
    with torch.no_grad():
        model._model.lm_head.weight[5, :] = math.nan
    [[answer]] = model.ground(pictures((56, 56)), QUESTIONS[:1])
    assert answer.error is not None
    assert "not finite" in answer.error


def test_unusable_pictures_fail_alone(folders: Any) -> None:
    model = TransformersModel(str(folders("qwen2_5_vl")), **CPU)
    [good] = pictures((112, 112))
    bad = [good.astype(np.float32), good[..., 0], good[:0], good[:1].repeat(3, axis=1), np.zeros((2, 500, 3), np.uint8)]
    answers = model.ground([*bad[:2], good, *bad[2:]], QUESTIONS[:2])  # type: ignore[list-item]
    errors = [[answer.error is not None and "token limit" not in answer.error for answer in row] for row in answers]
    assert errors == [[True] * 2, [True] * 2, [False] * 2, [True] * 2, [True] * 2, [True] * 2]
    assert texts([answers[2]]) == texts(model.ground([good], QUESTIONS[:2]))
    assert model.ground([], QUESTIONS) == []
    assert model.ground([good], []) == [[]]


def test_small_chips_are_stretched_not_cropped(folders: Any) -> None:
    """LLaVA's processor would cut a wide image to its centre; an object at its end must stay visible."""
    model = TransformersModel(str(folders("llava")), **CPU)
    wide = np.zeros((56, 168, 3), np.uint8)
    other = wide.copy()
    other[:, 150:] = 255
    encoded = [model._processing.image(picture).inputs["pixel_values"] for picture in (wide, other)]
    assert encoded[0].shape == (1, 3, 56, 56)
    assert not torch.equal(encoded[0], encoded[1])


def test_a_closed_model_says_so(folders: Any) -> None:
    model = TransformersModel(str(folders("llava")), **CPU)
    model.close()
    model.close()
    with pytest.raises(ModelError, match="closed"):
        model.ground(pictures((56, 56)), QUESTIONS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "float16"}, "float16"),
        ({"dtype": "int3"}, "int3"),
        ({"device": "abacus"}, "abacus"),
        ({"batch_size": 0}, "batch_size"),
        ({"max_new_tokens": -1}, "max_new_tokens"),
        ({"max_pixels": 3}, "max_pixels"),
        ({"style": "haiku"}, "haiku"),
        ({"min_pixels": 5000, "max_pixels": 4000}, "min_pixels"),
    ],
)
def test_wrong_settings(folders: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        TransformersModel(str(folders("qwen2_5_vl")), **CPU | options)
    if "max_pixels" in options:
        with pytest.raises(SettingsError, match="max_pixels"):
            TransformersModel(str(folders("llava")), **CPU | options)


def test_an_absent_device_is_a_model_error(folders: Any) -> None:
    if torch.cuda.device_count() > 7:
        pytest.skip("this machine has eight GPUs")
    with pytest.raises(ModelError, match="no cuda:7 here"):
        TransformersModel(str(folders("llava")), device="cuda:7")


def test_weights_that_do_not_fit_are_refused(folders: Any, tmp_path: Path) -> None:
    folder = copied(folders("llava"), tmp_path / "lacking")
    tensors = load_file(folder / "model.safetensors")
    tensors.pop("model.multi_modal_projector.linear_1.weight", None)
    kept = {name: tensor for name, tensor in tensors.items() if "linear_1.weight" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="lacks 1 weights"):
        load_model(str(folder), **CPU)
    shrunk = {name: tensor[:-1].contiguous() if tensor.ndim == 2 else tensor for name, tensor in tensors.items()}
    save_file(shrunk, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError):
        load_model(str(folder), **CPU)


def test_foreign_code_is_not_run(folders: Any, tmp_path: Path) -> None:
    folder = copied(folders("llava"), tmp_path / "foreign")
    witness = tmp_path / "ran"
    (folder / "modeling_foreign.py").write_text(f"open({str(witness)!r}, 'w')\nclass C: pass\n")
    config = json.loads((folder / "config.json").read_text())
    classes = dict.fromkeys(("AutoConfig", "AutoModelForImageTextToText", "AutoProcessor"), "modeling_foreign.C")
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "foreign", "auto_map": classes}))
    with pytest.raises(ModelError, match="cannot be used"):
        load_model(str(folder), **CPU)
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": classes}))
    load_model(str(folder), **CPU).close()  # a known architecture runs as transformers' own code
    assert not witness.exists()


def test_the_processor_can_come_from_elsewhere(folders: Any, tmp_path: Path) -> None:
    whole = folders("qwen2_5_vl")
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("config.json", "model.safetensors"):
        (bare / name).write_bytes((whole / name).read_bytes())
    with pytest.raises(ModelError, match="preprocessor_config") as caught:
        load_model(str(bare), **CPU)
    assert "--processor" in caught.value.hint
    images = pictures((112, 112))
    borrowed = load_model(str(bare), processor=str(whole), **CPU)
    assert texts(borrowed.ground(images, QUESTIONS)) == texts(load_model(str(whole), **CPU).ground(images, QUESTIONS))


def test_chat_templates(folders: Any, tmp_path: Path) -> None:
    folder = copied(folders("qwen2_5_vl"), tmp_path / "model")
    template = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ModelError, match="no chat template"):
        load_model(str(folder), **CPU)
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": template}))
    images = pictures((112, 112))
    expected = texts(load_model(str(folders("qwen2_5_vl")), **CPU).ground(images, QUESTIONS))
    assert texts(load_model(str(folder), **CPU).ground(images, QUESTIONS)) == expected
    for broken, message in (("{{ nothing.here.at_all }}", "fails"), ("{{ messages|length }}", "0 image tokens")):
        (folder / "chat_template.json").write_text(json.dumps({"chat_template": broken}))
        with pytest.raises(ModelError, match=message):
            load_model(str(folder), **CPU).ground(images, QUESTIONS)


def test_fingerprints_tell_models_apart(folders: Any, tmp_path: Path) -> None:
    folder = folders("llava")
    same = copied(folder, tmp_path / "copy")
    fingerprint = TransformersModel(str(folder), **CPU).fingerprint
    assert TransformersModel(str(same), **CPU).fingerprint == fingerprint, "a copy is the same model"
    shorter = TransformersModel(str(folder), **CPU | {"max_new_tokens": 9})
    assert shorter.fingerprint == fingerprint, "what is cut off is no answer, so that a resumed run may ask for more"
    for options in (
        {"dtype": "bfloat16"},
        {"coordinates": "resized-pixels"},
        {"style": "geo-r1"},
    ):
        assert TransformersModel(str(folder), **CPU | options).fingerprint != fingerprint
    assert TransformersModel(str(folder), batch_size=2, **CPU).fingerprint == fingerprint
