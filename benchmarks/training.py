"""Steps of GRPO a second: images encoded once a group, against plain TRL, on the same model, data and rewards.

    python -m benchmarks.training [--steps 4] [--rounds 2] [--threads 1] [--only builtin|qwen]

Plain TRL reads, prepares and encodes an image for each completion of a group, twice over; here that is done once, and
the built-in model reads the prompt of a group once too. Both run the same trainer with the same seed, in turns, in one
process. The first step of a run is not counted. Seconds are those of the processor (all threads), so that other
programs on the machine do not count; --clock wall counts all.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

QUESTIONS, GROUP = 8, 8


def measure(settings: Any, output: Path, clock: Callable[[], float]) -> tuple[float, Any]:
    """Seconds a step, without the first, and what the run came to."""
    from geogrounding.training.launch import train

    marks: list[float] = []

    def mark(numbers: Mapping[str, float]) -> None:
        marks.append(clock())

    outcome = train("grpo", settings, output, on_log=mark)
    return (marks[-1] - marks[0]) / (len(marks) - 1), outcome


def compare(name: str, model: str, size_px: int, arguments: argparse.Namespace, folder: Path, **more: Any) -> None:
    """Print a line for one model."""
    from geogrounding.training.config import GRPOSettings, make_settings
    from tests.training_data import write_squares

    clock = time.process_time if arguments.clock == "cpu" else time.monotonic
    data = write_squares(folder / f"{name}-data", 2 * QUESTIONS, size=size_px)
    given = {
        "data": data,
        "model": model,
        "steps": arguments.steps + 1,
        "group": GROUP,
        "batch": QUESTIONS * GROUP,
        "probe": 0,
        "device": "cpu",
        "gradient_checkpointing": False,
        **more,
    }
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for number in range(arguments.rounds):
        for share in (False, True):
            settings = make_settings(GRPOSettings, {**given, "share_vision": share})
            once, outcome = measure(settings, folder / f"{name}-{number}-{share}", clock)
            seconds[share].append(once)
            if share and not number:
                asked, encoded = outcome.images_asked, outcome.images_encoded
    plain, shared = statistics.median(seconds[False]), statistics.median(seconds[True])
    print(
        f"{name:<18} plain TRL {1 / plain:6.3f} steps/s   shared {1 / shared:6.3f} steps/s  {plain / shared:5.2f} times"
        f"   {encoded} of {asked} images encoded",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=["cpu", "wall"], default="cpu")
    parser.add_argument("--model", default="builtin", help="a built-in model, such as the folder of a run")
    parser.add_argument("--only", choices=["builtin", "qwen"])
    arguments = parser.parse_args()

    import torch

    from tests.integration.tiny_models import save_tiny

    torch.set_num_threads(arguments.threads)
    print(
        f"{QUESTIONS} questions x {GROUP} completions a step, {arguments.steps} steps, {arguments.rounds} rounds,"
        f" {arguments.threads} threads, {arguments.clock} clock"
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if arguments.only != "qwen":
            compare("built-in model", arguments.model, 336, arguments, folder, max_completion=48)
        if arguments.only != "builtin":
            qwen = save_tiny(folder / "qwen", "qwen2_5_vl", max_pixels=448 * 448)
            compare("tiny Qwen2.5-VL", str(qwen), 448, arguments, folder, max_completion=32)


if __name__ == "__main__":
    main()
