"""How good the first estimate of a run is: what a new engine answers to ``plan``, and how long the ``run`` then takes.

python -m benchmarks.estimate [SCENE] [QUERY ...]        each round has its own engine; on an idle machine
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from qgis_plugin.geoground_qgis.engine import EngineClient, command_for

ROUNDS = 3
DEMO = Path(__file__).parents[1] / "examples" / "data" / "OSBS_029.tif"


def once(scene: str, queries: list[str]) -> tuple[float, float, int]:
    """Seconds that the first estimate says, seconds that the run took, and chips."""
    client = EngineClient(command_for(sys.executable, ["--idle-minutes", "5"]))
    try:
        params = {"source": scene, "expressions": queries}
        plan = client.call("plan", params)
        begin = time.monotonic()
        client.call("run", params)
        return float(plan["seconds"]), time.monotonic() - begin, int(plan["chips"])
    finally:
        client.close()


def main() -> None:
    scene = sys.argv[1] if len(sys.argv) > 1 else str(DEMO)
    queries = sys.argv[2:] or ["tree"]
    for _ in range(ROUNDS):
        said, took, chips = once(scene, queries)
        print(f"{chips} chips: estimate {said:.1f} s, run {took:.1f} s, factor {said / took:.2f} (wanted: 0.67 to 1.5)")


if __name__ == "__main__":
    main()
