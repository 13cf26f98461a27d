"""Transformers checkpoints: lack of memory, wrong settings, weights and processors that do not fit."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from geogrounding.errors import ModelError, SettingsError
from geogrounding.models import load_model
from geogrounding.models.hf import generation
from geogrounding.models.hf.model import TransformersModel
from tests.integration.transformers_folders import CPU, QUESTIONS, copied, images_of, texts
from tests.integration.transformers_folders import folders as folders

pytestmark = pytest.mark.usefixtures("one_thread")

OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("MPS backend out of memory"),
    MemoryError(),
]


@pytest.mark.parametrize("failure", OUT_OF_MEMORY, ids=lambda failure: type(failure).__name__)
def test_batches_shrink_when_memory_runs_out(folders: Any, failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    model = TransformersModel(str(folders("llava")), batch_size=7, **CPU)
    images = images_of((56, 56), (70, 56), (84, 84))
    expected = texts(model.ground(images, QUESTIONS))
    tried = limit_memory(monkeypatch, failure, lambda inputs: len(inputs["input_ids"]) > 2)
    assert texts(model.ground(images, QUESTIONS)) == expected
    assert tried == [7, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    assert model.batch_size == 1, "remembered"


def test_an_image_too_large_fails_alone(folders: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = TransformersModel(str(folders("qwen2_5_vl")), batch_size=4, **CPU)
    images = images_of((56, 56), (280, 280), (84, 84))
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
        model.ground(images_of((56, 56)), QUESTIONS)


def test_numbers_that_are_not_finite_are_no_answer(folders: Any) -> None:
    model = TransformersModel(str(folders("llava")), **CPU)
    with torch.no_grad():
        model._model.lm_head.weight[5, :] = math.nan
    [[answer]] = model.ground(images_of((56, 56)), QUESTIONS[:1])
    assert answer.error is not None
    assert "not finite" in answer.error


def test_unusable_images_fail_alone(folders: Any) -> None:
    model = TransformersModel(str(folders("qwen2_5_vl")), **CPU)
    [good] = images_of((112, 112))
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
    encoded = [model._processing.image(pixels).inputs["pixel_values"] for pixels in (wide, other)]
    assert encoded[0].shape == (1, 3, 56, 56)
    assert not torch.equal(encoded[0], encoded[1])


def test_a_closed_model_says_so(folders: Any) -> None:
    model = TransformersModel(str(folders("llava")), **CPU)
    model.close()
    model.close()
    with pytest.raises(ModelError, match="closed"):
        model.ground(images_of((56, 56)), QUESTIONS)


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
    images = images_of((112, 112))
    borrowed = load_model(str(bare), processor=str(whole), **CPU)
    assert texts(borrowed.ground(images, QUESTIONS)) == texts(load_model(str(whole), **CPU).ground(images, QUESTIONS))


def test_chat_templates(folders: Any, tmp_path: Path) -> None:
    folder = copied(folders("qwen2_5_vl"), tmp_path / "model")
    template = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ModelError, match="no chat template"):
        load_model(str(folder), **CPU)
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": template}))
    images = images_of((112, 112))
    expected = texts(load_model(str(folders("qwen2_5_vl")), **CPU).ground(images, QUESTIONS))
    assert texts(load_model(str(folder), **CPU).ground(images, QUESTIONS)) == expected
    for broken, message in (("{{ nothing.here.at_all }}", "fails"), ("{{ messages|length }}", "0 image tokens")):
        (folder / "chat_template.json").write_text(json.dumps({"chat_template": broken}))
        with pytest.raises(ModelError, match=message):
            load_model(str(folder), **CPU).ground(images, QUESTIONS)


def test_fingerprints_differ_between_models(folders: Any, tmp_path: Path) -> None:
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
