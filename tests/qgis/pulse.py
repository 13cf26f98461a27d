"""How long the event loop was busy."""

from __future__ import annotations

import os
import time
from pathlib import Path

from qgis.PyQt.QtCore import QTimer

LIMIT_S = float(os.environ.get("GEOGROUND_BLOCK_S", "0.4"))
"""Longest stop of the interface; 0.1 is for a machine that does nothing else."""


class Pulse:
    """The longest time in which the event loop was busy, without the time that the system gave to other programs."""

    def __init__(self) -> None:
        self.longest, self.beats = 0.0, 0
        self._last = self._now()
        self._timer = QTimer()
        self._timer.setInterval(5)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    @staticmethod
    def _now() -> float:
        waited = int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
        return time.monotonic() - waited

    def _beat(self) -> None:
        now = self._now()
        self.beats += 1
        self.longest, self._last = max(self.longest, now - self._last), now

    def restart(self) -> None:
        """Forget what was."""
        self.longest, self._last = 0.0, self._now()
