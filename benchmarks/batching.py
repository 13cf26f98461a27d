"""What batches and shared image features save against a plain loop of ``generate``, one chip and question at a time.

    python benchmarks/batching.py                                # 6 chips, 3 questions, 36 tokens a reply
    python benchmarks/batching.py --chips 2 --tokens 8           # a quick look

The model is a Qwen2.5-VL with random weights (about 50 million, a sixtieth of the 3B), built by the tests' code, in
float32 on the CPU: real architecture, processor and decoding, meaningless words. Every way decodes the same number of
tokens and must give the same replies. The ratios count, not the seconds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from geogrounding.models.hf.model import TransformersModel
from geogrounding.models.prompts import build_prompt
from geogrounding.types import Question
from tests.integration import tiny_models

QUESTIONS = ["airplane", "the largest storage tank", "ship at the quay", "tennis court", "bridge", "vehicle"]


def build(folder: Path) -> Path:
    """A Qwen2.5-VL whose parts have the proportions of the 3B: the tower a fifth of the language side."""
    import torch
    import transformers

    library: Any = transformers
    tokenizer = tiny_models.build_tokenizer("qwen2_5_vl")
    config = tiny_models.build_config("qwen2_5_vl", tokenizer)
    text, vision = config.text_config, config.vision_config
    text.hidden_size, text.intermediate_size, text.num_hidden_layers = 512, 2752, 8
    text.layer_types = ["full_attention"] * 8
    text.num_attention_heads, text.num_key_value_heads, text.initializer_range = 8, 2, 0.05
    text.rope_parameters["mrope_section"] = [8, 12, 12]
    vision.depth, vision.hidden_size, vision.intermediate_size, vision.num_heads = 8, 320, 864, 5
    vision.out_hidden_size, vision.window_size, vision.fullatt_block_indexes = 512, 112, [3, 7]
    torch.manual_seed(0)
    model = library.AutoModelForImageTextToText.from_config(config, dtype=torch.float32)
    print(f"{sum(weight.numel() for weight in model.parameters()) / 1e6:.0f} million weights")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    tiny_models.image_processor("qwen2_5_vl", 1 << 20).save_pretrained(folder)
    return folder


def plain_loop(model: TransformersModel, images: list[Any], questions: list[Question], tokens: int) -> list[list[str]]:
    """What a script does: process, generate and decode one chip and one question after the other."""
    import torch

    processing, weights = model._processing, model._model
    replies = []
    for image in images:
        row = []
        for question in questions:
            encoded = processing.image(image)
            inputs = processing.texts([processing.chat(build_prompt(question, "geo-r1"))], [encoded])
            with torch.inference_mode():
                ids = weights.generate(
                    **inputs,
                    pixel_values=encoded.inputs["pixel_values"],
                    do_sample=False,
                    max_new_tokens=tokens,
                    eos_token_id=sorted(model._end_ids),
                    pad_token_id=model._pad_id,
                )
            row.append(model._text(ids[0, inputs["input_ids"].shape[1] :].tolist()))
        replies.append(row)
    return replies


class Clock:
    """Wall and processor time since it was made; the second means more where other work runs beside."""

    def __init__(self) -> None:
        self.begin = time.perf_counter(), time.process_time()

    def spent(self) -> tuple[float, float]:
        return time.perf_counter() - self.begin[0], time.process_time() - self.begin[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chips", type=int, default=6)
    parser.add_argument("--questions", type=int, default=3)
    parser.add_argument("--side", type=int, default=448, help="of a chip, pixels")
    parser.add_argument("--tokens", type=int, default=36, help="of a reply")
    parser.add_argument("--threads", type=int, help="of torch; fewer than cores where other work runs beside")
    chosen = parser.parse_args()
    if chosen.threads:
        import torch

        torch.set_num_threads(chosen.threads)
    random = np.random.default_rng(0)
    images = [random.integers(0, 256, (chosen.side, chosen.side, 3), dtype=np.uint8) for _ in range(chosen.chips)]
    questions = [Question(expression=text) for text in QUESTIONS[: chosen.questions]]
    options: dict[str, Any] = {"device": "cpu", "dtype": "float32", "max_new_tokens": chosen.tokens}
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        model = TransformersModel(folder, batch_size=1, **options)
        model.ground(images[:1], questions[:1])  # warm
        begin = Clock()
        expected = plain_loop(model, images, questions, chosen.tokens)
        loop = begin.spent()
        print(f"plain loop:      {loop[0]:6.1f} s wall, {loop[1]:6.1f} s of processor")
        for batch_size in (1, 4, 12):
            model = TransformersModel(folder, batch_size=batch_size, **options)
            for shares in (False, True):
                model._shares_images = shares
                begin = Clock()
                answers = model.ground(images, questions)
                wall_s, processor_s = begin.spent()
                same = [[answer.raw_text for answer in row] for row in answers] == expected
                kind = "shared" if shares else "      "
                replies = "same replies" if same else "OTHER REPLIES"
                print(
                    f"batch {batch_size:2} {kind}: {wall_s:6.1f} s wall, {processor_s:6.1f} s of processor, {replies};"
                    f" {loop[0] / wall_s:4.2f} and {loop[1] / processor_s:4.2f} times the loop"
                )


if __name__ == "__main__":
    main()
