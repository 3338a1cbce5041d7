"""Finds the packages of this repository, installed or not, and the fake daemon of the neighbouring tests."""

import sys
from pathlib import Path

ENVS = Path(__file__).resolve().parents[2]
for folder in (ENVS / "robots", ENVS, ENVS / "client", ENVS / "tests"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
