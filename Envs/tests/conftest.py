"""Finds the packages beside this folder, installed or not."""

import sys
from pathlib import Path

ENVS = Path(__file__).resolve().parents[1]
for folder in (ENVS, ENVS / "client", ENVS / "tabletop"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
