#!/usr/bin/env bash
# A simulated Franka flies with a policy: simulator, daemon and arm, each a process. Leaves trajectory.csv and trajectory.png.
# Usage: scripts/demo-franka.sh UIO2 POLICY OUT
set -euo pipefail
uio2=$1 policy=$2 out=$3
python=.venv-franka/bin/python
mkdir -p "$out"
folder=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT

"$python" -m uio2_robots.simulator "$folder/simulator" >"$folder/ready" &
pids+=($!)
"$uio2" serve --policy "$policy" --bind "ipc://$folder/daemon" --log-level warning &
pids+=($!)
for _ in $(seq 200); do
  grep -q ready "$folder/ready" && break
  sleep 0.1
done
grep -q ready "$folder/ready" || { echo "demo-franka: the simulator does not start" >&2; exit 1; }

rm -f "$out/trajectory.csv"
"$python" -m uio2_robots franka --instruction "Move the gripper to the red goal point." --connect "ipc://$folder/daemon" \
  --simulator "$folder/simulator" --yes --home --seconds 6 --trajectory "$out/trajectory.csv" </dev/null
"$python" -m uio2_robots.plot "$out/trajectory.csv" "$out/trajectory.png"
echo "demo-franka: $out/trajectory.png"
