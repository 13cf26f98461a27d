"""The engine with the processes of this folder: ``python -m tests.engines.engine [IDLE_SECONDS]``."""

from __future__ import annotations

import sys

from geogrounding.engine.session import Session
from geogrounding.engine.transport import take_over

if __name__ == "__main__":
    requests, replies = take_over()
    Session(
        requests,
        replies,
        idle_s=float(sys.argv[1]) if len(sys.argv) > 1 else None,
        worker_command=[sys.executable, "-m", "tests.engines.worker"],
        training_command=[sys.executable, "-m", "tests.engines.training"],
    ).serve()
