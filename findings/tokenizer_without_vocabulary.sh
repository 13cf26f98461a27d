#!/usr/bin/env bash
# transformers 5 makes a tokenizer out of nothing. A folder that holds only config.json, as a model that was saved without
# its tokenizer does, gives no error for many model types: AutoTokenizer returns a tokenizer with special tokens alone.
# It maps every word to "unknown", or, for Qwen2, to no token at all, so that a model is asked an empty question.
# Whoever loads weights and tokenizer from one folder must look for a vocabulary file first.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet "transformers==5.23.0" "tokenizers==0.23.3"
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import json
import pathlib
import sys

import transformers

print("transformers", transformers.__version__)
seen = {}
for model_type in ("owlv2", "bert", "qwen2_5_vl"):
    folder = pathlib.Path(model_type)
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    ids = tokenizer("a red car", add_special_tokens=False)["input_ids"]
    known = [i for i in ids if i != tokenizer.unk_token_id]
    seen[model_type] = len(known)
    print(f"{model_type}: {type(tokenizer).__name__} of {len(tokenizer)} tokens; 'a red car' -> {ids}")
# Seen: no error; CLIPTokenizer of 2 tokens, BertTokenizer of 5, Qwen2Tokenizer of 1 with an empty list of ids.
sys.exit(0 if set(seen.values()) == {0} else 1)
PYTHON
