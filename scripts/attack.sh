#!/usr/bin/env bash
# Attacks a daemon that it starts itself, on a loopback address, and prints one table of what became of it (docs/reliability.md).
# Every attack is bounded in time and bytes. `scripts/attack.sh --help` names the attacks; without arguments all are made, in some
# eight minutes, of which the three wires take three and a half. The exit code is 0 when every row holds.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${UIO2_PYTHON:-.venv/bin/python}
[ -x "$python" ] || { echo "attack: no $python; run make setup, or name a Python in UIO2_PYTHON" >&2; exit 69; }
PYTHONPATH=Envs:Envs/client:scripts/attack exec "$python" scripts/attack/run.py "$@"
