"""Ends this process when the one that started it has ended, however that ended.

Whoever starts a robot keeps its standard input open and writes nothing into it; the kernel closes it with the owner. A
thread waits for that. Where Python itself is stuck (a simulator that holds the interpreter's lock), the kernel ends the
process on Linux.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading

_PR_SET_PDEATHSIG = 1

EXIT_ABANDONED = 130


def hold_on() -> None:
    """Begins to watch standard input. Call it once, before anything that takes time."""
    threading.Thread(target=_wait, name="lifeline", daemon=True).start()
    # Of the parent's end; one that came before this call is seen by the thread.
    end_with_parent()


def end_with_parent() -> None:
    """On Linux, has the kernel end this process when its parent ends; for a process that reads its standard input itself."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _wait() -> None:
    try:
        while os.read(0, 1024):
            pass
    except OSError:
        pass  # closed is ended
    # Nobody is left to tell, and nothing may be waited for.
    os._exit(EXIT_ABANDONED)
