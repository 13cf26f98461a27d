#!/usr/bin/env bash
# The image processors of GLM-4V and Qwen2-VL take the same setting, size = {shortest_edge, longest_edge}, as a budget of
# pixels, and write the same grid. For one still image GLM's shows half as many pixels: it counts every pixel once for
# each of the two frames of a patch in time. A budget that is copied from one family to the other is off by two.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet "transformers==5.23.0" "numpy==2.4.6" "pillow==13.0.0"
"$work/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import transformers
from transformers.models.glm4v.image_processing_pil_glm4v import Glm4vImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

print("transformers", transformers.__version__)
image = np.zeros((1000, 1000, 3), np.uint8)
shown = {}
for kind in (Qwen2VLImageProcessorPil, Glm4vImageProcessorPil):
    processor = kind(size={"shortest_edge": 3136, "longest_edge": 250_000})
    _, rows, columns = (int(n) for n in processor(images=[image], return_tensors="np")["image_grid_thw"][0])
    shown[kind.__name__] = rows * columns * processor.patch_size**2
    print(f"{kind.__name__}: longest_edge 250000 -> {shown[kind.__name__]} pixels")
# Seen: 226576 pixels for Qwen2-VL, 112896 for GLM-4V.
sys.exit(0 if list(shown.values()) == [226_576, 112_896] else 1)
PYTHON
