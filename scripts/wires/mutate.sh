#!/usr/bin/env bash
# Feeds changed messages of real clients to every codec: scripts/wires/mutate.sh [COUNT [SEED]], three million unless said otherwise,
# a million of each of values and arrays, openpi, and vla-eval. The exit code is 0 when none of them brought it down.
set -euo pipefail
cd "$(dirname "$0")/../.."
count=${1:-3000000} seed=${2:-1}
swift build -c release --product wire-driver
# Two gigabytes of address space beyond the program: whoever believes a declared length runs out of it.
ulimit -v 8000000
exec "$(swift build -c release --show-bin-path)/wire-driver" mutate "$count" "$seed"
