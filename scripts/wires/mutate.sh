#!/usr/bin/env bash
# Feeds changed messages to every codec: scripts/wires/mutate.sh [COUNT [SEED [KIND…]]], a million of each kind unless said otherwise.
# Kinds: msgpack (values and arrays), openpi, vla-eval (each from real clients), protobuf (our own wire), recording, console,
# listen-file (of serve), zmtp (the protocol below our own wire); these two have seeds of their own.
# The exit code is 0 when none of them brought its codec down.
set -euo pipefail
cd "$(dirname "$0")/../.."
count=${1:-1000000} seed=${2:-1}
shift $(($# < 2 ? $# : 2))
[ $# -gt 0 ] || set -- msgpack openpi vla-eval protobuf recording console listen-file zmtp
driver=$(swift build -c release --show-bin-path)/wire-driver
[ -x "$driver" ] || swift build -c release --product wire-driver
# Each kind has two gigabytes of address space beyond the program: whoever believes a declared length runs out of it.
for kind in "$@"; do
  case $kind in
    listen-file) tests=ListenFileMutationTests ;;
    zmtp) tests=ZMTPConnectionTests ;;
    *) (ulimit -v 8000000; "$driver" mutate "$kind" "$count" "$seed"); continue ;;
  esac
  UIO2_MUTATIONS=$count swift test -c release --disable-testable-imports --filter "$tests"
done
