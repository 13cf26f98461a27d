"""How long the event loop was busy, and with what."""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from pathlib import Path

from qgis.PyQt.QtCore import QTimer

LIMIT_S = float(os.environ.get("GEOGROUND_BLOCK_S", "0.4"))
"""Longest stop of the interface on a busy machine; ``GEOGROUND_BLOCK_S=0.1`` asks for what an idle one must keep."""
LOOK_S, LONG_S = 0.02, 0.06
"""How often the stack is looked at, and from which stop on."""


class Pulse:
    """The longest time in which the event loop was busy, without the time that the system gave to other programs."""

    def __init__(self) -> None:
        self.longest, self.beats = 0.0, 0
        self.where = ""
        """What the longest stop was busy with: the innermost lines of Python while it lasted."""
        self._seen = ""
        self._main = threading.get_ident()
        self._beaten = time.monotonic()
        self._over = threading.Event()
        self._last = self._now()
        self._timer = QTimer()
        self._timer.setInterval(5)
        self._timer.timeout.connect(self._beat)
        self._timer.start()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    @staticmethod
    def _now() -> float:
        waited = int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
        return time.monotonic() - waited

    def _beat(self) -> None:
        now = self._now()
        self.beats += 1
        if now - self._last > self.longest:
            self.longest, self.where = now - self._last, self._seen
        self._last, self._seen, self._beaten = now, "", time.monotonic()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_S):
            if time.monotonic() - self._beaten > LONG_S:
                frame = sys._current_frames().get(self._main)
                stack = traceback.StackSummary.extract(traceback.walk_stack(frame), limit=4, lookup_lines=False)
                self._seen = " < ".join(f"{Path(one.filename).name}:{one.lineno} {one.name}" for one in stack)

    def restart(self) -> None:
        """Forget what was."""
        self.longest, self.where, self._last, self._seen = 0.0, "", self._now(), ""
        self._beaten = time.monotonic()

    def close(self) -> None:
        """Look no more."""
        self._timer.stop()
        self._over.set()
        self._watcher.join()
