#!/usr/bin/env bash
# A short stay on a machine with a GPU: demonstrations on all its cores, then training in bf16, then files to take home.
#   scripts/train-gpu.sh OUTPUT STATE [DATA_MINUTES [TRAINING_MINUTES]]
# STATE is a portable state to go on from (a name that does not exist begins anew). OUTPUT receives the new state in parts
# of 15 MB (state.part-*: join them with cat), the learning curve and the log. Other settings, by environment variable:
#   PYTHON     a Python 3.11 or newer that has, or may install, Policies/training/requirements.txt   (python3)
#   WHEELS     a folder of wheels to install from where no package index can be reached
#   DEVICE     cuda or cpu                                                                           (cuda)
#   BATCH      samples a step                                                                        (512)
#   SAMPLES    where the learning rate ends its fall (schedule.json), counted over the whole run     (20000000)
set -euo pipefail

output=$(realpath -m "$1")
state=$(realpath -m "$2")
data_minutes=${3:-3}
training_minutes=${4:-5}
recipe=metaworld-mt50
python=${PYTHON:-python3}
cd "$(dirname "$0")/../Policies/training"
work=$(mktemp -d)
cores=$(nproc)
mkdir -p "$output" "$work/run" "$work/shards"
export OMP_NUM_THREADS=1
log() { tee -a "$output/log"; }

if [ -n "${WHEELS:-}" ]; then
  "$python" -m pip install --quiet --no-index --find-links "$WHEELS" --no-deps "$WHEELS"/*.whl
fi
[ ! -f "$state" ] || cp "$state" "$work/state.safetensors"
printf '{"samples": %s, "fall": 0.25}\n' "${SAMPLES:-20000000}" >"$work/run/schedule.json"

# Rounds after those that the state has seen; the last ones are cut short when the time is up.
first=$("$python" -c '
import sys; from pathlib import Path; from state import Progress, read_progress
path = Path(sys.argv[1]); print((read_progress(path) if path.exists() else Progress()).next_round)' "$work/state.safetensors")
"$python" -W ignore generate.py --recipe "$recipe" --data "$work/shards" --held-out 4 2>&1 | log &
timeout $((data_minutes * 60)) "$python" -W ignore generate.py --recipe "$recipe" --data "$work/shards" \
  --first-round "$first" --rounds 500 --workers "$((cores > 1 ? cores - 1 : 1))" --block 1 2>&1 | log || true
wait

"$python" -W ignore train.py --recipe "$recipe" --data "$work/shards" --run "$work/run" --state "$work/state.safetensors" \
  --device "${DEVICE:-cuda}" --batch "${BATCH:-512}" --slices 1 --threads "$cores" --for-minutes "$training_minutes" \
  2>&1 | log
split -b 15M "$work/state.safetensors" "$output/state.part-"
cp "$work/run/curve.jsonl" "$output/"
rm -rf "$work"
