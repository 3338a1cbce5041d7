#!/usr/bin/env bash
# Sends pictures and sounds that are small as files and large as work to a daemon that it starts itself, beside a robot at 20 Hz, and
# prints the robot's largest gap for each, and how long SIGTERM takes while they are worked on (docs/reliability.md). Everything is on
# an ipc address and bounded in time and bytes: some two minutes. The exit code is 0 when no gap is over 0.5 s and no end over 1 s.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${UIO2_PYTHON:-.venv/bin/python}
[ -x "$python" ] || { echo "hostile-media: no $python; run make setup, or name a Python in UIO2_PYTHON" >&2; exit 69; }
PYTHONPATH=Envs:Envs/client:scripts/attack:scripts/hostile-media exec "$python" scripts/hostile-media/run.py "$@"
