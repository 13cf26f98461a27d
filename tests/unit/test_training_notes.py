"""Rewards from which GRPO cannot learn are noted, before and after training."""

from __future__ import annotations

import pytest

pytest.importorskip("trl")

from geogrounding.training.probe import note_of_history, note_of_probe

FORM = [1.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("rewards", "said"),
    [
        (
            {"format_reward": FORM, "detection_reward": [0.0] * 4},
            "none of 4 answers to 2 questions earned detection_reward",
        ),
        ({"format_reward": FORM, "mine": [None, 0.0, 0.0, None]}, "none of 4 answers to 2 questions earned mine"),
        ({"box_iou_reward": [0.0] * 4}, "earned box_iou_reward"),
        # an answer of "none" where nothing is shown earns, but nothing differs within a group
        ({"format_reward": [1.0] * 4, "detection_reward": [0.0, 0.0, 1.0, 1.0]}, "all earned the same (mean 1.500)"),
        ({"format_reward": [1.0] * 4, "detection_reward": [1.0] * 4}, "all earned the same (mean 2.000)"),
        ({"format_reward": FORM, "detection_reward": [0.0, 0.5, 0.0, 0.0]}, ""),
        ({"format_reward": [1.0] * 4, "detection_reward": [0.0, 0.0, 0.0, 0.1]}, ""),
        ({"format_reward": FORM}, ""),
        ({"mine": [-1.0, -0.5, -1.0, -1.0]}, ""),
    ],
)
def test_of_the_probe(rewards: dict[str, list[float | None]], said: str) -> None:
    note = note_of_probe(rewards, 2, "<think>")
    assert (said in note) if said else note == ""
    assert not note or "geoground train sft" in note


def step(number: int, reward: float, same: float, name: str = "detection_reward") -> dict[str, float]:
    return {
        "step": float(number),
        "rewards/format_reward/mean": 0.9,
        f"rewards/{name}/mean": reward,
        "frac_reward_zero_std": same,
    }


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([step(1, 0.0, 1.0), step(2, 0.0, 0.5)], "In 2 logged steps no answer earned detection_reward"),
        ([step(1, 0.4, 1.0), step(2, 0.4, 1.0)], "all earned the same"),
        ([step(1, 0.0, 1.0), step(2, 0.1, 0.5)], ""),
        ([step(1, 0.4, 0.0)], ""),
        ([{"step": 1.0, "loss": 2.0}], ""),
        ([], ""),
    ],
)
def test_of_the_history(rows: list[dict[str, float]], said: str) -> None:
    note = note_of_history(rows)
    assert (said in note) if said else note == ""
