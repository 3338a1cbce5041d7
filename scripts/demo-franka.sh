#!/usr/bin/env bash
# A simulated Franka flies with a policy: simulator, daemon and arm, each a process. Leaves a recording (flight.mcap), its
# film (flight.mp4), and a plot of the commanded and the reached position with chunk boundaries (trajectory.csv, trajectory.png).
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

"$python" -m uio2_robots franka --instruction "Move the gripper to the red goal point." --connect "ipc://$folder/daemon" \
  --simulator "$folder/simulator" --yes --home --seconds 6 --trajectory "$folder/trajectory.csv" \
  --record "$folder/flight.mcap" </dev/null
# A recording replaces nothing; a demonstration that is run again replaces the last one's.
mv "$folder/trajectory.csv" "$folder/flight.mcap" "$out/"
"$python" -m uio2_robots.plot "$out/trajectory.csv" "$out/trajectory.png"
"$python" -m uio2_robots.film "$out/flight.mcap" "$out/flight.mp4" >/dev/null
echo "demo-franka: $out/flight.mcap, $out/flight.mp4, $out/trajectory.png"
