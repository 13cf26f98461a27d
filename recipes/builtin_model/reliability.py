"""Draw the reliability diagram of measured metrics: of boxes with a score, how many are right.

python -m recipes.builtin_model.reliability metrics.json [more.json ...] --out docs/images/reliability.png
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def pooled(metrics: list[dict[str, Any]]) -> list[tuple[float, float, int]]:
    """(mean score, share right, boxes) for tenths of the score, over all sets."""
    rows = [row for one in metrics for of_set in one.values() for row in of_set.get("reliability", ())]
    out = []
    for tenth in range(10):
        mine = [row for row in rows if min(int(row["score"] * 10), 9) == tenth]
        boxes = sum(row["boxes"] for row in mine)
        if boxes:
            mean = (sum(row[key] * row["boxes"] for row in mine) / boxes for key in ("score", "right"))
            out.append((*mean, boxes))
    return out


def main() -> None:
    """Entry point; see the module's docstring."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("metrics", type=Path, nargs="+", help="what evaluate --json wrote")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    rows = pooled([json.loads(path.read_text()) for path in given.metrics])
    for score, right, boxes in rows:
        print(f"score {score:.2f}: {right:.2f} right of {boxes}")
    canvas, axes = plt.subplots(figsize=(4.5, 4.2), dpi=120)
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle="--", label="score = share right")
    axes.plot([r[0] for r in rows], [r[1] for r in rows], marker="o", color="#1f6feb", label="built-in model")
    for score, right, boxes in rows:
        axes.annotate(f"{boxes:,}", (score, right), textcoords="offset points", xytext=(6, -10), fontsize=7)
    axes.set(xlabel="score", ylabel="share of boxes that are right", xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="upper left", frameon=False)
    canvas.tight_layout()
    canvas.savefig(given.out)


if __name__ == "__main__":
    main()
