"""A thread that lasts: Linux ends the processes that Ray starts with the thread that started them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def in_lasting_thread(work: Callable[[], T], end: threading.Event) -> T:
    """Do something in a thread that lives until an event, whatever becomes of the caller's own thread.

    Ray asks the kernel to kill its servers when their parent dies (PR_SET_PDEATHSIG), and the kernel takes the thread
    that started them for the parent. A cluster that a short-lived thread started would be gone with it.
    """
    done: Future[T] = Future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 (it belongs to the caller)
            done.set_exception(error)
            return
        done.set_result(result)
        end.wait()

    threading.Thread(target=run, name="ray-start", daemon=True).start()
    return done.result()
