"""Kind: adapters as they are published are merged whole, or refused with what is wrong.

Adapters are made for small random models, and written under the names that transformers before 4.52 used. The oracle
adds ``scale * B @ A`` to the weights by hand.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from geogrounding.errors import ModelError
from geogrounding.models.hf import checkpoint
from tests.integration import tiny_models
from tests.integration.tiny_models import Family

pytestmark = pytest.mark.usefixtures("one_thread")

CPU: dict[str, Any] = {"device": torch.device("cpu"), "dtype": torch.float32}
R, ALPHA = 2, 8
SCALE = ALPHA / R
ATTENTION = r"model\.language_model\.layers\.\d+\.self_attn\.(q_proj|v_proj)"
LANGUAGE = r"model\.language_model\.layers\.\d+\..*_proj"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Family, bool], Path]:
    """``folders(family, tied)`` -> a model folder, built once."""
    built: dict[tuple[Family, bool], Path] = {}

    def folder(family: Family, tied: bool = False) -> Path:
        if (family, tied) not in built:
            place = tiny_models.save_tiny(tmp_path_factory.mktemp("base") / f"{family}{tied}", family)
            if tied:
                config = json.loads((place / "config.json").read_text())
                config["tie_word_embeddings"] = True
                config["text_config"]["tie_word_embeddings"] = True
                (place / "config.json").write_text(json.dumps(config))
                tensors = load_file(place / "model.safetensors")
                del tensors["lm_head.weight"]
                save_file(tensors, place / "model.safetensors", {"format": "pt"})
            built[family, tied] = place
        return built[family, tied]

    return folder


def load(folder: Path, adapter: Path | None = None) -> Any:
    return checkpoint.load(folder, adapter=adapter, **CPU)


def logits(model: Any) -> torch.Tensor:
    ids = torch.arange(5, 45).reshape(2, 20)
    with torch.inference_mode():
        out: torch.Tensor = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    return out


def old_name(name: str) -> str:
    """A module under the name that it had before transformers 4.52."""
    name = re.sub(r"^model\.language_model\.", "model.", name)
    return re.sub(r"^model\.visual\.", "visual.", name)


def deltas(model: Any, pattern: str, seed: int = 1) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """A and B for every linear layer and embedding whose full name matches."""
    generator = torch.Generator().manual_seed(seed)
    made = {}
    for name, module in model.named_modules():
        if re.fullmatch(pattern, name) and isinstance(module, torch.nn.Linear | torch.nn.Embedding):
            rows, columns = module.weight.shape
            made[name] = (
                torch.randn(R, columns, generator=generator) * 0.2,
                torch.randn(rows, R, generator=generator) * 0.2,
            )
    assert made
    return made


def write_adapter(
    folder: Path, made: dict[str, Any], *, rename: Callable[[str], str] = old_name, extra: Any = None, **config: Any
) -> Path:
    folder.mkdir(parents=True)
    tensors = dict(extra or {})
    for name, (a, b) in made.items():
        prefix = f"base_model.model.{rename(name)}"
        if name.endswith("embed_tokens"):
            tensors[f"{prefix}.lora_embedding_A"], tensors[f"{prefix}.lora_embedding_B"] = (
                b.T.contiguous(),
                a.T.contiguous(),
            )
        else:
            tensors[f"{prefix}.lora_A.weight"], tensors[f"{prefix}.lora_B.weight"] = a, b
    save_file(tensors, folder / "adapter_model.safetensors", {"format": "pt"})
    described = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": R, "lora_alpha": ALPHA, "lora_dropout": 0.05,
        "bias": "none", "inference_mode": True, "base_model_name_or_path": "Qwen/Qwen2.5-VL-3B-Instruct",
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(described | config))
    return folder


def by_hand(folder: Path, made: dict[str, Any]) -> Any:
    """The model with the products added to its weights; ends that share a matrix get one each."""
    model = load(folder)
    head = model.get_output_embeddings()
    head.weight = torch.nn.Parameter(head.weight.detach().clone())
    with torch.no_grad():
        for name, (a, b) in made.items():
            model.get_submodule(name).weight += SCALE * (b @ a)
    return model


FORMS: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "two names": (ATTENTION, ["q_proj", "v_proj"], {}),
    "vision qkv": (r"model\.visual\.blocks\.\d+\.attn\.qkv", ["qkv"], {}),
    "LLaMA-Factory": (LANGUAGE, r"^(?!.*visual).*(?:q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj).*", {}),
    "LLaMA-Factory, patch embed": (
        ATTENTION, r"^(?!.*patch_embed).*(?:q_proj|v_proj).*", {"exclude_modules": "visual"},
    ),
    "ms-swift": (ATTENTION, r"^(model)(?=\.).*\.(q_proj|v_proj)$", {}),
    "ms-swift, all": (
        LANGUAGE, r"^(model(?=\.).*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj))$", {},
    ),
    "anchored": (ATTENTION, r"^model\.layers\.\d+\.self_attn\.(q_proj|v_proj)$", {}),
    "full names": (ATTENTION, "FULL", {}),
    "full names and head": (f"{ATTENTION}|lm_head", "FULL", {}),
    "one layer": (
        r"model\.language_model\.layers\.1\.self_attn\.(q|v)_proj", ["q_proj", "v_proj"],
        {"layers_to_transform": [1], "layers_pattern": "layers"},
    ),
    "language and vision": (
        f"{ATTENTION}|" + r"model\.visual\.blocks\.\d+\.mlp\.(gate|up|down)_proj",
        ["q_proj", "v_proj", "gate_proj", "up_proj", "down_proj"], {},
    ),
    "all linear": (f"{LANGUAGE}|" + r"model\.visual\..*(qkv|proj|mlp\.\d)", "all-linear", {}),
    "merger": (r"model\.visual\.merger\.mlp\.[02]", r"^visual\.merger\.mlp\.(0|2)$", {}),
    "DoRA": (ATTENTION, ["q_proj", "v_proj"], {"use_dora": True}),
    "rank of a layer": (ATTENTION, ["q_proj", "v_proj"], {"rank_pattern": {"q_proj": R}}),
}  # fmt: skip


@pytest.mark.parametrize("family", ["qwen2_vl", "qwen2_5_vl"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("names", ["old", "new"])
def test_published_forms_are_merged_whole(folders: Any, tmp_path: Path, family: Family, form: str, names: str) -> None:
    pattern, targets, config = FORMS[form]
    folder = folders(family)
    base = load(folder)
    if family == "qwen2_vl" and "visual" in pattern:
        pattern = r"model\.visual\.blocks\.\d+\.(attn\.qkv|mlp\.fc\d)"
    made = deltas(base, pattern)
    rename = old_name if names == "old" else str
    listed = [rename(name) for name in made] if targets == "FULL" else targets
    extra = {}
    if config.get("use_dora"):  # magnitudes equal to the norms of the merged rows leave the merged weight as it is
        for name, (a, b) in made.items():
            norm = (base.get_submodule(name).weight + SCALE * (b @ a)).norm(dim=1).detach()
            extra[f"base_model.model.{rename(name)}.lora_magnitude_vector"] = norm
    adapter = write_adapter(tmp_path / "a", made, rename=rename, extra=extra, target_modules=listed, **config)
    merged = load(folder, adapter)
    assert type(merged) is type(base)
    torch.testing.assert_close(logits(merged), logits(by_hand(folder, made)), rtol=1e-4, atol=1e-4)
    for name in made:
        assert not torch.equal(merged.get_submodule(name).weight, base.get_submodule(name).weight), name


@pytest.mark.parametrize("family", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])
@pytest.mark.parametrize(
    ("pattern", "targets"),
    [(rf"{ATTENTION}|lm_head", ["q_proj", "v_proj", "lm_head"]),
     (r"model\.language_model\.embed_tokens", ["embed_tokens"]),
     (r"lm_head|model\.language_model\.embed_tokens", ["embed_tokens", "lm_head"])],
)  # fmt: skip
def test_tied_ends_are_adapted_one_by_one(
    folders: Any, tmp_path: Path, family: Family, pattern: str, targets: list[str]
) -> None:
    folder = folders(family, True)
    base = load(folder)
    assert base.get_input_embeddings().weight is base.get_output_embeddings().weight
    made = deltas(base, pattern)
    rename = old_name if family != "qwen3_vl" else str
    adapter = write_adapter(tmp_path / "a", made, rename=rename, target_modules=targets)
    merged = load(folder, adapter)
    expected = logits(by_hand(folder, made))
    assert (expected - logits(base)).abs().max() > 0.1, "the adapter changes nothing"
    torch.testing.assert_close(logits(merged), expected, rtol=1e-4, atol=1e-4)


def test_merged_equals_unmerged_as_peft_runs_it(folders: Any, tmp_path: Path) -> None:
    from peft import PeftModel

    folder = folders("qwen2_5_vl", True)
    base = load(folder)
    made = deltas(base, rf"{ATTENTION}|lm_head")
    adapter = write_adapter(tmp_path / "a", made, rename=str, target_modules=["q_proj", "v_proj", "lm_head"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        beside = PeftModel.from_pretrained(base, str(adapter))
        expected = logits(beside.eval())
    torch.testing.assert_close(logits(load(folder, adapter)), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("tied", [True, False])
def test_modules_saved_whole(folders: Any, tmp_path: Path, tied: bool) -> None:
    folder = folders("qwen2_5_vl", tied)
    base = load(folder)
    made = deltas(base, ATTENTION)
    generator = torch.Generator().manual_seed(5)
    head = torch.randn(base.lm_head.weight.shape, generator=generator)
    adapter = write_adapter(
        tmp_path / "a", made, extra={"base_model.model.lm_head.weight": head},
        target_modules=["q_proj", "v_proj"], modules_to_save=["lm_head"],
    )  # fmt: skip
    expected = by_hand(folder, made)
    with torch.no_grad():
        expected.lm_head.weight.copy_(head)
    torch.testing.assert_close(logits(load(folder, adapter)), logits(expected), rtol=1e-4, atol=1e-4)


def test_weights_without_a_module_are_counted(folders: Any, tmp_path: Path) -> None:
    base = load(folders("qwen2_5_vl"))
    made = deltas(base, ATTENTION)
    stray = {
        "base_model.model.model.layers.0.self_attn.w_pack.lora_A.weight": torch.zeros(R, 64),
        "base_model.model.transformer.h.0.attn.lora_B.weight": torch.zeros(64, R),
    }
    adapter = write_adapter(tmp_path / "a", made, extra=stray, target_modules=["q_proj", "v_proj"])
    with pytest.raises(ModelError, match="2 of its 10 weights have no module") as caught:
        load(folders("qwen2_5_vl"), adapter)
    assert "Qwen/Qwen2.5-VL-3B-Instruct" in caught.value.hint


def test_a_module_that_is_neither_target_nor_saved_is_counted(folders: Any, tmp_path: Path) -> None:
    base = load(folders("qwen2_5_vl"))
    stray = {"base_model.model.model.norm.weight": torch.ones(64)}
    adapter = write_adapter(tmp_path / "a", deltas(base, ATTENTION), extra=stray, target_modules=["q_proj", "v_proj"])
    with pytest.raises(ModelError, match="1 of the 9 weights"):
        load(folders("qwen2_5_vl"), adapter)


def test_an_adapter_of_a_larger_model_is_refused(folders: Any, tmp_path: Path) -> None:
    made = {"model.language_model.layers.0.self_attn.q_proj": (torch.zeros(R, 128), torch.zeros(128, R))}
    adapter = write_adapter(tmp_path / "a", made, target_modules=["q_proj"])
    with pytest.raises(ModelError, match="does not fit the model"):
        load(folders("qwen2_5_vl"), adapter)


def test_an_adapter_with_half_of_a_pair_is_refused(folders: Any, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "a", deltas(load(folders("qwen2_5_vl")), ATTENTION), target_modules=["q_proj"])
    tensors = load_file(adapter / "adapter_model.safetensors")
    tensors.pop(min(tensors))
    save_file(tensors, adapter / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="lacks weights"):
        load(folders("qwen2_5_vl"), adapter)
