#!/usr/bin/env bash
# A LoRA on lm_head of a model whose head and embedding share one matrix answers one way beside the weights and another
# way merged: merge_and_unload adds the product to the shared matrix, so that the embedding changes as well. peft warns of
# "complications" when the adapter is loaded; merging itself gives other answers and no error. Parting the two matrices
# before the adapter is put on keeps the answers.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet "torch==2.13.0" "transformers==5.23.0" "peft==0.21.2"
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import sys
import warnings

import peft
import torch
import transformers

warnings.simplefilter("ignore")
print("peft", peft.__version__, "transformers", transformers.__version__)
config = transformers.Qwen2Config(
    vocab_size=64, hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
    num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=True,
)
torch.manual_seed(0)
transformers.Qwen2ForCausalLM(config).save_pretrained("model")
lora = peft.LoraConfig(r=2, lora_alpha=16, target_modules=["lm_head"], init_lora_weights=False)
peft.get_peft_model(transformers.Qwen2ForCausalLM.from_pretrained("model"), lora).save_pretrained("adapter")
ids = torch.arange(3, 23)[None]
differences = {}
for untied in (False, True):
    model = transformers.Qwen2ForCausalLM.from_pretrained("model").eval()
    if untied:
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
        model.config.tie_word_embeddings = False
    adapted = peft.PeftModel.from_pretrained(model, "adapter").eval()
    with torch.no_grad():
        beside = adapted(input_ids=ids).logits
        merged = adapted.merge_and_unload()(input_ids=ids).logits
    differences[untied] = float((beside - merged).abs().max())
    print(f"matrices {'parted' if untied else 'shared'}: merged logits differ by {differences[untied]:.4f}")
# Seen: more than 1 where the matrices are shared, less than 0.001 where they are parted.
sys.exit(0 if differences[False] > 1 and differences[True] < 1e-3 else 1)
PYTHON
