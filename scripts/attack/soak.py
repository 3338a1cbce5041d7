"""Flies a few robots as fast as they are answered, for half an hour, and looks whether anything is lost or grows.

It holds when there are as many replies as requests, each with commands, and memory stays within 5 % of what it was after the first
sixth of the time (5 minutes of 30).
"""

from __future__ import annotations

import argparse
import sys

from daemon import Daemon
from robots import fly

TOLERANCE = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--program", default=".build/release/uio2", help="the built uio2")
    parser.add_argument("--policy", default="Policies/metaworld-mt5")
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--robots", type=int, default=4)
    options = parser.parse_args()
    if not 6 <= options.seconds <= 86_400 or not 1 <= options.robots <= 63:
        parser.error("--seconds is 6 to 86400, --robots 1 to 63")
    settled = options.seconds / 6
    samples: list[tuple[float, int]] = []
    with Daemon(options.program, ["--policy", options.policy]) as daemon:

        def watch(elapsed: float) -> None:
            samples.append((elapsed, daemon.memory()))
            if int(elapsed) % max(1, int(options.seconds / 10)) == 0:
                print(f"soak: {elapsed:5.0f} s, {daemon.memory() / 2**20:.1f} MiB", file=sys.stderr, flush=True)

        result = fly(daemon.address, options.robots, 0, options.seconds, watch=watch)
        exits = daemon.exits
    later = [memory for elapsed, memory in samples if elapsed >= settled]
    first, least, most = later[0], min(later), max(later)
    growth = max(most - first, first - least) / first
    checks = {
        "the daemon goes on": not exits,
        "as many replies as requests": result["replies"] == result["requests"] and result["lost"] == 0,
        "all of them commands": result["chunks"] == result["requests"] and not result["errors"],
        f"memory within {TOLERANCE:.0%} after {settled:.0f} s": growth <= TOLERANCE,
    }
    print(f"{options.robots} robots, {options.seconds:g} s: {result['requests']} requests, {result['replies']} replies")
    print(f"round trip: median {result['median_ms']} ms, p99 {result['p99_ms']} ms, worst {result['worst_ms']} ms")
    print(f"memory: {first / 2**20:.1f} MiB after {settled:.0f} s, then {least / 2**20:.1f} to {most / 2**20:.1f} MiB")
    for check, holds in checks.items():
        print(f"{'yes' if holds else 'NO ':3}  {check}")
    if result["errors"] or exits:
        print(f"errors: {result['errors']}, exit codes: {exits}")
    sys.exit(0 if all(checks.values()) else 1)


if __name__ == "__main__":
    main()
