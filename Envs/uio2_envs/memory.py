"""How much memory this process has used."""

from __future__ import annotations

import resource
from pathlib import Path


def peak_memory_mib() -> float:
    """The most memory that this process had at once since its program began, in mebibytes; of its children nothing.

    Linux says so in ``/proc``. The count of ``getrusage`` is the way elsewhere: a program inherits it from the process that started
    it, so that the worker of a large policy looks large.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1024
    except (OSError, StopIteration, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
