#!/usr/bin/env bash
# Florence-2's post-processing in transformers returns the labels of phrase grounding without every letter that is not
# ASCII: "Schwimmbäder" becomes "Schwimmbder", and a label in Chinese becomes an empty text. The generated text holds the
# letters; boxes and labels of other languages have to be read from it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet "transformers==5.23.0" "torch==2.13.0" "numpy==2.4.6" "pillow==13.0.0"
"$work/venv/bin/python" - <<'PYTHON'
import sys
from types import SimpleNamespace

import transformers
from transformers.models.florence2.processing_florence2 import Florence2PostProcessor

print("transformers", transformers.__version__)
processor = Florence2PostProcessor(config=None, tokenizer=SimpleNamespace(all_special_tokens=["<s>", "</s>"]))
found = []
for label in ("ships", "Schwimmbäder", "油罐"):
    text = f"</s><s>{label}<loc_100><loc_200><loc_300><loc_400></s>"
    found += processor.parse_phrase_grounding_from_text_and_spans(text, image_size=(1000, 1000))
labels = [instance["cat_name"] for instance in found]
print("labels:", labels)
# Seen: ['ships', 'Schwimmbder', ''].
sys.exit(0 if labels == ["ships", "Schwimmbder", ""] else 1)
PYTHON
