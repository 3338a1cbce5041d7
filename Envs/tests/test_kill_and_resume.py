"""The short form of ``scripts/kill-and-resume.py``; ``make check-long`` runs the long one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = REPOSITORY / ".build" / "release" / "uio2"


@pytest.mark.skipif(not PROGRAM.is_file(), reason="uio2 is not built")
def test_an_evaluation_that_is_killed_loses_and_repeats_nothing() -> None:
    script = REPOSITORY / "scripts" / "kill-and-resume.py"
    done = subprocess.run(
        [sys.executable, script, "--kills", "6", "--episodes", "40"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
