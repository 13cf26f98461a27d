#!/usr/bin/env bash
# PeftModel.from_pretrained says nothing of weights in an adapter's file that no module of the model takes. It warns of
# keys that the model lacks, not of keys that the file has too many. An adapter whose names come from another version of
# the architecture loads without a word where its target_modules match something, and most of it has no effect.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet "torch==2.13.0" "transformers==5.23.0" "peft==0.21.2" "safetensors"
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import json
import pathlib
import sys
import warnings

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file

print("peft", peft.__version__, "transformers", transformers.__version__)
config = transformers.LlamaConfig(
    vocab_size=64, hidden_size=32, intermediate_size=32, num_hidden_layers=4, num_attention_heads=2,
    num_key_value_heads=2, max_position_embeddings=64,
)
torch.manual_seed(0)
transformers.LlamaForCausalLM(config).save_pretrained("model")
lora = peft.LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
peft.get_peft_model(transformers.LlamaForCausalLM.from_pretrained("model"), lora).save_pretrained("adapter")
file = pathlib.Path("adapter/adapter_model.safetensors")
# Three of four layers under a name that the model does not have, and a target that names the fourth.
tensors = {k if "layers.3." in k else k.replace("model.layers", "decoder.layers"): t for k, t in load_file(file).items()}
save_file(tensors, file)
described = json.loads(pathlib.Path("adapter/adapter_config.json").read_text())
described["target_modules"] = ["layers.3.self_attn.q_proj"]
pathlib.Path("adapter/adapter_config.json").write_text(json.dumps(described))
model = transformers.LlamaForCausalLM.from_pretrained("model")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    adapted = peft.PeftModel.from_pretrained(model, "adapter")
used = len(peft.get_peft_model_state_dict(adapted))
told = [str(w.message) for w in caught if "key" in str(w.message).lower() or "weight" in str(w.message).lower()]
print(f"weights in the file: {len(tensors)}, used: {used}, warnings about them: {told}")
# Seen: weights in the file: 8, used: 2, warnings about them: [].
sys.exit(0 if (len(tensors), used, told) == (8, 2, []) else 1)
PYTHON
